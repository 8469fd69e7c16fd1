"""The watch over the dam: one incident for the link that is broken, escalated when it stays broken."""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.incident import SAME
from gastown_core.patrols.patrol import Finding, Look
from gastown_core.state.incidents import DAMMED_BY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DAM = "dam"


def look(at: Look) -> Iterator[Finding]:
    """Return the town's dam, if there is one; the link to be mended first is its cause."""
    found = at.town.dam
    if found is None or _is_shared(at, found.link.link):
        return
    first = at.memory.open.get(f"{DAM}:{found.link.link}")
    stands_s = at.now - first.since if first is not None else 0.0
    held = ""
    if stands_s >= at.limits.dam_escalate_s or (first is not None and first.escalated):
        held = f"{found.link.words}; nothing has moved since, for more than {format_span(at.limits.dam_escalate_s)}"
    yield Finding(
        DAM,
        "town",
        found.link.words,
        tuple(f"{one.link}: {one.words}; next: {one.hint}" for one in found.links),
        since=found.since,
        retired_by="the link is mended, or nothing waits behind it",
        held=held,
        shares=found.link.link,
    )


def _is_shared(at: Look, link: str) -> bool:
    """Whether the deacon has an open incident of what dams the work: a limit or a question that agents share."""
    states = [str(state) for state, named in DAMMED_BY.items() if named == link]
    return any(key.startswith(f"{SAME}:{state}:") for key in at.memory.open for state in states)
