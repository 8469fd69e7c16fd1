"""When the screens of agents are read again: tmux tells only the second of a pane's last output."""

from __future__ import annotations

import pytest

from gastown_core.errors import TmuxError
from gastown_core.state.facts import TownFacts
from gastown_core.state.sources import panes
from gastown_core.state.sources.panes import SCREENS, PaneSource
from gastown_core.tmux.server import NoServerError
from gastown_core.town.inventory import Inventory
from tests.support.world import pane


def test_a_screen_that_was_read_in_the_second_of_its_last_output_is_read_once_more(tmp_path) -> None:
    source = PaneSource(TownFacts(Inventory("t", str(tmp_path), (), ())))
    shown = pane("gt-opal", 100.0)
    source.facts.panes = {"gt-opal": shown}
    assert source.stale_screens() == [shown], "never read"

    source.take_screen(shown, ["busy"], 100.4)
    assert source.stale_screens() == [shown], "a question may have been drawn at 100.7"
    source.take_screen(shown, ["a question"], 101.2)
    assert source.stale_screens() == []

    later = pane("gt-opal", 107.0)
    source.facts.panes = {"gt-opal": later}
    assert source.stale_screens() == [later]


def test_a_screen_that_fails_once_may_be_gone_and_twice_is_an_error_until_it_is_read(tmp_path) -> None:
    source = PaneSource(TownFacts(Inventory("t", str(tmp_path), (), ())))
    source.facts.panes = {"gt-opal": pane("gt-opal", 100.0)}
    assert not source.note_unread({"gt-opal": "no answer"}, 1.0)
    assert source.note_unread({"gt-opal": "no answer"}, 2.0)
    assert source.facts.error_of(SCREENS) == "the screen of gt-opal cannot be read: no answer"
    assert not source.note_unread({"gt-opal": "no answer"}, 3.0)
    assert source.note_unread({}, 4.0) and not source.facts.error_of(SCREENS)

    source.note_unread({"gt-opal": "no such pane"}, 5.0)
    source.facts.panes = {}
    assert not source.note_unread({"gt-opal": "no such pane"}, 6.0) and not source.facts.error_of(SCREENS)


def test_a_command_says_that_screens_cannot_be_read_unless_the_server_has_ended(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PaneSource(TownFacts(Inventory("t", str(tmp_path), (), ())))
    source.facts.panes = {"gt-opal": pane("gt-opal", 100.0)}

    def fails_with(error: Exception) -> str:
        def capture(*_: object) -> None:
            raise error

        monkeypatch.setattr(panes, "capture_panes", capture)
        source.read_screens(1.0)
        return source.facts.error_of(SCREENS)

    assert fails_with(NoServerError("no server", "")) == ""
    assert fails_with(TmuxError("server version is too old for client")) == "server version is too old for client"
