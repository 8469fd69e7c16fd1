"""A fast hand, a macro or a paste: keys that come before what the first one opens stands."""

from __future__ import annotations

import asyncio
import time

import pytest
from textual import events
from textual.keys import _character_to_key

from gastown_tui import typed_ahead
from gastown_tui.dialogs.confirm import Confirm
from gastown_tui.dialogs.digest import DigestList
from gastown_tui.keys import ACTIONS
from gastown_tui.selection import AGENT, Selection
from gastown_tui.typed_ahead import LOST_S, PATIENCE_S
from tests.support.console import Console
from tests.support.fake_town import FakeEngine

NAMES = {"\r": "enter", "\n": "ctrl+j", "\x1b": "escape", "\x1a": "ctrl+z"}


def burst(app: Console, text: str) -> None:
    """Send keys as the terminal does: nobody waits for what they open."""
    for character in text:
        name = NAMES.get(character) or _character_to_key(character)
        app.post_message(events.Key(name, character if character.isprintable() else None))


async def until(pilot, condition, what: str) -> None:
    for _ in range(3000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(f"{what}\n{pilot.app.screen_text()}\n{pilot.app.hands.performed}")


def orders(app: Console) -> list[object]:
    """The orders given, without what was only read."""
    return [one for one in app.hands.performed if hasattr(one, "kind")]


def opal(app: Console) -> None:
    """Select the agent opal."""
    assert app.feed.agents.select(Selection(AGENT, "", "shop/polecats/opal"))


@pytest.mark.parametrize("key", [":", "/", "n", "h", "s", "C", "B", "="])
async def test_what_is_typed_behind_the_key_of_a_field_stands_in_it(key: str) -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("1")
        opal(app)
        burst(app, f"{key}convoy ruby")
        await until(pilot, lambda: "convoy ruby" in app.screen_text(), "all that was typed, once")
        assert app.screen_text().count("convoy ruby") == 1
        assert not app.hands.performed


async def test_a_line_with_its_enter_is_an_order_like_one_typed_slowly() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        burst(app, ":cap 5\r")
        await until(pilot, lambda: app.hands.performed, "an order")
        assert [(one.kind, one.arguments) for one in app.hands.performed] == [("scheduler.cap", {"number": "5"})]
        opal(app)
        burst(app, "ngo on, please\rncontinue\x1bjk:polecat ruby\rnand you\r")
        await until(pilot, lambda: len(app.hands.performed) == 3, "two nudges; the one between them was cancelled")
        told = [(one.target, one.arguments["text"]) for one in app.hands.performed[1:]]
        assert told == [("shop/opal", "go on, please"), ("shop/ruby", "and you")]


async def test_a_paste_behind_the_key_of_a_field_stands_in_it() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        opal(app)
        burst(app, "n")
        app.post_message(events.Paste("two\nlines"))
        burst(app, "!")
        await until(pilot, lambda: "two lines!" in app.screen_text(), "the paste")


async def test_the_text_behind_a_key_that_is_refused_is_pressed_nowhere() -> None:
    """No agent is selected: nothing opens, and the nudge's words must not become orders."""
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("2")
        burst(app, "nstop that!\rx")
        await until(pilot, lambda: "typed after it dropped" in app.screen_text(), "why")
        assert "nudge works only in" in app.screen_text()
        await pilot.pause(0.05)
        assert app.screen is app.feed and not app.hands.performed
        await pilot.press("1")
        assert app.feed.place == "agents", "keys act again"


async def test_the_rest_of_a_long_text_behind_a_key_that_is_refused_is_pressed_nowhere_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A terminal hands 10 kB over in parts of 4 kB."""
    app = Console()
    monkeypatch.setattr(typed_ahead, "PART_S", 3600.0)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("2")
        burst(app, "n" + "stop that " * 10)
        await until(pilot, lambda: "typed after it dropped" in app.screen_text(), "why")
        burst(app, "1?:stop\rxi")
        await pilot.pause(0.05)
        assert app.screen is app.feed and app.feed.place != "agents" and not app.hands.performed
        monkeypatch.setattr(typed_ahead, "PART_S", 0.0)
        await pilot.press("1")
        assert app.feed.place == "agents", "keys act again"


async def test_a_hand_that_goes_on_at_once_after_a_key_was_refused_is_heard() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("2")
        burst(app, "nabc")
        await until(pilot, lambda: "typed after it dropped" in app.screen_text(), "why")
        await pilot.press("1")
        assert app.feed.place == "agents"


async def test_no_question_about_a_loss_is_answered_before_it_is_seen() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        opal(app)
        burst(app, "xyyy")
        await until(pilot, lambda: isinstance(app.screen, Confirm) and app.screen.stands, "the question")
        await pilot.pause(0.05)
        assert isinstance(app.screen, Confirm) and not app.hands.performed
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed, "the answer")
        assert app.hands.performed[0].kind == "agent.stop"


async def test_what_is_typed_at_a_digest_that_opens_unasked_does_nothing() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        app.feed.away._pressed_at -= 1200
        burst(app, ":stop a rig\r")
        await until(pilot, lambda: isinstance(app.screen, DigestList) and app.screen.stands, "the digest")
        await pilot.pause(0.05)
        assert isinstance(app.screen, DigestList) and app.screen.field.value == "" and not app.hands.performed


async def test_keys_typed_before_the_first_picture_open_and_fill_the_palette() -> None:
    class Early(Console):
        async def on_load(self) -> None:
            burst(self, ":cap 7\n")
            await super().on_load()

    app = Early()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.hands.performed, "an order")
        assert [one.arguments for one in app.hands.performed] == [{"number": "7"}]


class Slow(FakeEngine):
    """An engine whose beads come when they are let."""

    def __init__(self, is_broken: bool = False) -> None:
        super().__init__()
        self.may_answer = False
        self.is_broken = is_broken

    def ready_beads(self):
        for _ in range(6000):
            if self.may_answer:
                break
            time.sleep(0.01)
        return [] if self.is_broken else super().ready_beads()


async def test_what_is_typed_while_a_dialog_is_prepared_waits_for_it() -> None:
    engine = Slow()
    app = Console(engine=engine)
    async with app.run_test(size=(120, 36)) as pilot:
        burst(app, "szz top")
        await pilot.pause(0.1)
        assert app.screen is app.feed
        engine.may_answer = True
        await until(pilot, lambda: "> zz top" in app.screen_text(), "the text in the list of beads")
        assert not app.hands.performed


async def test_escape_gives_up_what_waits_for_a_dialog_that_does_not_come() -> None:
    engine = Slow()
    app = Console(engine=engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("1")
        burst(app, "snx")
        await until(pilot, lambda: "Esc drops it" in app.screen_text(), "what it waits for")
        await asyncio.sleep(PATIENCE_S)
        await pilot.press("escape")
        await until(pilot, lambda: "2 keys typed after it dropped" in app.screen_text(), "that they are dropped")
        await pilot.press("2")
        assert app.feed.place == "convoys" and app.screen is app.feed
        engine.may_answer = True


async def test_what_is_typed_for_a_dialog_that_fails_to_open_is_dropped() -> None:
    class Broken(Slow):
        def ready_beads(self):
            super().ready_beads()
            from gastown_core.errors import GastownError

            raise GastownError("the ledger cannot be read")

    engine = Broken()
    app = Console(engine=engine)
    async with app.run_test(size=(120, 36)) as pilot:
        opal(app)
        burst(app, "sxh!\r")
        await pilot.pause(0.05)
        engine.may_answer = True
        await until(pilot, lambda: "the ledger cannot be read" in app.screen_text(), "why not")
        await pilot.pause(0.05)
        assert app.screen is app.feed and not app.hands.performed


async def test_a_key_whose_widget_is_gone_blocks_no_other() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        app.typed._under_way = events.Key("j", "j")
        begun = time.monotonic()
        burst(app, "2")
        await until(pilot, lambda: app.feed.place == "convoys", "the key after it")
        assert time.monotonic() - begun >= LOST_S * 0.9


OPENING = [
    action
    for action in ACTIONS
    if action.keys and (action.where == ("anywhere",) or "agents" in action.where) and not action.id.startswith("rows.")
]


async def test_a_text_behind_any_key_that_opens_something_is_no_order() -> None:
    """Whatever opens, a text behind its key stays in it, or is dropped."""
    app, opened = Console(), []
    async with app.run_test(size=(120, 36)) as pilot:
        for action in OPENING:
            if action.id in ("quit", "agent.attach", "letters.open") or action.id.startswith("view."):
                continue
            await pilot.press("1")
            opal(app)
            before, key = orders(app), action.keys[0]
            app.post_message(events.Key(_character_to_key(key) if len(key) == 1 else key, None))
            burst(app, "!!rxPB")
            await until(pilot, lambda: app.typed.is_idle, "all keys")
            if app.screen is not app.feed or app.feed.search.is_searching:
                opened.append(action.id)
                assert orders(app) == before, action.id
            while app.screen is not app.feed or app.feed.search.is_searching:
                await pilot.press("escape")
    assert len(opened) > 15 and {"palette.open", "search.open", "bead.sling"} <= set(opened), opened
