"""When the screens of agents are read again: tmux tells only the second of a pane's last output."""

from __future__ import annotations

from gastown_core.state.facts import TownFacts
from gastown_core.state.sources.panes import PaneSource
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
