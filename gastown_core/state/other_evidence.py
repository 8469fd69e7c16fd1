"""What else is known of an agent beside the evidence that decides, each piece with its source and its moment."""

from __future__ import annotations

from gastown_core.model.agent import Reason
from gastown_core.runtimes.adapter import BUSY, IDLE, STARTING
from gastown_core.runtimes.exported import TELEMETRY
from gastown_core.state.evidence import Evidence, last_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.runtimes.exported import Exported
    from gastown_core.runtimes.heartbeat import Heartbeat

SAID_WORDS = {
    BUSY: "says that it is in a turn",
    IDLE: "says that its turn is over",
    STARTING: "is starting, or stands at a question before its first prompt",
}


def with_the_rest(e: Evidence, *first: Reason) -> tuple[Reason, ...]:
    """The deciding evidence, then the other evidence by rank."""
    more = []
    if e.said is not None:
        more.append(Reason(SAID_WORDS.get(e.said.state, e.said.state), e.said.source, e.said.at))
    if e.exported is not None:
        more += _exports(e.exported)
    beat = e.heartbeat
    if beat is not None and is_our_word(e, beat):
        more.append(Reason(f"heartbeat: {beat.context or beat.state}", "heartbeat", beat.at))
    sign = last_progress(e)
    if sign is not None and sign.source != "heartbeat":
        more.append(Reason(sign.text, sign.source, sign.at))
    if e.screen is not None and e.screen[0] != "unknown":
        more.append(Reason(f"its screen shows: {e.screen[1] or e.screen[0]}", "screen", e.screen_at))
    told = {reason.source for reason in first}
    return (*first, *(reason for reason in more if reason.source not in told))


def _exports(told: Exported) -> Iterator[Reason]:
    """Its last request to a model, and its last tool."""
    if told.is_refused:
        yield Reason(f"its last request was refused: {told.error}", TELEMETRY, told.error_at)
    elif told.request_at:
        yield Reason(f"{told.model or 'its model'} answered a request", TELEMETRY, told.request_at)
    if told.tool_at:
        verb = "was allowed" if told.decision == "accept" else "was refused"
        yield Reason(f"{verb} {told.tool}", TELEMETRY, told.tool_at)


def is_our_word(e: Evidence, beat: Heartbeat) -> bool:
    """Whether the heartbeat is the agent's own report, not an older one of its program's hooks."""
    return beat.said is None or beat.at > beat.said.at
