"""What each runtime's transcript tells of usage: recorded sessions, and lines that no program should write."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gastown_core.runtimes.adapters import adapter_for
from gastown_core.runtimes.usage import Usage
from tests.support.file_time import let_age

DATA = Path(__file__).parents[2] / "data" / "runtime-usage"

# (fresh input, read from the cache, written to it, output) as the model server told it, for each message
CLAUDE = [(1014, 322, 66, 54), (1021, 333, 79, 71), (1028, 344, 92, 88), (1035, 355, 105, 105), (1042, 366, 118, 122)]
CODEX = [(1007, 311, 0, 37), (1021, 333, 0, 71), (1028, 344, 0, 88), (1035, 355, 0, 105), (1042, 366, 0, 122)]
PI = [(1007, 311, 0, 37), (1014, 322, 0, 54), (1021, 333, 0, 71), (1028, 344, 0, 88), (1035, 355, 0, 105)]
GEMINI = [(1014, 322, 0, 54), (1028, 344, 0, 88), (1042, 366, 0, 122), (1049, 377, 0, 139), (1063, 399, 0, 173)]


def used(runtime: str, lines: list[bytes], memory: dict[str, object] | None = None) -> list[Usage]:
    """What a reader tells of these lines."""
    adapter = adapter_for(runtime)
    assert adapter is not None
    reader = adapter.usage_reader(memory if memory is not None else {})
    assert reader is not None
    return [one for line in lines for one in reader.read(line)]


def lines_of(name: str) -> list[bytes]:
    return (DATA / f"{name}.jsonl").read_bytes().splitlines()


@pytest.mark.parametrize(
    ("name", "model", "served"),
    [
        ("claude-2.1.332", "claude-opus-5-5", CLAUDE),
        ("claude-2.1.197", "claude-opus-4-8", CLAUDE),
        ("codex-0.171.0", "gpt-5", CODEX),
        ("gemini-0.61.0", "gemini-3.8-flash", GEMINI),
        ("pi-0.73.1", "standin-1", PI),
    ],
)
def test_a_recorded_session_tells_what_the_server_served(name: str, model: str, served: list[tuple[int, ...]]) -> None:
    found = {one.message: one for one in used(name.split("-")[0], lines_of(name))}

    assert [(one.input, one.cache_read, one.cache_write, one.output) for one in found.values()] == served
    assert {one.model for one in found.values()} == {model}
    assert all(one.at > 1_795_000_000 for one in found.values())
    assert all(one.cost is None for one in found.values())
    last = list(found.values())[-1]
    assert last.context == sum(served[-1])
    assert last.window == (258_400 if name.startswith("codex") else 0)


@pytest.mark.parametrize("name", ["claude-2.1.332", "claude-2.1.197", "codex-0.171.0", "pi-0.73.1"])
def test_the_folder_of_a_session_is_remembered(name: str) -> None:
    memory: dict[str, object] = {}
    used(name.split("-")[0], lines_of(name), memory)

    assert memory["cwd"] == "/town/mayor"
    assert json.loads(json.dumps(memory)) == memory


def test_reading_goes_on_with_what_was_remembered() -> None:
    lines, memory = lines_of("codex-0.171.0"), dict[str, object]()
    apart = [one for line in lines for one in used("codex", [line], memory)]

    assert apart == used("codex", lines)


def claude_line(**figures: object) -> bytes:
    message = {"id": "msg_1", "model": "claude-opus-5-5", "role": "assistant", "usage": {"input_tokens": 1, **figures}}
    value = {"type": "assistant", "timestamp": "2026-11-27T13:29:34.881Z", "cwd": "/town/mayor", "message": message}
    return json.dumps(value).encode()


@pytest.mark.parametrize("figure", [-1, 10**13, 10**300, 1.5, True, "12", float("nan"), float("inf"), [1], {}])
def test_a_figure_that_cannot_be_right_is_refused(figure: object) -> None:
    with pytest.raises(ValueError):
        used("claude", [claude_line(output_tokens=figure)])


def test_a_figure_that_is_not_told_is_nothing() -> None:
    assert used("claude", [claude_line(output_tokens=None)])[0].tokens == 1


def test_a_cost_is_told_by_the_program_alone() -> None:
    line = json.dumps({**json.loads(claude_line()), "costUSD": 0.25}).encode()

    assert [one.cost for one in used("claude", [line, claude_line()])] == [0.25, None]
    with pytest.raises(ValueError):
        used("claude", [json.dumps({**json.loads(claude_line()), "costUSD": -1}).encode()])


def test_a_subagent_says_nothing_of_the_conversations_context() -> None:
    line = json.dumps({**json.loads(claude_line()), "isSidechain": True}).encode()

    assert [(one.tokens, one.context) for one in used("claude", [line])] == [(1, 0)]


def test_a_message_that_the_program_made_up_used_nothing() -> None:
    value = json.loads(claude_line())
    value["message"]["model"] = "<synthetic>"

    assert used("claude", [json.dumps(value).encode()]) == []


@pytest.mark.parametrize(("total", "cost"), [(0.0125, 0.0125), (0, None)])
def test_pi_tells_a_cost_where_it_knows_one(total: float, cost: float | None) -> None:
    usage = {"input": 5, "output": 1, "cost": {"input": total, "total": total}}
    line = {"type": "message", "id": "a1", "message": {"role": "assistant", "usage": usage}}

    assert [one.cost for one in used("pi", [json.dumps(line).encode()])] == [cost]


@pytest.mark.parametrize("runtime", ["claude", "codex", "gemini", "pi"])
@pytest.mark.parametrize(
    "line",
    [b"", b"junk", b"[]", b"{}", b'"usage" "assistant"', b'{"type": "assistant", "usage": 1, "message": "tokens"}'],
)
def test_a_line_that_is_junk_breaks_nothing(runtime: str, line: bytes) -> None:
    try:
        assert used(runtime, [line]) == []
    except ValueError:
        return


def test_codex_tells_one_message_once_however_often_it_repeats_the_sum() -> None:
    lines = lines_of("codex-0.171.0")
    count = [line for line in lines if b'"token_count"' in line]

    assert len({one.message for one in used("codex", [*lines, *count[-1:], *count[-1:]])}) == 5


def test_codex_knows_a_message_again_in_the_file_of_a_fork() -> None:
    lines = lines_of("codex-0.171.0")
    first = json.loads(lines[0])
    first["payload"]["id"] = "another"
    forked = [json.dumps(first).encode(), *lines[1:]]

    assert [one.message for one in used("codex", forked)] == [one.message for one in used("codex", lines)]


def copilot_line(**figures: object) -> bytes:
    told = {
        "model": "standin-1",
        "inputTokens": 1318,
        "outputTokens": 37,
        "cacheReadTokens": 311,
        "maxPromptTokens": 128000,
    }
    usage = {**told, "interactionType": "conversation-agent", "accounting": {"usageId": "a"}, **figures}
    line = {"type": "session.usage_record", "data": {"usage": usage}, "timestamp": "2026-11-27T17:46:52.384Z"}
    return json.dumps(line).encode()


def test_copilots_input_includes_what_the_cache_gave() -> None:
    (one,) = used("copilot", [copilot_line()])
    assert (one.message, one.input, one.cache_read, one.output) == ("a", 1007, 311, 37)
    assert (one.context, one.window, one.cost) == (1355, 128000, None)


def test_what_copilot_asks_beside_the_conversation_says_nothing_of_its_context() -> None:
    (one,) = used("copilot", [copilot_line(interactionType="conversation-subagent")])
    assert (one.context, one.tokens) == (0, 1355)


OPENCODE = """
CREATE TABLE session (id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT, time_updated INTEGER);
CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, data TEXT);
CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, data TEXT);
"""


def opencode_message(db: sqlite3.Connection, session: str, number: int, *, completed: int = 9) -> None:
    """A message that began at ``number``, with one step, under an id of its own."""
    told = {"role": "assistant", "modelID": "standin-1", "time": {"created": number, "completed": completed}}
    figures = {"input": 1014, "output": 49, "reasoning": 5, "cache": {"read": 322, "write": 0}}
    name = f"{session}-{number}"
    db.execute("REPLACE INTO message VALUES (?, ?, ?, ?)", (name, session, number, json.dumps(told)))
    step = json.dumps({"type": "step-finish", "tokens": figures, "cost": 0})
    db.execute("REPLACE INTO part VALUES (?, ?, ?)", (f"{name}-end", name, step))
    db.commit()


def test_opencode_is_counted_once_also_in_a_fork_and_after_it_went_on(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    record, memory = f"{path}#/gt/mayor", dict[str, object]()
    adapter = adapter_for("opencode")
    assert adapter is not None

    def news() -> list[Usage]:
        reader = adapter.usage_reader(memory)
        found = reader.read_whole(record) if reader is not None else None
        assert found is not None
        return found

    with closing(sqlite3.connect(path)) as db:
        db.executescript(OPENCODE)
        for session, folder in (("one", "/gt/mayor"), ("fork", "/gt/mayor"), ("else", "/gt/deacon")):
            db.execute("INSERT INTO session VALUES (?, NULL, ?, 1)", (session, folder))
        opencode_message(db, "one", 5)
        opencode_message(db, "else", 6)
        let_age(path)
        (first,) = news()
        assert (first.input, first.cache_read, first.output, first.context) == (1014, 322, 54, 1390)
        assert news() == []
        opencode_message(db, "fork", 5)
        assert {one.message for one in news()} == {first.message}
        # one that is not finished is counted when it is, though others began after it
        opencode_message(db, "one", 7, completed=0)
        opencode_message(db, "one", 8)
        assert len({one.message for one in news()} - {first.message}) == 1
        opencode_message(db, "one", 7, completed=12)
        assert "7-12-0" in {one.message for one in news()}
        assert json.loads(json.dumps(memory)) == memory
