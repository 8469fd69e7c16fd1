"""The first prompt of a runtime that takes none on its command line: typed once the agent is ready for it."""

from __future__ import annotations

import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import DeliveryError
from gastown_core.messaging.prompt_line import PromptLine
from gastown_core.messaging.queue import bury, enqueue
from gastown_core.messaging.target import target_of
from gastown_core.town import sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock
    from gastown_core.model.order import Receipt
    from gastown_core.runtimes.preset import Preset
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.town.inventory import RosterEntry

POLL_S = 0.2
PATIENCE_S = 60.0
PROOF_S = 20.0
STEADY_S = 1.0
"""How long the empty prompt must stay: programs draw it before they show a start-up question."""


def type_first_prompt(
    root: str, entry: RosterEntry, text: str, *, sender: str, clock: Clock = SYSTEM_CLOCK
) -> Iterator[Receipt]:
    """Nudge an agent with ``text`` once its empty prompt is stable, and prove that the text arrived.

    If the prompt does not appear within a minute (for example at a start-up question), the text stays in the queue,
    and the last receipt says why.  Raises DeliveryError if the agent ends before; the text is then a dead letter.
    """
    from gastown_core.messaging.nudge import nudge

    target = target_of(root, entry)
    server = sessions.server_of(root)
    why = _wait_until_ready(server, entry, target.preset)
    if why:
        path = enqueue(root, entry.session, sender, text, target=target.address, rig=target.rig, clock=clock)
        bury(root, entry.session, path, why, clock=clock)
        raise DeliveryError(f"{entry.address.path} {why}", f"session {entry.session}")
    yield from nudge(root, target, text, sender, server=server, clock=clock, proof_s=PROOF_S)


def _wait_until_ready(server: TmuxServer, entry: RosterEntry, preset: Preset) -> str:
    """Wait until the prompt is stable; returns how the agent ended if it did."""
    from gastown_core.tmux.panes import find_pane

    began = time.monotonic()
    steady_since = 0.0
    while (now := time.monotonic()) - began < PATIENCE_S:
        pane = find_pane(server, entry.session)
        if pane is None or pane.dead:
            return "ended before its first prompt"
        if not PromptLine(server, pane.pane_id, preset).verdict().may:
            steady_since = 0.0
        elif not steady_since:
            steady_since = now
        elif now - steady_since >= STEADY_S:
            return ""
        time.sleep(POLL_S)
    return ""
