"""A cause that several agents share, as an operator meets it: one row, and one act for all of them."""

from __future__ import annotations

from gastown_core.model.agent import Health
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.incidents import find_incidents
from tests.support.console import Console
from tests.support.fake_town import FakeLive, agent, snapshot, standard_stream
from tests.tui.test_inbox import ASKED, SIZES, asking, until


def town_of(*agents) -> TownSnapshot:
    return snapshot(agents, (), incidents=find_incidents(agents, 3, 30.0))


def limited(name: str):
    why = (("5-hour limit reached", "record", 60),)
    return agent(f"shop/polecats/{name}", Health.LIMITED, since=60, pane="%1", reasons=why)


def asker(name: str):
    said = agent("x", Health.WAITING, since=60, reasons=(("asks: Bash: npm install left-pad", "screen", 60),)).health
    return asking(f"shop/polecats/{name}", since=60)._replace(health=said)


async def test_one_digit_answers_all_that_ask_the_same() -> None:
    town = town_of(asker("opal"), asker("ruby"), asker("jade"))
    app = Console(FakeLive(town, standard_stream(50)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: "NEEDS YOU 1" in app.screen_text() and "3 agents" in app.screen_text(), "one row")
        await pilot.press("2")
        await until(pilot, lambda: app.hands.performed, "the answer")
        order = app.hands.performed[-1]
        assert (order.kind, order.target) == ("incident.answer", town.incidents[0].name)
        assert order.arguments == {"choice": f"{ASKED.id}:2"}, "the question that was seen goes with the answer"


async def test_a_shared_limit_is_acted_on_from_the_problems_and_shows_who_suffers() -> None:
    town = town_of(limited("opal"), limited("ruby"), agent("mayor", Health.WORKING, pane="%1"))
    name = town.incidents[0].name
    app = Console(FakeLive(town, standard_stream(50)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("p", "g", "enter")
        await until(pilot, lambda: f"gt incident act {name} stop|nudge|restart" in app.screen_text(), "its page")
        assert "shop/opal" in app.screen_text() and "INCIDENTS 1" in app.screen_text()
        await pilot.press("O")
        await until(pilot, lambda: "stop all" in app.screen_text() and "restart all" in app.screen_text(), "the acts")
        await pilot.press("enter")
        await until(pilot, lambda: "kept under a ref" in app.screen_text(), "what is kept")
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed, "the act")
        assert (app.hands.performed[-1].kind, app.hands.performed[-1].target) == ("incident.stop", name)
