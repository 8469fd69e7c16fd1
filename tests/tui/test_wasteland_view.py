"""The view of the wasteland: its pages, the filter, details of a row, foreign text, and a commons that cannot be read."""

from __future__ import annotations

from gastown_core.errors import StoreError
from gastown_core.orders.perform import Choice, command_of
from gastown_core.wasteland.board import board_of, commons_of
from gastown_core.wasteland.contact import note_contact
from gastown_core.wasteland.membership import read_membership
from tests.support.board import item, keep_board
from tests.support.console import Console
from tests.support.fake_town import FakeLive, snapshot
from tests.tui.test_console import until


def joined(tmp_path, **options):
    keep_board(str(tmp_path))
    shot = snapshot()._replace(commons=commons_of(str(tmp_path)))
    app = Console(FakeLive(shot), **options)
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
        await until(pilot, lambda: "https://example.org/1" in app.screen_text())
        await pilot.press("right")
        await until(pilot, lambda: "2 stamps by 1" in app.screen_text())
        await pilot.press("enter")
        await until(pilot, lambda: "→ 4.0 newcomer" in app.screen_text() and "→ 5.0 newcomer" in app.screen_text())
        await pilot.press("escape")
        assert app.feed.view == "feed"


async def test_the_title_says_how_old_the_board_is_and_that_the_commons_cannot_be_reached(tmp_path) -> None:
    app = joined(tmp_path)
    member = read_membership(str(tmp_path))
    now = app.fake.clock.now()
    note_contact(member, now - 7300)
    note_contact(member, now - 3700, "no route \x1b[31m" * 20)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X")
        await until(pilot, lambda: "unreachable for 1h; as of 2h ago" in app.screen_text())
        # the pages keep their place
        assert "[wanted]" in app.screen_text() and "no route" not in app.screen_text()


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


async def shown(pilot, app, words: str) -> None:
    await until(pilot, lambda: words in app.screen_text())


def typed(app) -> list[list[str]]:
    return [command_of(order) for order in app.hands.performed]


async def test_an_open_item_is_claimed_for_a_rig_after_a_question(tmp_path) -> None:
    app = joined(tmp_path)
    app.hands.choices = lambda order: [
        Choice("shop", "make a bead of it in this rig", 0.0),
        Choice("-", "no bead", 0.0),
    ]
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X")
        await shown(pilot, app, "Mend the roof")
        app.feed.stage.wanted.select("w-001")
        await pilot.press("u")
        await shown(pilot, app, "w-001 is open; only what this town has claimed")
        await pilot.press("c")
        await shown(pilot, app, "make a bead of it in this rig")
        await pilot.press("enter")
        await shown(pilot, app, "The claim is sent to the commons")
        assert "Ctrl-Z undoes it until you hand it in" in app.screen_text()
        assert not app.hands.performed
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed)
        assert typed(app) == [["wl", "claim", "--rig", "shop", "--", "w-001"]]


async def test_what_is_claimed_here_is_handed_in_or_given_back(tmp_path) -> None:
    app = joined(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X", "right")
        await shown(pilot, app, "A bucket")
        app.feed.stage.wanted.select("w-004")
        await pilot.press("c")
        await shown(pilot, app, "w-004 is claimed by mill; only an open item can be claimed")
        await pilot.press("e")
        await shown(pilot, app, "the commit that landed its bead")
        await pilot.press("enter")
        await until(pilot, lambda: app.hands.performed)
        await pilot.press("e", *"at --x", "enter")
        await until(pilot, lambda: len(app.hands.performed) == 2)
        await pilot.press("u")
        await shown(pilot, app, "Its bead rests")
        await pilot.press("y")
        await until(pilot, lambda: len(app.hands.performed) == 3)
        assert typed(app) == [
            ["wl", "done", "--", "w-004"],
            ["wl", "done", "--evidence", "at --x", "--", "w-004"],
            ["wl", "unclaim", "--", "w-004"],
        ]


async def test_what_was_handed_in_is_accepted_with_figures_from_the_board_and_from_the_inbox(tmp_path) -> None:
    app = joined(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("i")
        await shown(pilot, app, "fern handed in A ladder")
        row = next(one for one in app.feed.stage.inbox.items if one.kind == "judge")
        app.feed.stage.inbox.select(next(r.key for r in app.feed.stage.inbox.rows if r.key and r.key.id == row.key))
        await pilot.press("O")
        await shown(pilot, app, "send back")
        await pilot.press("enter")
        await shown(pilot, app, "how good it is")
        await pilot.press(*"nice", "enter")
        await shown(pilot, app, "words stand on a stamp")
        await pilot.press("left", "down", "right", "right", "enter")
        await until(pilot, lambda: app.hands.performed)
        await pilot.press("escape", "X", "right", "right")
        await shown(pilot, app, "https://example.org/1")
        app.feed.stage.wanted.select("w-003")
        await pilot.press("x")
        await shown(pilot, app, "claimed again by the town that handed it in")
        await pilot.press("y")
        await until(pilot, lambda: len(app.hands.performed) == 2)
        assert typed(app) == [
            ["wl", "accept", "--quality", "5", "--speed", "1", "--message", "nice", "--", "w-003"],
            ["wl", "reject", "--", "w-003"],
        ]


async def test_another_town_is_stamped_never_ones_own_and_a_sync_is_shown_first(tmp_path) -> None:
    app = joined(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X", "left")
        await shown(pilot, app, "2 stamps by 1")
        app.feed.stage.wanted.select("fern")
        await pilot.press("*")
        await shown(pilot, app, "A stamp stays in the commons")
        await pilot.press("enter")
        await shown(pilot, app, "give a figure")
        await pilot.press("left", "left", "enter")
        await until(pilot, lambda: app.hands.performed)
        await pilot.press("y")
        await shown(pilot, app, "Where both sides changed an item, the commons wins")
        await pilot.press("y")
        await until(pilot, lambda: len(app.hands.performed) == 2)
        assert typed(app) == [["wl", "stamp", "--quality", "4", "--subject", "fern"], ["wl", "sync"]]


async def test_a_filter_is_chosen_from_what_the_board_has(tmp_path) -> None:
    app = joined(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X")
        await shown(pilot, app, "Mend the roof")
        await pilot.press("=", *"project yard", "enter")
        await until(pilot, lambda: "Mend the roof" not in app.screen_text())
        assert "w-002" in app.screen_text() and "open, project yard" in app.screen_text()
        await pilot.press("=", *"priority 1", "enter")
        await shown(pilot, app, "Nothing on the board is open, project yard, P1")
        await pilot.press("=", *"everything", "enter")
        await shown(pilot, app, "A ladder")
        assert "A bucket" in app.screen_text() and "Mend the roof" in app.screen_text()


async def test_a_read_only_console_changes_nothing_of_the_commons(tmp_path) -> None:
    app = joined(tmp_path, readonly=True)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("X")
        await shown(pilot, app, "Mend the roof")
        app.feed.stage.wanted.select("w-001")
        for key in "cuaxey*":
            await pilot.press(key)
        await shown(pilot, app, "read-only")
        assert not app.hands.performed
