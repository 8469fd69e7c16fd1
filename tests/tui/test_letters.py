"""Letters over everything on the screen that can be gone to."""

from __future__ import annotations

from gastown_tui.controllers.letters import ALPHABET, known_ids, labels
from gastown_tui.selection import AGENT, CONVOY, Selection, resolve
from tests.support.console import Console


async def until(pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


def test_no_label_begins_another() -> None:
    for count in (0, 1, 26, 27, 676, 700):
        found = labels(count)
        assert len(found) == len(set(found)) == count
        assert len({len(label) for label in found}) <= 1 and set("".join(found)) <= set(ALPHABET)


async def test_typing_the_letters_of_a_row_or_an_id_goes_there() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        letters = app.feed.letters
        await pilot.press("F")
        targets = dict(letters.label_of)
        assert letters.is_open and len({len(label) for label in targets.values()}) == 1
        text = app.screen_text()
        convoy = next(one for one in app.snapshot.convoys if one.closed_at is None and one.members)
        agent = app.snapshot.agents[-1]
        wanted = [
            (("agents", Selection(AGENT, "", agent.key)), "agents"),
            (("convoys", Selection(CONVOY, "", convoy.id)), "convoys"),
        ]
        # an event names an agent, whose row stands in another panel
        wanted.append((("", Selection(AGENT, "", "shop/polecats/jade")), "agents"))
        for number, (target, place) in enumerate(wanted):
            if number:
                await pilot.press("F")
            assert letters.label_of[target] in text
            await pilot.press(*letters.label_of[target])
            await until(pilot, lambda place=place: app.feed.place == place and not letters.is_open)
            assert app.feed.stage.panel.key == target[1]
        assert not app.hands.performed and app.screen is app.feed


async def test_escape_and_other_keys_only_take_the_letters_away() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        before = app.feed.agents.plain_lines()
        shown = app.screen_text()
        for key in ("escape", "ctrl+d", "!", "F"):
            await pilot.press("F")
            assert app.feed.letters.is_open and app.screen_text() != shown
            assert app.feed.agents.plain_lines() == before, "the text below is as it was"
            await pilot.press(key)
            await until(pilot, lambda: not app.feed.letters.is_open)
            assert app.screen is app.feed and app.feed.agents.plain_lines() == before
        await pilot.press("escape")
        assert app.screen_text().splitlines()[1:-1] == shown.splitlines()[1:-1]


async def test_a_label_stays_with_its_target_when_the_rows_move() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        panel = app.feed.agents
        await pilot.press("g", "F")
        key = next(row.key for row in panel.rows if isinstance(row.key, Selection) and row.key.kind == AGENT)
        label = app.feed.letters.label_of["agents", key]
        rig = app.snapshot.agent(key.id).address.rig
        panel.folded |= {agent.address.rig for agent in app.snapshot.agents} - {rig}
        app.feed.show_all()
        assert panel.find_key(key) >= 0
        await pilot.press(*label)
        await until(pilot, lambda: panel.key == key)


async def test_the_inbox_the_problems_and_the_pages_have_letters() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        for way, panel in (("i", "inbox"), ("p", "problems")):
            await pilot.press(way, "F")
            found = [target for target in app.feed.letters.label_of if target[0] == panel]
            assert found
            await pilot.press(*app.feed.letters.label_of[found[-1]])
            await until(pilot, lambda panel=panel: not app.feed.letters.is_open and app.feed.place == panel)
            assert app.feed.stage.panel.key == found[-1][1]
        await pilot.press("escape", "1", "G", "enter", "5")
        await until(pilot, lambda: app.feed.drawer.rows)
        drawer = [target for _, _, target in app.feed.letters._found(app.feed.drawer)]
        assert drawer, app.screen_text()


async def test_everything_known_by_its_id_can_be_gone_to() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)):
        for name, selection in known_ids(app.snapshot).items():
            assert resolve(app.snapshot, selection).kind, name
            app.feed.navigation.go_to(selection)
            assert app.feed.stage.panel.key == selection, name


async def test_no_letters_where_nothing_of_now_stands() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("H", "F")
        assert not app.feed.letters.is_open and "letters works only in" in app.screen_text()
