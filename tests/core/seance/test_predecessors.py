"""Sessions found in programs' transcripts: which are sessions, whose, and which one an id means."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.clock import FixedClock, parse_moment
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.seance.predecessors import find, predecessors
from gastown_core.seance.talk import MOST_CONTEXT, conversation
from tests.support.paper import Paper

MAYOR_BEGAN = "2026-03-02T10:00:00Z"


def line(kind: str, text: str, cwd: str, at: str = MAYOR_BEGAN) -> str:
    message = {"role": kind, "content": [{"type": "text", "text": text}]}
    return json.dumps({"type": kind, "message": message, "cwd": cwd, "timestamp": at, "uuid": text}) + "\n"


@pytest.fixture
def home(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = os.path.join(str(tmp_path), "claude")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", folder)
    monkeypatch.setenv("HOME", os.path.join(str(tmp_path), "home"))
    monkeypatch.delenv("CODEX_HOME", raising=False)
    return folder


def transcript(home: str, cwd: str, name: str, text: str, below: str = "") -> str:
    real = os.path.realpath(cwd)
    called = "".join(one if one.isascii() and one.isalnum() else "-" for one in real)
    path = os.path.join(home, "projects", called, below, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)
    return path


def test_sessions_are_told_apart_from_parts_junk_and_strangers(paper: Paper, home: str, tmp_path: object) -> None:
    mayor = os.path.join(paper.root, "mayor")
    opal = os.path.join(paper.root, "shop", "polecats", "opal", "shop")
    first = transcript(home, mayor, "aaaa-1.jsonl", "junk\n" + line("user", "hello", mayor))
    transcript(home, opal, "aaaa-2.jsonl", line("user", "work", opal, "2026-03-02T11:00:00Z"))
    transcript(home, mayor, "bbbb-1.jsonl", line("user", "sub", mayor), below="aaaa-1/subagents")
    transcript(home, mayor, "--evil.jsonl", line("user", "x", mayor))
    transcript(home, str(tmp_path), "cccc-1.jsonl", line("user", "elsewhere", str(tmp_path)))
    began = parse_moment(MAYOR_BEGAN)
    assert began is not None
    for before, topic in ((7200, "long ago"), (5, "patrol"), (-60, "later")):
        append_event(paper.root, "session_start", "mayor", {"topic": topic}, clock=FixedClock(began - before))

    found = predecessors(paper.root)

    assert [(one.id, one.agent, one.runtime) for one in found] == [
        ("aaaa-2", "shop/polecats/opal", "claude"),
        ("aaaa-1", "mayor", "claude"),
    ]
    assert found[1].path == first
    assert (found[1].folder, found[1].topic) == (mayor, "patrol")
    assert [one.id for one in predecessors(paper.root, rig="shop")] == ["aaaa-2"]
    assert [one.id for one in predecessors(paper.root, agent="MAY")] == ["aaaa-1"]
    assert find(found, "aaaa-1").agent == "mayor"
    with pytest.raises(UsageError, match="several sessions"):
        find(found, "aaaa")
    for text in ("", "zzz"):
        with pytest.raises(NotFoundError):
            find(found, text)
    os.remove(first)
    assert [one.id for one in predecessors(paper.root)] == ["aaaa-2"], "what its program deleted cannot be asked"


def test_a_long_conversation_is_read_out_from_its_end(home: str, tmp_path: object) -> None:
    text = "".join(line("user" if n % 2 else "assistant", f"{n} " + "x" * 4000, "/x") for n in range(200)) + '{"torn'
    adapter = adapter_for("claude")
    assert adapter is not None
    told = conversation(adapter, transcript(home, "/x", "a.jsonl", text))
    assert len(told) == MOST_CONTEXT
    assert "user: 199 " in told
    assert "agent: 198 " in told
    assert "user: 1 " not in told
