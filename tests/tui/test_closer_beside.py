"""A row of the inbox without a pane has its work, its text and its last events beside it: no screen is left empty."""

from __future__ import annotations

import pytest

from gastown_core.attention.look import attention
from gastown_core.model.snapshot import LetterView
from gastown_tui.rowtext import unsaid
from gastown_tui.selection import ITEM, Selection
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeLive, snapshot


def town():
    letter = LetterView("hq-m1", "The queue is full", "mayor/", 1, NOW - 30)
    return snapshot(letters=(letter,))


async def until(pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_a_message_shows_its_text_without_being_marked_as_read(size) -> None:
    app = Console(FakeLive(town()))
    async with app.run_test(size=size) as pilot:
        await pilot.press("i")
        key = next(item.key for item in app.feed.stage.inbox.items if item.kind == "mail")
        app.feed.stage.inbox.select(Selection(ITEM, "", key))
        await until(pilot, lambda: "the queue is full." in app.screen_text())
        assert not [one for one in app.hands.performed if one[0] == "mail"]
        assert "\x1b" not in app.screen_text()


async def test_stuck_work_shows_its_members_and_its_newest_events_and_keeps_up() -> None:
    app = Console(FakeLive(town()))
    async with app.run_test(size=(160, 45)) as pilot:
        item = next(item for item in attention(app.snapshot) if item.kind == "stuck")
        bead = next(one.bead_id for one in app.snapshot.convoy(item.subject.id).members if one.stage != "done")
        app.fake.put(None, ("create", "shop", {"bead": bead, "title": "first"}))
        await until(pilot, lambda: "first" in app.screen_text())
        await pilot.press("i")
        app.feed.stage.inbox.select(Selection(ITEM, "", item.key))
        await until(pilot, lambda: "last events" in app.screen_text())
        assert "first" in app.screen_text() and " landed" in app.screen_text() and bead in app.screen_text()
        app.fake.put(None, ("create", "shop", {"bead": bead, "title": "second"}), ("create", "shop", {"bead": "gt-zz"}))
        await until(pilot, lambda: "second" in app.screen_text())
        assert [row.bead for row in app.feed.closer._events] == [bead] * 2


def test_what_repeats_another_reason_is_left_out() -> None:
    reasons = ["Allow Bash?", "is waiting for a person: Allow Bash?", "quiet for 5m"]
    assert unsaid(reasons) == ["Allow Bash?", "quiet for 5m"]
    assert unsaid(reasons, "Allow Bash?") == ["quiet for 5m"]
