"""What the requests of a rig's queue affect: their files as git shows them, and from those their lanes."""

from __future__ import annotations

from gastown_core.errors import GastownError
from gastown_core.refinery.lanes import EVERYTHING, reach_of, together
from gastown_core.refinery.tips import changed_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.lanes import Reach
    from gastown_core.refinery.place import Refinery

MOST = 1000


class Reaches:
    """What requests affect, worked out once for each commit; everything if the commit is not here."""

    def __init__(self, place: Refinery) -> None:
        self.place = place
        self._known: dict[tuple[str, str], Reach] = {}

    def of(self, request: MergeRequest) -> Reach:
        """What a request affects by itself."""
        policy, key = self.place.policy, (request.target, request.commit_sha)
        if not policy.lanes or not request.commit_sha:
            return EVERYTHING
        if key not in self._known:
            files = self.files(request)
            if not files:
                return EVERYTHING
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = reach_of(files, policy.lanes, policy.gates)
        return self._known[key]

    def files(self, request: MergeRequest) -> frozenset[str]:
        """The files that a request changes, none if that is not known."""
        try:
            fork = self.place.git.run("merge-base", f"refs/remotes/origin/{request.target}", request.commit_sha)
            return changed_files(self.place.git, fork, request.commit_sha)
        except GastownError:
            return frozenset()

    def names(self, request: MergeRequest) -> tuple[str, ...]:
        """The lanes that a request affects by itself; none in a rig without lanes, or while its commit is not here."""
        reach = self.of(request)
        is_known = (request.target, request.commit_sha) in self._known
        return reach.names([one.name for one in self.place.policy.lanes]) if is_known else ()

    def of_all(
        self, requests: Sequence[MergeRequest], needs: Mapping[str, frozenset[str]]
    ) -> list[tuple[MergeRequest, Reach]]:
        """What each request affects with those that must be below it."""
        own = {one.id: self.of(one) for one in requests}
        return [(one, together([own[one.id], *_below(one.id, own, needs)])) for one in requests]


def _below(request: str, own: Mapping[str, Reach], needs: Mapping[str, frozenset[str]]) -> list[Reach]:
    """What the requests affect that this one needs, and that those need."""
    found, open_ones = set[str](), [request]
    while open_ones:
        more = needs.get(open_ones.pop(), frozenset()) - found - {request}
        found |= more
        open_ones += more
    return [own[one] for one in sorted(found) if one in own]
