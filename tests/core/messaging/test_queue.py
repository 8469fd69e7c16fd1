import json
import os
import stat

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError
from gastown_core.events.town_log import log_line
from gastown_core.messaging.queue import MAX_DEPTH, URGENT, drain, enqueue, queue_dir, waiting


def messages(records):
    return [record["message"] for record in records]


def test_nudges_come_out_once_in_the_order_they_were_sent_urgent_ones_first(tmp_path):
    root, clock = str(tmp_path), FixedClock(1000.0)
    for text in ("one", "two", "three"):
        enqueue(root, "gt-opal", "mayor", text, clock=clock)
    enqueue(root, "gt-opal", "mayor", "now!", priority=URGENT, clock=clock)
    assert messages(drain(root, "gt-opal", clock=clock)) == ["now!", "one", "two", "three"]
    assert drain(root, "gt-opal", clock=clock) == []
    assert os.listdir(queue_dir(root, "gt-opal")) == []


def test_the_record_is_the_go_tools_and_private(tmp_path):
    path = enqueue(str(tmp_path), "gt-opal", "shop/witness", "rebase please", clock=FixedClock(1_795_262_671.0))
    with open(path) as handle:
        record = json.load(handle)
    assert record == {
        "sender": "shop/witness",
        "message": "rebase please",
        "priority": "normal",
        "kind": "nudge",
        "timestamp": "2026-11-21T12:04:31Z",
        "expires_at": "2026-11-21T12:34:31Z",
    }
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_equal_waiting_nudges_are_one(tmp_path):
    root = str(tmp_path)
    assert enqueue(root, "gt-opal", "mayor", "x") == enqueue(root, "gt-opal", "mayor", "x")
    assert len(waiting(root, "gt-opal")) == 1


def test_a_full_queue_says_so(tmp_path):
    for number in range(MAX_DEPTH):
        enqueue(str(tmp_path), "gt-opal", "mayor", f"no {number}")
    with pytest.raises(ConflictError, match="wait for gt-opal"):
        enqueue(str(tmp_path), "gt-opal", "mayor", "one too many")


def test_expired_and_broken_ones_are_dropped_and_later_ones_stay(tmp_path):
    root, clock = str(tmp_path), FixedClock(1000.0)
    enqueue(root, "gt-opal", "mayor", "old", clock=clock)
    folder = queue_dir(root, "gt-opal")
    with open(os.path.join(folder, "2000-broken.json"), "w") as handle:
        handle.write('{"message": "ha')
    later = {"sender": "x", "message": "later", "deliver_after": "1970-01-01T02:00:00Z"}
    never = {"sender": "x", "message": "unset times", "deliver_after": "0001-01-01T00:00:00Z"}
    for name, record in (("3000-later.json", later), ("4000-never.json", never)):
        with open(os.path.join(folder, name), "w") as handle:
            json.dump(record, handle)
    clock.advance(31 * 60)
    assert messages(drain(root, "gt-opal", clock=clock)) == ["unset times"]
    assert os.listdir(folder) == ["3000-later.json"]
    clock.advance(7200)
    assert messages(drain(root, "gt-opal", clock=clock)) == ["later"]


def test_the_town_log_is_private_and_one_line_per_entry(tmp_path):
    log_line(str(tmp_path), "nudge", "shop/opal", 'nudged with "a\nb\x1b[31m"', clock=FixedClock(1_795_262_671.0))
    path = tmp_path / "logs" / "town.log"
    (line,) = path.read_text().splitlines()
    assert line.endswith('[nudge] shop/opal nudged with "a b␛[31m"')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
