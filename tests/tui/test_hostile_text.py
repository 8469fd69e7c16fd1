"""Text that others wrote is never more than text: no escape, no control, no turned direction in any view at any size."""

from __future__ import annotations

import re

import pytest

from gastown_core.model.record import Record
from gastown_core.model.snapshot import GateView, LetterView
from gastown_core.orders.task import Task
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeEngine, FakeLive, FakePast, FakeStream, snapshot, with_usage

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x1b[?1049l\r\n\t\x00\x7f\u202egnp.exe\u2066\u200b" + "x" * 3000 + "\n\nend"
FREE = frozenset(
    "title text activity reason subject summary words what detail why question trouble evidence branch body note".split()
)
"""Fields that others fill with words; ids, states and addresses come from readers that check them."""
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SIZES = [(160, 45), (80, 24), (60, 15)]
VIEWS = {
    "feed": [],
    "problems": ["p"],
    "inbox": ["i", "j", "j"],
    "merge queue": ["m", "j", "tab", "tab"],
    "diff": ["G", "D", "tab"],
    "time machine": ["T", "left", "left", "tab", "tab"],
    "costs": ["$", "right"],
    "graphs": ["H"],
    "digest": ["A"],
    "drawer": ["G", "enter", *"5678"],
    "transcript": ["G", "9"],
    "convoys": ["2", "enter", "5", "6"],
    "events": ["3", "enter", "5"],
    "palette": [":"],
    "filter": ["f"],
    "sling": ["s"],
    "new convoy": ["K"],
    "tasks": ["Z"],
    "log": ["L"],
    "status": ["S"],
    "mail": ["I"],
    "letters": ["F"],
}


def poisoned(value):
    """The value with hostile text in every field of words, however deep."""
    if isinstance(value, Record) or hasattr(value, "_replace"):
        changed = {}
        for name in value._fields:
            old = getattr(value, name)
            new = EVIL if name in FREE and isinstance(old, str) else poisoned(old)
            if new is not old:
                changed[name] = new
        return value._replace(**changed) if changed else value
    if isinstance(value, tuple) and value and not isinstance(value[0], str):
        return tuple(poisoned(one) for one in value)
    return value


def town():
    shot = with_usage(snapshot())._replace(
        letters=(LetterView("hq-m1", "s", "mayor/", 1, NOW - 30),),
        gates=(GateView("hq-g1", "t", "r", NOW - 90),),
    )
    return poisoned(shot)


def stream() -> FakeStream:
    found = FakeStream()
    for number, kind in enumerate(
        ("sling", "mail", "merge_failed", "nudge", "create", "step", "\x1b[31mkind", "waiting")
    ):
        words = dict.fromkeys(("bead", "subject", "reason", "title", "message", "target", "branch", "to"), EVIL)
        found.add(NOW - 90 + number, kind, "shop/polecats/opal" if number % 2 else EVIL, words)
    return found


class EvilEngine(FakeEngine):
    """Answers every question with the hostile text."""

    def __init__(self) -> None:
        super().__init__()
        self.back_then = EvilPast()

    def mail_text(self, message_id):
        return [EVIL]

    def mail_of(self, reader):
        from gastown_core.orders.mail_room import Message

        filled = {"id": "hq-m1", "sender": "mayor/", "subject": EVIL, "body": EVIL}
        kinds = {"at": NOW, "priority": 1}
        return [Message(**{name: filled.get(name, kinds.get(name, _empty(Message, name))) for name in Message._fields})]

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        poisons = ("agent_transcript", "agent_diff", "request_diff", "digest", "work_detail", "convoy_why", "ready_beads",
                   "watch_note", "spending", "usage_detail", "past_requests", "choices")  # fmt: skip
        return (lambda *given, **named: _deep(found(*given, **named))) if name in poisons else found


def _deep(value):
    if isinstance(value, list):
        return [_deep(one) for one in value]
    if isinstance(value, dict):
        return {key: _deep(one) for key, one in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_replace"):
        return tuple(_deep(one) for one in value)
    return poisoned(value)


def _empty(kind, name):
    return kind._field_defaults.get(name, "") if hasattr(kind, "_field_defaults") else ""


class EvilPast(FakePast):
    """A past whose every title is hostile."""

    def at(self, moment):
        return poisoned(super().at(moment))

    def events(self, moment, count):
        return [poisoned(row) for row in super().events(moment, count)]


def assert_clean(app: Console, what: str) -> None:
    for y, row in enumerate(app.screen._compositor.render_strips()):
        for segment in row:
            found = CONTROL.search(segment.text)
            assert found is None, f"{what}, line {y}: {found[0]!r} in {segment.text[:120]!r}"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_no_view_lets_a_control_through(size) -> None:
    live = FakeLive(town(), stream())
    live.panes = dict.fromkeys(live.panes, [EVIL, "\x1b[31mred", "\x1b]0;t\x07"])
    app = Console(live, EvilEngine())
    async with app.run_test(size=size) as pilot:
        app.feed.tasks.tasks.append(Task(EVIL, NOW - 5))
        app.feed.tasks.tasks[0].told("cloning", EVIL)
        for what, keys in VIEWS.items():
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            for _ in range(6):
                await pilot.pause(0.01)
            assert_clean(app, what)
            while app.screen is not app.feed:
                app.screen.dismiss(None)
                await pilot.pause()
            for _ in range(8):
                await pilot.press("escape")
            app.feed.stage.view = "feed"
            await pilot.press("1")
            await pilot.pause()
        app.fake.put(poisoned(app.snapshot._replace(version=2)), ("mail", EVIL, {"subject": EVIL}))
        await pilot.pause()
        assert_clean(app, "an update")
        app.say(EVIL)
        app.show_receipt(EVIL, [EVIL], is_done=False, failure=EVIL)
        await pilot.pause()
        assert_clean(app, "a message")
        assert not app.faults.entries
