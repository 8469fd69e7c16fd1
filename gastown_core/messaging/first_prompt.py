"""The first prompt of a runtime that takes none on its command line: typed once the agent is ready for it."""

from __future__ import annotations

import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import DeliveryError
from gastown_core.messaging.nudge import target_of
from gastown_core.runtimes.screen import READY, read_screen
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
    """Wait until the agent shows its prompt (or its usual start-up time is over), then give it ``text``.

    Raises DeliveryError if it does not get there within a minute; nothing was typed then.
    """
    from gastown_core.messaging.nudge import nudge

    target = target_of(root, entry)
    server = sessions.server_of(root)
    _wait_until_ready(server, entry, target.preset)
    yield from nudge(root, target, text, sender, server=server, clock=clock)


def _wait_until_ready(server: TmuxServer, entry: RosterEntry, preset: Preset) -> None:
    from gastown_core.tmux.panes import capture_pane, find_pane

    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        pane = find_pane(server, entry.session)
        if pane is None or pane.dead:
            raise DeliveryError(f"{entry.address.path} ended before its first prompt", f"session {entry.session}")
        if read_screen(preset.screens, capture_pane(server, pane.pane_id)).kind == READY:
            return
        if not preset.ready_prefix and time.monotonic() - began >= preset.ready_delay_s:
            return
        time.sleep(POLL_S)
    raise DeliveryError(
        f"{entry.address.path} showed no prompt", f"after {PATIENCE_S:g} s", f"gt attach {entry.address.short}"
    )
