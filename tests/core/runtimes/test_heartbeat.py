import json
import os
import stat

from gastown_core.clock import FixedClock
from gastown_core.runtimes.heartbeat import (
    KEPT_PROMPTS,
    heartbeat_path,
    prompt_sha,
    read_heartbeat,
    read_prompts,
    write_heartbeat,
)

CLOCK = FixedClock(1_795_262_671.25)


def test_a_heartbeat_is_read_as_written_and_is_private(tmp_path):
    root = str(tmp_path)
    write_heartbeat(
        root, "gt-opal", "limited", context="step 2/5", bead="gt-1", until=CLOCK.at + 60, turn=3, clock=CLOCK
    )
    beat = read_heartbeat(root, "gt-opal")
    assert beat is not None
    assert beat.at == CLOCK.at
    assert beat[1:4] == ("limited", "step 2/5", "gt-1")
    assert (int(beat.until), beat.turn) == (int(CLOCK.at + 60), 3)
    assert stat.S_IMODE(os.stat(heartbeat_path(root, "gt-opal")).st_mode) == 0o600


def test_the_turn_counter_stays_when_it_is_not_told(tmp_path):
    root = str(tmp_path)
    write_heartbeat(root, "gt-opal", "working", turn=3)
    write_heartbeat(root, "gt-opal", "idle")
    beat = read_heartbeat(root, "gt-opal")
    assert beat is not None
    assert (beat.state, beat.turn) == ("idle", 3)


def test_a_heartbeat_of_the_go_tools_is_read(tmp_path):
    path = heartbeat_path(str(tmp_path), "gt-opal")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as handle:
        handle.write('{"timestamp":"2026-11-21T12:04:31Z","state":"working","context":"running tests","bead":"sh-x1"}')
    beat = read_heartbeat(str(tmp_path), "gt-opal")
    assert beat is not None
    assert (beat.at, beat.state, beat.turn, beat.until) == (1_795_262_671.0, "working", 0, 0.0)


def test_junk_and_nothing_are_no_heartbeat(tmp_path):
    path = heartbeat_path(str(tmp_path), "gt-opal")
    assert read_heartbeat(str(tmp_path), "gt-opal") is None
    os.makedirs(os.path.dirname(path))
    for text in ("", "{", "[]", '{"state":"idle"}'):
        with open(path, "w") as handle:
            handle.write(text)
        assert read_heartbeat(str(tmp_path), "gt-opal") is None


def test_the_last_texts_that_were_accepted_are_kept_as_digests(tmp_path):
    root, clock = str(tmp_path), FixedClock(1000.0)
    write_heartbeat(root, "gt-opal", prompt="[from mayor]  one\r\n\ttwo ", clock=clock)
    write_heartbeat(root, "gt-opal", "idle", clock=clock)
    assert read_prompts(root, "gt-opal") == [(prompt_sha("[from mayor] one\n    two"), 1000.0)]
    for number in range(KEPT_PROMPTS):
        clock.advance(1.0)
        write_heartbeat(root, "gt-opal", prompt=f"text {number}", clock=clock)
    shas = [sha for sha, _ in read_prompts(root, "gt-opal")]
    assert shas == [prompt_sha(f"text {number}") for number in range(KEPT_PROMPTS)]
    assert all(len(sha) == 16 for sha in shas)


def test_prompts_that_are_junk_are_passed_over(tmp_path):
    path = heartbeat_path(str(tmp_path), "gt-opal")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as handle:
        json.dump(
            {"timestamp": "2026-11-27T08:00:00Z", "prompts": [1, {"at": "x"}, {"sha": "ab", "at": "never"}]}, handle
        )
    assert read_prompts(str(tmp_path), "gt-opal") == [("ab", 0.0)]
