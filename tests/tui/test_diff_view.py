"""The diff view: whose diff it shows, moving in it, commenting on a line, its pager, and going back."""

from __future__ import annotations

import pytest

from gastown_core.git.diff import DiffLine, Hunk
from gastown_tui.widgets.diff_text import ChangedWords, LineKey, patch_rows
from gastown_tui.widgets.rows import pieces_of
from tests.support.console import Console
from tests.support.fake_town import standard_diff


async def until(pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


async def opened(pilot, *keys: str) -> None:
    await pilot.press(*keys)
    await until(pilot, lambda: "src/push.py" in pilot.app.screen_text())


async def test_an_operator_reads_a_diff_and_comments_on_a_line() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, "G", "k", "D")
        text = app.screen_text()
        name = app.feed.chosen.agent.address
        assert f"{name.short}  polecat/{name.name} against origin/main" in text
        assert "3 files  +3  -1" in text and "a binary file" in text and "new, not added to git" in text
        assert "\x1b" not in text
        await pilot.press("j", "j", "j", "c")
        await until(pilot, lambda: "Comment on a line" in app.screen_text())
        assert "src/push.py:12" in app.screen_text()
        await pilot.press(*"use a name", "enter")
        await until(pilot, lambda: app.hands.performed)
        order = app.hands.performed[0]
        assert (order.kind, order.target) == ("agent.nudge", name.short)
        assert order.arguments["text"] == "About your diff, src/push.py:12: use a name"
        await pilot.press("escape")
        assert app.feed.view == "feed" and app.feed.chosen.agent.address == name


async def test_a_comment_on_a_removed_line_names_its_old_number() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, "G", "k", "D", "j", "j")
        assert app.feed.stage.patch.key == LineKey("committed", "src/push.py", 12, 0)
        await pilot.press("c")
        await until(pilot, lambda: "src/push.py:12 (removed)" in app.screen_text())


async def test_both_panels_keep_to_one_file() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, "G", "k", "D", "1", "j", "j")
        stage = app.feed.stage
        await until(pilot, lambda: stage.patch.key == stage.files.key)
        assert stage.files.key.path == "notes.txt"
        await pilot.press("2", "g")
        await until(pilot, lambda: stage.files.key.path == "src/push.py")


@pytest.mark.parametrize("size", [(160, 45), (80, 24), (60, 15)])
async def test_a_request_of_the_queue_has_a_diff_and_escape_leads_back(size) -> None:
    app = Console()
    async with app.run_test(size=size) as pilot:
        await pilot.press("m", "j", "j")
        request = app.feed.chosen.request
        assert request is not None
        await opened(pilot, "D")
        assert request.id in app.screen_text()
        await pilot.press("v")
        assert app.hands.performed == [("attach", ["git", "diff", request.branch])]
        await pilot.press("D")
        assert app.feed.view == "queue" and app.feed.chosen.request == request


async def test_an_event_leads_to_the_diff_of_its_beads_worker() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("3")
        workers = {one.work.bead_id: one for one in app.snapshot.agents if one.work is not None}
        while app.feed.chosen.event.bead not in workers:
            await pilot.press("j")
        worker = workers[app.feed.chosen.event.bead]
        waiting = [one for one in app.snapshot.requests if one.bead_id == worker.work.bead_id]
        await opened(pilot, "D")
        assert (waiting[0].id if waiting else worker.address.short) in app.screen_text()


async def test_why_there_is_no_diff_is_said() -> None:
    app = Console()
    app.hands.refusal = "its worktree is gone"
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("G", "k", "D")
        await until(pilot, lambda: "its worktree is gone" in app.screen_text())
        await pilot.press("c")
        assert "move to a line of the diff first" in app.screen_text()
        await pilot.press("escape", "1", "g", "k", "D")
        assert app.feed.view == "feed" and "a diff needs" in app.screen_text()


def test_only_the_words_that_differ_are_marked() -> None:
    lines = (
        DiffLine("-", 1, 0, "return rate * total"),
        DiffLine("+", 0, 1, "return round(rate * total)"),
        DiffLine("-", 2, 0, "a line of its own"),
        DiffLine(" ", 3, 2, "x"),
        DiffLine("-", 4, 0, "nothing in common here"),
        DiffLine("+", 0, 3, "###"),
    )
    words = ChangedWords(Hunk("", lines))
    marked = [[text for text, tone in words.pieces(at) if tone.endswith("_word")] for at in range(len(lines))]
    assert marked == [[], ["round(", ")"], [], [], [], []]
    assert ["".join(text for text, _ in words.pieces(at)) for at in range(len(lines))] == [one.text for one in lines]


def test_rows_show_tabs_and_control_characters_harmlessly() -> None:
    text = "\n".join("".join(text for text, _ in pieces_of(row)) for row in patch_rows(standard_diff("b")))
    assert "\x1b" not in text and "\t" not in text and "    post(url)" in text


async def test_the_drawer_shows_what_an_agent_said_and_did_with_tools_folded() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("G", "k", "9")
        await until(pilot, lambda: "Bash: npm test" in app.screen_text())
        text = app.screen_text()
        assert "> shop@1.0.0 test  (+2 lines)" in text and "see push.test.js" not in text
        assert "earlier entries" in text and "\x1b" not in text


async def test_a_request_that_leaves_meanwhile_keeps_its_diff_and_is_said_to_be_gone() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("m", "j", "j")
        request = app.feed.chosen.request
        await opened(pilot, "D")
        left = tuple(one for one in app.snapshot.requests if one.id != request.id)
        app.fake.put(app.snapshot._replace(requests=left))
        await until(pilot, lambda: "(gone since)" in app.screen_text())
        assert request.id in app.screen_text() and "src/push.py" in app.screen_text()


async def test_a_read_that_fails_later_keeps_the_diff_and_says_why() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, "G", "k", "D")
        app.hands.refusal = "another git is at it"
        app.feed.diff._read_at = 0.0
        app.feed.show_all()
        await until(pilot, lambda: "another git is at it" in app.screen_text())
        assert "src/push.py" in app.screen_text()


async def test_a_fault_while_reading_is_shown_and_not_repeated_with_every_look(monkeypatch) -> None:
    app = Console()
    app.expects_faults = True
    calls = []

    def broken(view: object) -> None:
        calls.append(view)
        raise ModuleNotFoundError("No module named 'unidiff'")

    monkeypatch.setattr(app.hands, "agent_diff", broken)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("G", "k", "D")
        await until(pilot, lambda: "cannot be read: No module named" in app.screen_text())
        for _ in range(5):
            app.feed.show_all()
            await pilot.pause(0.02)
        assert len(calls) == 1
