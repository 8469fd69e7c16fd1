"""The merge-queue view, the landing strip and the plain orders, driven by their keys."""

from __future__ import annotations

import os

import pytest

from gastown_core.model.order import Order
from gastown_core.model.refinery import FlightLine
from gastown_core.model.snapshot import RequestView, SchedulerView
from gastown_tui.dialogs.confirm import Confirm
from gastown_tui.dialogs.prompt import Prompt
from gastown_tui.dialogs.task_list import TaskList
from gastown_tui.selection import AGENT, BATCH, CONVOY, PAST, PROBE, REQUEST, Selection, resolve
from gastown_tui.widgets.header_bar import header_pieces
from tests.support import refineries
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeLive, snapshot
from tests.tui.test_console import status, until
from tests.tui.test_merge_queue_pictures import landing_town, town

WIDE = (120, 40)


@pytest.fixture
def rig(tmp_path) -> str:
    return str(tmp_path)


def console(rig: str, name: str = "testing") -> Console:
    return Console(FakeLive(town(name, rig)))


def log_of(rig: str, gate: str = "e2e") -> str:
    return os.path.join(rig, ".runtime", "refinery", "b-1019", f"{gate}-9f2c01ab.log")


async def test_m_shows_the_merge_queue_and_goes_back(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        assert app.feed.view == "queue" and app.feed.place == "queue"
        text = app.screen_text()
        for words in ("MERGE QUEUE", "b-1019", "whole batch", "e2e", "gt-mr5", "gates w", "assert 1099"):
            assert words in text, words
        await pilot.press("escape")
        assert app.feed.view == "feed" and app.feed.place == "agents"


async def test_the_batch_under_the_convoys_leads_there(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        app.feed.convoys.select(Selection(BATCH, "shop"))
        await pilot.press("enter")
        assert app.feed.view == "queue" and app.feed.queue.key == Selection(BATCH, "shop")


async def test_numbers_go_to_the_panels_of_the_view(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        for key, place in (("2", "probes"), ("3", "gates"), ("1", "queue"), ("tab", "probes"), ("shift+tab", "queue")):
            await pilot.press(key)
            assert app.feed.place == place, key


async def test_the_log_follows_its_end_and_holds_when_scrolled(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m", "3")
        gates = app.feed.gates
        with open(log_of(rig), "a") as handle:
            handle.write("one more\n")
        await until(pilot, lambda: "one more" in app.screen_text(), "the new line")
        await pilot.press("k", "k", "k")
        with open(log_of(rig), "a") as handle:
            handle.write("the newest\n")
        await until(pilot, lambda: gates.missed == 1, "a line that is not seen")
        assert "paused +1 new" in gates.plain_lines()[0] and "the newest" not in app.screen_text()
        await pilot.press("escape")
        assert gates.is_following and "the newest" in app.screen_text()
        await pilot.press("space")
        assert not gates.is_following and "paused" in status(app)


async def test_control_sequences_of_a_log_are_not_written(rig: str) -> None:
    app = console(rig)
    with open(log_of(rig), "a") as handle:
        handle.write("\n\x1b[2J\x1b]52;c;aGk=\x07\x1b[31mred\x1b[0m\x00end\n")
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        text = app.screen_text()
        assert "red" in text and "\x1b" not in text and "\x07" not in text and "title" not in text


async def test_gates_are_stepped_through_and_a_probe_brings_its_own(rig: str) -> None:
    app = console(rig, "bisecting")
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m", "2", "g")
        assert "e2e" in app.feed.gates.plain_lines()[0] and "whole batch" in app.feed.gates.plain_lines()[0]
        await pilot.press("right")
        assert "unit" in app.feed.gates.plain_lines()[0]
        await pilot.press("left", "left")
        assert "lint" in app.feed.gates.plain_lines()[0]
        await pilot.press("j", "j")
        assert "known" in "\n".join(app.feed.probes.plain_lines())


async def test_unwatched_the_batch_follows_the_running_probe(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        assert app.feed.probes.key == Selection(PROBE, "shop", "1")
        app.fake.put(town("bisecting", rig))
        await until(pilot, lambda: app.feed.probes.key == Selection(PROBE, "shop", "6"), "the running probe")


async def test_a_run_that_waits_for_its_place_says_so_where_its_log_will_be(rig: str) -> None:
    view = town("testing", rig).refineries[0]
    probe = view.state.probes[0]._replace(gates=(), waits="all 2 gate places of the town are taken")
    waits = view._replace(state=view.state._replace(probes=(probe,)))
    app = Console(FakeLive(town("testing", rig)._replace(refineries=(waits,))))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        text = app.screen_text()
        assert "This run waits: all 2 gate places of the town are taken" in text and "No gate has run" not in text


async def test_the_batch_of_the_selected_request_is_shown_with_its_own_log(rig: str) -> None:
    base = town("testing", rig)
    first = base.refineries[0]
    gates = (refineries.gate("slow", "running"),)
    tree = (first.state.probes[0]._replace(requests=("gt-mr3",), purpose="alone", gates=gates),)
    flights = (
        FlightLine(first.state.batch, "testing", ("gt-mr0", "gt-mr1", "gt-mr2"), 1, 1),
        FlightLine("b-1020", "bisecting", ("gt-mr3",), 1, 1, tree=tree),
    )
    both = first._replace(state=first.state._replace(requests=first.state.requests[:3], flights=flights))
    app = Console(FakeLive(base._replace(refineries=(both,))))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        assert "whole batch" in app.screen_text() and "B-1020" not in app.feed.probes.title_text
        for selection in (Selection(REQUEST, "", "gt-mr3"), Selection(BATCH, "shop", "b-1020")):
            app.feed.queue.select(Selection(BATCH, "shop"))
            app.feed.show_all()
            assert app.feed.merge_queue.batch == ""
            assert app.feed.queue.select(selection) is not False
            app.feed.show_all()
            assert app.feed.merge_queue.batch == "b-1020" and app.feed.probes.title_text.startswith("b-1020")
            text = app.screen_text()
            assert "alone" in text and "slow" in text and "whole batch" not in text
        app.feed.queue.select(Selection(REQUEST, "", "gt-mr0"))
        app.feed.show_all()
        assert app.feed.probes.title_text.startswith(first.state.batch) and "whole batch" in app.screen_text()


async def test_the_key_line_offers_acts_on_requests_only_while_there_are_any(rig: str) -> None:
    full = town("testing", rig)
    live = FakeLive(full._replace(requests=()))
    app = Console(live)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        keys = app.screen_text().splitlines()[-1]
        assert not any(word in keys for word in ("retry", "reject", "approve")) and "quit" in keys
        live.put(full)
        await until(pilot, lambda: "retry" in app.screen_text().splitlines()[-1], "the keys for requests")


async def test_the_pager_gets_the_log_that_is_shown(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m", "v")
        assert app.hands.performed == [("page", os.path.realpath(log_of(rig)))]


async def test_a_log_outside_its_rig_is_not_read(rig: str) -> None:
    shot = town("testing", rig)
    view = shot.refineries[0]
    probe = view.state.probes[0]
    evil = probe._replace(gates=(probe.gates[2]._replace(log="../../../../etc/passwd"),))
    shot = shot._replace(refineries=(view._replace(state=view.state._replace(probes=(evil,))),))
    app = Console(FakeLive(shot))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        assert "root:" not in app.screen_text() and app.feed.gates.shown is None


async def test_ticks_run_only_while_an_engine_works_in_view(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        timer = app.feed.merge_queue._timer
        await until(pilot, lambda: timer._active.is_set(), "ticks in the feed")
        await pilot.press("p")
        assert not timer._active.is_set()
        await pilot.press("m")
        assert timer._active.is_set()
        app.fake.put(town("idle", rig))
        await until(pilot, lambda: not timer._active.is_set(), "rest")


async def test_retry_names_rig_and_request_and_reject_asks_for_a_reason(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        app.feed.queue.select(Selection(REQUEST, "", "gt-mr5"))
        await pilot.press("r")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed[-1] == Order("mq.retry", "gt-mr5", {"rig": "shop"})
        await pilot.press("x")
        assert isinstance(app.screen, Prompt)
        await pilot.press(*"no tests", "enter")
        await until(pilot, lambda: len(app.hands.performed) == 2, "the second order")
        assert app.hands.performed[-1].arguments == {"rig": "shop", "reason": "no tests"}


async def test_a_batch_that_merges_is_broken_off_after_a_question_that_says_what_is_lost(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("Z")
        await until(
            pilot, lambda: isinstance(app.screen, TaskList) and "In the merge queue" in app.screen_text(), "the list"
        )
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Confirm), "the question")
        said = " ".join(app.screen_text().replace("│", " ").split())
        assert "Every request stays in the queue" in said and "Ctrl-Z undoes it" in said
        await pilot.press("enter")
        assert isinstance(app.screen, TaskList) and not app.hands.performed, "Enter is on cancel"
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Confirm), "the question")
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed == [Order("mq.freeze", "shop")]
        await until(pilot, lambda: isinstance(app.screen, TaskList), "the list")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "Undo which?" in app.screen_text(), "what the question offered")
        await pilot.press("enter")
        await until(pilot, lambda: len(app.hands.performed) == 2, "the undo")
        assert app.hands.performed[-1].kind == "act.undo"


async def test_a_request_that_waits_for_approval_says_so_and_a_key_approves_just_that_commit(rig: str) -> None:
    seen = town("idle", rig)
    waits = RequestView(
        "gt-mr9",
        "shop",
        "polecat/opal",
        "opal",
        "blocked",
        "gt-w9",
        NOW - 60,
        rests="waits for somebody to approve 0123456789ab; gt mq approve gt-mr9",
        commit="0123456789abcdef",
        awaits_approval=True,
    )
    queued = waits._replace(id="gt-mr8", rests="", awaits_approval=False, state="queued")
    app = Console(FakeLive(seen._replace(requests=(waits, queued))))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m")
        app.feed.queue.select(Selection(REQUEST, "", "gt-mr9"))
        assert "to approve" in app.screen_text() and "ready" in app.screen_text()
        assert "1 ready, 1 to approve" in app.screen_text()
        header = header_pieces(app.fake.snapshot, 240, NOW, moved_at=NOW, view="feed", ascii_only=False)
        assert "1 to merge" in "".join(text for text, _ in header)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, Confirm), "the question")
        assert "Another commit needs" in app.screen_text() and "Ctrl-Z undoes it" in app.screen_text()
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed[-1] == Order("mq.approve", "gt-mr9", {"rig": "shop", "commit": "0123456789abcdef"})
        app.feed.queue.select(Selection(REQUEST, "", "gt-mr8"))
        await pilot.press("a")
        assert "it waits for no approval" in status(app)


async def test_process_now_says_why_not_while_the_engine_works(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m", "P")
        assert "is busy: b-1019" in status(app)
        app.fake.put(town("idle", rig))
        await until(pilot, lambda: "Nothing is being tested" in app.screen_text(), "rest")
        await pilot.press("P")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed == [Order("mq.process", "shop")]


async def test_a_nuke_shows_what_would_be_lost_and_enter_cancels() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        app.feed.navigation.go_to(Selection(AGENT, "", "shop/polecats/opal"))
        await pilot.pause()
        app.feed.dispatch.run("polecat.nuke")
        await until(pilot, lambda: isinstance(app.screen, Confirm), "the question")
        text = app.screen_text()
        for words in ("Nuke polecat?", "shop/opal", "files: push.py", "commits: 2", "refs/gastown/rescue"):
            assert words in text, words
        await pilot.press("enter")
        assert not app.hands.performed
        app.feed.dispatch.run("polecat.nuke")
        await until(pilot, lambda: isinstance(app.screen, Confirm), "the question")
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed[-1].kind == "polecat.nuke"


async def test_a_rollback_chooses_a_state_and_shows_what_it_takes_away() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        app.feed.navigation.go_to(Selection(AGENT, "", "shop/polecats/opal"))
        await pilot.pause()
        await pilot.press("z")
        await until(pilot, lambda: "Test the retry" in app.screen_text(), "the states")
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm), "the question")
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed[-1].arguments["to"] == "2"


async def test_without_its_preview_nothing_is_asked_and_nothing_done() -> None:
    app = Console()
    app.hands.refusal = "no such polecat"
    async with app.run_test(size=WIDE) as pilot:
        app.feed.navigation.go_to(Selection(AGENT, "", "shop/polecats/opal"))
        await pilot.pause()
        app.feed.dispatch.run("polecat.nuke")
        await until(pilot, lambda: "no such polecat" in status(app), "the reason")
        assert not isinstance(app.screen, Confirm) and not app.hands.performed


async def test_a_convoy_is_checked_at_once_and_a_landed_one_is_not() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "c")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed == [Order("convoy.check", "hq-cv-7q2ma")]
        app.feed.convoys.select(Selection(CONVOY, "", "hq-cv-1b8xw"))
        await pilot.press("c")
        assert "has already landed" in status(app)


async def test_the_scheduler_is_paused_by_name_and_the_header_tells() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press(":", *"pause sch", "enter")
        await until(pilot, lambda: app.hands.performed, "the order")
        assert app.hands.performed == [Order("scheduler.pause", "")]
        app.fake.put(snapshot(scheduler=SchedulerView(3, True, "overseer", NOW)))
        await until(pilot, lambda: "dispatch paused: 3" in app.screen_text(), "the header")


async def test_a_fault_is_a_problem_with_its_proof_in_the_drawer() -> None:
    app = Console(FakeLive(landing_town()), problems=True)
    async with app.run_test(size=WIDE) as pilot:
        text = app.screen_text()
        assert "CLOSED, NOT LANDED 1" in text and "2 landing faults" in text
        await pilot.press("G", "k", "5")
        drawer = "\n".join(app.feed.drawer.plain_lines())
        assert "closed, not landed" in drawer and "origin has 9f2c01ab" in drawer


async def test_an_agents_drawer_tells_its_hooks_life() -> None:
    view = snapshot().agent("shop/polecats/opal")
    agents = tuple(
        one._replace(hook="suspended", hook_since=NOW - 720) if one is view or one.key == view.key else one
        for one in snapshot().agents
    )
    app = Console(FakeLive(snapshot(agents)))
    async with app.run_test(size=(160, 45)) as pilot:
        app.feed.navigation.go_to(Selection(AGENT, "", "shop/polecats/opal"))
        await pilot.press("4")
        await until(pilot, lambda: "+4 commits" in app.screen_text(), "the branch")
        text = app.screen_text()
        assert "Suspended 12m" in text and "5/8 tests" in text and "3 dirty" in text


def test_the_strips_of_the_fixtures_cover_every_fault() -> None:
    assert {strip.fault for strip in refineries.STRIPS.values()} == {"", "closed, not landed", "landed, not closed"}


async def test_a_past_batch_and_a_request_that_was_sent_back_can_be_opened(rig: str) -> None:
    app = console(rig)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("m", "2", "G", "d")
        assert app.feed.probes.key == Selection(PAST, "shop", "b-1016")
        await pilot.press("k", "k")
        assert app.feed.probes.key == Selection(PAST, "shop", "b-1018")
        await until(
            pilot, lambda: "Retry push on network failure" in "\n".join(app.feed.drawer.plain_lines()), "titles"
        )
        page = "\n".join(app.feed.drawer.plain_lines())
        assert "3 of 4 landed" in page and "culprit" in page and page.count("merged") == 3
        for told in ("gt-m4444 Retry push", "jade", "gate test failed (exit 1)", "/rig/test.log", "| E boom"):
            assert told in page
    # a request that left the queue is opened as the bead it is
    chosen = resolve(app.snapshot, Selection(REQUEST, "", "gt-sent-back"))
    assert (chosen.kind, chosen.bead) == ("bead", "gt-sent-back")
