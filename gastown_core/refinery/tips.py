"""The commits of a batch: the target's at the remote, each request's tip, and the message of its squash commit."""

from __future__ import annotations

import re

from gastown_core.errors import GitError
from gastown_core.git.landed import BEAD, REQUEST, WITHDRAWS, WORKER, trailers
from gastown_core.model.metadata import read_conflict
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.git.repo import Git
    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest
_OURS = re.compile(rf"^({BEAD}|{REQUEST}|{WORKER}|{WITHDRAWS}):.*$", re.MULTILINE | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EMPTY_TALK = re.compile(
    r"(wip\b|fixup!|squash!|work in progress|.*: work in progress, saved by gt done$)", re.IGNORECASE
)


def squash_message(
    written: str, *, title: str, issue: str, subjects: Sequence[str], carries: list[tuple[str, str]], worker: str
) -> str:
    """The whole message; ``carries`` are the pairs of bead and request that the commit proves.

    A tip whose message says nothing (empty, work in progress) is replaced by the bead's title above a list of
    the branch's other subjects.
    """
    text = _OURS.sub("", _CONTROL.sub("", written)).strip()
    subject = text.partition("\n")[0].strip()
    if not subject or _EMPTY_TALK.match(subject):
        text = _from_bead(title, issue, [one for one in subjects if not _EMPTY_TALK.match(one)])
    return f"{text}\n\n{trailers(carries, worker)}\n"


def _from_bead(title: str, issue: str, subjects: Sequence[str]) -> str:
    head = _CONTROL.sub("", title).strip() or (subjects[0] if subjects else "") or f"Work on {issue or 'a branch'}"
    lines = [f"- {_OURS.sub('', _CONTROL.sub('', one)).strip()}" for one in subjects if one and one != head]
    return "\n".join([head, "", *lines]) if lines else head


class Piece(Record):
    """One request as it is stacked: its tip, and the message of its squash commit.

    ``commits`` are those of its branch that the target lacks, ``roots`` the tips of landed branches with which it shares
    commits.
    """

    id: str
    tip: str
    message: str
    author: str
    email: str
    date: str
    commits: frozenset[str] = frozenset()
    roots: tuple[str, ...] = ()


def remote_heads(git: Git) -> dict[str, str]:
    """Branch → commit at the remote now. Raises GitError if it cannot be reached."""
    rows = (line.split("\t") for line in git.run("ls-remote", "--heads", "origin").splitlines())
    return {row[1].removeprefix("refs/heads/"): row[0] for row in rows if len(row) == 2}


def find_tips(
    git: Git, target: str, requests: Sequence[MergeRequest], *, moved: frozenset[str] = frozenset()
) -> tuple[str, dict[str, str]]:
    """The target's commit at the remote, and the commit of each request that is available; all are fetched.

    A request's commit is the one it names; for those in ``moved`` (their branch has new work), and those that name
    none, it is the tip of their branch.  Raises GitError if the remote cannot be reached or has no such target.
    """
    heads = remote_heads(git)
    if target not in heads:
        raise GitError(
            f"origin has no branch {target}", "the requests cannot be merged into it", _what_helps(git, target)
        )
    tips: dict[str, str] = {}
    for request in requests:
        named, head = request.commit_sha, heads.get(request.branch, "")
        tips[request.id] = (head or named) if request.id in moved else (named or head)
    have = existing(git, [heads[target], *(tip for tip in tips.values() if tip)])
    missing = {one.branch for one in requests if tips[one.id] not in have and one.branch in heads}
    if heads[target] not in have:
        missing.add(target)
    if missing:
        specs = [f"+refs/heads/{branch}:refs/remotes/origin/{branch}" for branch in sorted(missing)]
        git.run("fetch", "--quiet", "origin", *specs)
        have = existing(git, tips.values())
    git.run("update-ref", f"refs/remotes/origin/{target}", heads[target])
    return heads[target], {one: tip for one, tip in tips.items() if tip in have}


def _what_helps(git: Git, target: str) -> str:
    """What to do about a target that origin lacks: it was deleted, or renamed."""
    found = (
        git.attempt("ls-remote", "--symref", "origin", "HEAD").out.partition("\t")[0].removeprefix("ref: refs/heads/")
    )
    again = "push it again, or gt mq reject what names it"
    if not found or found == target or " " in found:
        return again
    return f"origin's default branch is {found}: if it was renamed, write default_branch {found} into the rig's config.json and hand in again; else {again}"


def changed_files(git: Git, before: str, after: str) -> frozenset[str]:
    """The files that differ between two commits; of a renamed one both names. Raises GitError."""
    out = git.run("diff-tree", "-r", "--name-only", "--no-renames", "-z", before, after)
    return frozenset(name for name in out.split("\0") if name)


def existing(git: Git, shas: Iterable[str]) -> set[str]:
    """Those of the hashes that name a commit of this repository, in one git call."""
    wanted = sorted({sha for sha in shas if sha})
    if not wanted:
        return set()
    out = git.run("cat-file", "--batch-check", stdin=("\n".join(wanted) + "\n").encode())
    rows = (line.split() for line in out.splitlines())
    return {row[0] for row in rows if len(row) == 3 and row[1] == "commit"}


def pieces(
    git: Git, base: str, requests: Sequence[MergeRequest], tips: Mapping[str, str], work: Mapping[str, Bead]
) -> dict[str, Piece]:
    """What each request with a tip adds to the stack; ``work`` holds the beads they carry."""
    ordered = [one for one in requests if one.id in tips]
    if not ordered:
        return {}
    form = "--format=%H%x00%an%x00%ae%x00%aI%x00%B%x01"
    out = git.run("show", "--no-patch", form, *dict.fromkeys(tips[one.id] for one in ordered), "--")
    facts = {}
    for block in out.split("\x01"):
        parts = block.lstrip("\n").split("\0")
        if len(parts) == 5:
            facts[parts[0]] = parts[1:]
    made = {}
    for one in ordered:
        tip = tips[one.id]
        author, email, date, written = facts[tip]
        bead = work.get(one.source_issue)
        beyond = git.run("log", "--reverse", "--format=%H %s", f"{base}..{tip}", "--").splitlines()
        message = squash_message(
            written,
            title=bead.title if bead is not None else one.title,
            issue=one.source_issue,
            subjects=[line.partition(" ")[2] for line in beyond],
            carries=carried(one, work),
            worker=one.worker,
        )
        commits = frozenset(line.partition(" ")[0] for line in beyond)
        made[one.id] = Piece(one.id, tip, message, author, email, date, commits)
    return made


def carried(request: MergeRequest, work: Mapping[str, Bead]) -> list[tuple[str, str]]:
    """The beads and requests that the request's commit proves: its own, and those whose conflict it resolves.

    A resolution may itself have been in conflict: what resolves that carries both.
    """
    own = [(request.source_issue, request.id)]
    while (bead := work.get(own[-1][0])) is not None and (conflict := read_conflict(bead)) is not None:
        if not conflict.mr or (conflict.issue, conflict.mr) in own:
            break
        own.append((conflict.issue, conflict.mr))
    return own


def carried_work(ledger: TownLedger, issues: Iterable[str]) -> dict[str, Bead]:
    """The beads of requests, and the work whose conflicts they resolve, by id."""
    found: dict[str, Bead] = {}
    ahead = {one for one in issues if one}
    while ahead:
        new = ledger.get_many(ahead)
        found |= new
        known = (read_conflict(bead) for bead in new.values())
        ahead = {one.issue for one in known if one is not None and one.issue} - found.keys() - ahead
    return found
