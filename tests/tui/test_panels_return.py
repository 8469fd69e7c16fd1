"""A panel that comes back into view is drawn for the place it has now."""

from __future__ import annotations

import pytest

from gastown_tui.widgets.rows import Rows
from tests.support.console import Console
from tests.support.fake_town import FakeLive, snapshot, standard_agents
from tests.tui.test_console import WIDE, select, until


async def fresh(size: tuple[int, int], keys: str) -> str:
    """What a console of this size shows that has never been elsewhere."""
    app = Console()
    async with app.run_test(size=size) as pilot:
        await select(pilot, "shop/polecats/ruby")
        await pilot.press(*keys)
        await pilot.pause()
        return app.screen_text()


def body(text: str) -> list[str]:
    """Without header and status line."""
    return text.splitlines()[1:-1]


@pytest.mark.parametrize("keys", ["pp", "mm", "pmm", "mpp"])
@pytest.mark.parametrize("size", [WIDE, (80, 24)])
async def test_leaving_a_view_and_coming_back_shows_the_same(size: tuple[int, int], keys: str) -> None:
    app = Console()
    async with app.run_test(size=size) as pilot:
        # an agent of the problems too, so that it stays the chosen one
        await select(pilot, "shop/polecats/ruby")
        await pilot.pause()
        expected = body(app.screen_text())
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        # at once: nothing else must be needed that redraws
        assert body(app.screen_text()) == expected


@pytest.mark.parametrize("keys", ["pp", "mm"])
async def test_what_changed_meanwhile_is_shown_on_return(keys: str) -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(keys[0])
        await pilot.pause()
        shot = snapshot()
        first = shot.convoys[0]._replace(title="Renamed meanwhile")
        app.fake.put(
            shot._replace(convoys=(first, *shot.convoys[1:])), ("mail", "mayor", {"to": "x", "subject": "while away"})
        )
        await until(pilot, lambda: app.fake._queue.empty(), "the update")
        await pilot.press(keys[1])
        await pilot.pause()
        assert "Renamed meanwhile" in app.screen_text() and "while away" in app.screen_text()


@pytest.mark.parametrize(("first", "away", "back"), [("", "p", "p"), ("", "m", "m"), ("p", "m", "p"), ("m", "p", "m")])
async def test_a_terminal_resized_in_another_view_is_filled_on_return(first: str, away: str, back: str) -> None:
    expected = body(await fresh((120, 36), first))
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        await pilot.press(*first, away)
        await pilot.resize_terminal(120, 36)
        await pilot.pause()
        await pilot.press(back)
        await pilot.pause()
        assert body(app.screen_text()) == expected


async def test_every_panel_of_rows_is_made_for_the_width_it_is_drawn_at() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        for keys in ("pp", "mm", "dd"):
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
                for sheet in app.feed.sheets():
                    if isinstance(sheet, Rows):
                        shown = sheet.plain_lines()
                        sheet._drawn = (0, 0, None)
                        assert sheet.plain_lines() == shown, (key, sheet.id)


async def test_under_a_dialog_updates_wait_for_the_tick_and_are_there_when_it_closes() -> None:
    """A dialog lets the screen below shine through, so that each change below it draws the whole screen."""
    live, shown, came = FakeLive(), [], []
    app = Console(live)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("?")
        await until(pilot, lambda: app.screen is not app.feed and app.typed.is_idle, "the help")
        tick, arrived, show_all = app.feed.tick, app.feed.arrived, app.feed.show_all
        # the clock's own ticks would come in between
        app.feed.tick = lambda *, changed: None
        app.feed.show_all = lambda: (shown.append(app.snapshot), show_all())
        app.feed.arrived = lambda update: (arrived(update), came.append(update))
        live.put(snapshot(standard_agents()[:3]))
        await until(pilot, lambda: came, "the update")
        assert not shown
        tick(changed=True)
        assert [len(one.agents) for one in shown] == [3]
        live.put(snapshot())
        await until(pilot, lambda: len(came) == 2, "another update")
        assert len(shown) == 1
        await pilot.press("escape")
        await until(pilot, lambda: len(shown) > 1, "all of it")
        live.put(snapshot(standard_agents()[:3]))
        await until(pilot, lambda: len(shown[-1].agents) == 3, "as soon as it comes")
