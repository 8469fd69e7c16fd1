"""Sizes and order by the operator's hand: zoom, moved borders, agents grouped, sorted and hidden; remembered per town."""

from __future__ import annotations

import asyncio

import pytest

from gastown_core.model.agent import Health
from gastown_tui.layout import MOST_SHIFT, VIEWS, Scene, plan
from gastown_tui.preferences import Preferences, load_preferences, save_preferences
from gastown_tui.widgets.agent_order import COLUMNS, GROUPINGS, SORTS, Arrangement, arranged, read_arrangement
from tests.support.console import Console
from tests.support.fake_town import FakeLive, snapshot

SIZES = [(160, 45), (80, 24), (60, 15)]


async def until(pilot, condition, what: str = "") -> None:
    for _ in range(2000):
        if condition():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came: {what}\n{pilot.app.screen_text()}")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_every_plan_covers_the_screen_once_whatever_is_zoomed_or_moved(size: tuple[int, int], view: str) -> None:
    width, height = size
    for shift in (-MOST_SHIFT, -3, 0, 3, MOST_SHIFT):
        for zoomed, drawer, in_drawer in (
            (False, False, False),
            (False, True, False),
            (True, False, False),
            (True, True, False),
            (True, True, True),
        ):
            scene = Scene(view, VIEWS[view][0], drawer, is_zoomed=zoomed, is_drawer_zoomed=in_drawer, shift=shift)
            cells = [0] * (width * height)
            for region in plan(width, height, scene).values():
                assert region.width > 0 and region.height > 0, (scene, region)
                for y in range(region.y, region.bottom):
                    for x in range(region.x, region.right):
                        cells[y * width + x] += 1
            assert set(cells) == {1}, (scene, size)


@pytest.mark.parametrize("size", SIZES)
async def test_a_panel_takes_the_whole_screen_and_gives_it_back(size: tuple[int, int]) -> None:
    app = Console()
    async with app.run_test(size=size) as pilot:
        places = lambda: {child.id: child.region for child in app.feed.children}  # noqa: E731
        before = places()
        await pilot.press("2", "+")
        await until(pilot, lambda: app.feed.convoys.size.height == size[1] - 2, "the zoomed panel")
        assert app.feed.convoys.size.width == size[0] and "1 Agents" not in app.screen_text()
        await pilot.press("3")
        await until(pilot, lambda: app.feed.stream.size.height == size[1] - 2, "another panel takes its place")
        await pilot.press("escape", "1")
        await until(pilot, lambda: places() == before, "all panels again")
        await pilot.press("+", "_")
        await until(pilot, lambda: places() == before, "by its own key")


async def test_the_drawer_is_zoomed_while_it_has_the_keys() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("enter", "enter", "+")
        await until(pilot, lambda: app.feed.drawer.size.height == 43, "the drawer alone")
        await pilot.press("escape")
        await until(pilot, lambda: app.feed.agents.size.height > 10 and app.feed.drawer.size.height < 30, "both")
        await pilot.press("escape", "escape", "+", "d")
        await until(pilot, lambda: app.feed.drawer.size.height > 5, "an opened drawer shows under a zoomed panel")


async def test_the_border_moves_and_is_remembered(tmp_path) -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        before = app.feed.agents.size.width
        await pilot.press(">", ">", "<", ">")
        await until(pilot, lambda: app.feed.agents.size.width == before + 8, "a wider panel")
        app.choose()
    save_preferences(str(tmp_path), app.kept)
    again = Console(preferences=load_preferences(str(tmp_path)))
    async with again.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: again.feed.agents.size.width == before + 8, "the same width at the next start")


def test_agents_are_grouped_and_sorted_and_none_is_lost() -> None:
    town = snapshot()
    everyone = sorted(view.key for view in town.agents)
    for group in GROUPINGS:
        for sort in SORTS:
            groups, hidden = arranged(town, Arrangement(group, sort))
            assert sorted(view.key for one in groups for view in one.agents) == everyone and hidden == 0
            assert len({one.selection for one in groups}) == len(groups)
    by_state, _ = arranged(town, Arrangement("state"))
    assert [one.title for one in by_state][0] == "waiting on you"
    for one in by_state:
        assert len({view.health.state for view in one.agents}) == 1
    shown, hidden = arranged(town, Arrangement(hides_idle=True))
    idle = [view for view in town.agents if view.health.state is Health.IDLE]
    assert hidden == len(idle) and not any(view in idle for one in shown for view in one.agents)


def test_what_is_kept_is_read_and_nonsense_is_ignored() -> None:
    wanted = Arrangement("convoy", "age", frozenset(("mail",)), True)
    assert read_arrangement(wanted.as_json()) == wanted
    assert read_arrangement({"group": 7, "sort": ["x"], "hidden": ["nope"], "hides_idle": "yes"}) == Arrangement()


async def test_the_list_arranges_the_panel_and_folding_works_in_every_grouping() -> None:
    app = Console(FakeLive(snapshot()))
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("=")
        await until(pilot, lambda: "Arrange the agents" in app.screen_text(), "the list")
        await pilot.press(*"by state", "enter")
        await until(pilot, lambda: "waiting on you" in app.screen_text(), "the groups")
        assert "shop/ruby" in app.screen_text() and "shop/witness" in app.screen_text(), "names with their rigs"
        chosen = app.feed.chosen.agent
        assert chosen is not None, "the selection stays"
        rows = app.feed.agents.count()
        await pilot.press("left")
        await until(pilot, lambda: app.feed.agents.count() < rows, "a folded group")
        assert app.feed.chosen.kind == "", "a state is nothing of the town"
        await pilot.press("space", "right")
        await until(pilot, lambda: app.feed.agents.marked, "a whole group marked")
        await pilot.press("escape", "=", *"hide idle", "enter")
        await until(pilot, lambda: "idle, hidden" in app.screen_text(), "how many are hidden")
        await pilot.press("=", *"column mail", "enter")
        await until(pilot, lambda: app.feed.agents.arrangement.hidden == {"mail"}, "a column less")
        assert set(COLUMNS) > app.feed.agents.arrangement.hidden
        kept = Preferences()
        app.feed.remember(kept)
        assert read_arrangement(kept.arrangement) == app.feed.agents.arrangement
