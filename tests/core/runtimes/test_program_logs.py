"""codex's session log and Gemini's title and hooks, from recorded sessions: what they mean at each moment."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.runtimes.adapter import Program, Said, together
from gastown_core.runtimes.adapters import codex, gemini
from gastown_core.runtimes.adapters.codex import CodexRecords
from gastown_core.runtimes.adapters.gemini import GeminiTitles
from gastown_core.runtimes.heartbeat import note_event, read_heartbeat
from tests.support.file_time import OneTick, let_age

DATA = Path(__file__).parents[2] / "data" / "runtime-signals"
SESSION = "sh-opal"


def rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]


def codex_program(home: Path, work: str, title: str = "") -> Program:
    return Program(SESSION, os.getpid(), work, {"CODEX_HOME": str(home)}, title)


def log_file(home: Path) -> Path:
    folder = home / "sessions" / "2026" / "11" / "27"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "rollout-2026-11-27T08-09-50-abc.jsonl"


def replay_codex(home: Path) -> dict[str, Said]:
    """Moment → what is said right before the next began."""
    records, path = CodexRecords(), log_file(home)
    known: dict[str, Said] = {}
    moment, title = "", ""
    for row in rows("codex-0.171.0"):
        if "moment" in row:
            said = records.look([codex_program(home, "/home/ana/work", title)], 1.0)
            known.setdefault(moment, said[SESSION])
            moment = str(row["moment"])
        elif "title" in row:
            title = str(row["title"])
        else:
            with open(path, "a") as handle:
                handle.write(f"{row['line']}\n")
    return known


@pytest.mark.parametrize(
    ("moment", "state", "source", "detail"),
    [
        ("up", "starting", "transcript", "no turn yet"),
        ("prompt", "idle", "transcript", ""),
        ("slow", "busy", "transcript", ""),
        ("second while busy", "idle", "transcript", ""),
        ("slow2", "busy", "transcript", ""),
        ("escape", "idle", "transcript", "interrupted"),
        ("permission", "waiting", "title", "a permission"),
        ("esc", "idle", "transcript", "interrupted"),
        ("429", "idle", "transcript", "interrupted"),
    ],
)
def test_codex_tells_each_moment(tmp_path: Path, moment: str, state: str, source: str, detail: str) -> None:
    said = replay_codex(tmp_path)[moment]

    assert (said.state, said.source, said.detail) == (state, source, detail)


def test_codex_names_its_session(tmp_path: Path) -> None:
    assert replay_codex(tmp_path)["prompt"].session_id == "01a21c0d-b6a3-7ed2-8f83-4cc46b800d1c"
    found = codex.ADAPTER.last_session("/home/ana/work", {"CODEX_HOME": str(tmp_path)})
    assert found == "01a21c0d-b6a3-7ed2-8f83-4cc46b800d1c"
    assert codex.ADAPTER.last_session("/home/ana/other", {"CODEX_HOME": str(tmp_path)}) == ""


def write_log(home: Path, cwd: str, *events: dict[str, object]) -> None:
    lines: list[dict[str, object]] = [
        {"timestamp": "2026-11-27T08:00:00Z", "type": "session_meta", "payload": {"id": "s", "cwd": cwd}}
    ]
    lines += [{"timestamp": "2026-11-27T08:00:05Z", "type": "event_msg", "payload": event} for event in events]
    log_file(home).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ({"message": "exceeded retry limit, last status: 429 Too Many Requests"}, "limited"),
        ({"message": "unexpected status 401 Unauthorized: no key"}, "failed"),
        ("Quota exceeded", "limited"),
        ({"codex_error_info": "usage_limit_exceeded", "message": "You've hit your usage limit"}, "limited"),
        (None, "idle"),
    ],
)
def test_the_error_that_ended_a_turn_of_codex_counts(tmp_path: Path, error: object, state: str) -> None:
    write_log(tmp_path, "/w", {"type": "task_started"}, {"type": "task_complete", "error": error})

    said = CodexRecords().look([codex_program(tmp_path, "/w")], 1.0)[SESSION]

    assert (said.state, said.is_final) == (state, True)


def test_the_log_of_another_folder_is_another_agents(tmp_path: Path) -> None:
    write_log(tmp_path, "/elsewhere", {"type": "task_started"})

    assert CodexRecords().look([codex_program(tmp_path, "/w")], 1.0)[SESSION].state == "starting"


def test_a_torn_line_is_waited_for_and_junk_passed_over(tmp_path: Path) -> None:
    write_log(tmp_path, "/w", {"type": "task_started"})
    path, records = log_file(tmp_path), CodexRecords()
    whole = json.dumps({"timestamp": "2026-11-27T08:00:09Z", "type": "event_msg", "payload": {"type": "task_complete"}})
    with open(path, "a") as handle:
        handle.write('{"task_complete": [[[\n' + whole[:40])
    assert records.look([codex_program(tmp_path, "/w")], 1.0)[SESSION].state == "busy"
    with open(path, "a") as handle:
        handle.write(whole[40:] + "\n")
    assert records.look([codex_program(tmp_path, "/w")], 1.0)[SESSION].state == "idle"


def replay_gemini(town: str) -> dict[str, Said | None]:
    titles, title = GeminiTitles(), ""
    known: dict[str, Said | None] = {}
    moment, said = "", None
    for row in rows("gemini-0.61.0"):
        at = float(str(row["at"]))
        if "moment" in row:
            beat = read_heartbeat(town, SESSION)
            known.setdefault(moment, together(said, beat.said if beat is not None else None))
            moment = str(row["moment"])
        elif "title" in row:
            title = str(row["title"])
            said = titles.look([Program(SESSION, 1, "/w", {}, title, at)], at)[SESSION]
        else:
            event, told = str(row["hook"]), row["told"]
            assert isinstance(told, dict)
            note_event(town, SESSION, event, gemini.ADAPTER.hear(event, told), at)
    return known


@pytest.mark.parametrize(
    ("moment", "state", "detail"),
    [
        ("up", "idle", ""),
        ("prompt", "idle", ""),
        ("slow", "busy", ""),
        ("permission", "waiting", "touch /tmp/x3"),
        ("esc", "idle", ""),
        ("429", "busy", ""),
    ],
)
def test_gemini_tells_each_moment(tmp_path: Path, moment: str, state: str, detail: str) -> None:
    said = replay_gemini(str(tmp_path))[moment]

    assert said is not None
    assert (said.state, said.source, said.detail) == (state, "title", detail)


def test_geminis_hooks_tell_its_session_and_prompts(tmp_path: Path) -> None:
    replay_gemini(str(tmp_path))
    beat = read_heartbeat(str(tmp_path), SESSION)

    assert beat is not None and beat.said is not None
    assert (beat.said.session_id, beat.turn) == ("1fbe616d-bdf8-4694-8e3b-921f524a5643", 5)


def test_the_days_are_looked_through_once_for_all_programs_and_not_at_each_look(tmp_path, monkeypatch) -> None:
    for day in range(1, 29):
        (tmp_path / "sessions" / "2026" / "10" / f"{day:02d}").mkdir(parents=True)
    write_log(tmp_path, "/w", {"type": "task_started"})
    let_age(log_file(tmp_path).parent)
    looked: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(codex.os, "scandir", lambda path: looked.append(str(path)) or scandir(path))
    programs = [codex_program(tmp_path, "/w")._replace(session=f"sh-{number}") for number in range(30)]
    records = CodexRecords()

    for now in (1.0, 2.0, 3.0):
        assert {said.state for said in records.look(programs, now).values()} == {"busy"}
    days = [path for path in looked if "/sessions/2026/1" in path and path.count("/") > str(tmp_path).count("/") + 3]
    assert len(days) == 29


def test_a_log_that_comes_in_the_tick_of_the_last_look_is_found(tmp_path: Path, one_tick: OneTick) -> None:
    records, log = CodexRecords(), log_file(tmp_path)
    one_tick.hold(log.parent)
    assert records.look([codex_program(tmp_path, "/w")], 1.0)[SESSION].state == "starting"
    write_log(tmp_path, "/w", {"type": "task_started"})
    one_tick.hold(log.parent)
    assert records.look([codex_program(tmp_path, "/w")], 1.1)[SESSION].state == "busy"


def test_a_new_log_and_a_new_day_are_found(tmp_path) -> None:
    records, first = CodexRecords(), log_file(tmp_path)
    assert records.look([codex_program(tmp_path, "/w")], 1.0)[SESSION].state == "starting"
    write_log(tmp_path, "/w", {"type": "task_started"})
    assert records.look([codex_program(tmp_path, "/w")], 1.1)[SESSION].state == "busy"

    tomorrow = tmp_path / "sessions" / "2026" / "11" / "28"
    tomorrow.mkdir()
    later = tomorrow / first.name
    later.write_text(first.read_text().replace("task_started", "task_complete"))
    os.utime(later, (first.stat().st_mtime + 9, first.stat().st_mtime + 9))
    assert records.look([codex_program(tmp_path, "/w")], 1.1 + codex.SCAN_S)[SESSION].state == "idle"
