"""Changes of the attention list as sentences: every one is said, and nothing is called over that can only not be seen."""

from __future__ import annotations

from gastown_core.attention.item import MAIL, PERMISSION, STALLED, Item, Subject
from gastown_core.attention.marks import Sorted
from gastown_core.attention.spoken import changes, opening
from gastown_core.model.agent import Question
from gastown_core.model.source_status import SourceStatus
from tests.support.fake_town import NOW, empty_snapshot

TOWN = empty_snapshot()
ASKED = Question(PERMISSION, "Bash: npm ci", "", ("1 Yes", "2 No"), 0, "0123456789ab")


def row(name: str, kind: str = MAIL, stamp: str = "1", **more: object) -> Item:
    return Item(kind, Subject("agent", name, name), f"what of {name}?", NOW, stamp, **more)  # type: ignore[arg-type]


def shown(*items: Item, hidden: tuple[Item, ...] = ()) -> Sorted:
    return Sorted(items, hidden)


def test_it_opens_with_the_count_and_each_row_with_its_choices() -> None:
    asks = row("ruby", PERMISSION, asked=ASKED, holds=("gt-2",), hint="gt answer ruby NUMBER")
    assert opening(shown(asks, row("jade", STALLED)), TOWN) == [
        "1 needs you, 1 may need help",
        "ruby needs you, permission: what of ruby?; choices 1 Yes, 2 No; blocks 1 bead; gt answer ruby NUMBER",
        "jade may need help, stalled: what of jade?",
    ]
    assert opening(shown(), TOWN) == ["Nobody needs you."]


def test_what_is_only_to_be_read_is_said_after_the_all_clear() -> None:
    news = row("mayor", informs=True)
    assert opening(shown(news), TOWN) == ["Nobody needs you. 1 to read.", "mayor is to be read, mail: what of mayor?"]
    assert opening(shown(row("a"), news), TOWN)[0] == "1 needs you, 1 to read"


def test_what_came_changed_and_left_is_said_once() -> None:
    before = shown(row("a"), row("b"), row("c"))
    after = shown(row("a"), row("b", stamp="2"), row("d"))
    assert changes(before, after, TOWN) == [
        "changed: b needs you, mail: what of b?",
        "d needs you, mail: what of d?",
        "over: c: what of c?",
        "3 need you",
    ]
    assert changes(after, after, TOWN) == []


def test_what_a_person_did_with_a_row_is_said() -> None:
    one = row("a")
    assert changes(shown(one), shown(hidden=(one,)), TOWN) == ["hidden: a: what of a?", "Nobody needs you."]
    assert changes(shown(hidden=(one,)), shown(one), TOWN)[0] == "back: a needs you, mail: what of a?"
    assert changes(shown(one), shown(one._replace(is_pinned=True)), TOWN)[0] == "pinned: a: what of a?"


def test_a_row_that_cannot_be_seen_any_more_is_not_called_over() -> None:
    blind = TOWN._replace(sources=(SourceStatus("tmux", NOW - 60, "no answer"),))
    told = changes(shown(row("a")), shown(), blind)
    assert told[0] == "no longer seen, as tmux cannot be read: a: what of a?"
    assert told[-1] == "Nothing that can be seen needs you, but tmux cannot be read."
