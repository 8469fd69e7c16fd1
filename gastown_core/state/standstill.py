"""Members of a convoy that no waiting sets free: why it can never be finished as it stands; pure."""

from __future__ import annotations

from gastown_core.beads.graph import is_released
from gastown_core.clock import format_age
from gastown_core.model.bead import DEFERRED, HOOKED, IN_PROGRESS, IN_REVIEW, OPEN
from gastown_core.model.snapshot import StandstillView
from gastown_core.state.requests import TROUBLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.beads.graph import Graph
    from gastown_core.beads.query import Excerpt
    from gastown_core.model.snapshot import ConvoyView

MOST_TOLD = 3
MOVING = frozenset((HOOKED, IN_PROGRESS, IN_REVIEW))
"""Statuses of work that somebody has, or the merge queue."""
NEVER = {"condition": "closed without the failure it waits for", "unmerged": "closed, but not by a merge"}
"""Reasons of holds that no closing takes away, in words."""


def standstills(members: Iterable[str], graph: Graph, died: Mapping[str, int]) -> tuple[StandstillView, ...]:
    """The members that nothing but a person sets free, each with why; those that wait for another one come last.

    ``died`` counts workers, of beads that cost more than the town allows.
    """
    wanted = list(members)
    own: dict[str, str] = {}
    sources: dict[str, list[str]] = {}
    level = dict.fromkeys(wanted)
    seen = set(level)
    while level:
        ahead: dict[str, None] = {}
        for bead_id in level:
            bead = graph.bead(bead_id)
            if bead is None or is_released(bead) or bead.status in MOVING:
                continue
            why = _own_reason(bead, graph, died)
            if why:
                own[bead_id] = why
                continue
            for hold in graph.own_holds(bead_id):
                sources.setdefault(hold.id, []).append(bead_id)
                ahead[hold.id] = None
        level = {one: None for one in ahead if one not in seen}
        seen.update(level)
    found = own | _behind(own, sources)
    held = sorted((one for one in wanted if one in found), key=lambda one: one not in own)
    return tuple(StandstillView(one, found[one]) for one in held)


def _own_reason(bead: Excerpt, graph: Graph, died: Mapping[str, int]) -> str:
    """Why it would stand still also if it waited for nothing that can come."""
    if bead.status == DEFERRED:
        return "" if bead.defer_until else "deferred without a date"
    if bead.status != OPEN:
        sent_back = next((TROUBLES[label] for label in bead.labels if label in TROUBLES), "")
        return f"sent back too often, {sent_back}" if sent_back else f"its status is {bead.status}"
    if bead.id in died:
        return f"{died[bead.id]} workers died on it"
    if not bead.edges:
        return ""
    never = next((hold for hold in graph.own_holds(bead.id) if hold.reason in NEVER), None)
    if never is not None:
        return f"waits for {never.id}, {NEVER[never.reason]}"
    cycle = graph.cycle_behind(bead.id)
    return f"they wait for each other: {' → '.join(cycle)}" if bead.id in cycle else ""


def _behind(own: Mapping[str, str], sources: Mapping[str, list[str]]) -> dict[str, str]:
    """All that waits for one that stands still, however far, each with the next one on the way."""
    found: dict[str, str] = {}
    level = list(own)
    while level:
        following = []
        for target in level:
            why = f"waits for {target} ({own[target]})" if target in own else f"waits for {target}"
            for source in sources.get(target, ()):
                if source not in found:
                    found[source] = why
                    following.append(source)
        level = following
    return found


def stuck_words(convoy: ConvoyView, now: float) -> list[str]:
    """Why a convoy does not get on: what stands still in it, and what lies idle; text of beads is in it as it stands."""
    told = [f"cannot finish: {one.bead_id} {one.why}" for one in convoy.standstills[:MOST_TOLD]]
    more = len(convoy.standstills) - MOST_TOLD
    told += [f"and {more} more"] if more > 0 else []
    if convoy.stalled_since is not None and convoy.is_stalled(now):
        idle = [member.bead_id for member in convoy.members if member.stage in ("ready", "orphaned")]
        halted = {one.bead_id for one in convoy.standstills}
        idle = [bead_id for bead_id in idle if bead_id not in halted]
        one = len(idle) == 1
        named = ", ".join(idle[:MOST_TOLD]) + (" …" if len(idle) > MOST_TOLD else "")
        words = f"{len(idle)} bead{'' if one else 's'} {'is' if one else 'are'} ready but nobody is on {'it' if one else 'them'}: {named}"
        told += [f"stalled {format_age(max(1.0, now - convoy.stalled_since))}: {words}"] if idle else []
    return told
