"""Notices: once when the list fills, never twice for one thing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gastown_core.attention import notice
from gastown_core.attention.item import MAIL, STALLED, Item, Subject
from gastown_core.attention.notice import notice_of, tell
from gastown_core.messaging.outward import Delivery

NOW = 1_000_000.0


def row(name: str, kind: str = MAIL, stamp: str = "1") -> Item:
    return Item(kind, Subject("bead", name, name), f"what of {name}?", NOW, stamp, bead=name)


def test_a_notice_names_what_waits_when_the_list_was_empty() -> None:
    first = notice_of([row("a"), row("b")], {}, "demo", NOW)
    assert first.words == "demo: 2 need you"
    assert first.reason == "a: what of a?; b: what of b?"


def test_nothing_is_told_twice_nor_while_something_told_still_waits() -> None:
    told = notice_of([row("a")], {}, "demo", NOW).told
    assert not notice_of([row("a")], told, "demo", NOW + 1).words
    more = notice_of([row("a"), row("b")], told, "demo", NOW + 1)
    assert not more.words, "the list was not empty"
    gone = notice_of([], more.told, "demo", NOW + 2)
    assert not notice_of([row("a")], gone.told, "demo", NOW + 3).words, "it came back unchanged"
    assert notice_of([row("a", stamp="2")], gone.told, "demo", NOW + 3).words, "it has changed"


def test_what_is_only_to_be_read_is_told_nowhere_and_hides_nothing() -> None:
    news = row("news")._replace(informs=True)
    assert not notice_of([news], {}, "demo", NOW).words
    assert notice_of([news, row("a")], {}, "demo", NOW).words == "demo: 1 needs you"


def test_what_waits_on_is_not_written_anew_at_each_look_and_is_not_forgotten() -> None:
    first = notice_of([row("a")], {}, "demo", NOW).told
    assert notice_of([row("a")], first, "demo", NOW + 5).told == first
    told = first
    for day in range(10):
        told = notice_of([row("a")], told, "demo", NOW + day * 86400).told
    gone = notice_of([], told, "demo", NOW + 10 * 86400).told
    assert not notice_of([row("a")], gone, "demo", NOW + 10 * 86400).words


def test_trouble_that_may_mend_itself_and_escalations_are_not_told_here() -> None:
    assert not notice_of([row("a", STALLED), row("b", "escalation")], {}, "demo", NOW).words


def test_what_was_told_long_ago_is_forgotten() -> None:
    told = notice_of([row("a")], {}, "demo", NOW).told
    assert notice_of([], told, "demo", NOW + 8 * 86400).told == {}


def test_what_was_told_outlives_the_process_and_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def show(root: str, words: str) -> Delivery:
        sent.append(words)
        return Delivery("tmux")

    monkeypatch.setattr(notice, "announce", show)
    for _ in range(2):
        tell(str(tmp_path), [row("a")], "demo", ["tmux"], NOW)
    assert sent == ["demo: 1 needs you: a: what of a? (gt inbox)"]
    path = tmp_path / ".runtime" / "attention-told.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
