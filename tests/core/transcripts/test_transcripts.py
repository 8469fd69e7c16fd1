"""Transcripts as entries, and search in them: by the lines that the programs write, and in files of any state."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.errors import GastownError, UsageError
from gastown_core.transcripts.entries import read_entries
from gastown_core.transcripts.search import Place, search

AT = "2026-11-27T10:00:00.000Z"
DATA = os.path.join(os.path.dirname(__file__), "..", "..", "data", "runtime-usage")


def claude(kind: str, *parts: object) -> dict[str, object]:
    return {"type": kind, "timestamp": AT, "message": {"role": kind, "content": list(parts)}}


def write(path, *lines: object) -> str:
    with open(path, "wb") as handle:
        for line in lines:
            handle.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
    return str(path)


def told(path: str, runtime: str, **more) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in read_entries(path, runtime, **more).entries]


def test_claudes_messages_and_tools_in_their_order(tmp_path):
    path = write(
        tmp_path / "t.jsonl",
        claude("user", {"type": "text", "text": "fix it"}),
        claude(
            "assistant",
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "name": "Bash", "input": {"command": "npm test", "description": "Run"}},
        ),
        claude("user", {"type": "tool_result", "content": [{"type": "text", "text": "2 failed"}]}),
        claude("assistant", {"type": "tool_use", "name": "Odd", "input": {"n": 3}}),
        b"{half a line",
        b"[" * 5000,
        {"type": "summary", "summary": "no message"},
        {**claude("assistant", {"type": "text", "text": "of a subagent"}), "isSidechain": True},
    )
    assert told(path, "claude")[:5] == [
        ("user", "fix it"),
        ("agent", "I look."),
        ("tool", "Bash: npm test"),
        ("result", "2 failed"),
        ("tool", "Odd: {'n': 3}"),
    ]
    assert read_entries(path, "claude").entries[0].at == 1_795_773_600.0


def test_codex_messages_and_tools(tmp_path):
    def item(**payload: object) -> dict[str, object]:
        return {"timestamp": AT, "type": "response_item", "payload": payload}

    path = write(
        tmp_path / "r.jsonl",
        item(type="message", role="developer", content=[{"type": "input_text", "text": "rules"}]),
        item(type="message", role="user", content=[{"type": "input_text", "text": "go"}]),
        item(type="function_call", name="shell", arguments='{"command": ["bash", "-lc", "ls"]}'),
        item(type="function_call_output", output="a b"),
        item(type="custom_tool_call", name="apply_patch", input="*** Begin"),
        item(type="function_call", name="odd", arguments="{broken"),
    )
    assert told(path, "codex") == [
        ("user", "go"),
        ("tool", "shell: bash -lc ls"),
        ("result", "a b"),
        ("tool", "apply_patch: *** Begin"),
        ("tool", "odd: {broken"),
    ]


def test_a_real_session_reads_as_a_conversation():
    kinds = [kind for kind, _ in told(os.path.join(DATA, "claude-2.1.332.jsonl"), "claude")]
    assert {"user", "agent", "result"} <= set(kinds)


def test_a_long_transcript_is_read_from_its_end(tmp_path):
    path = write(tmp_path / "t.jsonl", *(claude("user", {"type": "text", "text": f"n{n}"}) for n in range(200)))
    found = read_entries(path, "claude", most_bytes=1000)
    assert found.is_cut and found.entries[-1].text == "n199" and len(found.entries) < 20


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(GastownError, match="cannot read the transcript"):
        read_entries(str(tmp_path / "gone"), "claude")
    with pytest.raises(GastownError, match="cannot be read"):
        read_entries(str(tmp_path / "gone"), "amp")


def test_search_finds_the_newest_first_in_every_form(tmp_path):
    path = write(
        tmp_path / "t.jsonl",
        claude("user", {"type": "text", "text": 'say "Hello\nWorld" to src/a.py'}),
        claude("assistant", {"type": "text", "text": "hello again, " + "x" * 300 + " the end"}),
        claude("assistant", {"type": "text", "text": "Grüße aus KÖLN"}),
        b"hello in junk",
    )
    place = Place(path, "claude", "shop/polecats/opal", 1.0)

    def hits(text: str, **more) -> list[str]:
        return [one.text[one.start : one.end] for one in search([place], text, **more)]

    assert hits("hello") == ["hello", "Hello"]
    assert hits("hello", is_exact=True) == ["hello"]
    assert hits('"Hello\nWorld"') == ['"Hello World"']
    assert hits("src/a.py") == ["src/a.py"]
    assert hits("grüße") == ["Grüße"] and hits("köln") == ["KÖLN"] and hits("KÖLN", is_exact=True) == ["KÖLN"]
    assert hits("timestamp") == []
    (long,) = search([place], "the end")
    assert long.text.startswith("…") and len(long.text) < 200 and long.agent == "shop/polecats/opal"
    with pytest.raises(UsageError):
        hits(" ")


def test_transcripts_that_go_or_change_meanwhile_do_no_harm(tmp_path):
    gone = Place(str(tmp_path / "gone"), "claude", "a", 2.0)
    folder = Place(str(tmp_path), "claude", "a", 2.0)
    foreign = Place(write(tmp_path / "x", b'{"hello": 1}'), "amp", "a", 2.0)
    path = write(tmp_path / "t.jsonl", *(claude("user", {"type": "text", "text": f"hello {n}"}) for n in range(5000)))
    found = search([gone, folder, foreign, Place(path, "claude", "a", 1.0)], "hello")
    assert next(found).text == "hello 4999"
    open(path, "w").close()
    assert len(list(found)) < 5000
