"""Proof that work is on a branch: the trailers of a squash commit name the beads and requests it contains."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.git.repo import Git

BEAD, REQUEST, WORKER, WITHDRAWS = "Bead", "Merge-Request", "Worker", "Withdraws"
"""Trailer keys; the last one names a request that a revert takes back: its older commits prove nothing any more."""


class Landing(Record):
    """The commit that landed a bead; ``mr`` is empty if a person pushed it, ``at`` is the commit time."""

    commit: str
    mr: str
    at: float


def landed(git: Git, ref: str, since: str = "") -> dict[str, Landing]:
    """Return beads on ``ref`` (in commits after ``since``), each with its newest landing.

    A ``since`` that does not exist is ignored.  Raises GitError if ``ref`` does not exist.
    """
    found: dict[str, Landing] = {}
    for commit, at, beads, requests in _standing(git, ref, since):
        for place, bead in enumerate(beads):
            found.setdefault(bead, Landing(commit, requests[place] if place < len(requests) else "", at))
    return found


def landed_requests(git: Git, ref: str, since: str = "") -> dict[str, Landing]:
    """As ``landed``, by merge request."""
    found: dict[str, Landing] = {}
    for commit, at, _, requests in _standing(git, ref, since):
        for request in requests:
            found.setdefault(request, Landing(commit, request, at))
    return found


def _standing(git: Git, ref: str, since: str) -> list[tuple[str, float, list[str], list[str]]]:
    """The landings without what a later commit withdraws, the newest first."""
    withdrawn: set[str] = set()
    rows = []
    for commit, at, beads, requests, taken_back in _commits(git, ref, since):
        withdrawn |= set(taken_back)
        pairs = [(bead, requests[place] if place < len(requests) else "") for place, bead in enumerate(beads)]
        kept = [pair for pair in pairs if not pair[1] or pair[1] not in withdrawn]
        mine = [one for one in requests if one not in withdrawn]
        rows.append((commit, at, [bead for bead, _ in kept], mine))
    return rows


def _commits(git: Git, ref: str, since: str) -> list[tuple[str, float, list[str], list[str], list[str]]]:
    span = f"{since}..{ref}" if since and git.commit_of(since) else ref
    told = "%x00".join(f"%(trailers:key={key},valueonly)" for key in (BEAD, REQUEST, WITHDRAWS))
    wanted = (f"--grep=^{BEAD}: ", f"--grep=^{WITHDRAWS}: ")
    out = git.run("log", "--topo-order", *wanted, f"--format=%H%x00%ct%x00{told}%x01", span, "--")
    rows = []
    for block in out.split("\x01"):
        parts = block.strip("\n").split("\0")
        if len(parts) == 5:
            commit, at, beads, requests, withdrawn = parts
            rows.append((commit, float(at), beads.split(), requests.split(), withdrawn.split()))
    return rows


def trailers(bead_requests: list[tuple[str, str]], worker: str) -> str:
    """Return the trailer block of a squash commit: the bead and request of each pair, then the worker."""
    lines = [f"{BEAD}: {bead}" for bead, _ in bead_requests if bead]
    lines += [f"{REQUEST}: {request}" for _, request in bead_requests if request]
    return "\n".join([*lines, *([f"{WORKER}: {worker}"] if worker else [])])
