"""The logs of Copilot and pi and OpenCode's messages: what they mean at each moment."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.runtimes.adapter import TURN, Program, Said
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.runtimes.arrivals import arrivals

SESSION, WORK = "sh-opal", "/home/ana/work"
Write = Callable[[dict[str, Any]], None]


def line(path: Path, value: dict[str, Any]) -> None:
    """One more line, of now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as handle:
        handle.write(json.dumps({"timestamp": format_micros(SYSTEM_CLOCK.now()), **value}) + "\n")


def copilot_log(home: Path) -> Path:
    folder = home / ".copilot" / "session-state" / "s-1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"inuse.{os.getpid()}.lock").touch()
    return folder / "events.jsonl"


def pi_log(home: Path) -> Path:
    return home / ".pi" / "agent" / "sessions" / "--home-ana-work--" / "2026-11-27T13-55-14-009Z_s-1.jsonl"


LOGS = {"copilot": copilot_log, "pi": pi_log}


def program(home: Path) -> Program:
    return Program(SESSION, os.getpid(), WORK, {"HOME": str(home)})


def message(**told: object) -> dict[str, Any]:
    return {"type": "message", "message": told}


def event(kind: str, **data: object) -> dict[str, Any]:
    return {"type": kind, "data": data}


PROMPT = {"copilot": event("user.message", content="go on"), "pi": message(role="user", content="go on")}
STEPS = [
    ("copilot", PROMPT["copilot"], "busy", ""),
    ("copilot", event("assistant.turn_end", turnId="0"), "busy", ""),
    ("copilot", event("assistant.message", content="done", toolRequests=[]), "idle", ""),
    ("copilot", event("assistant.message", content="I call", toolRequests=[{"name": "bash"}]), "busy", ""),
    ("copilot", event("abort", reason="user initiated"), "idle", "interrupted"),
    (
        "copilot",
        event("permission.completed", result={"kind": "cancelled", "reason": "Session aborted"}),
        "idle",
        "interrupted",
    ),
    ("copilot", event("permission.completed", result={"kind": "approved"}), "busy", ""),
    ("copilot", event("permission.completed", result="cancelled"), "busy", ""),
    ("copilot", event("session.error", statusCode=429, message="429 slow down"), "limited", "429 slow down"),
    ("copilot", event("session.error", statusCode=400, message="no credit"), "failed", "no credit"),
    ("copilot", event("permission.requested", permissionRequest={"fullCommandText": "touch x"}), "waiting", "touch x"),
    ("copilot", event("tool.execution_start", toolName="ask_user", arguments={"message": "Red?"}), "waiting", "Red?"),
    ("copilot", event("tool.execution_start", toolName="bash", arguments={}), "busy", ""),
    ("copilot", event("session.shutdown", shutdownType="routine"), "ended", ""),
    ("pi", PROMPT["pi"], "busy", ""),
    ("pi", message(role="assistant", stopReason="toolUse"), "busy", ""),
    ("pi", message(role="toolResult"), "busy", ""),
    ("pi", message(role="assistant", stopReason="stop"), "idle", ""),
    ("pi", message(role="assistant", stopReason="aborted"), "idle", "interrupted"),
    ("pi", message(role="assistant", stopReason="error", errorMessage="429 slow down"), "limited", "429 slow down"),
    ("pi", message(role="assistant", stopReason="error", errorMessage="no credit"), "failed", "no credit"),
]


@pytest.mark.parametrize(("runtime", "last", "state", "detail"), STEPS)
def test_the_last_line_of_a_log_says_how_it_is(
    tmp_path: Path, runtime: str, last: dict[str, Any], state: str, detail: str
) -> None:
    records, path = adapter_for(runtime).records(), LOGS[runtime](tmp_path)  # type: ignore[union-attr]
    line(path, PROMPT[runtime])
    assert records.look([program(tmp_path)], 1.0)[SESSION].state == "busy"

    line(path, last)

    said = records.look([program(tmp_path)], 1.0)[SESSION]
    assert (said.state, said.detail, said.session_id) == (state, detail, "s-1")
    assert str(path.parent) in records.folders()


@pytest.mark.parametrize("runtime", LOGS)
def test_words_of_before_the_program_are_history(tmp_path: Path, runtime: str) -> None:
    line(LOGS[runtime](tmp_path), {**PROMPT[runtime], "timestamp": "2020-01-01T00:00:00Z"})

    assert adapter_for(runtime).records().look([program(tmp_path)], 1.0)[SESSION].state == "idle"  # type: ignore[union-attr]


@pytest.mark.parametrize("runtime", [*LOGS, "opencode"])
def test_a_program_without_a_record_is_starting(tmp_path: Path, runtime: str) -> None:
    assert adapter_for(runtime).records().look([program(tmp_path)], 1.0)[SESSION].state == "starting"  # type: ignore[union-attr]


@pytest.mark.parametrize("runtime", LOGS)
def test_a_log_shows_the_texts_that_were_given_and_no_others(tmp_path: Path, runtime: str) -> None:
    path = LOGS[runtime](tmp_path)
    line(path, PROMPT[runtime])
    line(path, message(role="assistant", content="I go on", stopReason="stop"))
    line(path, event("assistant.message", content="I go on"))

    shown = arrivals(adapter_for(runtime), str(path))  # type: ignore[arg-type]

    assert [(one.kind, one.text) for one in shown] == [(TURN, "go on")]


class Database:
    """OpenCode's, as far as it is read."""

    def __init__(self, home: Path) -> None:
        self.path = home / ".local" / "share" / "opencode" / "opencode.db"
        self.path.parent.mkdir(parents=True)
        self._count = 0
        self.run("CREATE TABLE session (id text, directory text, parent_id text, time_updated integer)")
        self.run(
            "CREATE TABLE message (id text, session_id text, time_created integer, time_updated integer, data text)"
        )
        self.run("CREATE TABLE part (message_id text, time_created integer, data text)")
        self.run("INSERT INTO session VALUES ('ses_1', ?, NULL, ?)", WORK, self.now())

    @staticmethod
    def now() -> int:
        return int(SYSTEM_CLOCK.now() * 1000)

    def run(self, words: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as link, link:
            link.execute(words, values)

    def message(self, text: str = "", **told: object) -> str:
        self._count += 1
        name, now = f"msg_{self._count}", self.now()
        self.run("INSERT INTO message VALUES (?, 'ses_1', ?, ?, ?)", name, now, now, json.dumps(told))
        if text:
            self.run("INSERT INTO part VALUES (?, ?, ?)", name, now, json.dumps({"type": "text", "text": text}))
        return name


def opencode_says(home: Path) -> Said:
    return adapter_for("opencode").records().look([program(home)], 1.0)[SESSION]  # type: ignore[union-attr]


ABORTED = {"name": "MessageAbortedError", "data": {"message": "aborted"}}
REFUSED = {"name": "APIError", "data": {"message": "slow down", "statusCode": 429}}


@pytest.mark.parametrize(
    ("told", "state", "detail"),
    [
        ({"time": {}}, "busy", ""),
        ({"time": {"completed": 4e12}, "finish": "tool-calls"}, "busy", ""),
        ({"time": {"completed": 4e12}, "finish": "stop"}, "idle", ""),
        ({"time": {"completed": 4e12}}, "idle", "interrupted"),
        ({"time": {"completed": 4e12}, "error": ABORTED}, "idle", "interrupted"),
        ({"time": {"completed": 4e12}, "error": REFUSED}, "limited", "slow down"),
        ({"time": {"completed": 4e12}, "error": {"name": "ProviderAuthError"}}, "failed", "ProviderAuthError"),
    ],
)
def test_the_last_message_of_opencode_says_how_it_is(
    tmp_path: Path, told: dict[str, Any], state: str, detail: str
) -> None:
    database = Database(tmp_path)
    prompt = database.message("go on", role="user", time={})
    assert opencode_says(tmp_path).state == "busy"

    database.message("I go on", role="assistant", parentID=prompt, **told)

    said = opencode_says(tmp_path)
    assert (said.state, said.detail, said.session_id) == (state, detail, "ses_1")


@pytest.mark.parametrize(
    ("error", "state", "detail"),
    [
        ("The user rejected permission to use this specific tool call.", "idle", "a call was refused"),
        ("The user dismissed this question", "idle", "a call was refused"),
        # it goes on with the words, and after an error of the tool
        ("The user rejected permission to use this specific tool call with the following feedback: no", "busy", ""),
        ("ENOENT", "busy", ""),
    ],
)
def test_a_call_that_a_person_refused_ends_opencodes_turn(tmp_path: Path, error: str, state: str, detail: str) -> None:
    database = Database(tmp_path)
    prompt = database.message("go on", role="user", time={})
    asked = database.message(
        "I run it", role="assistant", parentID=prompt, time={"completed": 4e12}, finish="tool-calls"
    )

    part = {"type": "tool", "tool": "bash", "state": {"status": "error", "error": error}}
    database.run("INSERT INTO part VALUES (?, ?, ?)", asked, database.now(), json.dumps(part))

    said = opencode_says(tmp_path)
    assert (said.state, said.detail, said.is_final) == (state, detail, state == "idle")


def test_a_question_of_opencodes_model_waits_until_it_is_answered(tmp_path: Path) -> None:
    database = Database(tmp_path)
    prompt = database.message("go on", role="user", time={})
    asks = database.message("I ask", role="assistant", parentID=prompt, time={})

    def call(status: str) -> Said:
        state = {"status": status, "input": {"questions": [{"question": "Red?"}]}}
        database.run("DELETE FROM part WHERE message_id = ?", asks)
        part = json.dumps({"type": "tool", "tool": "question", "state": state})
        database.run("INSERT INTO part VALUES (?, ?, ?)", asks, database.now(), part)
        return opencode_says(tmp_path)

    said = call("running")
    assert (said.state, said.detail) == ("waiting", "Red?")
    assert call("completed").state == "busy"


def test_a_prompt_that_opencode_queued_keeps_it_busy(tmp_path: Path) -> None:
    database = Database(tmp_path)
    first = database.message("first", role="user", time={})
    database.message("second", role="user", time={})

    database.message("done", role="assistant", parentID=first, time={"completed": 4e12}, finish="stop")

    assert opencode_says(tmp_path).state == "busy"


def test_opencode_shows_the_prompts_of_that_folder_alone(tmp_path: Path) -> None:
    database = Database(tmp_path)
    prompt = database.message("go on", role="user", time={})
    database.message("I go on", role="assistant", parentID=prompt, time={})

    def shown(folder: str) -> list[tuple[str, str]]:
        found = arrivals(adapter_for("opencode"), f"{database.path}#{folder}")  # type: ignore[arg-type]
        return [(one.kind, one.text) for one in found]

    assert shown(WORK) == [(TURN, "go on")]
    assert shown("/home/ana/other") == []
