"""Giving out work: pick a ready bead, pick who gets it."""

from __future__ import annotations

from gastown_core.clock import format_age
from gastown_core.model.address import CREW, POLECAT
from gastown_core.model.agent import Health
from gastown_core.model.bead import priority_word
from gastown_tui.rowtext import role_icon, state_glyph
from gastown_tui.screens.picker import Entry, Picker
from gastown_tui.text import clean, cut, fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.beads.query import Excerpt
    from gastown_core.model.snapshot import TownSnapshot


def bead_entries(ready: Sequence[tuple[str, Excerpt]], now: float) -> list[Entry]:
    """Ready beads, most urgent first."""
    entries = []
    for store, bead in ready:
        pieces = (
            (fit(bead.id, 12) + " ", "accent"),
            (f"{priority_word(bead.priority)} ", "waiting" if bead.priority == 0 else "dim"),
            (fit(clean(bead.title), 52) + " ", "bright"),
            (fit(store, 10), "dim"),
            (format_age(max(0.0, now - bead.created_at)), "dim"),
        )
        entries.append(Entry(bead.id, pieces, f"{bead.id} {bead.title} {store} {bead.issue_type}"))
    return entries


def target_entries(snapshot: TownSnapshot, store: str, ascii_only: bool) -> list[Entry]:
    """Rigs (a fresh polecat), then agents that can work; those of the bead's own store first."""
    entries = [
        Entry(
            rig.name,
            ((fit(rig.name, 24), "bright"), ("a free polecat, or a new one", "dim")),
            f"{rig.name} rig",
            "a rig",
        )
        for rig in sorted(snapshot.rigs, key=lambda rig: (rig.name != store, rig.name))
        if rig.state == "operational"
    ]
    agents = [agent for agent in snapshot.agents if agent.address.role in (POLECAT, CREW)]
    agents.sort(
        key=lambda agent: (agent.address.rig != store, agent.work is not None, agent.health.state is not Health.IDLE)
    )
    for agent in agents:
        state = agent.health.state
        busy = f"has {agent.work.bead_id} {cut(clean(agent.work.title), 30)}" if agent.work else "nothing on its hook"
        pieces = (
            (role_icon(agent.address.role, ascii_only) + " ", "text"),
            (fit(clean(agent.address.short), 21) + " ", "bright"),
            (state_glyph(state, ascii_only) + " ", state.value),
            (busy, "dim"),
        )
        entries.append(Entry(agent.address.short, pieces, agent.address.short, "an agent"))
    return entries


def bead_picker(ready: Sequence[tuple[str, Excerpt]], now: float) -> Picker:
    """The first question of a sling."""
    return Picker(
        "Sling which bead?", bead_entries(ready, now), verb="choose", empty="No bead is ready. bd create makes one."
    )


def target_picker(bead: str, snapshot: TownSnapshot, store: str, ascii_only: bool) -> Picker:
    """The second question of a sling."""
    return Picker(f"Sling {clean(bead)} to whom?", target_entries(snapshot, store, ascii_only), verb="sling")
