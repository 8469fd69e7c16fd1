"""An operator comes back after lunch."""

from __future__ import annotations

import pytest

from tests.support.console import Console
from tests.support.fake_town import NOW, FakeLive, standard_stream


async def until(pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


def town() -> FakeLive:
    return FakeLive(stream=standard_stream(120))


@pytest.mark.parametrize("size", [(160, 45), (80, 24), (60, 15)])
async def test_after_an_absence_the_first_key_only_shows_what_happened(size) -> None:
    app = Console(town())
    async with app.run_test(size=size) as pilot:
        await pilot.press("j")
        before = app.feed.agents.key
        app.feed.away._pressed_at -= 1200
        await pilot.press("x")
        await until(pilot, lambda: "Since" in app.screen_text())
        text = app.screen_text()
        assert "20m; the key did nothing else" in text
        assert app.feed.agents.key == before and not app.hands.performed
        await pilot.press("escape", "j")
        assert app.feed.agents.key != before


async def test_enter_opens_the_event_of_a_row() -> None:
    app = Console(town())
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("A")
        await until(pilot, lambda: "Sent back" in app.screen_text())
        await pilot.press("/", *"conflict", "enter")
        await until(pilot, lambda: app.feed.place == "events")
        event = app.feed.chosen.event
        assert (event.type, event.ts) == ("merge_failed", NOW - 88) and app.feed.drawer.is_open


async def test_keys_meant_for_the_console_never_land_in_the_digests_filter() -> None:
    """The first key opened it unasked: those that follow at once move in it, and nothing is typed before a slash."""
    app = Console(town())
    async with app.run_test(size=(80, 24)) as pilot:
        app.feed.away._pressed_at -= 1200
        await pilot.press("x")
        app.feed.away._is_opening = True
        assert app.feed.away.pressed(), "it is still being read: no key acts"
        app.feed.away._is_opening = False
        await until(pilot, lambda: "Since" in app.screen_text())
        dialog = app.screen
        first = dialog.page.key
        await pilot.press("n", "j", "y")
        assert dialog.field.value == "" and dialog.page.key != first and app.screen is dialog
        await pilot.press("G")
        assert dialog.page.key == dialog.entries[-1].key
        await pilot.press("/", *"jq", "escape")
        assert app.screen is dialog and dialog.field.value == ""
        await pilot.press("q")
        assert app.screen is app.feed and not app.hands.performed


async def test_a_row_of_an_agent_leads_to_the_agent() -> None:
    app = Console(town())
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("3", "A")
        await until(pilot, lambda: "Waits for you" in app.screen_text())
        await pilot.press("enter")
        await until(pilot, lambda: app.feed.place == "agents")
        assert app.feed.chosen.agent.health.state.value in ("waiting", "stopped-short", "gupp", "stalled")


async def test_a_short_pause_or_a_setting_of_never_shows_nothing() -> None:
    app = Console(town())
    async with app.run_test(size=(160, 45)) as pilot:
        app.feed.away._pressed_at -= 300
        await pilot.press("j")
        app.hands.away_after = lambda: 0.0
        app.feed.away._pressed_at -= 9000
        await pilot.press("j")
        await pilot.pause(0.05)
        assert "Since" not in app.screen_text() and len(app.screen_stack) == 1


async def test_the_start_tells_what_happened_since_the_last_use_in_a_line() -> None:
    app = Console(town())
    app.hands.looked = NOW - 7200
    async with app.run_test(size=(160, 45)) as pilot:
        app.feed.away._greet()
        await until(pilot, lambda: "since you looked 2h00m ago" in app.screen_text())
        assert "A lists it" in app.screen_text() and app.hands.looked == NOW
