"""The word to an agent: ``continue`` is offered, anything may be typed over it."""

from __future__ import annotations

from gastown_tui.rowtext import state_glyph
from gastown_tui.screens.prompt import Prompt
from gastown_tui.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.snapshot import AgentView
    from gastown_tui.text import Pieces

OFFER = "continue"
NAMED = 6


def nudge_prompt(agents: Sequence[AgentView], ascii_only: bool) -> Prompt:
    """The dialog for one agent or for several."""
    names: list[Pieces] = [
        (
            (state_glyph(agent.health.state, ascii_only) + " ", agent.health.state.value),
            (clean(agent.address.short), "title"),
            (f"  {clean(agent.health.reason)}" if agent.health.reason else "", "dim"),
        )
        for agent in agents[:NAMED]
    ]
    if len(agents) > NAMED:
        names.append(((f"and {len(agents) - NAMED} more", "dim"),))
    title = "Nudge" if len(agents) == 1 else f"Nudge {len(agents)} agents"
    words = "Typed into the session, only if the agent itself is in the foreground:"
    return Prompt(title, [*names, (), ((words, "dim"),)], offer=OFFER)
