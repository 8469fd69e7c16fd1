"""What our extension in pi tells, and what its log means, in the shapes of 0.73.1."""

from __future__ import annotations

import pytest

from gastown_core.runtimes.adapter import BUSY, CONTEXT, CONTINUE, ENDED, IDLE, STARTING, TRANSCRIPT, TURN, Said
from gastown_core.runtimes.adapters.pi import ADAPTER, EXTENSION_FILE, PiLogs

AT = "2026-11-28T09:24:04.164Z"
GIVEN = {"type": "custom_message", "customType": "gastown", "content": "[from overseer] go on", "timestamp": AT}
FOREIGN = {**GIVEN, "customType": "notes"}
ENDED_TURN = {"type": "message", "timestamp": AT, "message": {"role": "assistant", "stopReason": "stop", "content": []}}


@pytest.mark.parametrize(
    ("event", "told", "state", "carries"),
    [
        ("session_start", {"reason": "startup"}, STARTING, ""),
        ("session_start", {"reason": "resume"}, "", ""),
        ("before_agent_start", {"prompt": "hello"}, BUSY, CONTEXT),
        ("agent_end", {"is_free": True}, IDLE, CONTINUE),
        # Escape, an error, or a text of a person that comes next: nothing is handed over
        ("agent_end", {}, IDLE, ""),
        ("agent_end", {"is_free": "yes"}, IDLE, ""),
        ("session_shutdown", {"reason": "quit"}, ENDED, ""),
        ("session_shutdown", {"reason": "reload"}, "", ""),
    ],
)
def test_what_an_event_means(event: str, told: dict[str, object], state: str, carries: str) -> None:
    heard = ADAPTER.hear(event, told)

    assert (heard.state, heard.carries) == (state, carries)


def test_a_text_is_given_with_a_prompt_and_at_the_end_of_a_turn_alone() -> None:
    assert ADAPTER.reply("before_agent_start", "Go on") == ADAPTER.reply("agent_end", "Go on") == "Go on"
    assert ADAPTER.reply("session_start", "Go on") == ADAPTER.reply("session_shutdown", "Go on") == ""


def test_what_was_given_at_the_end_of_a_turn_begins_another_and_is_its_proof() -> None:
    logs = PiLogs()
    idle = logs.after(None, ENDED_TURN)

    assert idle is not None and idle.state == IDLE
    assert logs.after(idle, FOREIGN) == idle
    busy = logs.after(idle, GIVEN)
    assert busy is not None and (busy.state, busy.source) == (BUSY, TRANSCRIPT) and isinstance(busy, Said)
    assert list(ADAPTER.given(GIVEN)) == [(TURN, "[from overseer] go on")]
    assert list(ADAPTER.given(FOREIGN)) == []


def test_the_extension_hands_over_only_when_pi_rests_after_a_turn_that_ended_by_itself() -> None:
    (file,) = ADAPTER.hook_files("crew")
    text = file.text

    assert file.path == EXTENSION_FILE
    asks = text.index('ask("agent_end"')
    assert text.index("ctx.isIdle()") < asks and text.index("ctx.hasPendingMessages()") < asks
    assert 'stopReason === "stop"' in text and "RUNTIME" not in text and "MORE" not in text
