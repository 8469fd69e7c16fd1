"""The target of a nudge: an agent's session and its runtime."""

from __future__ import annotations

from gastown_core.errors import NotFoundError
from gastown_core.model.record import Record
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import runtime_choice, sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset
    from gastown_core.tmux.panes import Pane
    from gastown_core.town.inventory import RosterEntry


class AgentTarget(Record):
    """Whom to nudge: canonical address path (``shop/polecats/opal``), its rig ("" for town roles), session, runtime."""

    address: str
    session: str
    preset: Preset
    rig: str = ""


def target_of(root: str, entry: RosterEntry, pane: Pane | None = None) -> AgentTarget:
    """The nudge target of an agent; its runtime as recorded in the session, else by the settings.

    ``pane`` is the session's pane, if the caller has found it already.
    """
    if pane is None and has_tmux():
        pane = sessions.find_session(root, entry)
    alias = pane.agent if pane is not None else ""
    try:
        chosen = runtime_choice.choose_runtime(root, entry.address, alias)
    except NotFoundError:
        # the session was started with a runtime that the settings no longer name
        chosen = runtime_choice.choose_runtime(root, entry.address)
    return AgentTarget(entry.address.path, entry.session, chosen.preset, entry.address.rig)
