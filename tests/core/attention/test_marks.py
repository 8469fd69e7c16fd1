"""Snooze, pin, done and undo: what they hide, and for how long."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gastown_core.attention.look import attention
from gastown_core.attention.marks import LONGEST_S, Marks, apply, done, path_of, pin, read_all, read_marks, snooze, undo
from gastown_core.errors import ConflictError, SettingsError, UsageError
from gastown_core.model.agent import Health, Question
from gastown_core.model.snapshot import EscalationView, LetterView
from tests.support.fake_town import NOW, agent, snapshot

ASKED = Question("permission", "Bash: npm ci", "", ("1 Yes", "2 No"), 0, "0123456789ab")
ROWS = attention(
    snapshot(
        (agent("shop/polecats/ruby", Health.WAITING, since=60, pane="%1", asks=ASKED),),
        (),
        escalated=(EscalationView("hq-e1", "rebase refused", 1, NOW - 900),),
        letters=(LetterView("hq-m1", "Which one?", "mayor/", 2, NOW - 60),),
    )
)
QUESTION, RAISED, LETTER = ROWS


def shown(root: str, now: float, rows=ROWS) -> list[str]:
    return [one.key for one in apply(rows, read_marks(root), now).shown]


def test_a_snoozed_row_is_back_when_its_time_is_over(tmp_path: Path) -> None:
    root = str(tmp_path)
    snooze(root, RAISED, NOW + 60, NOW)
    assert shown(root, NOW + 59) == [QUESTION.key, LETTER.key]
    assert RAISED.key in shown(root, NOW + 60)
    hidden = apply(ROWS, read_marks(root), NOW).hidden
    assert [(one.key, one.snoozed_until) for one in hidden] == [(RAISED.key, NOW + 60)]


def test_a_row_that_changes_is_back_before_its_time(tmp_path: Path) -> None:
    root = str(tmp_path)
    snooze(root, QUESTION, NOW + 3600, NOW)
    other = QUESTION._replace(stamp="another question")
    assert QUESTION.key not in shown(root, NOW + 1)
    assert shown(root, NOW + 1, (other,)) == [QUESTION.key]


def test_nothing_unchanged_stays_hidden_for_longer_than_a_day(tmp_path: Path) -> None:
    root = str(tmp_path)
    snooze(root, QUESTION, 0.0, NOW)
    done(root, LETTER, NOW)
    assert shown(root, NOW + LONGEST_S - 1) == [RAISED.key]
    assert len(shown(root, NOW + LONGEST_S)) == 3


def test_what_was_only_to_be_read_does_not_come_back_the_next_day(tmp_path: Path) -> None:
    news = LETTER._replace(informs=True)
    done(str(tmp_path), news, NOW)
    assert shown(str(tmp_path), NOW + LONGEST_S + 1, (news,)) == []
    undo(str(tmp_path))
    assert shown(str(tmp_path), NOW + LONGEST_S + 1, (news,)) == [news.key]


def test_all_that_is_to_be_read_is_read_as_one_act_and_taken_back_as_one(tmp_path: Path) -> None:
    root = str(tmp_path)
    news = [LETTER._replace(informs=True, bead=f"hq-n{number}", stamp=f"{number}") for number in range(3)]
    rows = (QUESTION, LETTER, *news)
    pin(root, news[2], NOW)
    done(root, news[0], NOW)
    now = apply(rows, read_marks(root), NOW + 1).shown
    assert read_all(root, now, NOW + 1) == 1
    undo(root)
    undo(root)
    assert read_all(root, apply(rows, read_marks(root), NOW + 2).shown, NOW + 2) == 2
    assert sorted(shown(root, NOW + LONGEST_S + 9, rows)) == sorted([QUESTION.key, LETTER.key, news[2].key])
    assert read_all(root, apply(rows, read_marks(root), NOW + 3).shown, NOW + 3) == 0, (
        "no act, so undo takes the one before"
    )
    undo(root)
    assert len(shown(root, NOW + 4, rows)) == 5


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    snooze(str(tmp_path), RAISED, NOW + 60, NOW)
    assert RAISED.key in shown(str(tmp_path), NOW - 1)


def test_a_question_is_never_done_and_a_time_that_is_over_no_snooze(tmp_path: Path) -> None:
    with pytest.raises(ConflictError):
        done(str(tmp_path), QUESTION, NOW)
    with pytest.raises(UsageError):
        snooze(str(tmp_path), QUESTION, NOW, NOW)
    assert not os.path.exists(path_of(str(tmp_path)))


def test_a_pinned_row_is_first_and_stays_so_when_it_was_snoozed(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert pin(root, LETTER, NOW)
    assert shown(root, NOW)[0] == LETTER.key
    pinned = apply(ROWS, read_marks(root), NOW).shown[0]
    snooze(root, pinned, NOW + 60, NOW)
    assert LETTER.key not in shown(root, NOW)
    assert shown(root, NOW + 61)[0] == LETTER.key
    assert not pin(root, pinned, NOW)
    assert shown(root, NOW + 61)[-1] == LETTER.key


def test_undo_takes_acts_back_one_by_one_the_last_first(tmp_path: Path) -> None:
    root = str(tmp_path)
    pin(root, LETTER, NOW)
    done(root, LETTER, NOW)
    snooze(root, RAISED, 0.0, NOW)
    assert undo(root) == f"snooze {RAISED.key}"
    assert RAISED.key in shown(root, NOW)
    undo(root)
    assert shown(root, NOW)[0] == LETTER.key, "the pin before it stays"
    undo(root)
    assert shown(root, NOW)[-1] == LETTER.key
    with pytest.raises(ConflictError):
        undo(root)


def test_the_file_is_private(tmp_path: Path) -> None:
    pin(str(tmp_path), RAISED, NOW)
    assert stat.S_IMODE(os.stat(path_of(str(tmp_path))).st_mode) == 0o600


@pytest.mark.parametrize("text", ["{", "[]", '{"marks": 3}', '{"marks": {"x": 4, "y": {"until": "soon", "at": null}}}'])
def test_junk_in_the_file_hides_nothing(tmp_path: Path, text: str) -> None:
    path = Path(path_of(str(tmp_path)))
    path.parent.mkdir()
    path.write_text(text)
    marks = Marks(str(tmp_path))
    assert apply(ROWS, marks.now(), NOW).shown == ROWS
    if text in ("{", "[]"):
        assert marks.error
        with pytest.raises(SettingsError):
            read_marks(str(tmp_path))


def test_a_process_that_stays_follows_the_file(tmp_path: Path) -> None:
    marks = Marks(str(tmp_path))
    assert marks.now() == {}
    pin(str(tmp_path), RAISED, NOW)
    assert marks.now()[RAISED.key].is_pinned
    undo(str(tmp_path))
    assert not marks.now()
