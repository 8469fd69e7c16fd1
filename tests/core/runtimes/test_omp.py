"""What omp's log and our extension in it mean, in the shapes of 17.3.5."""

from __future__ import annotations

import pytest

from gastown_core.runtimes.adapter import (
    BUSY,
    CONTEXT,
    CONTINUE,
    ENDED,
    HOOK,
    IDLE,
    LIMITED,
    STARTING,
    TRANSCRIPT,
    TURN,
    WAITING,
    Said,
    together,
)
from gastown_core.runtimes.adapters.omp import ADAPTER, EXTENSION_FILE, OmpLogs

AT = "2026-11-28T00:24:04.164Z"
NEXT_TURN = {"type": "custom_message", "customType": "session-stop-continuation", "content": "Go on", "timestamp": AT}
WHY = "429 This request would exceed your account's rate limit."


@pytest.mark.parametrize(
    ("event", "told", "state", "is_final", "carries"),
    [
        ("session_start", {}, STARTING, False, ""),
        ("before_agent_start", {"prompt": "hello"}, BUSY, False, CONTEXT),
        ("session_stop", {}, IDLE, True, CONTINUE),
        ("agent_end", {}, IDLE, True, ""),
        ("auto_retry_start", {"error": WHY, "delay_ms": 2000, "attempt": 1}, LIMITED, False, ""),
        ("auto_retry_start", {"error": "fetch failed", "delay_ms": 2000, "attempt": 1}, BUSY, False, ""),
        ("auto_retry_end", {"success": True}, BUSY, False, ""),
        # its log has the error
        ("auto_retry_end", {"success": False}, "", False, ""),
        ("session_shutdown", {}, ENDED, False, ""),
    ],
)
def test_what_an_event_means(event: str, told: dict[str, object], state: str, is_final: bool, carries: str) -> None:
    heard = ADAPTER.hear(event, {"session_id": "s1", "transcript_path": "/x.jsonl", **told})

    assert (heard.state, heard.is_final, heard.carries) == (state, is_final, carries)
    assert (heard.session_id, heard.transcript, heard.prompt) == ("s1", "/x.jsonl", told.get("prompt", ""))


def test_a_retry_is_a_limit_until_the_answer_and_hides_a_silent_log() -> None:
    heard = ADAPTER.hear("auto_retry_start", {"error": WHY, "delay_ms": 2000, "attempt": 3})
    assert heard.detail == f"{WHY}; it tries again (attempt 3)" and heard.until > 0
    busy = Said(BUSY, 10.0, TRANSCRIPT)

    assert together(busy, Said(LIMITED, 12.0, HOOK, WHY)) == Said(LIMITED, 12.0, HOOK, WHY)
    # an earlier turn's, and the end of the retries
    assert together(busy, Said(LIMITED, 9.0, HOOK, WHY)) == busy
    assert together(busy, Said(BUSY, 14.0, HOOK)) == busy


def test_what_the_extension_gave_at_a_turns_end_begins_another_and_is_known_to_have_arrived() -> None:
    said = OmpLogs().after(Said(IDLE, 1.0, TRANSCRIPT, is_final=True), NEXT_TURN)

    assert said is not None and (said.state, said.at > 1.0) == (BUSY, True)
    assert list(ADAPTER.given(NEXT_TURN)) == [(TURN, "Go on")]
    assert list(ADAPTER.given({**NEXT_TURN, "customType": "another"})) == []


def test_a_question_of_its_model_waits_until_the_answer_is_in_the_log() -> None:
    call = {"type": "toolCall", "name": "ask", "arguments": {"questions": [{"id": "colour", "question": "Red?"}]}}
    asks = {"role": "assistant", "stopReason": "toolUse", "content": [{"type": "text", "text": "I ask"}, call]}
    said = OmpLogs().after(Said(BUSY, 1.0, TRANSCRIPT), {"type": "message", "timestamp": AT, "message": asks})

    assert said is not None and (said.state, said.detail) == (WAITING, "Red?")
    answer = {"type": "message", "timestamp": AT, "message": {"role": "toolResult", "content": []}}
    after = OmpLogs().after(said, answer)
    assert after is not None and after.state == BUSY


def test_the_extension_is_where_git_ignores_do_not_hide_it_and_names_its_own_runtime() -> None:
    (file,) = ADAPTER.hook_files("mayor")

    assert file.path == EXTENSION_FILE and file.path.startswith(".omp/hooks/pre/") and file.is_local
    assert '"signal", event, "--runtime", "omp"' in file.text
    assert all(f'pi.on("{event}"' in file.text for event in ("before_agent_start", "session_stop", "auto_retry_start"))
    assert "MORE" not in file.text and "RUNTIME" not in file.text
    assert ADAPTER.reply("session_stop", "Go on") == "Go on" and ADAPTER.reply("agent_end", "Go on") == ""
