"""What ``gt mq list`` and ``gt mq status`` say of lanes, and of the gates that look at a request's files."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery


def add_lanes(place: Refinery, rows: list[dict[str, Any]], requests: Iterable[MergeRequest]) -> None:
    """Add to each open request the lanes that it affects, in a rig that has lanes."""
    if not place.policy.lanes:
        return
    from gastown_core.refinery.reaches import Reaches

    reaches = Reaches(place)
    lanes = {one.id: list(reaches.names(one)) for one in requests}
    for row in rows:
        row["lanes"] = lanes.get(row["id"], [])


def gates_of(root: str, request: MergeRequest) -> dict[str, object]:
    """Return the lanes that an open request affects and the gates that run for it, where the rig's settings look at paths."""
    from gastown_core.errors import GastownError
    from gastown_core.refinery.lanes import gates_for
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.reaches import Reaches

    if not request.is_open or not request.rig:
        return {"lanes": [], "gates": []}
    try:
        place = Refinery(root, request.rig)
        reaches = Reaches(place)
        request = request._replace(target=request.target or place.default)
        gates = gates_for(reaches.files(request), place.policy.gates, place.policy.lanes)
        return {"lanes": list(reaches.names(request)), "gates": [gate.name for gate in gates]}
    except GastownError:
        return {"lanes": [], "gates": []}
