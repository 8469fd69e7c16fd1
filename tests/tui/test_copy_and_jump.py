"""Copying, the events of the selection, and jumping to beads and requests by name."""

from __future__ import annotations

import base64

from gastown_tui.controllers import clipboard
from gastown_tui.core_calls import CoreCalls
from tests.support.console import Console
from tests.support.fake_town import FakeLive, standard_stream


async def until(pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


async def test_what_is_selected_is_copied_to_the_terminal_and_the_system(monkeypatch) -> None:
    app = Console()
    asked: list[str] = []
    async with app.run_test(size=(160, 45)) as pilot:
        monkeypatch.setattr(app, "copy_to_clipboard", asked.append)
        await pilot.press("G", "C")
        await until(pilot, lambda: "bl-onyx" in app.screen_text())
        await pilot.press("enter")
        await until(pilot, lambda: asked and app.hands.copied)
        assert asked == app.hands.copied == [app.feed.chosen.agent.address.short]
        await until(pilot, lambda: "copied by wl-copy: agent billing/onyx" in app.screen_text())

        await pilot.press("3", "C")
        await until(pilot, lambda: "row" in app.screen_text())
        await pilot.press(*"row", "enter")
        await until(pilot, lambda: len(asked) == 2)
        assert "slung gt-p9n4q to shop/opal" in asked[1]


async def test_the_drawers_page_is_copied_whole() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("3", "4")
        await until(pilot, lambda: app.feed.drawer.is_open and app.feed.drawer.rows)
        page = clipboard.page_text(app.feed.drawer)
        assert '"bead": "gt-p9n4q"' in page and "\n" in page


def test_the_sequence_for_the_terminal_holds_no_text_of_others() -> None:
    text = "x\x1b]52;c;evil\x07"
    assert "\x1b" not in base64.b64encode(text.encode()).decode()


def test_the_first_tool_of_the_system_that_works_takes_the_text(tmp_path, monkeypatch) -> None:
    tool = tmp_path / "wl-copy"
    tool.write_text(f"#!/bin/sh\ncat > {tmp_path}/got\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert CoreCalls(str(tmp_path)).copy("a; rm -rf $(x)\n") == "wl-copy"
    assert (tmp_path / "got").read_text() == "a; rm -rf $(x)\n"
    for name in ("WAYLAND_DISPLAY", "DISPLAY", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert CoreCalls(str(tmp_path)).copy("x") == ""


async def test_only_the_events_of_the_selection() -> None:
    app = Console(FakeLive(stream=standard_stream(60)))
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("G", "E")
        name = app.feed.stage.agents.key.id
        assert app.feed.place == "events" and app.feed.stream.wanted.agent == name
        await pilot.press("escape")
        assert app.feed.stream.wanted.agent == ""
        await pilot.press("E")
        assert app.feed.stream.wanted.bead == "gt-p9n4q"


async def test_the_palette_jumps_to_a_bead_and_to_a_request() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        convoy = next(one for one in app.snapshot.convoys if one.closed_at is None and one.members)
        bead = convoy.members[3].bead_id
        await pilot.press(":", *f"bead {bead}", "enter")
        await until(pilot, lambda: app.feed.chosen.bead == bead)
        assert app.feed.place == "convoys" and app.feed.chosen.kind == "bead"
        request = app.snapshot.requests[1]
        await pilot.press(":", *f"request {request.id}", "enter")
        await until(pilot, lambda: app.feed.chosen.request is not None)
        assert app.feed.place == "queue" and app.feed.chosen.request.id == request.id


async def test_the_palette_narrows_by_rig() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press(":", *"polecat @billing")
        await until(pilot, lambda: "billing/amber" in app.screen_text())
        assert "shop/opal" not in app.screen.page.plain_lines()[1]
