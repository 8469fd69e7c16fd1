"""The first prompt of a runtime that takes none on its command line: typed once the agent is ready for it."""

from __future__ import annotations

import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import DeliveryError
from gastown_core.messaging.nudge import target_of
from gastown_core.messaging.prompt_line import PromptLine
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


def type_first_prompt(
    root: str, entry: RosterEntry, text: str, *, sender: str, clock: Clock = SYSTEM_CLOCK
) -> Iterator[Receipt]:
    """Wait until the agent shows an empty prompt, a minute at most, then give it ``text`` as a nudge.

    An agent that does not get there (a question of its start-up waits for an answer) has it in its queue, and the
    receipt says why.  Raises DeliveryError if the agent ends before.
    """
    from gastown_core.messaging.nudge import nudge

    target = target_of(root, entry)
    server = sessions.server_of(root)
    _wait_until_ready(server, entry, target.preset)
    yield from nudge(root, target, text, sender, server=server, clock=clock)


def _wait_until_ready(server: TmuxServer, entry: RosterEntry, preset: Preset) -> None:
    from gastown_core.tmux.panes import find_pane

    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        pane = find_pane(server, entry.session)
        if pane is None or pane.dead:
            raise DeliveryError(f"{entry.address.path} ended before its first prompt", f"session {entry.session}")
        if PromptLine(server, pane.pane_id, preset).verdict().may:
            return
        time.sleep(POLL_S)
