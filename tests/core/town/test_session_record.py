"""An agent's last session, kept past its end, and what a restart does with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_core.runtimes.adapter import Heard
from gastown_core.runtimes.heartbeat import heartbeat_path, note_event, read_heartbeat, write_heartbeat
from gastown_core.town import session_record, sessions, start_plan
from gastown_core.town.session_record import LastSession, last_session


def told(rigged, session_id: str = "abc-1", transcript: str = "", runtime: str = "claude") -> None:
    heard = Heard("idle", session_id=session_id, transcript=transcript)
    note_event(rigged.root, "hq-mayor", "Stop", heard, 100.0, runtime)


def test_the_id_outlives_the_heartbeat_of_its_session(rigged) -> None:
    entry = rigged.entry("mayor")
    told(rigged)
    sessions._forget_heartbeat(rigged.root, entry)

    assert not Path(heartbeat_path(rigged.root, "hq-mayor")).exists()
    assert last_session(rigged.root, entry, "claude") == LastSession("abc-1", "claude")
    assert last_session(rigged.root, entry, "gemini") is None, "an id of another program"


def test_a_session_that_told_nothing_leaves_the_last_one_known(rigged) -> None:
    entry = rigged.entry("mayor")
    told(rigged)
    sessions._forget_heartbeat(rigged.root, entry)
    sessions._forget_heartbeat(rigged.root, entry)

    assert last_session(rigged.root, entry, "claude") == LastSession("abc-1", "claude")


def test_a_late_hook_of_a_run_that_is_over_brings_no_heartbeat_back(rigged) -> None:
    entry, path = rigged.entry("mayor"), Path(heartbeat_path(rigged.root, "hq-mayor"))
    sessions._forget_heartbeat(rigged.root, entry, "1-a")
    note_event(rigged.root, "hq-mayor", "Stop", Heard("idle"), 100.0, "claude", run="1-a")
    assert path.exists()
    # stopped
    sessions._forget_heartbeat(rigged.root, entry)
    note_event(rigged.root, "hq-mayor", "SessionEnd", Heard("ended"), 101.0, "claude", run="1-a")
    write_heartbeat(rigged.root, "hq-mayor", "working", run="1-a")
    assert not path.exists()
    # started again
    sessions._forget_heartbeat(rigged.root, entry, "2-b")
    note_event(rigged.root, "hq-mayor", "Stop", Heard("idle"), 102.0, "claude", run="2-b")
    note_event(rigged.root, "hq-mayor", "SessionEnd", Heard("ended"), 103.0, "claude", run="1-a")
    beat = read_heartbeat(rigged.root, "hq-mayor")
    assert beat is not None and beat.said is not None and beat.said.state == "idle"
    # stopped, and then started by hand
    sessions._forget_heartbeat(rigged.root, entry)
    note_event(rigged.root, "hq-mayor", "Stop", Heard("idle"), 104.0, "claude")
    assert path.exists()


def test_a_session_whose_transcript_was_never_written_is_not_resumed(rigged, tmp_path: Path) -> None:
    entry = rigged.entry("mayor")
    told(rigged, transcript=str(tmp_path / "t.jsonl"))
    assert last_session(rigged.root, entry, "claude") is None
    (tmp_path / "t.jsonl").write_text("{}\n")
    assert last_session(rigged.root, entry, "claude") is not None


@pytest.mark.parametrize("bad", ["", "-rf", "a b", "$(touch x)", "../x"])
def test_what_is_no_id_reaches_no_command_line(rigged, bad: str) -> None:
    path = Path(session_record.record_path(rigged.root, "hq-mayor"))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"agent_session": bad, "runtime": "claude"}))

    assert last_session(rigged.root, rigged.entry("mayor"), "claude") is None


def test_a_restart_resumes_where_it_is_asked_to(rigged) -> None:
    entry = rigged.entry("mayor")
    told(rigged)

    def words(**more: object) -> list[str]:
        return start_plan.plan_start(rigged.root, entry, agent="claude", **more).argv  # type: ignore[arg-type]

    assert words(resume=True)[:-1] == ["claude", "--dangerously-skip-permissions", "--resume", "abc-1"]
    assert "--resume" not in words()
    scripted = start_plan.plan_start(rigged.root, entry, agent="scripted", resume=True)
    assert "abc-1" not in scripted.argv, "a runtime that cannot resume begins anew"
