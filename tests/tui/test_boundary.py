"""What goes wrong in one part of the console is that part's error: the rest goes on, and says so."""

from __future__ import annotations

import os
import stat

import pytest
from textual.events import Key

from gastown_tui.boundary import FILE, Fault, write_fault
from gastown_tui.dialogs.command_log import CommandLogScreen
from gastown_tui.dialogs.help import HelpScreen
from gastown_tui.keymap import PLACES
from gastown_tui.keys import MATCHES
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeEngine, FakeLive, snapshot
from tests.tui.test_console import WAY_TO, WIDE, select, status, until


class Trusting(Console):
    """A console whose faults are what the test is about."""

    expects_faults = True


def broken(*_: object, **__: object) -> None:
    raise KeyError("lost")


async def test_updates_that_come_before_the_screen_stands_wait_for_it() -> None:
    live = FakeLive()
    for _ in range(50):
        live.put(snapshot())
    app = Console(live)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: live._queue.empty(), "all updates")
        assert "1 Agents" in app.screen_text() and "Auth system" in app.screen_text()


async def test_a_key_typed_before_the_screen_stands_is_done_when_it_does() -> None:
    class Hasty(Console):
        def get_default_screen(self):
            self.post_message(Key("p", "p"))
            return super().get_default_screen()

    app = Hasty()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "NEEDS YOU" in app.screen_text(), "the problems")


@pytest.mark.parametrize("name", ["agents", "convoys", "stream", "header", "drawer"])
async def test_a_panel_that_cannot_be_drawn_shows_why_and_the_others_stand(name: str, monkeypatch) -> None:
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("d")
        with monkeypatch.context() as patched:
            patched.setattr(getattr(app.feed, name), "draw", broken)
            await pilot.press("R")
            await until(pilot, lambda: "cannot be shown: KeyError" in app.screen_text(), "the fault in its place")
            for word in {"agents": "ruby", "convoys": "Auth system", "stream": "slung gt-p9n4q"}.items():
                assert word[0] == name or word[1] in app.screen_text(), word
        await pilot.press("R")
        await until(pilot, lambda: "cannot be shown" not in app.screen_text(), "the panel again")
        assert [fault.where for fault in app.faults.entries] == [getattr(app.feed, name).id]


@pytest.mark.parametrize("name", ["agents", "convoys", "stream"])
async def test_a_panel_that_cannot_take_its_facts_says_so_in_its_frame_until_it_can(name: str, monkeypatch) -> None:
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        panel = getattr(app.feed, name)
        with monkeypatch.context() as patched:
            patched.setattr(panel, "show", broken)
            app.fake.put(snapshot())
            await until(pilot, lambda: "cannot be shown: KeyError" in panel.plain_lines()[0], "the fault in its frame")
            assert "ruby" in app.screen_text()
        app.fake.put(snapshot())
        await until(pilot, lambda: "cannot be shown" not in app.screen_text(), "the panel again")


async def test_a_handler_that_fails_is_said_in_the_status_line_and_listed_by_the_log(monkeypatch) -> None:
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        monkeypatch.setattr(app.feed.agents, "on_click", broken, raising=False)
        monkeypatch.setattr(app.feed.acts, "do", broken)
        await select(pilot, "shop/polecats/ruby")
        await pilot.press("n")
        await until(pilot, lambda: "KeyError: 'lost' (test_boundary.py" in status(app), "the fault")
        await pilot.press("j", "L")
        await until(pilot, lambda: isinstance(app.screen, CommandLogScreen), "the log")
        assert "Errors of the console" in app.screen_text() and "KeyError: 'lost'" in app.screen_text()


async def test_a_fault_in_the_tick_does_not_stop_the_clock(monkeypatch) -> None:
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        later: list[str] = []
        monkeypatch.setattr(app.feed, "tick", broken)
        monkeypatch.setattr(app, "_tick_later", lambda: later.append("next"))
        app.set_timer(0.01, app._tick)
        await until(pilot, lambda: "KeyError" in status(app), "the fault")
        assert later == ["next"]


async def test_a_fault_of_the_live_model_does_not_end_the_updates(monkeypatch) -> None:
    class Stumbling(FakeLive):
        has_stumbled = False

        async def updates(self):
            if not self.has_stumbled:
                self.has_stumbled = True
                raise RuntimeError("a source went mad")
            async for update in super().updates():
                yield update

    monkeypatch.setattr("gastown_tui.app.AGAIN_S", 0.0)
    app = Trusting(Stumbling())
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "a source went mad" in status(app), "the fault")
        app.fake.put(snapshot(), ("mail", "mayor", {"to": "shop/opal", "subject": "still here"}))
        await until(pilot, lambda: "still here" in app.screen_text(), "the next update")


async def test_an_act_that_raises_ends_as_a_failed_receipt() -> None:
    class Clumsy(FakeEngine):
        def perform(self, order, notify, task=None) -> bool:
            raise OSError(7, "Argument list too long")

    app = Trusting(engine=Clumsy())
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("n", "enter")
        await until(pilot, lambda: app.faults.entries, "the fault")
        pieces = "".join(text for text, _ in app.feed.status.receipt)
        assert "nudge to" in pieces and "Argument list too long" in pieces


async def test_a_detail_that_raises_is_a_page_that_says_so() -> None:
    class Clumsy(FakeEngine):
        def work_detail(self, view):
            raise RecursionError("maximum recursion depth exceeded")

    app = Trusting(engine=Clumsy())
    async with app.run_test(size=WIDE) as pilot:
        await select(pilot, "shop/polecats/opal")
        await pilot.press("5")
        await until(pilot, lambda: "cannot be read: maximum recursion" in app.screen_text(), "the page")


async def test_a_dialog_that_cannot_be_filled_goes_away_again(monkeypatch) -> None:
    monkeypatch.setattr(HelpScreen, "fill", broken)
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("?")
        await until(pilot, lambda: app.faults.entries and app.screen is app.feed, "the town again")
        assert "KeyError" in status(app)


async def test_the_same_fault_is_told_once_a_minute(monkeypatch) -> None:
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        monkeypatch.setattr(app.feed.agents, "show", broken)
        for _ in range(5):
            app.feed.show_all()
        await pilot.pause()
        assert len(app.faults.entries) == 1
        app.fake.clock.advance(61)
        app.feed.show_all()
        assert len(app.faults.entries) == 2


async def test_what_fails_before_the_first_picture_ends_the_console() -> None:
    """There is nothing yet that could show it."""

    class Stillborn(FakeLive):
        async def start(self) -> None:
            raise RuntimeError("no such town")

    app = Console(Stillborn())
    with pytest.raises(RuntimeError, match="no such town"):
        async with app.run_test(size=WIDE):
            pass
    assert app.return_code == 1


def test_faults_are_kept_with_their_traceback_privately_and_within_bounds(tmp_path, monkeypatch) -> None:
    fault = Fault(NOW, "agents", "KeyError: 'lost'", "x.py:1", ("  File x.py, line 1",))
    write_fault(str(tmp_path), fault)
    path = tmp_path / FILE
    assert "2026-11-21T12:04:31Z agents: KeyError: 'lost' (x.py:1)" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setattr("gastown_tui.boundary.MOST_BYTES", 10)
    write_fault(str(tmp_path), fault)
    assert path.read_text().count("KeyError: 'lost' (x.py:1)") == 1
    write_fault(str(tmp_path / "gone"), fault)
    assert not os.path.exists(tmp_path / "gone")


@pytest.mark.parametrize("name", [*(place for place in PLACES if place != MATCHES), "closer", "status", "header"])
async def test_whatever_panel_of_whatever_view_breaks_says_so_and_all_keys_go_on(name: str, monkeypatch) -> None:
    app = Trusting()
    way = {"status": "1", "header": "1", "closer": "p", "drawer": "1d"}
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(*way.get(name, WAY_TO.get(name, "")))
        await pilot.pause()
        panel = app.feed.query_one(f"#{name}")
        await until(pilot, lambda: panel.region.width, f"{name} in view")
        with monkeypatch.context() as patched:
            patched.setattr(panel, "draw", broken)
            panel.redraw()
            await until(pilot, lambda: any(name in fault.where for fault in app.faults.entries), "the fault")
            await until(pilot, lambda: "KeyError" in app.screen_text(), "the fault in its place")
            await pilot.press("1" if name != "inbox" else "j", "j", "k", "?")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help")
            await pilot.press("escape")
        await pilot.press("R")
        await until(pilot, lambda: "cannot be shown" not in "".join(panel.plain_lines()), "the panel again")
        assert app.is_running


async def test_the_report_of_a_fault_is_copied_with_its_traceback(monkeypatch) -> None:
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        with monkeypatch.context() as patched:
            patched.setattr(app.feed.agents, "draw", broken)
            app.feed.agents.redraw()
            await until(
                pilot, lambda: "copies the report on C" in " ".join(app.screen_text().split()), "how to copy it"
            )
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, CommandLogScreen), "the log")
        await pilot.press("C")
        await until(pilot, lambda: app.hands.copied, "the copy")
        assert "agents: KeyError: 'lost'" in app.hands.copied[0] and "raise KeyError" in app.hands.copied[0]


async def test_a_moment_that_cannot_be_read_is_the_time_machines_error_alone() -> None:
    app = Trusting()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: app.feed.past.past is not None, "the past")
        app.hands.back_then.error = OSError("line 7 has changed")
        await pilot.press("left")
        await until(pilot, lambda: "cannot be shown: OSError: line 7" in app.screen_text(), "the fault")
        app.hands.back_then.error = None
        await pilot.press("left")
        await until(pilot, lambda: "cannot be shown" not in app.screen_text(), "the panel again")
        await pilot.press("escape")
        assert app.feed.view == "feed"
