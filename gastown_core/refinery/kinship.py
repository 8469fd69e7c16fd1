"""Branches made on other branches: which commits a request carries besides its own.

A squash leaves no trace of the branch in the target's history, so work that began on top of that branch looks to git
like the same change made twice.  With what this module finds, the merge runs as if the other branch had been merged
whole.
"""

from __future__ import annotations

from gastown_core.git.landed import landed_requests
from gastown_core.model.merge_request import MERGED, read_request
from gastown_core.refinery.tips import existing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.tips import Piece


def landed_roots(place: Refinery, base: str, pieces: Mapping[str, Piece]) -> dict[str, tuple[str, ...]]:
    """Request → tips of landed requests that its branch shares commits with and that the base lacks."""
    tall = [piece for piece in pieces.values() if len(piece.commits) > 1]
    fork = (
        place.git.attempt("merge-base", "--octopus", base, *(piece.tip for piece in tall)).out.strip() if tall else ""
    )
    if not fork:
        return {}
    beads = place.store.get_many(landed_requests(place.git, base, fork)).values()
    known = [one for one in map(read_request, beads) if one.close_reason == MERGED]
    shared = {tip: _beyond(place, base, tip) for tip in existing(place.git, [one.commit_sha for one in known])}
    found = {}
    for piece in tall:
        mine = tuple(sorted(tip for tip, commits in shared.items() if commits & piece.commits))
        if mine:
            found[piece.id] = mine
    return found


def _beyond(place: Refinery, base: str, tip: str) -> frozenset[str]:
    """Commits of a tip that ``base`` lacks."""
    return frozenset(place.git.run("rev-list", f"{base}..{tip}", "--").split())


def stands_on(pieces: Mapping[str, Piece], order: Sequence[str]) -> dict[str, frozenset[str]]:
    """Request → those of ``order`` whose branch it was made on: their last commit is one of its own, and not the last."""
    found = {}
    for one in order:
        mine = pieces[one]
        below = [other for other in order if pieces[other].tip in mine.commits and pieces[other].tip != mine.tip]
        if below:
            found[one] = frozenset(below)
    return found


def missing_below(piece: Piece, request: MergeRequest, others: Sequence[MergeRequest]) -> MergeRequest | None:
    """The first of ``others``, which have not landed, that a request's branch was made on, None if on none of them.

    An earlier request for the same work does not count: the branch continues that one.
    """
    for one in others:
        is_below = one.commit_sha in piece.commits and one.commit_sha != piece.tip
        if is_below and (not one.source_issue or one.source_issue != request.source_issue):
            return one
    return None


def all_needs(request_id: str, needs: Mapping[str, frozenset[str]]) -> set[str]:
    """What a request needs, and what those need in turn."""
    found: set[str] = set()
    ahead = [request_id]
    while ahead:
        new = needs.get(ahead.pop(), frozenset()) - found
        found |= new
        ahead += new
    return found


def in_order(order: Sequence[str], needs: Mapping[str, frozenset[str]]) -> list[str]:
    """The same requests, each after those of them that it needs; otherwise in the same order."""
    out: list[str] = []
    on_the_way: set[str] = set()

    def put(one: str) -> None:
        if one in out or one in on_the_way:
            return
        on_the_way.add(one)
        for other in order:
            if other in needs.get(one, ()):
                put(other)
        out.append(one)

    for one in order:
        put(one)
    return out
