"""When a commons was reached is kept beside the clone; a commons that is not reached is tried at growing intervals."""

from __future__ import annotations

import pytest

from gastown_core.clock import FixedClock
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import Shift
from gastown_core.town.settings import set_setting
from gastown_core.wasteland.contact import LONGEST_S, note_contact, read_contact
from gastown_core.wasteland.membership import CONTACT, read_membership
from gastown_core.wasteland.news import bring_news, why_resting
from tests.support.board import keep_board
from tests.support.rigged import Rigged

EVERY_S = 600.0


@pytest.fixture
def member(tmp_path):
    keep_board(str(tmp_path))
    return read_membership(str(tmp_path))


def test_failures_in_a_row_grow_the_pause_and_a_success_ends_it(member):
    assert read_contact(member).is_due(EVERY_S, 1000.0) and read_contact(member).words(5.0) == ""
    note_contact(member, 1000.0)
    assert not read_contact(member).is_due(EVERY_S, 1599.0) and read_contact(member).is_due(EVERY_S, 1600.0)
    assert read_contact(member).words(1000.0 + 7300) == "as of 2h ago"
    now, pauses = 1000.0, []
    for _ in range(9):
        note_contact(member, now, "no route")
        due = read_contact(member).due_at(EVERY_S)
        assert not read_contact(member).is_due(EVERY_S, due - 1) and read_contact(member).is_due(EVERY_S, due)
        pauses.append(due - now)
        now = due
    assert pauses[:4] == [600, 1200, 2400, 4800] and pauses[-1] == LONGEST_S
    known = read_contact(member)
    assert (known.reached_at, known.failing_since, known.failures) == (1000.0, 1000.0, 9)
    assert known.words(now).startswith("unreachable for ") and "no route; as of " in known.words(now)
    note_contact(member, now)
    assert read_contact(member).words(now) == "as of now" and not read_contact(member).error


def test_a_pause_is_never_shorter_than_what_the_town_asked_for(member):
    note_contact(member, 1000.0, "no route")
    assert read_contact(member).due_at(24 * 3600.0) == 1000.0 + 24 * 3600


def test_a_clock_that_was_put_back_does_not_end_the_looking(member):
    note_contact(member, 9e9)
    assert read_contact(member).is_due(EVERY_S, 1000.0)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"reached_at": "x", "failures": -3, "error": 7}', '{"failed_at": -1}']
)
def test_a_damaged_file_counts_as_none(member, text):
    with open(member.path + CONTACT, "w") as handle:
        handle.write(text)
    assert read_contact(member).words(5.0) == "" and read_contact(member).is_due(EVERY_S, 5000.0)
    note_contact(member, 5.0)
    assert read_contact(member).reached_at == 5.0


def test_the_duty_is_there_only_where_the_town_wants_it(rigged: Rigged):
    assert "commons" not in [duty.name for duty in duties_of(rigged.root)]
    set_setting(rigged.root, "wasteland.fetch_every", "5s")
    duty = next(duty for duty in duties_of(rigged.root) if duty.name == "commons")
    # a town that has joined nothing has nothing to bring
    assert duty.work(Shift(rigged.root, FixedClock(1000.0), lambda: False)) == "" and duty.paused(rigged.root) == ""
    keep_board(rigged.root)
    member = read_membership(rigged.root)
    assert member is not None
    note_contact(member, 1000.0)
    # each look starts dolt: an interval of seconds is one of a minute
    assert duty.work(Shift(rigged.root, FixedClock(1050.0), lambda: False)) == ""
    set_setting(rigged.root, "wasteland.fetch_every", "0s")
    assert "commons" not in [duty.name for duty in duties_of(rigged.root)]


def test_without_dolt_it_is_told_and_nothing_is_started_while_it_rests(rigged: Rigged, monkeypatch):
    keep_board(rigged.root)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("GT_DOLT_PROGRAM", "dolt")
    clock = FixedClock(1000.0)
    assert bring_news(rigged.root, EVERY_S, "daemon", clock) == ""
    assert "dolt is not installed" in why_resting(rigged.root, EVERY_S, clock)
    assert bring_news(rigged.root, EVERY_S, "daemon", FixedClock(1599.0)) == ""
    assert why_resting(rigged.root, EVERY_S, FixedClock(1601.0)) == ""
