"""The console driven by its keys, over a town in memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from gastown_core.model.agent import Health
from gastown_core.model.snapshot import OrphanView
from gastown_core.model.source_status import SourceStatus
from gastown_core.orders.perform import Choice
from gastown_core.state.rows import NO_FILTER
from gastown_tui.dialogs.command_log import CommandLogScreen
from gastown_tui.dialogs.help import HelpScreen
from gastown_tui.dialogs.picker import Picker
from gastown_tui.dialogs.prompt import Prompt
from gastown_tui.keys import ACTIONS, Action
from gastown_tui.selection import AGENT, BEAD, Selection
from gastown_tui.text import cells
from tests.support.console import Console
from tests.support.fake_town import (
    NOW,
    FakeEngine,
    FakeLive,
    FakeStream,
    agent,
    empty_snapshot,
    snapshot,
    standard_stream,
    with_state,
    with_usage,
)

WIDE = (160, 45)
NUMBERS = ((1, "1 Yes, and wait 3 seconds"), (2, "2 No"))
WAY_TO = {
    "agents": "1",
    "convoys": "2",
    "events": "3",
    "drawer": "3",
    "problems": "p",
    "inbox": "i",
    "queue": "m1",
    "probes": "m2",
    "gates": "m3",
    "files": "1jD1",
    "patch": "1jD2",
    "then_agents": "T",
    "then_convoys": "T2",
    "changes": "T3",
    "spending": "$",
    "graph": "H",
    "wanted": "X",
    "matches": ["1", "slash", *"gt-", "enter"],
}


async def until(pilot, condition: Callable[[], object], what: str = "") -> None:
    for _ in range(2000):
        if condition():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came: {what}\n{pilot.app.screen_text()}")


async def select(pilot, path: str) -> None:
    pilot.app.feed.navigation.go_to(Selection(AGENT, "", path))
    await pilot.pause()


def status(app: Console) -> str:
    return app.feed.status.plain_lines()[0]


async def test_the_first_frame_is_the_whole_picture() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        text = app.screen_text()
        for words in (
            "1 Agents",
            "2 Convoys",
            "3 Events",
            "ruby",
            "Auth system",
            "slung gt-p9n4q",
            "✋ 2 need you",
            "3 to merge",
        ):
            assert words in text, words


PRESSES = [(action, key) for action in ACTIONS if action.id != "quit" for key in action.keys]
"""Every key of the table but the one that leaves."""


@pytest.mark.parametrize(("action", "key"), PRESSES, ids=[f"{action.id} {key}" for action, key in PRESSES])
async def test_every_action_of_the_table_does_something_or_says_why(action: Action, key: str) -> None:
    """Each key must change the screen or put a word into the status line."""
    app = Console(FakeLive(stream=standard_stream(300)))
    async with app.run_test(size=(120, 30)) as pilot:
        place = action.where[0] if action.where[0] != "anywhere" else "events"
        place = {"panel.events": "agents", "panel.agents": "events"}.get(action.id, place)
        await pilot.press(*WAY_TO[place])
        if action.id in ("rows.up", "rows.page_up", "rows.half_up", "rows.top"):
            await pilot.press("G")
        if action.where == ("inbox",):
            await pilot.press("g")
        if action.id == "rows.expand":
            await pilot.press("g", "left")
        await pilot.pause()

        def picture() -> tuple[str, str, str, int]:
            return app.screen_text(), str(app.feed.focused), app.look.theme.name, len(app.screen_stack)

        before = picture()
        await pilot.press(key)
        await until(pilot, lambda: picture() != before, f"{action.id} {key}")


async def test_q_leaves() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app.return_code is not None, "exit")
    assert app.return_code == 0 and app.fake.is_closed


async def test_keys_move_between_panels() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        for key, place in (
            ("2", "convoys"),
            ("3", "events"),
            ("1", "agents"),
            ("tab", "convoys"),
            ("shift+tab", "agents"),
            ("shift+tab", "events"),
        ):
            await pilot.press(key)
            assert app.feed.place == place, key
        await pilot.press("d", "tab")
        assert app.feed.place == "drawer"


async def test_the_selection_follows_its_agent() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        more = [agent("shop/polecats/aaa", pane="%50"), agent("shop/crew/aa", pane="%51"), *snapshot().agents]
        app.fake.put(snapshot(sorted(more, key=lambda view: view.address.rig)))
        await until(pilot, lambda: "aaa" in app.screen_text(), "the new agents")
        assert app.feed.chosen.agent.key == "shop/polecats/ruby"
        line = next(line for line in app.feed.agents.plain_lines() if "ruby" in line)
        assert "▌" in line


async def test_the_selection_stays_near_when_its_agent_goes() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        app.fake.put(snapshot([view for view in snapshot().agents if view.address.label != "ruby"]))
        await until(pilot, lambda: "ruby" not in "\n".join(app.feed.agents.plain_lines()), "ruby to go")
        assert app.feed.chosen.kind == "agent"


async def test_problem_rows_keep_the_agent_when_states_change() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("p", "j")
        assert app.feed.chosen.agent.address.label == "jade"
        town = with_state(snapshot(), "shop/polecats/opal", Health.WAITING)
        app.fake.put(with_state(town, "shop/polecats/jade", Health.GUPP))
        await until(pilot, lambda: "NEEDS YOU 2" in app.screen_text(), "the new order")
        assert app.feed.chosen.agent.address.label == "jade"


async def test_an_agent_that_needs_nothing_any_more_stays_selected() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("p")
        assert app.feed.chosen.agent.address.label == "ruby"
        app.fake.put(with_state(snapshot(), "shop/polecats/ruby", Health.WORKING))
        await until(pilot, lambda: "SELECTED" in app.screen_text(), "the kept row")
        assert app.feed.chosen.agent.address.label == "ruby"
        await pilot.press("k")
        await until(pilot, lambda: app.feed.chosen.agent.address.label != "ruby", "another agent")
        app.feed.show_all()
        assert "SELECTED" not in app.screen_text() or app.feed.chosen.agent.address.label != "ruby"


async def test_an_event_shows_at_once_and_following_stays_at_the_newest() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        app.fake.put(None, ("mail", "mayor", {"to": "shop/opal", "subject": "fresh news"}))
        await until(pilot, lambda: "fresh news" in app.screen_text(), "the event")
        assert app.feed.stream.plain_lines()[1].find("fresh news") > 0
        assert app.feed.stream.is_following


async def test_away_from_the_top_what_is_in_view_stays_and_new_rows_are_counted() -> None:
    app = Console(FakeLive(stream=standard_stream(200)))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "j", "j", "j")
        before, key = app.feed.stream.plain_lines()[1:], app.feed.stream.key
        app.fake.put(None, *[("mail", "mayor", {"to": "x", "subject": f"n{i}"}) for i in range(5)])
        await until(pilot, lambda: "+5 new" in app.screen_text(), "the badge")
        assert [line[2:-1] for line in app.feed.stream.plain_lines()[1:-1]] == [line[2:-1] for line in before[:-1]]
        assert app.feed.stream.key == key
        await pilot.press("g")
        assert "new" not in app.feed.stream.plain_lines()[0] and "n4" in app.feed.stream.plain_lines()[1]


async def test_space_holds_the_stream_and_lets_it_go() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "space")
        app.fake.put(None, ("mail", "mayor", {"to": "x", "subject": "while held"}))
        await until(pilot, lambda: "paused +1 new" in app.screen_text(), "the badge")
        assert "while held" not in "\n".join(app.feed.stream.plain_lines())
        await pilot.press("space")
        assert "while held" in app.feed.stream.plain_lines()[1]


async def test_a_burst_of_ten_thousand_rows_leaves_keys_answering() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        for number in range(20):
            app.fake.put(
                None,
                *[("step", "shop/polecats/opal", {"bead": "gt-1", "message": f"row {number}-{i}"}) for i in range(500)],
            )
        await pilot.press("2")
        assert app.feed.place == "convoys"
        await until(pilot, lambda: "row 19-499" in app.screen_text(), "the last row")
        await pilot.press("3", "G")
        assert app.feed.stream.cursor == app.feed.stream.count() - 1 >= 10_000


async def test_search_marks_counts_steps_and_clears() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("/", *"gt-")
        assert app.feed.agents.needle == "gt-"
        assert " of " in app.feed.field.plain_lines()[0]
        await pilot.press("enter")
        first = app.feed.agents.key
        await pilot.press("]")
        assert app.feed.agents.key != first
        await pilot.press("[")
        assert app.feed.agents.key == first
        await pilot.press("escape")
        assert app.feed.agents.needle == ""


async def test_n_goes_to_the_next_match_only_while_a_search_is_on() -> None:
    app = Console()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("1", "slash", *"gt-", "enter")
        assert "next match" in status(app)
        first = app.feed.agents.key
        await pilot.press("n")
        second = app.feed.agents.key
        assert second != first and app.screen is app.feed, "n opens no nudge"
        await pilot.press("N")
        assert app.feed.agents.key == first
        await pilot.press("j", "n", "escape")
        assert app.feed.agents.needle == "" and "next match" not in status(app)
        await pilot.press("slash", *"gt-", "enter", "d")
        assert app.feed.agents.needle and "next match" not in status(app), (
            "another act ends it, the matches stay marked"
        )
        await pilot.press("n")
        assert app.screen is not app.feed, "n nudges again"


async def test_search_in_events_finds_what_is_far_back_and_says_when_there_is_nothing() -> None:
    app = Console(FakeLive(stream=standard_stream(8000)))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "/", *"filler 21", "enter")
        await until(pilot, lambda: "Filler 21" in "\n".join(app.feed.stream.plain_lines()), "the far row")
        await pilot.press("escape", "/", *"zzzzz")
        await until(
            pilot, lambda: "no match" in app.feed.field.plain_lines()[0] or not app.feed.stream._scan, "no match"
        )


async def test_the_filter_is_chosen_named_and_taken_off() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("f", *"billing", "enter")
        await until(pilot, lambda: "filter: rig billing" in app.screen_text(), "the filter's name")
        assert "slung" not in "\n".join(app.feed.stream.plain_lines())
        await pilot.press("f", *"session_death", "enter")
        assert app.feed.stream.count() == 1
        await pilot.press("escape")
        assert app.feed.stream.wanted == NO_FILTER


async def test_a_filter_from_the_command_line_holds_in_the_console() -> None:
    app = Console(initial_filter=NO_FILTER._replace(since=NOW - 100))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "since 1m" in app.screen_text()
        assert app.feed.stream.count() == 7


async def test_enter_opens_the_drawer_and_never_attaches_only_a_does() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        await pilot.press("enter")
        await until(pilot, lambda: "npm install left-pad" in "\n".join(app.feed.drawer.plain_lines()), "the preview")
        assert app.feed.place == "agents"
        await pilot.press("j", "enter")
        assert app.feed.place == "drawer" and not app.hands.performed
        await pilot.press("enter", "escape", "a")
        assert app.hands.performed == [("attach", ("true",))]
        assert "back from" in status(app)


async def test_the_drawers_tabs_show_work_why_events_and_cost() -> None:
    app = Console(FakeLive(with_usage(snapshot())))
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/jade")
        for key, words in (
            ("5", "growing pause"),
            ("6", "no progress for 17m"),
            ("7", "done: gt-w5t2x"),
            ("8", "12.3k tokens; how many fit is not told"),
            ("4", "pane %6"),
        ):
            await pilot.press(key)
            await until(pilot, lambda w=words: w in "\n".join(app.feed.drawer.plain_lines()), words)
        await pilot.press("escape")
        assert not app.feed.drawer.is_open


async def test_the_drawer_follows_the_selection_and_never_takes_the_focus() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("6")
        for _ in range(5):
            await pilot.press("j")
            assert app.feed.place == "agents"
        name = app.feed.chosen.agent.address.short
        assert name in app.feed.drawer.plain_lines()[0]


async def test_convoys_and_events_have_their_own_pages() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "enter")
        assert "landing" in app.feed.drawer.plain_lines()[0]
        assert "Part 10 of the work" in "\n".join(app.feed.drawer.plain_lines())
        await pilot.press("3", "j", "4")
        assert '"branch"' in "\n".join(app.feed.drawer.plain_lines())


async def test_the_preview_is_not_read_while_the_drawer_is_shut() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        await asyncio.sleep(0.3)
        assert app.fake.captures == 0


async def test_a_nudge_tells_its_stages_one_by_one() -> None:
    engine = FakeEngine()
    engine.step = threading.Event()
    app = Console(engine=engine)
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("n")
        assert isinstance(app.screen, Prompt)
        await pilot.press("enter")
        seen = []
        for stages in (
            "queued",
            "queued → typed",
            "queued → typed → submitted",
            "queued → typed → submitted → turn started",
        ):
            engine.step.set()
            await until(
                pilot, lambda s=stages: f"nudge to opal: {s}" in status(app) and not engine.step.is_set(), stages
            )
            seen.append(status(app))
        await until(pilot, lambda: "✓ nudge to opal" in status(app), "the tick")
        assert "✓" not in seen[0]
    order = engine.performed[0]
    assert (order.kind, order.target, order.arguments["text"]) == ("agent.nudge", "shop/opal", "continue")


async def test_a_question_is_answered_as_it_was_shown() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Picker), "the choices are shown")
        shown = app.screen_text()
        assert "Answer shop/ruby" in shown
        assert "npm install left-pad" in shown
        assert "Do you want to proceed?" in shown
        assert "--loglevel error" in shown, "no row of the question is cut"
        assert "2  Yes, and don't ask again for npm" in shown
        assert "\x1b" not in shown
        await pilot.press("3", "enter")
        await until(pilot, lambda: app.hands.performed, "the order")
    order = app.hands.performed[0]
    assert (order.kind, order.target) == ("agent.answer", "shop/ruby")
    assert order.arguments["choice"] == "0123456789ab:3"


async def test_the_question_that_was_read_is_shown_not_an_older_one() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        asked = "Bash command\nrm -rf build\nDo you want to proceed?"
        app.hands.choices = lambda order: [Choice("fedcba987654:1", "1 Yes", 0.0, asked)]
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Picker), "the choices are shown")
        rows = app.screen_text()
        dialog = rows[rows.index("Answer shop/ruby") :]
        assert "rm -rf build" in dialog
        assert "asks: allow Bash" not in dialog


async def test_a_narrow_console_cuts_no_row_of_a_question() -> None:
    app = Console()
    async with app.run_test(size=(60, 24)) as pilot:
        await select(pilot, "shop/polecats/ruby")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Picker), "the choices are shown")
        assert "--no-audit" in app.screen_text()
        assert "--no-fund" in app.screen_text()


async def test_a_digit_is_a_number_of_a_choice_only() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        app.hands.choices = lambda order: [Choice(f"fedcba987654:{n}", t, 0.0, "Go?") for n, t in NUMBERS]
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Picker), "the choices are shown")
        await pilot.press("3", "enter")
        assert "No such choice." in app.screen_text()
        assert not app.hands.performed
        await pilot.press("backspace", "2", "enter")
        await until(pilot, lambda: app.hands.performed, "the order")
    assert app.hands.performed[0].arguments["choice"] == "fedcba987654:2"


async def test_one_that_asks_nothing_is_not_answered() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("y")
        await until(pilot, lambda: "shop/opal asks nothing" in status(app), "why not")
        assert not isinstance(app.screen, Picker)


async def test_typed_words_replace_the_offer() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("n", *"run it", "enter")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed[0].arguments["text"] == "run it"


async def test_a_failed_act_says_why() -> None:
    engine = FakeEngine()
    engine.failure = "the foreground process is a shell, nothing was typed"
    app = Console(engine=engine)
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("n", "enter")
        await until(pilot, lambda: "✗ nudge to opal: the foreground process is a shell" in status(app), "the failure")
        await pilot.press("L")
        assert isinstance(app.screen, CommandLogScreen)
        assert "gt nudge shop/opal -- continue" in app.screen_text()


async def test_marked_agents_are_nudged_together() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        for path in ("shop/polecats/opal", "shop/polecats/jade", "billing/polecats/onyx"):
            await select(pilot, path)
            await pilot.press("space")
        assert "3 marked" in app.screen_text()
        await pilot.press("N")
        assert "Nudge 2 agents" in app.screen_text()
        await pilot.press("enter")
        await until(pilot, lambda: len(app.hands.performed) == 2, "both orders")
        assert {order.target for order in app.hands.performed} == {"shop/opal", "shop/jade"}


async def test_a_handoff_is_one_dialog_and_its_note_survives_a_cancel() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("h", *"half done", "escape")
        assert "the note is kept" in status(app) and not app.hands.performed
        await pilot.press("h")
        assert "half done" in app.screen_text() and "Lost: anything the agent has" in app.screen_text()
        await pilot.press("enter")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed[0].arguments["note"] == "half done"


async def test_a_dead_agent_is_restarted_and_cannot_be_nudged() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "billing/polecats/onyx")
        await pilot.press("n")
        assert "has no session" in status(app)
        await pilot.press("r")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed[0].kind == "agent.restart"


async def test_a_key_that_cannot_act_here_says_where_it_can() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "n")
        assert "nudge works only in agents or problems" in status(app)
        await pilot.press("1", "g", "n")
        assert "select an agent first" in status(app)
        await pilot.press("]")
        assert "no search here" in status(app)


async def test_slinging_asks_for_bead_and_target() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Picker), "the beads")
        await pilot.press(*"search", "enter")
        await until(pilot, lambda: "to which rig" in app.screen_text(), "the targets")
        await pilot.press(*"opal", "enter")
        await until(pilot, lambda: app.hands.performed, "the order")
        order = app.hands.performed[0]
        assert (order.kind, order.target, order.arguments["bead"]) == ("bead.sling", "shop/opal", "gt-r2")


async def test_the_palette_runs_actions_and_jumps_to_agents() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(":", *"amber", "enter")
        assert app.feed.chosen.agent.address.label == "amber"
        await pilot.press(":", *"problems view", "enter")
        assert app.feed.view == "problems"
        await pilot.press(":", *"theme light", "enter")
        assert app.look.theme.name == "light"


async def test_help_lists_every_action_and_leaves_the_layout_alone() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        before = app.screen_text()
        await pilot.press("?")
        assert isinstance(app.screen, HelpScreen)
        text = app.screen_text()
        for _ in range(4):
            await pilot.press("pagedown")
            text += app.screen_text()
        for action in ACTIONS:
            assert action.help[:40] in text, action.id
        await pilot.press("escape")
        assert app.screen_text() == before


async def test_a_failing_source_marks_its_panel_with_the_reason() -> None:
    app = Console(FakeLive(snapshot(sources=(SourceStatus("events", NOW - 14, "permission denied"),))))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "stale 14s: permission denied" in app.feed.stream.plain_lines()[0]
        assert "stale" not in app.feed.agents.plain_lines()[0]


async def test_resizing_to_the_smallest_and_back_keeps_everything() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/ruby")
        before = app.screen_text()
        await pilot.resize_terminal(60, 15)
        await until(pilot, lambda: "2 Convoys  2 running" in app.screen_text(), "the small picture")
        assert "ruby" in app.screen_text()
        await pilot.press("3")
        assert "1 Agents  " in app.screen_text()
        await pilot.press("1")
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: app.screen_text() == before, "the first picture")


@pytest.mark.parametrize("size", [(160, 45), (80, 24), (60, 15), (30, 8), (12, 4)])
async def test_any_size_is_survived(size: tuple[int, int]) -> None:
    app = Console()
    async with app.run_test(size=size) as pilot:
        await pilot.press("d", "p", "?", "escape", "p", "3", "f", "escape", "n", "escape", "escape")
        assert all(cells(line) == size[0] for line in app.screen_text().splitlines())


async def test_ascii_means_ascii() -> None:
    app = Console(environ={"GT_NO_EMOJI": "1"})
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("d", "p", "p", "?")
        assert app.screen_text().isascii()
        await pilot.press("escape", ":")
        assert app.screen_text().isascii()


async def test_no_colour_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Console(environ={"NO_COLOR": "1"})
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("d", "n")
        strips = app.screen._compositor.render_strips()
        for row in strips:
            for segment in row:
                style = segment.style
                for colour in (style.color, style.bgcolor) if style else ():
                    assert colour is None or colour.is_default, segment


async def test_evil_titles_never_reach_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
    live = FakeLive(
        snapshot(
            [
                agent(
                    "shop/polecats/ruby",
                    Health.WAITING,
                    since=5,
                    pane="%8",
                    work=("gt-1", evil, 5, evil),
                    reasons=((evil, "screen", 1),),
                    activity=evil,
                    first_subject=evil,
                    unread=1,
                )
            ],
            name=evil,
        )
    )
    live.stream.add(NOW, "mail", evil, {"to": evil, "subject": evil})
    live.panes["%8"] = [evil + "\x1b[31mred" + evil]
    app = Console(live)
    async with app.run_test(size=WIDE) as pilot:
        for keys in ("d", "5", "6", "7", "4", "3", "4", "p", "n"):
            await pilot.press(keys)
            await pilot.pause()
            text = app.screen_text()
            for char in ("\x1b", "\x07", "\x9b", "\u202e"):
                assert char not in text


async def test_an_empty_town_says_what_to_do() -> None:
    app = Console(FakeLive(empty_snapshot(), standard_stream().__class__()))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        text = app.screen_text()
        assert "gt rig add" in text and "No convoys" in text and "No events yet" in text
        await pilot.press("enter", "n", "d", "j", "G", "3", "j", "enter")


async def test_an_unchanged_town_repaints_no_panel() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        feed = app.feed
        assert [sheet.redraw() for sheet in (feed.agents, feed.convoys, feed.stream, feed.header)] == [0, 0, 0, 0]
        app.fake.clock.advance(1)
        feed.show_all()
        app.fake.clock.advance(60)
        assert 0 < feed.agents.redraw() + 1


async def test_the_mouse_selects_opens_and_scrolls() -> None:
    app = Console(FakeLive(stream=standard_stream(200)))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.click("#agents", offset=(10, 3))
        assert app.feed.chosen.agent.address.label == "deacon"
        await pilot.click("#events", offset=(10, 4))
        assert app.feed.place == "events" and app.feed.stream.cursor == 3
        app.feed.stream.on_mouse_scroll_down(_Wheel())
        assert app.feed.stream.top == 3
        await pilot.click("#agents", offset=(10, 3), times=2)
        await until(pilot, lambda: app.feed.drawer.is_open, "the drawer")


class _Wheel:
    def stop(self) -> None:
        return None


async def test_a_filtered_search_goes_on_while_there_is_history() -> None:
    stream = FakeStream()
    stream.add(NOW - 90_000, "sling", "mayor", {"bead": "gt-needle", "target": "shop/opal"})
    for number in range(9_000):
        stream.add(NOW - 80_000 + number, "mail", "mayor", {"to": "x", "subject": f"n{number}"})
    stream.add(NOW, "sling", "mayor", {"bead": "gt-newest", "target": "shop/opal"})
    app = Console(FakeLive(stream=stream), initial_filter=NO_FILTER._replace(type="sling"))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "slash", *"needle")
        await until(
            pilot,
            lambda: "▌" in next(iter([line for line in app.screen_text().splitlines() if "gt-needle" in line]), ""),
            "the hit",
        )
        await pilot.press("enter", "right_square_bracket")
        await until(pilot, lambda: "no more matches for needle" in status(app), "the end of history")


async def test_a_finished_receipt_fades_and_a_failure_stays_until_a_key() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("n", "enter")
        await until(pilot, lambda: "turn started" in status(app), "the receipt")
        app.fake.clock.advance(7)
        app.feed.tick(changed=False)
        assert "turn started" in status(app)
        app.fake.clock.advance(2)
        app.feed.tick(changed=False)
        assert "nudge to" not in status(app)
        app.hands.failure = "a shell is in the foreground"
        await pilot.press("n", "enter")
        await until(pilot, lambda: "a shell is in the foreground" in status(app), "the failure")
        app.fake.clock.advance(60)
        app.feed.tick(changed=False)
        assert "a shell is in the foreground" in status(app)
        await pilot.press("k")
        assert "a shell is in the foreground" not in status(app)


async def test_a_bead_in_the_drawer_is_read_again_once_something_moved() -> None:
    app = Console()
    seen: list[str] = []
    read = app.hands.bead_detail

    def note(bead_id: str) -> object:
        seen.append(bead_id)
        return read(bead_id)

    app.hands.bead_detail = note
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "j", "5")
        await until(pilot, lambda: seen, "the first reading")
        app.fake.clock.advance(2)
        app.feed.show_all()
        await pilot.pause()
        assert len(seen) == 1
        app.fake.put(snapshot())
        await until(pilot, lambda: len(seen) == 2, "the second reading")


async def test_a_bead_among_the_problems_cannot_be_marked() -> None:
    orphan = OrphanView("gt-o1", "Left behind", "hooked", "shop/polecats/rubin", "shop", 1, NOW - 7200)
    app = Console(FakeLive(snapshot(orphans=(orphan,))))
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("p")
        assert app.feed.problems.select(Selection(BEAD, "", "gt-o1"))
        await pilot.press("space")
        assert "there is no agent to mark" in app.screen_text() and not app.feed.agents.marked


async def test_a_click_on_a_count_of_the_header_opens_what_it_counts() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        for words, view, place in (
            ("need you", "inbox", "inbox"),
            ("stalled", "problems", "problems"),
            ("to merge", "queue", "queue"),
            ("working", "feed", "agents"),
        ):
            for _ in range(2):
                # again on what is open: it stays open
                line = app.feed.header.plain_lines()[0]
                at = cells(line[: line.index(words)])
                await pilot.click("#header", offset=(at, 0))
                await pilot.pause()
                assert (app.feed.view, app.feed.place) == (view, place), words
        line = app.feed.header.plain_lines()[0]
        await pilot.click("#header", offset=(cells(line[: line.index("live")]), 0))
        await pilot.pause()
        assert app.feed.view == "feed" and app.screen is app.feed
