"""The view of the wasteland: its pages, the filter, details of a row, foreign text, and a commons that cannot be read."""

from __future__ import annotations

from gastown_core.errors import StoreError
from gastown_core.wasteland.board import board_of
from tests.support.board import item, keep_board
from tests.support.console import Console
from tests.tui.test_console import until


def joined(tmp_path):
    keep_board(str(tmp_path))
    app = Console()
    app.hands.board = lambda: board_of(str(tmp_path))
    return app


async def test_wanted_mine_to_judge_and_reputation(tmp_path) -> None:
    app = joined(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X")
        await until(pilot, lambda: "Mend the roof" in app.screen_text())
        text = app.screen_text()
        assert "org/commons as mill" in text and "A ladder" not in text
        assert "\x1b" not in text and "\u202e" not in text and "<b>bold</b>" in text
        app.feed.stage.wanted.select("w-001")
        await pilot.press("enter")
        await until(pilot, lambda: "All of it." in app.screen_text())
        await pilot.press("enter")
        await until(pilot, lambda: "All of it." not in app.screen_text())
        await pilot.press("space", "space")
        await until(pilot, lambda: "A ladder" in app.screen_text() and "Mend the roof" not in app.screen_text())
        await pilot.press("right")
        await until(pilot, lambda: "A bucket" in app.screen_text())
        await pilot.press("right")
        await until(pilot, lambda: "gt wl accept w-003" in app.screen_text())
        await pilot.press("right")
        await until(pilot, lambda: "2 stamps by 1" in app.screen_text())
        await pilot.press("enter")
        await until(pilot, lambda: "→ 4.0 newcomer" in app.screen_text() and "→ 5.0 newcomer" in app.screen_text())
        await pilot.press("escape")
        assert app.feed.view == "feed"


async def test_a_change_of_the_clone_shows_while_the_view_is_open(tmp_path) -> None:
    app = joined(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X")
        await until(pilot, lambda: "Mend the roof" in app.screen_text())
        keep_board(str(tmp_path), wanted=[item(9, "Something new")])

        def later() -> bool:
            app.fake.clock.advance(1)
            app.feed.show_all()
            return "Something new" in app.screen_text()

        await until(pilot, later)


async def test_no_commons_and_one_that_cannot_be_read_say_so(tmp_path) -> None:
    app = Console()

    def refuse():
        raise StoreError("dolt refused a statement", "the clone is damaged")

    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X")
        await until(pilot, lambda: "has joined no commons" in app.screen_text())
        await pilot.press("n", "x", "enter")
        assert not app.hands.performed
        await pilot.press("X")
        app.hands.board = refuse
        await pilot.press("X")
        await until(pilot, lambda: "cannot be read: dolt refused a statement" in app.screen_text())
