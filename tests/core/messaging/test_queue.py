import json
import os
import stat

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError
from gastown_core.events.town_log import log_line
from gastown_core.messaging.queue import (
    URGENT,
    dead_letters,
    enqueue,
    queue_dir,
    read_nudge,
    ready_nudges,
    waiting,
    words_of,
)
from gastown_core.town.settings import set_setting
from tests.support.tmux import events


def messages(nudges):
    return [nudge.message for nudge in nudges]


def test_the_oldest_comes_first_and_urgent_ones_before_the_rest(tmp_path):
    root, clock = str(tmp_path), FixedClock(1000.0)
    for text in ("one", "two", "three"):
        enqueue(root, "gt-opal", "mayor", text, clock=clock)
    enqueue(root, "gt-opal", "mayor", "now!", priority=URGENT, clock=clock)
    assert messages(ready_nudges(root, "gt-opal", clock=clock)) == ["now!", "one", "two", "three"]
    assert len(waiting(root, "gt-opal")) == 4


def test_several_are_one_text_in_which_each_can_be_told_apart(tmp_path):
    root, clock = str(tmp_path), FixedClock(1000.0)
    enqueue(root, "gt-opal", "mayor", "first\nline two", clock=clock)
    one = ready_nudges(root, "gt-opal", clock=clock)
    assert words_of(one) == "[from mayor] first\nline two"
    enqueue(root, "gt-opal", "shop/witness", "stop", priority=URGENT, clock=clock)
    both = ready_nudges(root, "gt-opal", clock=clock)
    assert words_of(both) == (
        "2 messages for you:\n- [from shop/witness, urgent] stop\n- [from mayor] first\n  line two"
    )


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
    set_setting(str(tmp_path), "operational.nudge.depth", "3")
    for number in range(3):
        enqueue(str(tmp_path), "gt-opal", "mayor", f"no {number}")
    with pytest.raises(ConflictError, match="wait for gt-opal"):
        enqueue(str(tmp_path), "gt-opal", "mayor", "one too many")


def test_expired_and_broken_ones_become_dead_letters_and_later_ones_stay(tmp_path):
    root, clock = str(tmp_path), FixedClock(1000.0)
    enqueue(root, "gt-opal", "mayor", "old", target="shop/polecats/opal", clock=clock)
    folder = queue_dir(root, "gt-opal")
    with open(os.path.join(folder, "2000-broken.json"), "w") as handle:
        handle.write('{"message": "ha')
    later = {"sender": "x", "message": "later", "deliver_after": "1970-01-01T02:00:00Z"}
    never = {"sender": "x", "message": "unset times", "deliver_after": "0001-01-01T00:00:00Z"}
    for name, record in (("3000-later.json", later), ("4000-never.json", never)):
        with open(os.path.join(folder, name), "w") as handle:
            json.dump(record, handle)
    clock.advance(31 * 60)
    assert messages(ready_nudges(root, "gt-opal", clock=clock)) == ["unset times"]
    assert [(letter.sender, letter.message, letter.reason) for letter in dead_letters(root, "gt-opal")] == [
        ("mayor", "old", "it expired before it could be delivered"),
        ("", "", "it cannot be read"),
    ]
    first, second = events(root, "nudge_dead")
    assert (first["actor"], first["payload"]["target"]) == ("mayor", "shop/polecats/opal")
    assert second["payload"] == {"rig": "", "target": "gt-opal", "reason": "it cannot be read"}
    clock.advance(7200)
    assert messages(ready_nudges(root, "gt-opal", clock=clock)) == ["later", "unset times"]


def test_one_about_a_bead_that_was_closed_meanwhile_is_dropped_and_says_so(rigged):
    root, bead = rigged.root, rigged.file("Mend it").id
    for text, about in (("work on it", bead), ("gone", "sh-nosuch"), ("anything", "")):
        enqueue(root, "sh-opal", "mayor", text, about=about)
    assert messages(ready_nudges(root, "sh-opal")) == ["work on it", "gone", "anything"]
    with rigged.ledger.store_for(bead).write("test") as batch:
        batch.close(bead, "done")
    assert messages(ready_nudges(root, "sh-opal")) == ["gone", "anything"]
    assert [letter.reason for letter in dead_letters(root, "sh-opal")] == [f"dropped: {bead} is closed"]


def test_a_record_of_a_later_version_is_read_by_what_is_known(tmp_path):
    path = enqueue(str(tmp_path), "gt-opal", "mayor", "x", mode="next")
    assert read_nudge(path).mode == "next"
    with open(path, "w") as handle:
        json.dump({"message": "x", "mode": "by pigeon", "priority": 7}, handle)
    nudge = read_nudge(path)
    assert (nudge.sender, nudge.mode, nudge.priority) == ("unknown", "idle", "normal")


def test_the_town_log_is_private_and_one_line_per_entry(tmp_path):
    log_line(str(tmp_path), "nudge", "shop/opal", 'nudged with "a\nb\x1b[31m"', clock=FixedClock(1_795_262_671.0))
    path = tmp_path / "logs" / "town.log"
    (line,) = path.read_text().splitlines()
    assert line.endswith('[nudge] shop/opal nudged with "a b␛[31m"')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
