"""The time machine: an operator goes back, looks what was different, compares two moments, and comes back to now."""

from __future__ import annotations

from tests.support.console import Console
from tests.support.fake_town import NOW


async def until(pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


async def opened(pilot, *keys: str) -> None:
    await pilot.press("T")
    await until(pilot, lambda: pilot.app.feed.past.past is not None)
    await pilot.press(*keys)
    await pilot.pause()


async def test_an_operator_looks_what_was_different_an_hour_ago_and_comes_back() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        assert "nothing that is recorded" in app.screen_text()
        await pilot.press(*["left"] * 5)
        text = app.screen_text()
        assert "Agents at 10:24:31" in text and "works on gt-k3x9p" in text
        assert "Not known of then" in text and "screens, heartbeats" in text
        await pilot.press("right", "right", "right")
        assert "works on gt-k3x9p" not in app.screen_text()
        await pilot.press("escape")
        assert app.feed.view == "feed" and app.hands.back_then.is_closed


async def test_two_moments_are_compared() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, *["left"] * 5, "space", *["left"] * 3)
        assert "Different at 10:24:31" in app.screen_text()
        assert "new: Billing epic" in app.screen_text() or "new: Bug fixes" in app.screen_text()
        await pilot.press("space")
        assert "Different now" in app.screen_text()


async def test_the_ends_of_what_is_known_are_said() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, "right")
        assert "this is now" in app.screen_text()
        await pilot.press(*["{"] * 5, "left")
        assert app.feed.past.at == NOW - 10_800
        assert "nothing is known of before" in app.screen_text()
        await pilot.press(">", "}")
        assert app.feed.past.at == NOW - 10_800 + 4200


async def test_a_time_can_be_typed() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, "w")
        await until(pilot, lambda: "Go to a time" in app.screen_text())
        await pilot.press(*"2h", "enter")
        assert app.feed.past.at == NOW - 7200
        await pilot.press("w")
        await until(pilot, lambda: "Go to a time" in app.screen_text())
        await pilot.press(*"whenever", "enter")
        assert "whenever is no time" in app.screen_text() and app.feed.past.at == NOW - 7200


async def test_no_act_of_now_applies_to_what_was_there_then() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, "left", "j", "j")
        await pilot.press("n", "x", "r", "a", "h")
        await pilot.pause()
        assert app.feed.view == "past" and not app.hands.performed and app.screen is app.feed
        assert "works only in" in app.screen_text()
        await pilot.press("g", "enter")
        assert "mayor" not in [row.key.id for row in app.feed.stage.then_agents.rows if row.key.id], "folded"


async def test_no_key_acts_on_the_town_of_now_where_another_time_is_shown() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        for way, view in (("T", "time machine"), ("$", "costs"), ("H", "graphs")):
            await pilot.press(way)
            for key, label in (("s", "sling"), ("ctrl+z", "undo")):
                await pilot.press(key)
                told = f"{label} acts on the town of now: press {way} to leave the {view} first"
                await until(pilot, lambda told=told: told in app.screen_text())
                assert app.screen is app.feed and not app.hands.performed
            await pilot.press("!")
            await until(pilot, lambda: app.screen is not app.feed)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.feed)
            await pilot.press(way)
            assert app.feed.view == "feed"


async def test_an_open_drawer_waits_for_the_return() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("G", "enter")
        assert app.feed.drawer.is_open
        await opened(pilot)
        assert not app.feed.drawer.is_open
        await pilot.press("T")
        assert app.feed.drawer.is_open and app.feed.view == "feed"


async def test_a_past_that_cannot_be_read_is_said_in_its_panel() -> None:
    app = Console()

    def refuse(is_wanted):
        raise OSError(13, "Permission denied")

    app.hands.past = refuse
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: "the past cannot be read" in app.screen_text())
        await pilot.press("left")
        assert app.feed.view == "past"


async def test_a_reading_that_is_no_longer_wanted_is_let_go() -> None:
    app = Console()
    asked = []

    def read(is_wanted):
        asked.append(is_wanted)
        return app.hands.back_then

    app.hands.past = read
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("T")
        await pilot.press("T")
        await until(pilot, lambda: app.hands.back_then.is_closed)
        assert not asked[0]() and app.feed.past.past is None
