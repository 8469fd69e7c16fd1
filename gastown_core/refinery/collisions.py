"""Conflicts before they happen: which branches in work and requests in the queue do not merge with one another.

Every pair is merged in memory by one ``git merge-tree --stdin``.  What two commits came to is kept in the rig's
``.runtime/refinery/collisions.json``, so that afterwards only pairs with a new commit are merged again.  Work that is not
committed yet is not seen.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import defaultdict

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import GastownError, SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.git.repo import refusal
from gastown_core.model.bead import HOOKED, IN_PROGRESS
from gastown_core.model.record import Record
from gastown_core.refinery.merge_queue import Rivals, open_requests
from gastown_core.refinery.tips import existing
from gastown_core.town.branches import bead_of_branch, worker_of_branch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.git.repo import Git
    from gastown_core.process import Finished
    from gastown_core.refinery.place import Refinery
FILE = "collisions.json"
_HASH = re.compile(r"[0-9a-f]{40,64}")


class Strand(Record):
    """A branch with work that has not landed: its worker, bead and commit; ``request`` is "" while it is in work.

    ``task`` is the bead whose work lands in its place, since it did not merge.
    """

    branch: str
    commit: str
    worker: str = ""
    issue: str = ""
    request: str = ""
    task: str = ""


class Collision(Record):
    """Two strands that do not merge with one another; ``hunks`` counts the places in ``files``, 0 if that is unknown."""

    one: Strand
    other: Strand
    files: tuple[str, ...]
    hunks: int = 0


class Clashing(Record):
    """What merging two commits came to: the files in conflict, none if they fit."""

    files: tuple[str, ...] = ()
    hunks: int = 0


FITS = Clashing()


def rivals(place: Refinery, target: str) -> Rivals:
    """Which requests of a target are better not tested together; none where this git cannot tell."""
    apart: dict[str, set[str]] = defaultdict(set)
    damage: dict[str, int] = defaultdict(int)
    try:
        found = collisions(place, target)
    except GastownError:
        return Rivals()
    for one in found:
        for mine, other in ((one.one.request, one.other.request), (one.other.request, one.one.request)):
            if mine:
                damage[mine] += 1
                apart[mine] |= {other} - {""}
    return Rivals({one: frozenset(others) for one, others in apart.items()}, damage)


def target_ref(place: Refinery, target: str) -> str:
    """The target's ref as far as it is known here, empty if there is none."""
    return next(
        (ref for kind in ("remotes/origin", "heads") if place.git.commit_of(ref := f"refs/{kind}/{target}")), ""
    )


def strands(place: Refinery, target: str) -> list[Strand]:
    """The branches in work and in the queue that the target lacks, those of requests first. Raises GitError."""
    form = "--format=%(refname:lstrip=2)%00%(objectname)%00%(worktreepath)"
    at = target_ref(place, target)
    without = [f"--no-merged={at}"] if at else []
    listed = place.git.run("for-each-ref", form, *without, "refs/heads/polecat/", "refs/heads/crew/")
    rows = [line.split("\0") for line in listed.splitlines() if line.count("\0") == 2]
    heads = {branch: commit for branch, commit, _ in rows}
    requests = [one for one in open_requests(place.ledger, place.prefix, place.rig) if one.target == target]
    found = {
        one.branch: Strand(
            one.branch,
            heads.get(one.branch) or one.commit_sha,
            one.worker,
            one.source_issue,
            one.id,
            one.conflict_task_id,
        )
        for one in sorted(requests, key=lambda one: one.id)
    }
    hooked = _hooked(place) if len(heads) > len(found) else {}
    for branch, commit, folder in rows:
        worker = _worker_at(place, folder) or worker_of_branch(branch)
        bead = hooked.get(worker) or bead_of_branch(branch)
        found.setdefault(branch, Strand(branch, commit, worker, bead))
    here = existing(place.git, [one.commit for one in found.values()])
    return [one for one in found.values() if one.commit in here]


def _worker_at(place: Refinery, folder: str) -> str:
    """The polecat or crew member whose worktree this is, empty if it is nobody's: a branch may be named by any template."""
    parts = os.path.relpath(folder, place.path).split(os.sep) if folder else []
    return parts[1] if len(parts) > 1 and parts[0] in ("polecats", "crew") else ""


def _hooked(place: Refinery) -> dict[str, str]:
    """The rig's workers and the bead that each has on its hook."""
    beads = place.store.excerpts(BeadQuery(statuses=(HOOKED, IN_PROGRESS)))
    found = {one.assignee: one.id for one in beads if one.assignee.startswith(f"{place.rig}/")}
    return {who.rpartition("/")[2]: bead for who, bead in found.items()}


def foreseen(place: Refinery, target: str) -> list[Collision]:
    """The same for whoever is told: without a branch in whose place another one that is there lands."""
    found = strands(place, target)
    # a branch that did not merge again has a request, and a task, for each try
    there = {bead for one in found for bead in (one.issue, bead_of_branch(one.branch)) if bead}
    return _collisions(place, target, [one for one in found if one.task not in there])


def collisions(place: Refinery, target: str) -> list[Collision]:
    """The pairs of strands that do not merge with one another, the most places first. Raises GitError."""
    return _collisions(place, target, strands(place, target))


def _collisions(place: Refinery, target: str, found: Sequence[Strand]) -> list[Collision]:
    pairs = list(itertools.combinations(found, 2))
    known = clashes(place, [(one.commit, other.commit) for one, other in pairs])
    mine = _of_pairs(
        place.git, target_ref(place, target), {pair: clash for pair, clash in known.items() if clash.files}
    )
    out = [
        Collision(one, other, clash.files, clash.hunks)
        for one, other in pairs
        if (clash := mine.get((one.commit, other.commit), FITS)).files
    ]
    return sorted(out, key=lambda one: (-one.hunks, one.one.branch, one.other.branch))


def clashes(place: Refinery, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Clashing]:
    """What merging each pair of commits comes to; kept ones are not merged again. Raises GitError."""
    path = place.file(FILE)
    kept = _read(path)
    known = {pair: kept[pair] for pair in pairs if pair in kept}
    wanted = list(dict.fromkeys(pair for pair in pairs if pair not in known))
    known.update(_merge(place.git, wanted))
    if wanted or len(kept) > 2 * len(known):
        rows = [[one, other, list(clash.files), clash.hunks] for (one, other), clash in known.items()]
        write_json(path, {"version": 1, "pairs": rows}, mode=0o600)
    return known


def _of_pairs(git: Git, target: str, clashing: Mapping[tuple[str, str], Clashing]) -> dict[tuple[str, str], Clashing]:
    """What each pair itself conflicts in: not in files that one of them changed and the other only has from the target."""
    forks = _forks(git, target, dict.fromkeys(itertools.chain(*clashing))) if target and clashing else {}
    apart = {
        (one, other): (forks[one], forks[other])
        for one, other in clashing
        if forks.get(one) and forks.get(other) and forks[one] != forks[other]
    }
    asked = {
        (commit, name)
        for pair, from_target in apart.items()
        for commit in (*pair, *from_target)
        for name in clashing[pair].files
    }
    blobs = _blobs(git, sorted(one for one in asked if "\n" not in one[1]))

    def is_targets(pair: tuple[str, str], name: str) -> bool:
        if pair not in apart or "\n" in name:
            return False
        then = [blobs[fork, name] for fork in apart[pair]]
        changed = [blobs[commit, name] != before for commit, before in zip(pair, then, strict=True)]
        return sum(changed) == 1 and then[0] != then[1]

    found = {}
    for pair, clash in clashing.items():
        files = tuple(name for name in clash.files if not is_targets(pair, name))
        # the places were counted in all files together
        found[pair] = clash if files == clash.files else Clashing(files)
    return found


def _forks(git: Git, target: str, commits: Iterable[str]) -> dict[str, str]:
    """Commit → where it left the target; "" if there are several such commits, or none."""
    names, found = list(commits), dict[str, str]()
    # of each both ends, then the commits that they have in common
    left = git.run("rev-parse", *(f"{name}...{target}" for name in names)).split()
    for name in names:
        bases = list(itertools.takewhile(lambda word: word.startswith("^"), left[2:]))
        found[name] = bases[0][1:] if len(bases) == 1 else ""
        del left[: 2 + len(bases)]
    return found


def _blobs(git: Git, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Commit and file → the file's content there by its hash, "" where it is not."""
    if not wanted:
        return {}
    asked = "".join(f"{commit}:{name}\0" for commit, name in wanted).encode("utf-8", "surrogateescape")
    done = git.attempt("cat-file", "--batch-check=%(objectname)", "-z", stdin=asked)
    if done.code:
        raise refusal(("cat-file",), done.err)
    lines = (line if _HASH.fullmatch(line) else "" for line in done.out.split("\n"))
    return dict(zip(wanted, lines, strict=False))


def _merge(git: Git, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Clashing]:
    """Merge the pairs in one git process; pairs without a common commit conflict in everything."""
    if not pairs:
        return {}
    done = _merge_tree(git, pairs)
    if done.code and "unrelated histories" in done.err:
        roots = {one: set(git.run("rev-list", "--max-parents=0", one).split()) for pair in pairs for one in pair}
        kin = [(one, other) for one, other in pairs if roots[one] & roots[other]]
        return {**dict.fromkeys(pairs, Clashing(("(no common history)",))), **_merge(git, kin)}
    if done.code:
        raise refusal(("merge-tree",), done.err)
    words, found = iter(done.out.split("\0")), dict[tuple[str, str], Clashing]()
    for pair in pairs:
        is_clean, tree = next(words) == "1", next(words)
        files = tuple(dict.fromkeys(itertools.takewhile(bool, words)))
        found[pair] = Clashing() if is_clean else Clashing(files, _hunks(git, tree, files))
    return found


def _merge_tree(git: Git, pairs: Sequence[tuple[str, str]]) -> Finished:
    lines = "".join(f"{one} {other}\n" for one, other in pairs).encode()
    return git.attempt("merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages", stdin=lines)


def _hunks(git: Git, tree: str, files: Sequence[str]) -> int:
    """How many places of the files are in conflict; 0 where a file as a whole is."""
    done = git.attempt("grep", "-c", "-I", "^<<<<<<< ", tree, "--", *(f":(literal){name}" for name in files))
    return sum(int(count) for line in done.out.splitlines() if (count := line.rpartition(":")[2]).isdigit())


def _read(path: str) -> Mapping[tuple[str, str], Clashing]:
    """The kept outcomes; an unreadable file counts as empty, and what is not an outcome is left out."""
    try:
        rows = (read_json(path) or {}).get("pairs")
    except SettingsError:
        return {}
    out: dict[tuple[str, str], Clashing] = {}
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [str(one), str(other), list(files), int(hunks)] if _HASH.fullmatch(one) and _HASH.fullmatch(other):
                out[one, other] = Clashing(tuple(str(name) for name in files), hunks)
    return out
