"""Landings as a source: for the members of shown convoys, what their records and git say of their way to the target.

Three moves, so that nothing waits for git: ``wanted`` (on the loop, from facts), ``examine`` (in a thread: records
and git), ``take`` (on the loop).  A look that finds nothing moved costs one git call per rig and no more: refs are read
in one go, a commit's distance is counted once, and what was once found on a target stays found until that is rewritten.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, GitError
from gastown_core.git.repo import Git
from gastown_core.model.bead import TRACKS, is_convoy
from gastown_core.model.landing import BEGUN
from gastown_core.model.merge_request import MERGED_IN, MergeRequest, read_request
from gastown_core.model.metadata import read_dispatch
from gastown_core.model.record import Record
from gastown_core.state.facts import Proof
from gastown_core.state.request_views import requests_by_work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.query import Excerpt
    from gastown_core.model.bead import Bead
    from gastown_core.state.facts import TownFacts
HEADS, REMOTES = "refs/heads/", "refs/remotes/origin/"
TIMEOUT_S = 20.0


class RigProofs:
    """The memory of one rig's repository between two looks."""

    def __init__(self, repo: str) -> None:
        self.repo = repo
        self.refs: dict[str, str] = {}
        self._git = Git(repo, timeout_s=TIMEOUT_S)
        self._ahead: dict[str, int] = {}
        self._asked: dict[tuple[str, str], bool] = {}
        self._found: set[str] = set()
        self._merged: tuple[tuple[str, int], frozenset[str]] | None = None
        self._read = 0
        self._targets: dict[str, str] = {}

    def read_refs(self) -> bool:
        """Read all branches; returns whether any moved. Raises GitError."""
        said = self._git.run("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/remotes/origin")
        refs = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
        if refs == self.refs:
            return False
        self.refs = refs
        self._read += 1
        return True

    def local(self, branch: str) -> str:
        """The commit of a branch here, empty if there is none."""
        return self.refs.get(HEADS + branch, "")

    def remote(self, branch: str) -> str:
        """The commit of a branch at origin as it was last seen, empty if there is none."""
        return self.refs.get(REMOTES + branch, "")

    def branches(self) -> set[str]:
        """Names of all branches, here and at origin."""
        return {ref.removeprefix(HEADS).removeprefix(REMOTES) for ref in self.refs}

    def ahead(self, commit: str, base: str) -> int:
        """How many commits ``commit`` has that ``base`` lacks, as first counted. Raises GitError."""
        if commit not in self._ahead:
            self._ahead[commit] = int(self._git.run("rev-list", "--count", commit, f"^{base}"))
        return self._ahead[commit]

    def ahead_of(self, commit: str, other: str) -> int:
        """How many commits ``commit`` has that ``other`` lacks. Raises GitError."""
        return int(self._git.run("rev-list", "--count", commit, f"^{other}"))

    def is_on(self, commit: str, tip: str) -> bool:
        """Whether ``tip`` contains ``commit``; a commit that nobody has is on nothing. Raises GitError.

        For what a branch still names, one question answers for all; what was once found stays found.
        """
        if commit in self._found:
            return True
        if commit in self.refs.values():
            is_on = commit in self._merged_into(tip)
        else:
            key = (commit, tip)
            if key not in self._asked:
                self._asked[key] = self._git.attempt("merge-base", "--is-ancestor", commit, tip).code == 0
            is_on = self._asked[key]
        if is_on:
            self._found.add(commit)
        return is_on

    def _merged_into(self, tip: str) -> frozenset[str]:
        """Commits of all branches that ``tip`` contains."""
        if self._merged is None or self._merged[0] != (tip, self._read):
            said = self._git.run("for-each-ref", f"--merged={tip}", "--format=%(objectname)", "refs/heads", "refs/remotes/origin")  # fmt: skip
            self._merged = ((tip, self._read), frozenset(said.split()))
        return self._merged[1]

    def target(self, branch: str) -> str:
        """The commit of a target at origin, from which nothing is proved any more that a rewrite took away.

        Raises GitError if origin has no such branch.
        """
        tip = self.remote(branch)
        if not tip:
            raise GitError(f"origin has no branch {branch}")
        since = self._targets.get(branch, "")
        if since and since != tip and self._git.attempt("merge-base", "--is-ancestor", since, tip).code != 0:
            # the target was rewritten: nothing that was proved before is proved now
            self._found.clear()
        self._targets[branch] = tip
        return tip


def repository_of(rig_path: str) -> str:
    """The folder of a rig's repository that all its worktrees share, empty if it has none."""
    for part in (".repo.git", os.path.join("mayor", "rig")):
        path = os.path.join(rig_path, part)
        if os.path.isdir(path):
            return path
    return ""


def ref_folders(rig_path: str) -> Iterator[str]:
    """The folders in which a ref of the rig moves: watched, so that nobody has to ask."""
    repo = repository_of(rig_path)
    home = os.path.join(repo, ".git") if repo and os.path.isdir(os.path.join(repo, ".git")) else repo
    if not home:
        return
    yield home
    for part in ("heads", os.path.join("remotes", "origin")):
        for folder, _, _ in os.walk(os.path.join(home, "refs", part)):
            yield folder


class Wanted(Record):
    """A bead to examine: where it lives, the moment of its record, and its requests, the one that counts first."""

    bead_id: str
    rig: str
    stamp: float
    status: str
    requests: tuple[MergeRequest, ...] = ()


class WorkRecord(Record):
    """What the bead's own record adds: the branch and target it was given out with, why it was closed, and the request
    that this reason names."""

    stamp: float
    branch: str = ""
    target: str = ""
    close_reason: str = ""
    request: MergeRequest | None = None


class Findings(Record):
    """One examination: proofs by bead, and per rig why its git failed (empty: it answered)."""

    proofs: dict[str, Proof]
    errors: dict[str, str]


class LandingSource:
    """Keeps ``facts.proofs`` true."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self._rigs: dict[str, RigProofs] = {}
        self._records: dict[str, WorkRecord] = {}
        self._last: dict[str, tuple[Wanted, Proof]] = {}

    def folders(self) -> list[str]:
        """Folders whose stirring means that refs may have moved."""
        return [folder for rig in self.facts.inventory.rigs for folder in ref_folders(rig.path)]

    def wanted(self) -> list[Wanted]:
        """The begun members of all shown convoys, by the facts as they are now."""
        requests = requests_by_work(self.facts)
        out: dict[str, Wanted] = {}
        for convoy in self.facts.ledger.get("town", {}).values():
            if not is_convoy(convoy):
                continue
            for edge in convoy.edges:
                if edge.type == TRACKS and edge.target not in out:
                    found = self.facts.bead(edge.target)
                    if found is not None and (found[1].status in BEGUN or edge.target in requests):
                        out[edge.target] = _wanted(*found, requests.get(edge.target, ()))
        return list(out.values())

    def examine(self, wanted: list[Wanted]) -> Findings:
        """Look at records and git; blocks, so call it from a thread, one call at a time."""
        self._read_records(wanted)
        errors: dict[str, str] = {}
        proofs: dict[str, Proof] = {}
        by_rig: dict[str, list[Wanted]] = {}
        for one in wanted:
            by_rig.setdefault(one.rig, []).append(one)
        for rig, beads in by_rig.items():
            proofs.update(self._examine_rig(rig, beads, errors))
        self._last = {one.bead_id: (one, proofs[one.bead_id]) for one in wanted}
        return Findings(proofs, errors)

    def take(self, findings: Findings, now: float) -> bool:
        """Take the findings over; returns whether anything is new."""
        changed = findings.proofs != self.facts.proofs
        self.facts.proofs = findings.proofs
        for rig, error in findings.errors.items():
            name = f"git:{rig}"
            if error and self.facts.error_of(name) != error:
                self.facts.failed(name, error)
                changed = True
            elif not error and (name not in self.facts.sources or self.facts.error_of(name)):
                self.facts.good(name, now)
                changed = True
        if changed:
            self.facts.landing_version += 1
        return changed

    def refresh(self, now: float) -> None:
        """All three moves at once, for a command that has time for git."""
        self.take(self.examine(self.wanted()), now)

    # in the thread

    def _read_records(self, wanted: list[Wanted]) -> None:
        """Records of beads that changed since they were read last."""
        stale = [one for one in wanted if (known := self._records.get(one.bead_id)) is None or known.stamp != one.stamp]
        if not stale:
            return
        from gastown_core.beads.ledger import TownLedger

        try:
            ledger = TownLedger(self.facts.inventory.root)
            for bead in ledger.get_many([one.bead_id for one in stale]).values():
                self._records[bead.id] = _work_record(bead)
            named = {bead_id: name for one in stale if (name := self._named_request(one)) for bead_id in [one.bead_id]}
            requests = ledger.get_many(list(named.values()))
        except (GastownError, OSError):
            # the ledger's own source tells of this; here the records count as not read
            return
        for bead_id, name in named.items():
            if name in requests:
                self._records[bead_id] = self._records[bead_id]._replace(request=read_request(requests[name]))

    def _named_request(self, one: Wanted) -> str:
        """The request that a bead was closed by, if it closed too long ago to be among the facts."""
        record = self._records.get(one.bead_id)
        if one.requests or record is None or not record.close_reason.startswith(MERGED_IN):
            return ""
        return record.close_reason.removeprefix(MERGED_IN).split(" ")[0].rstrip(".,")

    def _examine_rig(self, rig: str, beads: list[Wanted], errors: dict[str, str]) -> Iterator[tuple[str, Proof]]:
        path = next((entry.path for entry in self.facts.inventory.rigs if entry.name == rig), "")
        repo = repository_of(path) if path else ""
        records = {one.bead_id: self._records.get(one.bead_id, WorkRecord(one.stamp)) for one in beads}
        git = self._rigs.get(rig)
        if git is not None and not os.path.isdir(git.repo):
            errors[rig] = why = f"its repository is gone: {git.repo}"
            yield from ((one.bead_id, _unasked(records[one.bead_id], why)) for one in beads)
            return
        if not repo:
            why = f"{rig} has no repository" if rig else "it is the town's own, no rig has a branch for it"
            yield from ((one.bead_id, _unasked(records[one.bead_id], why)) for one in beads)
            return
        if git is None or git.repo != repo:
            git = self._rigs[rig] = RigProofs(repo)
        errors[rig] = ""
        try:
            moved = git.read_refs()
        except GastownError as error:
            errors[rig] = f"{error}"
            yield from ((one.bead_id, _unasked(records[one.bead_id], str(error))) for one in beads)
            return
        branches = _branches_by_bead(git)
        default = self._default_branch(rig)
        for one in beads:
            known = self._last.get(one.bead_id)
            if not moved and known is not None and known[0] == one and not known[1].error:
                yield one.bead_id, known[1]
                continue
            record = records[one.bead_id]
            if not one.requests and record.request is not None:
                one = one._replace(requests=(record.request,))
            yield one.bead_id, _prove(one, record, git, branches, default)

    def _default_branch(self, rig: str) -> str:
        from gastown_core.town.rigs import default_branch

        try:
            return default_branch(self.facts.inventory.root, rig)
        except GastownError:
            return "main"


def _prove(one: Wanted, record: WorkRecord, git: RigProofs, branches: dict[str, str], default: str) -> Proof:
    """The proof of one bead, as far as git answers."""
    request = one.requests[0] if one.requests else None
    branch = (request.branch if request else "") or record.branch or branches.get(one.bead_id, "")
    if branch and not git.local(branch) and not git.remote(branch) and not request:
        # given out anew under a later name, or the branch went with its merge
        branch = branches.get(one.bead_id, branch)
    target = (request.target if request else "") or record.target or default
    if not git.remote(target) and git.remote(default):
        # an integration branch goes when it has landed; what it brought is on the default branch then
        target = default
    proof = Proof(record.stamp, branch, target, record.close_reason, git.local(branch), git.remote(branch))
    try:
        base = git.remote(target) or git.local(target)
        tip = proof.local or proof.remote
        if tip and base:
            proof = proof._replace(ahead=git.ahead(tip, base))
        if proof.local and proof.remote and proof.local != proof.remote:
            proof = proof._replace(unpushed=git.ahead_of(proof.local, proof.remote))
        return _with_landing(proof, one, git)
    except GastownError as error:
        return _unasked(record, str(error))._replace(branch=branch, target=target)


def _with_landing(proof: Proof, one: Wanted, git: RigProofs) -> Proof:
    """The strongest proof that it reached the target: the squash that a request of it records, or its own commit within.

    What the messages of the target's commits say proves nothing: anybody can write them.
    """
    tip = git.target(proof.target)
    where = f"origin/{proof.target}"
    for request in one.requests:
        squash = request.merge_commit or request.landing_commit
        if squash and git.is_on(squash, tip):
            how = f"{squash[:8]} of {request.id} is on {where}"
            return proof._replace(landed=squash, by=request.id, how=how)
        if request.commit_sha and git.is_on(request.commit_sha, tip):
            how = f"its commit {request.commit_sha[:8]} is on {where}"
            return proof._replace(landed=request.commit_sha, by=request.id, how=how)
    return proof


def _unasked(record: WorkRecord, why: str) -> Proof:
    return Proof(record.stamp, record.branch, record.target, record.close_reason, error=why)


def _work_record(bead: Bead) -> WorkRecord:
    dispatch = read_dispatch(bead)
    return WorkRecord(bead.updated_at, dispatch.branch, dispatch.base, bead.text("close_reason"))


def _wanted(store: str, bead: Excerpt, requests: tuple[MergeRequest, ...]) -> Wanted:
    rig = "" if store == "town" else store
    return Wanted(bead.id, rig, bead.updated_at, bead.status, requests)


def _branches_by_bead(git: RigProofs) -> dict[str, str]:
    """Bead → its newest branch, by the names that slings give."""
    from gastown_core.town.branches import bead_of_branch

    out: dict[str, str] = {}
    for branch in sorted(git.branches(), key=lambda name: name.rpartition("@")[2]):
        bead_id = bead_of_branch(branch)
        if bead_id:
            out[bead_id] = branch
    return out
