"""The palette: names, kinds and scopes narrow it, Tab completes, and what stands behind an order's name is its argument."""

from __future__ import annotations

import asyncio

from tests.support.console import Console
from tests.support.fake_town import FakeLive


async def until(pilot, condition, what: str) -> None:
    for _ in range(2000):
        if condition():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came: {what}\n{pilot.app.screen_text()}")


async def test_a_kind_and_a_name_go_there() -> None:
    app = Console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *"polecat ruby", "enter")
        assert app.feed.chosen.agent is not None and app.feed.chosen.agent.key == "shop/polecats/ruby"
        await pilot.press("colon", *"bead gt-p2w8d", "enter")
        await until(pilot, lambda: "gt-p2w8d" in app.screen_text(), "the bead on the screen")


async def test_a_rig_narrows_convoys() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        convoys = [one for one in app.fake.snapshot.convoys if any(member.rig for member in one.members)]
        convoy = convoys[0]
        rig = next(member.rig for member in convoy.members if member.rig)
        word = convoy.title.split()[0].lower()
        await pilot.press("colon", *f"convoy {word} @{rig}", "enter")
        assert app.feed.chosen.convoy is not None and app.feed.chosen.convoy.id == convoy.id
        await pilot.press("colon", *f"convoy {word} @nowhere")
        assert "no match" in app.screen_text()


def test_a_plain_word_does_not_find_what_only_lies_in_a_rig_of_that_name() -> None:
    from gastown_tui.dialogs.picker import rank

    assert rank("hq-cv-1 auth system convoy", "convoy bill", "@billing") == -1
    assert rank("hq-cv-2 billing epic convoy", "convoy bill", "@shop") >= 0
    assert rank("hq-cv-1 auth system convoy", "auth @bill", "@billing") >= 0
    assert rank("hq-cv-1 auth system convoy", "auth @shop", "@billing") == -1


async def test_tab_completes_a_name_and_an_order_takes_what_is_typed_behind_it() -> None:
    app = Console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *"polecat rub", "tab")
        assert app.screen.field.value == "polecat shop/ruby"
        await pilot.press("escape", "colon", *"cap 5", "enter")
        await until(pilot, lambda: app.hands.performed, "an order")
        order = app.hands.performed[-1]
        assert (order.kind, order.arguments) == ("scheduler.cap", {"number": "5"})
        await pilot.press("1", "colon", *"polecat opal", "enter", "colon", *"nudge go on: it's fine", "enter")
        await until(pilot, lambda: len(app.hands.performed) == 2, "a nudge")
        order = app.hands.performed[-1]
        assert (order.kind, order.target, order.arguments["text"]) == ("agent.nudge", "shop/opal", "go on: it's fine")


async def test_a_read_only_console_takes_no_order_from_the_palette() -> None:
    app = Console(FakeLive(), readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *"cap 5", "enter")
        await until(pilot, lambda: "read-only" in app.screen_text(), "why not")
        assert app.hands.performed == []
