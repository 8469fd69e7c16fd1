"""Claude Code's own words, from sessions of two versions that were recorded: what they mean at each moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gastown_core.process_table import start_of
from gastown_core.runtimes.adapter import Heard, Program, Said, together
from gastown_core.runtimes.adapters import adapter_for, claude
from gastown_core.runtimes.adapters.claude import ADAPTER, ClaudeRecords, said_of
from gastown_core.runtimes.heartbeat import note_event, read_heartbeat, read_prompts, write_heartbeat
from tests.support.file_time import OneTick, let_age
from tests.support.patience import until

DATA = Path(__file__).parents[2] / "data" / "runtime-signals"
SESSION = "sh-opal"
LIMIT = "Request rejected (429) · This request would exceed your account's rate limit. Please try again later."
VERSIONS = ("2.1.197", "2.1.332")


def replay(version: str, town: str) -> dict[str, Said | None]:
    """Moment → what is known right before the next one began."""
    record: Said | None = None
    known: dict[str, Said | None] = {}
    moment = ""
    for line in (DATA / f"claude-{version}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if "moment" in row:
            beat = read_heartbeat(town, SESSION)
            known.setdefault(moment, together(record, beat.said if beat is not None else None))
            moment = row["moment"]
        elif "record" in row:
            record = said_of(row["record"]) if row["record"] else None
        else:
            note_event(town, SESSION, row["hook"], ADAPTER.hear(row["hook"], row["told"]), row["at"])
    return known


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("moment", "state", "source"),
    [
        ("prompt sent", "idle", "record"),
        ("slow sent", "busy", "record"),
        ("queued while busy", "idle", "record"),
        ("permission", "waiting", "record"),
        ("esc at permission", "idle", "record"),
        ("askme", "idle", "record"),
        ("slow for escape", "busy", "record"),
        ("escape", "idle", "record"),
        ("429 final", "limited", "hook"),
    ],
)
def test_each_moment_is_told_as_it_was(tmp_path: Path, version: str, moment: str, state: str, source: str) -> None:
    said = replay(version, str(tmp_path))[moment]

    assert said is not None
    assert (said.state, said.source) == (state, source)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_limit_that_ended_a_turn_is_told_in_its_own_words(tmp_path: Path, version: str) -> None:
    said = replay(version, str(tmp_path))["429 final"]

    assert said is not None
    assert said.detail == LIMIT
    assert said.is_final


def test_a_permission_is_told_with_what_it_is_for(tmp_path: Path) -> None:
    asked = {"tool_name": "Bash", "tool_input": {"command": "touch /x", "description": "run a command"}}
    note_event(str(tmp_path), SESSION, "PermissionRequest", ADAPTER.hear("PermissionRequest", asked), 100.2)
    record = said_of({"pid": 1, "status": "waiting", "waitingFor": "permission prompt", "statusUpdatedAt": 100_000})
    beat = read_heartbeat(str(tmp_path), SESSION)
    assert beat is not None

    assert together(record, beat.said) == Said("waiting", 100.0, "record", "Bash: touch /x")
    assert beat.state == "waiting"


@pytest.mark.parametrize(
    ("event", "told", "state", "detail"),
    [
        ("StopFailure", {"error": "authentication_failed", "last_assistant_message": "Please log in"}, "failed", "Please log in"),
        ("StopFailure", {"error": "billing_error"}, "failed", "billing_error"),
        ("StopFailure", {"error": "overloaded"}, "limited", "overloaded"),
        ("StopFailure", {}, "failed", "its turn failed"),
        ("Stop", {"background_tasks": [{"id": 1}]}, "idle", "its turn ended, one task of it runs on"),
        ("Notification", {"notification_type": "idle_prompt", "message": "waits"}, "", ""),
        ("Notification", {"notification_type": "agent_needs_input", "message": "needs your choice"}, "waiting", "needs your choice"),
        ("PermissionRequest", {"tool_name": "AskUserQuestion", "tool_input": {"questions": [{"question": "Which colour?"}]}}, "waiting", "Which colour?"),
        ("PermissionRequest", {"tool_name": "Bash", "tool_input": "?"}, "waiting", "Bash"),
        ("SessionEnd", {"reason": "clear"}, "", ""),
        ("SessionEnd", {"reason": "prompt_input_exit"}, "ended", ""),
        ("SessionStart", {"source": "compact"}, "", ""),
        ("SomethingNew", {"x": [1]}, "", ""),
    ],
)  # fmt: skip
def test_an_event_means(event: str, told: dict[str, Any], state: str, detail: str) -> None:
    heard = ADAPTER.hear(event, told)

    assert (heard.state, heard.detail) == (state, detail)


@pytest.mark.parametrize("kind", ["permission_prompt", "agent_needs_input"])
def test_a_reminder_of_a_question_keeps_the_questions_words(tmp_path: Path, kind: str) -> None:
    town = str(tmp_path)
    asked = {"tool_name": "AskUserQuestion", "tool_input": {"questions": [{"question": "Which colour?"}]}}
    note_event(town, SESSION, "PermissionRequest", ADAPTER.hear("PermissionRequest", asked), 100.0)
    told = {"notification_type": kind, "message": "Claude needs your permission"}

    note_event(town, SESSION, "Notification", ADAPTER.hear("Notification", told), 106.0)

    beat = read_heartbeat(town, SESSION)
    assert beat is not None and beat.said is not None
    assert (beat.said.state, beat.said.detail, beat.said.at) == ("waiting", "Which colour?", 100.0)


def test_a_turn_whose_task_runs_on_is_not_over(tmp_path: Path) -> None:
    heard = ADAPTER.hear("Stop", {"background_tasks": [{}, {}]})
    note_event(str(tmp_path), SESSION, "Stop", heard, 100.1)
    beat = read_heartbeat(str(tmp_path), SESSION)
    assert beat is not None and beat.said is not None

    said = together(said_of({"pid": 1, "status": "idle", "statusUpdatedAt": 100_000}), beat.said)

    assert said is not None
    assert not said.is_final


def test_a_command_that_escape_moved_to_the_background_keeps_the_turn_from_being_over(tmp_path: Path) -> None:
    note_event(str(tmp_path), SESSION, "UserPromptSubmit", ADAPTER.hear("UserPromptSubmit", {"prompt": "x"}), 97.0)
    beat = read_heartbeat(str(tmp_path), SESSION)
    assert beat is not None and beat.said is not None

    said = together(said_of({"pid": 1, "status": "shell", "statusUpdatedAt": 100_000}), beat.said)

    assert said == Said("idle", 100.0, "record", "its turn ended, a command of it runs on")


def test_a_status_in_a_word_not_known_here_leaves_it_to_the_hooks(tmp_path: Path) -> None:
    write_record(tmp_path, os.getpid(), status="dreaming")

    assert ClaudeRecords().look([program(os.getpid(), tmp_path)], 9.0) == {}


def test_an_event_that_comes_late_does_not_undo_a_later_one(tmp_path: Path) -> None:
    town = str(tmp_path)
    note_event(town, SESSION, "Stop", Heard("idle"), 200.0)
    note_event(town, SESSION, "UserPromptSubmit", Heard("busy", prompt="go on"), 100.0)
    beat = read_heartbeat(town, SESSION)
    assert beat is not None and beat.said is not None

    assert beat.said.state == "idle"
    assert [sha for sha, _ in read_prompts(town, SESSION)], "the text counts all the same"


def test_a_heartbeat_of_ours_keeps_what_the_program_told(tmp_path: Path) -> None:
    town = str(tmp_path)
    note_event(town, SESSION, "Stop", Heard("limited", "429", session_id="a-b", transcript="/t.jsonl"), 100.0)
    write_heartbeat(town, SESSION, "working", context="step 2")
    beat = read_heartbeat(town, SESSION)
    assert beat is not None

    assert beat.context == "step 2"
    assert beat.said == Said("limited", 100.0, "hook", "429", session_id="a-b")


def program(pid: int, home: Path, session: str = SESSION) -> Program:
    return Program(session, pid, "/work", {"HOME": str(home), "GT_SESSION": session, "GT_TOWN_ROOT": "/t"})


def write_record(home: Path, pid: int, **more: Any) -> Path:
    folder = home / ".claude" / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pid}.json"
    record = {"pid": pid, "procStart": f"{start_of(pid):.0f}", "status": "busy", "statusUpdatedAt": 5000, **more}
    path.write_text(json.dumps(record))
    return path


def test_a_record_is_read_for_the_process_that_wrote_it(tmp_path: Path) -> None:
    records = ClaudeRecords()
    mine = program(os.getpid(), tmp_path)
    write_record(tmp_path, os.getpid(), sessionId="abc")

    assert records.look([mine], 9.0)[SESSION] == Said("busy", 5.0, "record", session_id="abc")
    assert records.folders() == {str(tmp_path / ".claude" / "sessions")}


def test_a_record_that_a_killed_process_left_behind_says_nothing(tmp_path: Path) -> None:
    write_record(tmp_path, os.getpid(), procStart="1")

    assert ClaudeRecords().look([program(os.getpid(), tmp_path)], 9.0)[SESSION].state == "starting"


def test_without_a_record_the_program_is_starting_since_its_process_began(tmp_path: Path) -> None:
    said = ClaudeRecords().look([program(os.getpid(), tmp_path)], 9.0)[SESSION]

    assert said.state == "starting"
    assert said.at > 1_000_000_000


def test_a_program_below_a_wrapper_is_found_by_its_session(tmp_path: Path) -> None:
    env = {**os.environ, "GT_SESSION": SESSION, "GT_TOWN_ROOT": "/t"}
    child = subprocess.Popen([sys.executable, "-c", "input()"], env=env, stdin=subprocess.PIPE)
    try:
        write_record(tmp_path, child.pid)
        # the environment of a process is empty for the moment of its exec: the same reader must see it later
        records, wrapper = ClaudeRecords(), program(os.getpid(), tmp_path)
        until(lambda: records.look([wrapper], 9.0)[SESSION].state == "busy", "the record below the wrapper")
    finally:
        child.kill()
        child.wait()
        assert child.stdin is not None
        child.stdin.close()


def test_an_environment_that_is_empty_at_the_first_look_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(tmp_path, os.getppid(), procStart=f"{start_of(os.getppid()):.0f}")
    answers = [{}, {"GT_SESSION": SESSION, "GT_TOWN_ROOT": "/t"}]
    monkeypatch.setattr(claude, "environment_of", lambda pid: answers.pop(0))
    records, wrapper = ClaudeRecords(), program(os.getpid(), tmp_path)

    assert records.look([wrapper], 9.0)[SESSION].state == "starting"
    assert records.look([wrapper], 9.0)[SESSION].state == "busy"
    # known now: not asked a third time
    assert records.look([wrapper], 9.0)[SESSION].state == "busy"


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1, "status": [1]}', "[" * 3000])
def test_junk_beside_records_is_passed_over(tmp_path: Path, junk: str) -> None:
    write_record(tmp_path, os.getpid())
    (tmp_path / ".claude" / "sessions" / "1.json").write_text(junk)
    (tmp_path / ".claude" / "sessions" / "2.json").mkdir()

    assert ClaudeRecords().look([program(os.getpid(), tmp_path)], 9.0)[SESSION].state == "busy"


def test_a_record_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gastown_core.runtimes.adapters import claude

    path = write_record(tmp_path, os.getpid())
    let_age(path)
    records, mine = ClaudeRecords(), program(os.getpid(), tmp_path)
    records.look([mine], 9.0)
    reads: list[str] = []
    real = claude.read_plain
    monkeypatch.setattr(claude, "read_plain", lambda file: reads.append(file) or real(file))
    for _ in range(5):
        records.look([mine], 9.0)
    assert reads == []
    write_record(tmp_path, os.getpid(), status="idle", statusUpdatedAt=6000)
    assert records.look([mine], 9.0)[SESSION].state == "idle"
    assert reads == [str(path)]


def test_a_record_that_is_written_twice_within_one_tick_is_read_twice(tmp_path: Path, one_tick: OneTick) -> None:
    records, mine = ClaudeRecords(), program(os.getpid(), tmp_path)
    one_tick.hold(write_record(tmp_path, os.getpid()))
    assert records.look([mine], 9.0)[SESSION].state == "busy"
    one_tick.hold(write_record(tmp_path, os.getpid(), status="idle", statusUpdatedAt=6000))
    assert records.look([mine], 9.0)[SESSION].state == "idle"


def test_compacting_and_the_start_of_a_session_run_the_right_commands() -> None:
    hooks = (ADAPTER.hook_files("polecat")[0].settings or {})["hooks"]
    commands = {
        event: [one["command"] for entry in entries for one in entry["hooks"]] for event, entries in hooks.items()
    }

    assert any("prime --hook" in one for one in commands["SessionStart"])
    assert not any("prime" in one for one in commands["PreCompact"]), "it would take a hand-off's notes"
    assert all(any(f"signal {event}" in one for one in found) for event, found in commands.items())


def test_a_runtime_without_signals_has_no_adapter() -> None:
    assert adapter_for("amp") is None
    assert adapter_for("claude") is ADAPTER
