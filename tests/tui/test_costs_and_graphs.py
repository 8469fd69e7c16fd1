"""The costs and the graphs: what they group by, of which time they are, and going back."""

from __future__ import annotations

import threading

from gastown_core.errors import StoreError
from tests.support.console import Console


async def until(pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


async def test_costs_are_grouped_by_agent_rig_convoy_and_day() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("$")
        await until(pilot, lambda: "shop/opal" in app.screen_text() and "$2.10" in app.screen_text())
        text = app.screen_text()
        assert "310k $0.90" in text and "56k in 17m" in text and "flaky gates: 2 of the last 20 batches" in text
        for by, word in (("rig", "billing"), ("convoy", "hq-cv-7q2ma"), ("day", "2026-11-26")):
            await pilot.press("right")
            await until(
                pilot, lambda by=by, word=word: f"Costs by {by}" in app.screen_text() and word in app.screen_text()
            )
        await pilot.press("space")
        await until(pilot, lambda: "the last 7 days" in app.screen_text())
        await pilot.press("escape")
        assert app.feed.view == "feed"


async def test_costs_that_cannot_be_read_say_why() -> None:
    app = Console()

    def refuse(by, since, town):
        raise StoreError("the ledger of usage is damaged", "it is no database")

    app.hands.spending = refuse
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("$")
        await until(pilot, lambda: "costs cannot be read: the ledger of usage is damaged" in app.screen_text())


async def test_a_slow_answer_to_a_question_that_is_not_asked_any_more_is_dropped() -> None:
    app = Console()
    asked, answer, running, most = [], threading.Event(), [], []
    plain = app.hands.spending

    def slow(by, since, town):
        running.append(by)
        most.append(len(running))
        if not asked:
            asked.append(by)
            answer.wait(30)
        running.remove(by)
        return plain(by, since, town)

    app.hands.spending = slow
    try:
        async with app.run_test(size=(160, 45)) as pilot:
            await pilot.press("$")
            await until(pilot, lambda: asked)
            await pilot.press("right")
            await until(pilot, lambda: "Reading" in app.screen_text())
            assert "shop/opal" not in app.screen_text()
            answer.set()
            await until(pilot, lambda: "Costs by rig" in app.screen_text() and "billing" in app.screen_text())
    finally:
        answer.set()
    assert max(most) == 1


async def test_graphs_of_a_day_a_week_and_six_hours() -> None:
    app = Console()
    asked = []
    hours = app.hands.hours
    app.hands.hours = lambda seconds, count, wanted: asked.append((seconds, count)) or hours(seconds, count, wanted)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("H")
        await until(pilot, lambda: "waiting to merge" in app.screen_text())
        assert "shop landings" in app.screen_text() and "nothing is recorded before" in app.screen_text()
        await pilot.press("space")
        await until(pilot, lambda: "the last 7 days" in app.screen_text() and "cost" in app.screen_text())
        await pilot.press("space")
        await until(pilot, lambda: len(asked) == 3)
        assert [seconds for seconds, _ in asked] == [86400.0, 7 * 86400.0, 21600.0]
        await pilot.press("H")
        assert app.feed.view == "feed"


async def test_no_act_applies_to_a_row_of_figures() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("$")
        await until(pilot, lambda: "shop/opal" in app.screen_text())
        await pilot.press("n", "x", "r")
        assert not app.hands.performed and app.feed.view == "costs" and app.screen is app.feed
