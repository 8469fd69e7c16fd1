"""Mail in the console, over a real ledger: listing, reading, answering, archiving, threads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.messaging import mailbox
from gastown_tui.core_calls import CoreCalls
from gastown_tui.dialogs.mail import MessagePane
from gastown_tui.dialogs.picker import Picker
from gastown_tui.dialogs.prompt import Prompt
from tests.support.console import Console
from tests.support.fake_town import FakeEngine
from tests.support.stores import raw
from tests.support.towns import reference_town


class MailEngine(FakeEngine):
    """The town in memory, with the mail of a real one."""

    def __init__(self, root: str) -> None:
        super().__init__()
        real = CoreCalls(root)
        self.mail_of, self.read_mail = real.mail_of, real.read_mail
        self.archive_mail, self.answer_mail = real.archive_mail, real.answer_mail


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("GT_ROLE", raising=False)
    town = reference_town(tmp_path)
    thread = ["gt:message", "from:demo/rust", "thread:thread-1"]
    with open(os.path.join(town, ".beads", "issues.jsonl"), "a", encoding="utf-8") as handle:
        for record in (
            raw(
                "hq-one",
                "Tests \x1b[31mfail",
                labels=thread,
                assignee="overseer",
                description="line 1\n\x1b]0;x\x07line 2",
            ),
            raw("hq-two", "Older word", labels=thread, assignee="overseer", created_at="2026-01-01T00:00:00Z"),
        ):
            handle.write(json.dumps(record) + "\n")
    return town


async def until(pilot, condition) -> None:  # type: ignore[no-untyped-def]
    for _ in range(2000):
        await pilot.pause(0.02)
        if condition():
            return
    raise AssertionError(pilot.app.screen_text())


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_the_overseers_mail_is_listed_read_answered_and_archived(root: str, size: tuple[int, int]) -> None:
    app = Console(engine=MailEngine(root))
    store = TownLedger(root).store("town")
    assert store is not None
    async with app.run_test(size=size) as pilot:
        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, Picker))
        await pilot.pause()
        listed = app.screen_text()
        assert "Mail of overseer: 2 unread" in listed
        assert "demo/rust" in listed
        assert "\x1b" not in listed

        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MessagePane))
        await pilot.pause()
        assert "line 2" in app.screen_text()
        assert "\x07" not in app.screen_text()
        assert mailbox.get_message(store, "hq-one", "overseer").is_read("overseer")
        await pilot.press("t")
        await until(pilot, lambda: "Thread of 2" in app.screen_text())
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"ok")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Picker))
        answer = next(one for one in mailbox.inbox(store, "demo/rust") if one.value("reply-to:"))
        assert (answer.subject, answer.thread) == ("Re: Tests \x1b[31mfail", "thread-1")

        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MessagePane))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Picker))
        assert [one.id for one in mailbox.inbox(store, "overseer")] == ["hq-two"]


async def test_an_agents_inbox_opens_and_stays_unread(root: str) -> None:
    app = Console(engine=MailEngine(root))
    async with app.run_test(size=(80, 24)) as pilot:
        app.feed.mail_room.open("demo/rust")
        await until(pilot, lambda: isinstance(app.screen, Picker))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MessagePane))

    store = TownLedger(root).store("town")
    assert store is not None
    assert not mailbox.get_message(store, "hq-wisp-6cl", "demo/rust").is_read("demo/rust")
