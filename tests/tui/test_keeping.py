"""What the console leaves behind: choices, the last picture, a terminal it took over."""

from __future__ import annotations

import json
import os
import stat

import pytest

from gastown_core.model.address import parse_address
from gastown_core.state.rows import NO_FILTER
from gastown_tui.driver import ENTER_ALTERNATE, console_driver
from gastown_tui.last_picture import FILE as PICTURE
from gastown_tui.last_picture import picture_of, save_picture
from gastown_tui.preferences import FILE, Preferences, load_preferences, save_preferences
from gastown_tui.selection import AGENT, GROUP, Selection
from tests.support.console import Console
from tests.support.fake_town import NOW


def test_choices_come_back_and_are_private(tmp_path) -> None:
    kept = Preferences(theme="light", panel="events", is_drawer_open=True, drawer_tab=2, folded=["shop"])
    kept.keep_filter(NO_FILTER._replace(rig="shop", since=5.0, text="x"))
    save_preferences(str(tmp_path), kept)
    assert load_preferences(str(tmp_path)) == kept
    assert load_preferences(str(tmp_path)).event_filter == NO_FILTER._replace(rig="shop")
    assert stat.S_IMODE(os.stat(tmp_path / FILE).st_mode) == 0o600


def test_unknown_keys_survive_and_nonsense_is_left_out(tmp_path) -> None:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps({"theme": "pink", "panel": 7, "drawer_tab": "x", "folded": 3, "filter": {"rig": 1}, "later": 1})
    )
    assert load_preferences(str(tmp_path)) == Preferences()
    save_preferences(str(tmp_path), Preferences(theme="dark"))
    assert json.loads(path.read_text())["later"] == 1


def test_a_broken_file_is_no_obstacle(tmp_path) -> None:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert load_preferences(str(tmp_path)) == Preferences()


async def test_choices_hold_in_the_next_run() -> None:
    kept = Preferences(
        theme="light", panel="convoys", is_drawer_open=True, drawer_tab=1, folded=["shop"], filter={"rig": "shop"}
    )
    app = Console(preferences=kept)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        assert app.look.theme.name == "light" and app.feed.place == "convoys" and app.feed.drawer.is_open
        assert "opal" not in "\n".join(app.feed.agents.plain_lines())
        assert "filter: rig shop" in app.screen_text()


async def test_the_last_picture_is_the_screen_without_a_claim_of_freshness(tmp_path) -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        picture = picture_of(app.feed.sheets(), app.size, app.now)
        shown = app.screen_text().splitlines()
        path = str(tmp_path / PICTURE)
        assert save_picture(path, picture)
        assert not save_picture(path, picture)
    assert picture["lines"][1:] == shown[1:]
    assert "live" not in picture["lines"][0] and "✋ 2 need you" in picture["lines"][0]
    top, left, width, height = picture["events"]
    assert "slung gt-p9n4q" in shown[top] and shown[top + height].startswith("╰")
    assert (picture["width"], picture["height"], picture["taken_at"]) == (160, 45, NOW)
    assert json.load(open(path)) == picture
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


async def test_leaving_keeps_choices_and_picture(tmp_path) -> None:
    class Kept(Console):
        keep_choices = Console.__mro__[1].keep_choices
        keep_picture = Console.__mro__[1].keep_picture

    app = Kept()
    app.fake.root = str(tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("3", "t", "d", "q")
        await pilot.pause()
    kept = load_preferences(str(tmp_path))
    assert (kept.panel, kept.theme, kept.is_drawer_open) == ("events", "light", True)
    assert (tmp_path / PICTURE).exists()


def test_a_painted_screen_is_taken_over_without_clearing_it(monkeypatch) -> None:
    driver = console_driver(is_prepainted=True)
    written = []
    monkeypatch.setattr(driver.__mro__[2], "write", lambda self, data: written.append(data))
    taken = driver.__new__(driver)
    for text in (ENTER_ALTERNATE, "x", ENTER_ALTERNATE):
        taken.write(text)
    assert written == ["x", ENTER_ALTERNATE]
    assert not console_driver(is_prepainted=False).is_entered


class Remembering(Console):
    """A console that keeps its choices in memory when it leaves."""

    def keep_choices(self) -> None:
        self.choose()


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (80, 40), (160, 45)])
async def test_the_agents_are_seen_on_reopening_at_any_size(size) -> None:
    kept = Preferences(is_drawer_open=True)
    app = Remembering(preferences=kept)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert "opal" in app.screen_text()
        app.leave()
    assert kept.is_drawer_open, "a drawer that had no room is still the choice for a larger terminal"


async def test_a_drawer_that_is_shut_by_hand_stays_shut() -> None:
    kept = Preferences(is_drawer_open=True)
    app = Remembering(preferences=kept)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d", "d")
        app.leave()
    assert not kept.is_drawer_open


def test_groups_that_an_earlier_version_folded_stay_folded(tmp_path) -> None:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"folded": ["@town", "@shop", "cellar", 7]}), encoding="utf-8")
    assert load_preferences(str(tmp_path)).folded == ["", "shop", "cellar"]


async def test_a_rig_that_is_called_town_folds_apart_from_the_towns_own_agents() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        town = app.snapshot
        named = town.agents[-1]._replace(address=parse_address("town/polecats/opal"))
        app.fake.snapshot = town._replace(agents=(*town.agents, named))
        app.feed.show_all()
        assert app.feed.agents.select(Selection(GROUP, "town"))
        await pilot.press("left")
        assert app.feed.agents.folded == {"town"}
        assert app.feed.agents.select(Selection(GROUP, "")) and not app.feed.agents.select(
            Selection(AGENT, "", named.key)
        )
