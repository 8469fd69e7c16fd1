"""Nudges: words to a running agent, with the proof that they arrived. (signatures first)"""

from __future__ import annotations

from dataclasses import dataclass

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.order import Receipt
from gastown_core.runtimes.preset import Preset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock
    from gastown_core.tmux.server import TmuxServer

QUEUED, TYPED, SUBMITTED, TURN_STARTED, TURN_NOT_SEEN = "queued", "typed", "submitted", "turn started", "turn not seen"
IMMEDIATE, QUEUE = "immediate", "queue"


@dataclass(frozen=True, slots=True)
class AgentTarget:
    """Whom to nudge: canonical address path (``shop/polecats/opal``), its rig ("" for town roles), session, runtime."""

    address: str
    session: str
    preset: Preset
    rig: str = ""


def nudge(
    town_root: str,
    target: AgentTarget,
    text: str,
    sender: str,
    *,
    server: TmuxServer,
    mode: str = IMMEDIATE,
    clock: Clock = SYSTEM_CLOCK,
    wait_s: float = 5.0,
) -> Iterator[Receipt]:
    """Give ``text`` to the agent; yields one receipt per stage reached, the last one ``final``.

    queued → typed → submitted → turn started | turn not seen.  If no agent is there to read it, the text is kept in
    the agent's queue and the final receipt is ``queued`` with ``ok`` False and the reason; nothing is typed.
    Raises UsageError for empty text or an unknown mode.
    """
    raise NotImplementedError
    yield Receipt("nudge", target.address, QUEUED)
