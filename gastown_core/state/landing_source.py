"""Landings as a source: for the members of shown convoys, what their records and git say of their way to the target.

Three moves, so that nothing waits for git: ``wanted`` (on the loop, from facts), ``examine`` (in a thread: records
and git), ``take`` (on the loop).  A look that finds nothing moved costs one git call per rig and no more.
"""

from __future__ import annotations

from gastown_core.errors import GastownError
from gastown_core.model.landing import BEGUN
from gastown_core.model.merge_request import MERGED_IN, MergeRequest, read_request
from gastown_core.model.record import Record
from gastown_core.state.convoys import is_convoy
from gastown_core.state.landing import Proof, requests_by_work
from gastown_core.state.proofs import RigProofs, ref_folders, repository_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.query import Excerpt
    from gastown_core.model.bead import Bead
    from gastown_core.state.facts import TownFacts


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
                if edge.type == "tracks" and edge.target not in out:
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
        if not repo:
            why = f"{rig} has no repository" if rig else "it is the town's own, no rig has a branch for it"
            yield from ((one.bead_id, _unasked(records[one.bead_id], why)) for one in beads)
            return
        git = self._rigs.get(rig)
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
    metadata = bead.raw.get("metadata")
    found = metadata.get("dispatch") if isinstance(metadata, dict) else None
    dispatch = found if isinstance(found, dict) else {}
    branch, base = dispatch.get("branch"), dispatch.get("base")
    return WorkRecord(bead.updated_at, str(branch or ""), str(base or ""), bead.text("close_reason"))


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
