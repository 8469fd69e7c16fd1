"""Ranges of marks, one act on all of them with one receipt, and long texts in the operator's own editor."""

from __future__ import annotations

import asyncio
import os

import pytest

from gastown_core.errors import GastownError
from gastown_tui.core_calls import CoreCalls
from tests.support.console import Console
from tests.support.fake_town import FakeEngine


async def until(pilot, condition, what: str = "") -> None:
    for _ in range(2000):
        if condition():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came: {what}\n{pilot.app.screen_text()}")


async def test_a_range_marks_what_lies_between_and_follows_the_cursor_back() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("G", "V", "k", "k")
        await until(pilot, lambda: len(app.feed.agents.marked) == 3, "three marks")
        await pilot.press("j")
        await until(pilot, lambda: len(app.feed.agents.marked) == 2, "one less")
        await pilot.press("V", "k", "k")
        await until(pilot, lambda: app.feed.stage.anchor is None, "the end of the range")
        assert len(app.feed.agents.marked) == 2
        await pilot.press("escape")
        await until(pilot, lambda: not app.feed.agents.marked, "no marks")


async def test_a_range_in_the_problems_view() -> None:
    app = Console()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("p", "g", "V", "j", "j", "escape")
        await until(pilot, lambda: app.feed.agents.marked and app.feed.stage.anchor is None, "marks")
        assert app.feed.view == "problems", "the first Esc ends only the range"


@pytest.mark.parametrize("size", [(160, 45), (80, 24), (60, 15)])
async def test_one_act_on_all_marked_agents_is_confirmed_and_summed_up(size) -> None:
    app = Console()
    async with app.run_test(size=size) as pilot:
        await pilot.press("&")
        await until(pilot, lambda: "no agent is marked" in app.screen_text(), "a reason")
        await pilot.press("g", "V", "G", "V", "&")
        await until(pilot, lambda: "marked: do what?" in app.screen_text(), "the list")
        await pilot.press(*"stop", "enter")
        await until(pilot, lambda: "Stop" in app.screen_text() and "agents?" in app.screen_text(), "the question")
        if size[1] > 20:
            assert "left out:" in app.screen_text() and "It cannot be undone" in app.screen_text()
        assert app.hands.performed == []
        await pilot.press("y")
        await until(pilot, lambda: "done" in app.feed.status.plain_lines()[0], "one receipt")
        kinds = {order.kind for order in app.hands.performed}
        assert kinds == {"agent.stop"} and len(app.hands.performed) > 3
        assert (
            f"{len(app.hands.performed)} of {len(app.hands.performed)} done" in app.feed.status.plain_lines()[0]
            or size[0] < 100
        )


async def test_the_receipt_counts_and_names_failures() -> None:
    engine = FakeEngine()
    engine.failure = "no session"
    app = Console(engine=engine)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("g", "j", "space", "j", "space", "&", *"restart", "enter")
        await until(pilot, lambda: "agents?" in app.screen_text(), "the question")
        await pilot.press("y")
        await until(pilot, lambda: "0 done, 2 failed" in app.screen_text(), "the failures")


class Editing(FakeEngine):
    """The editor saves ``saved``."""

    saved = ""
    problem = ""

    def edit(self, text: str) -> str:
        self.opened = text
        if self.problem:
            raise GastownError("no editor is set", self.problem)
        return self.saved


async def test_a_long_message_is_written_in_the_editor_and_sent_whole() -> None:
    engine = Editing()
    engine.saved = "First line\n\n- second; rm -rf *\n"
    app = Console(engine=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: "Ctrl-E" in app.screen_text(), "the key is named")
        await pilot.press(*"draft", "ctrl+e")
        await until(pilot, lambda: "3 lines; Enter sends all" in app.screen_text(), "what was saved")
        assert engine.opened == "draft"
        await pilot.press("enter")
        await until(pilot, lambda: engine.performed, "the order")
        assert engine.performed[-1].arguments["text"] == "First line\n\n- second; rm -rf *"


async def test_without_an_editor_it_says_so_and_keeps_the_text() -> None:
    engine = Editing()
    engine.problem = "VISUAL or EDITOR names one"
    app = Console(engine=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n", *"draft", "ctrl+e")
        await until(pilot, lambda: "no editor is set" in app.screen_text(), "the reason")
        await pilot.press("enter")
        await until(pilot, lambda: engine.performed, "the order")
        assert engine.performed[-1].arguments["text"] == "draft"


async def test_typing_over_a_long_text_drops_it_and_says_so() -> None:
    engine = Editing()
    engine.saved = "one\ntwo"
    app = Console(engine=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n", "ctrl+e")
        await until(pilot, lambda: "2 lines" in app.screen_text(), "what was saved")
        await pilot.press("x")
        await until(pilot, lambda: "only this line now" in app.screen_text(), "the warning")
        await pilot.press("enter")
        await until(pilot, lambda: engine.performed, "the order")
        assert engine.performed[-1].arguments["text"] == "onex"


def test_the_editor_gets_a_file_and_what_it_saves_is_read(tmp_path, monkeypatch) -> None:
    tool = tmp_path / "my editor"
    tool.write_text('#!/bin/sh\ngrep -q draft "$2" && printf "%s\\n" "$1" saved > "$2"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("EDITOR", "vi-that-is-not-there")
    monkeypatch.setenv("VISUAL", f"'{tool}' --wait")
    assert CoreCalls(str(tmp_path)).edit("a draft") == "--wait\nsaved\n"
    with pytest.raises(GastownError, match="ended with status 1"):
        CoreCalls(str(tmp_path)).edit("nothing")
    monkeypatch.delenv("VISUAL")
    with pytest.raises(GastownError):
        CoreCalls(str(tmp_path)).edit("x")
    monkeypatch.delenv("EDITOR")
    with pytest.raises(GastownError, match="no editor is set"):
        CoreCalls(str(tmp_path)).edit("x")
    assert os.listdir(tmp_path) == ["my editor"]
