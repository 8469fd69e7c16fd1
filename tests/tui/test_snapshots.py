"""Pictures of every screen and state at three sizes; ``--snapshot-update`` draws them anew."""

from __future__ import annotations

import asyncio
import re

import pytest

from gastown_core.model.agent import Health, Reason
from gastown_core.model.source_status import SourceStatus
from gastown_tui.preferences import Preferences
from tests.support.console import Console
from tests.support.fake_town import (
    NOW,
    FakeEngine,
    FakeLive,
    agent,
    empty_snapshot,
    snapshot,
    standard_agents,
    standard_stream,
    with_state,
    with_usage,
)  # fmt: skip

SIZES = {"160x45": (160, 45), "80x24": (80, 24), "60x15": (60, 15)}

SCREENS = {
    "feed": [],
    "convoys": ["2"],
    "convoy-open": ["2", "l"],
    "events": ["3"],
    "events-away": ["3", "ctrl+d"],
    "events-paused": ["3", "space"],
    "search": ["/", "g", "t", "-"],
    "marked": ["j", "space", "j", "space"],
    "folded": ["g", "left"],
    "drawer-preview": ["G", "k", "k", "k", "k", "k", "k", "enter"],
    "drawer-work": ["G", "k", "5"],
    "drawer-why": ["G", "6"],
    "drawer-events": ["G", "7"],
    "drawer-said": ["G", "k", "9"],
    "drawer-convoy": ["2", "4"],
    "drawer-record": ["3", "j", "4"],
    "digest": ["A"],
    "diff": ["G", "D", "j", "j", "j"],
    "diff-comment": ["G", "D", "j", "j", "j", "c"],
    "past": ["T", "left", "left", "left", "left", "left"],
    "costs": ["$"],
    "costs-by-rig": ["$", "right"],
    "graph": ["H"],
    "past-changes": ["T", "left", "left", "left", "left", "left", "3"],
    "problems": ["p"],
    "problems-drawer": ["p", "6"],
    "help": ["?"],
    "palette": [":"],
    "palette-typed": [":", "o", "p", "a", "l"],
    "filter": ["f"],
    "nudge": ["j", "n"],
    "handoff": ["j", "h"],
    "sling-bead": ["s"],
    "sling-target": ["s", "enter"],
    "new-bead": ["B", "M", "e", "n", "d"],
    "new-convoy": ["K", "tab", "tab"],
    "tasks": ["j", "n", "enter", "Z"],
    "inbox-mail": ["i", "G"],
    "log": ["j", "n", "enter", "L"],
    "receipt": ["j", "n", "enter"],
    "cannot": ["3", "n"],
}


WAITS = re.compile(r"reading …|Reading|\bsent\b(?! back)|No commands yet")
"""What stands on a screen that is not complete yet."""


def after(keys: list[str]):
    """Press, then wait for what is read in the background."""

    async def press(pilot) -> None:
        await pilot.press(*keys)
        for _ in range(2000):
            await pilot.pause()
            text = pilot.app.screen_text()
            if not WAITS.search(text) and not pilot.app.feed.tasks.running():
                await pilot.pause()
                return
            await asyncio.sleep(0.01)

    return press


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("name", list(SCREENS))
def test_screen(snap_compare, name: str, size: str) -> None:
    app = Console(FakeLive(stream=standard_stream(120)))
    assert snap_compare(app, run_before=after(SCREENS[name]), terminal_size=SIZES[size])


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("keys", [["G", "k", "k", "k", "k", "k", "k", "8"], ["2", "7"]], ids=["agent", "convoy"])
def test_usage(snap_compare, keys: list[str], size: str) -> None:
    app = Console(FakeLive(with_usage(snapshot()), standard_stream(120)))
    assert snap_compare(app, run_before=after(keys), terminal_size=SIZES[size])


@pytest.mark.parametrize("theme", ["light", "colour-blind", "high-contrast"])
def test_theme(snap_compare, theme: str) -> None:
    app = Console(preferences=Preferences(theme=theme))
    assert snap_compare(app, run_before=after(["G", "6"]), terminal_size=SIZES["160x45"])


def test_no_colour(snap_compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(Console(environ={"NO_COLOR": "1"}), run_before=after(["6"]), terminal_size=(120, 36))


@pytest.mark.parametrize("size", list(SIZES))
def test_ascii(snap_compare, size: str) -> None:
    assert snap_compare(Console(environ={"GT_NO_EMOJI": "1"}), run_before=after(["6"]), terminal_size=SIZES[size])


@pytest.mark.parametrize("size", list(SIZES))
def test_empty_town(snap_compare, size: str) -> None:
    app = Console(FakeLive(empty_snapshot(), standard_stream().__class__()))
    assert snap_compare(app, terminal_size=SIZES[size])


@pytest.mark.parametrize("size", list(SIZES))
def test_failing_sources(snap_compare, size: str) -> None:
    sources = (
        SourceStatus("events", NOW - 14, "permission denied"),
        SourceStatus("tmux", None, "no answer within 2 s"),
        SourceStatus("beads:shop", NOW - 300, "line 17 is no JSON"),
    )
    assert snap_compare(Console(FakeLive(snapshot(sources=sources))), terminal_size=SIZES[size])


@pytest.mark.parametrize("size", list(SIZES))
def test_every_state(snap_compare, size: str) -> None:
    limit = (Reason("limit until 17:00 (account a)", "heartbeat", NOW),)
    town = with_state(snapshot(), "shop/polecats/opal", Health.LIMITED, reasons=limit, since=NOW - 100)
    town = with_state(town, "billing/polecats/amber", Health.GUPP, since=NOW - 600)
    lost = (Reason("tmux did not answer: timeout", "process", NOW),)
    town = with_state(town, "billing/witness", Health.UNKNOWN, reasons=lost)
    assert snap_compare(Console(FakeLive(town), problems=True), terminal_size=SIZES[size])


def test_a_town_without_problems(snap_compare) -> None:
    calm = [view for view in standard_agents() if view.health.state in (Health.WORKING, Health.IDLE)]
    town = snapshot(calm)._replace(convoys=())
    assert snap_compare(Console(FakeLive(town), problems=True), terminal_size=SIZES["80x24"])


def test_a_failed_act(snap_compare) -> None:
    engine = FakeEngine()
    engine.failure = "the foreground process is a shell, nothing was typed"
    assert snap_compare(Console(engine=engine), run_before=after(["n", "enter"]), terminal_size=SIZES["160x45"])


def test_wide_names_and_control_characters(snap_compare) -> None:
    odd = [
        agent("shop/polecats/日本語の名前", Health.WORKING, pane="%1", work=("gt-1", "国際化 🎉 title", 60, "")),
        agent(
            "shop/polecats/esc", Health.WAITING, since=9, pane="%2", reasons=(("\x1b[31mred\x07\u202e", "screen", 1),)
        ),
    ]
    assert snap_compare(Console(FakeLive(snapshot(odd))), run_before=after(["4"]), terminal_size=SIZES["80x24"])
