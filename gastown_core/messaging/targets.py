"""Whom a message goes to: a roster entry with the runtime that really runs in its session."""

from __future__ import annotations

from gastown_core.errors import UsageError
from gastown_core.messaging.nudge import AgentTarget
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.town.inventory import RosterEntry


def target_of(root: str, entry: RosterEntry) -> AgentTarget:
    """The nudge target of an agent; its runtime as noted in the session, else as the settings say."""
    pane = sessions.find_session(root, entry) if has_tmux() else None
    alias = pane.agent if pane is not None else ""
    try:
        chosen = sessions.choose_runtime(root, entry.address, alias)
    except UsageError:
        # the session was started with a runtime that the settings no longer name
        chosen = sessions.choose_runtime(root, entry.address)
    return AgentTarget(entry.address.path, entry.session, chosen.preset, entry.address.rig)
