"""Agents and convoys as aligned lines of text, shared by ``gt status``, ``gt agents`` and the plain problems view."""

from __future__ import annotations

import os

from gastown_cli.output import clean, shorten, style
from gastown_core.clock import format_ago, format_span
from gastown_core.model.address import ROLE_ICONS
from gastown_core.model.agent import HEALTH_SYMBOLS, Health

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import AgentView

TONES = {
    Health.WORKING: ("green",),
    Health.WAITING: ("magenta", "bold"),
    Health.STALLED: ("yellow",),
    Health.GUPP: ("red", "bold"),
    Health.ZOMBIE: ("red",),
    Health.LIMITED: ("blue",),
    Health.IDLE: ("dim",),
    Health.UNKNOWN: ("dim",),
}


def uses_emoji() -> bool:
    """GT_NO_EMOJI swaps every glyph for an ASCII one."""
    return not os.environ.get("GT_NO_EMOJI")


def role_icon(view: AgentView) -> str:
    """The symbol of the agent's role."""
    return ROLE_ICONS[view.address.role][0 if uses_emoji() else 1]


def health_text(view: AgentView) -> str:
    """Glyph and word of the state, coloured."""
    state = view.health.state
    symbols = HEALTH_SYMBOLS[state]
    return style(f"{symbols[0 if uses_emoji() else 1]} {symbols[2]}", *TONES[state])


def agent_row(view: AgentView, now: float, *, width: int = 48) -> list[str]:
    """Columns: icon and name, state, since, what it is about, mail."""
    since = format_span(now - view.health.since) if view.health.since is not None else ""
    if view.work is not None:
        about = f"{view.work.bead_id} {view.work.title}"
    elif view.health.state is Health.IDLE and view.running is False:
        about = "offline"
    else:
        about = view.activity or (view.last_event.text if view.last_event else "")
    mail = f"{'📬' if uses_emoji() else 'mail '}{view.unread}" if view.unread else ""
    name = view.address.label
    return [f"  {role_icon(view)} {clean(name)}", health_text(view), since, shorten(clean(about), width), mail]


def age_text(moment: float | None, now: float) -> str:
    """``3m ago``, empty for None."""
    return format_ago(now - moment) if moment else ""
