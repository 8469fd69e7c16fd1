"""Ctrl-Z in the console: the list of what can be taken back, and what is said beforehand."""

from __future__ import annotations

import asyncio

from tests.support.console import Console


async def until(pilot, condition, what: str = "") -> None:
    for _ in range(2000):
        if condition():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came: {what}\n{pilot.app.screen_text()}")


async def test_ctrl_z_lists_acts_and_enter_takes_the_newest_back() -> None:
    app = Console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "Undo which?" in app.screen_text(), "the list")
        assert "Retry with backoff" in app.screen_text()
        await pilot.press("enter")
        await until(pilot, lambda: app.hands.performed, "the order")
        order = app.hands.performed[-1]
        assert (order.kind, order.arguments) == ("act.undo", {"act": "1"})
        await until(pilot, lambda: "undo: " in app.screen_text(), "its receipt")


async def test_a_confirmation_says_whether_the_act_can_be_undone() -> None:
    app = Console()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.feed.chosen.agent is not None, "an agent")
        for action, words in (("agent.stop", "It cannot be undone: the session has ended"), ("scheduler.pause", "")):
            app.feed.dispatch.run(action)
            if words:
                await until(pilot, lambda w=words: w in app.screen_text(), words)
                await pilot.press("escape")
        worker = next(view for view in app.snapshot.agents if view.work is not None)
        from gastown_tui.selection import AGENT, Selection

        app.feed.agents.select(Selection(AGENT, "", worker.key))
        await pilot.press("u")
        await until(pilot, lambda: "Ctrl-Z undoes it." in app.screen_text(), "what undoes it")
