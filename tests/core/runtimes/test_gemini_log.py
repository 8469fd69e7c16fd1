"""What Gemini's debug log tells, entry by entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.runtimes.adapter import BUSY, FAILED, IDLE, LIMITED, RECORD, TITLE, Program, Said
from gastown_core.runtimes.adapters.gemini import ADAPTER, GeminiTitles, with_refusal
from gastown_core.runtimes.adapters.gemini_log import KEPT_BYTES, VARIABLE, GeminiLog, after, begin_turn

NOON = 1_795_780_800.0
STAMP = "[2026-11-27T12:00:00.000Z]"
BODY = '{"error":{"message":"Slow down, please.","code":429,"status":"RESOURCE_EXHAUSTED"}}'
ERROR = f"{STAMP} [ERROR] Error when talking to Gemini API Full report available at: /tmp/x.json _ApiError: "


@pytest.mark.parametrize(
    ("entry", "until", "words"),
    [
        (
            f"Attempt 1 failed with status 429. Retrying with backoff... _ApiError: {BODY}",
            6.5,
            "429 Slow down, please.",
        ),
        (f"Attempt 3 failed with status 429. Retrying with backoff... _ApiError: {BODY}", 26, "429 Slow down, please."),
        (f"Attempt 9 failed with status 429. Retrying with backoff... _ApiError: {BODY}", 39, "429 Slow down, please."),
        ("Attempt 2 failed: Slow.\nSuggested retry after 4s.. Retrying after 5531ms...", 5.531, "Slow."),
        ("Attempt 1 failed. Retrying with backoff... TypeError: fetch failed", 6.5, "fetch failed"),
    ],
)
def test_a_refusal_is_a_limit_until_it_tries_again(entry: str, until: float, words: str) -> None:
    said = after(None, f"{STAMP} [WARN] {entry}")

    assert said is not None
    assert (said.state, said.at, said.source, said.is_final) == (LIMITED, NOON, RECORD, False)
    assert said.until == pytest.approx(NOON + until)
    assert said.detail.startswith(f"{words}; it tries again (attempt ")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (BODY, LIMITED),
        ('{"error":{"message":"API key not valid.","code":400}}', FAILED),
        ("TerminalQuotaError: You have exhausted your daily quota on this model.", LIMITED),
    ],
)
def test_an_error_ends_the_turn(text: str, state: str) -> None:
    said = after(None, ERROR + text)

    assert said is not None
    assert (said.state, said.is_final) == (state, True)


def test_the_next_turn_and_the_next_request_leave_a_refusal_behind() -> None:
    said = after(None, ERROR + BODY)
    assert after(said, f"{STAMP} [DEBUG] Hook registry initialized") == said
    assert after(said, "    at async Turn.run") == said
    assert after(said, f"{STAMP} [DEBUG] Created execution plan for BeforeAgent: 1 hook(s)") is None
    assert after(said, f"{STAMP} [DEBUG] [Routing] Selected model: flash") is None


def test_a_log_is_read_on_where_it_was_left_and_anew_when_it_was_emptied(tmp_path: Path) -> None:
    path, log = tmp_path / "gemini.log", GeminiLog()
    assert log.look(str(path)) is None
    path.write_text(f"{ERROR}{BODY}\n    at Turn.run\n{STAMP} [DEBUG] half a li")
    first = log.look(str(path))
    assert first is not None and first.state == LIMITED
    with path.open("a") as handle:
        handle.write("ne\n")
    assert log.look(str(path)) == first
    path.write_text(f"{STAMP} [DEBUG] begins again\n")
    assert log.look(str(path)) is None


def test_a_refusal_counts_with_the_title_of_its_moment_only() -> None:
    again, ended = Said(LIMITED, NOON, RECORD, until=NOON + 5), Said(FAILED, NOON, RECORD, is_final=True)
    busy, idle = Said(BUSY, NOON - 2, TITLE), Said(IDLE, NOON + 0.5, TITLE, is_final=True)

    assert with_refusal(busy, again, NOON + 3) == again
    assert with_refusal(busy, again, NOON + 9) == busy, "it got through"
    assert with_refusal(idle, again, NOON + 3) == idle, "Escape ended it"
    assert with_refusal(idle, ended, NOON + 900) == ended
    assert with_refusal(busy, ended, NOON + 3) == busy
    later = idle._replace(at=NOON + 60)
    assert with_refusal(later, ended, NOON + 61) == later, "another turn ended meanwhile"


def test_a_session_has_a_log_of_its_own_that_a_turn_empties_when_it_is_long(tmp_path: Path) -> None:
    env = ADAPTER.own_env(str(tmp_path), "hq-mayor")
    path = Path(env["GEMINI_DEBUG_LOG_FILE"])
    path.parent.mkdir()
    path.write_bytes(b"x" * KEPT_BYTES)
    ADAPTER.begin_turn(env)
    assert path.stat().st_size == KEPT_BYTES
    path.write_bytes(b"x" * (KEPT_BYTES + 1))
    ADAPTER.begin_turn(env)
    assert path.stat().st_size == 0
    begin_turn(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("entries", "since"),
    [
        (["Created execution plan for BeforeAgent", "Created execution plan for AfterAgent"], NOON),
        # the next prompt's hook runs, and the title says Ready meanwhile
        (["Created execution plan for AfterAgent", "Created execution plan for BeforeAgent"], NOON + 2.8),
        # Escape in a tool is in no log
        (["Created execution plan for BeforeAgent", "[Routing] Selected model: x", "[PolicyEngine.check]"], NOON + 1.3),
        ([], NOON + 2.8),
    ],
)
def test_a_rest_counts_from_the_turns_end_and_not_from_what_is_drawn_after_it(
    tmp_path: Path, entries: list[str], since: float
) -> None:
    log = tmp_path / "gemini.log"
    log.write_text("".join(f"{STAMP} [DEBUG] {entry}: 1 hook(s)\n" for entry in entries))
    program = Program("s", 1, "/w", {VARIABLE: str(log)}, "◇  Ready (mayor)", NOON + 2.8)

    said = GeminiTitles().look([program], NOON + 3)["s"]

    assert (said.state, said.at, said.is_final) == (IDLE, since, True)
