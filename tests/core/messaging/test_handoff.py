from __future__ import annotations

import os

import pytest

from gastown_core.errors import StoreError, UsageError
from gastown_core.messaging import handoff as module
from gastown_core.messaging.handoff import handoff, take_marker
from gastown_core.tmux.panes import list_panes
from gastown_core.town import sessions, start_plan
from gastown_core.town.settings import set_setting
from gastown_core.work.prime import brief
from tests.support.tmux import needs_tmux, screen, until


@pytest.fixture
def mayor(rigged, server):
    """A running mayor on a private server; gives (town, entry, its pane)."""
    set_setting(rigged.root, "default_agent", "scripted")
    entry = rigged.entry("mayor")
    pane = sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry))
    yield rigged, entry, pane
    sessions.server_of(rigged.root).kill_server()


def run(rigged, entry, **words):
    return list(
        handoff(
            rigged.root, entry, **{"subject": "full context", "message": "look here", "sender": "overseer", **words}
        )
    )


@needs_tmux
def test_the_note_is_stored_the_session_respawned_and_the_successor_told(mayor):
    rigged, entry, old = mayor
    receipts = run(rigged, entry)
    assert [receipt.stage for receipt in receipts] == ["stored", "respawned", "told"]
    assert receipts[-1].final
    pane = sessions.find_session(rigged.root, entry)
    assert pane.pane_id == old.pane_id and pane.pid != old.pid and pane.agent == "scripted"
    server = sessions.server_of(rigged.root)
    until(lambda: "handoff:hq-" in screen(server, pane), "the first prompt names the note")
    notes = brief(rigged.root, entry).notes
    assert [note.title for note in notes] == ["🤝 HANDOFF: full context"]
    assert (notes[0].status, notes[0].priority, notes[0].assignee) == ("hooked", 1, "mayor/")
    assert {"gt:message", "from:overseer"} <= set(notes[0].labels)
    event = rigged.events("handoff")[0]
    assert (event["actor"], event["payload"]["to_session"], event["payload"]["subject"]) == (
        "overseer",
        True,
        "full context",
    )


@needs_tmux
def test_if_the_note_cannot_be_stored_nothing_is_respawned(mayor, monkeypatch):
    rigged, entry, old = mayor

    def refuse(*args, **more):
        raise StoreError("disk full")

    monkeypatch.setattr(module, "store_note", refuse)
    with pytest.raises(StoreError):
        run(rigged, entry)
    assert sessions.find_session(rigged.root, entry).pid == old.pid
    assert rigged.events("handoff") == []
    with open(os.path.join(rigged.root, "logs", "town.log")) as handle:
        assert "handoff-NOPERSIST" in handle.read()


@needs_tmux
def test_the_target_keeps_its_own_runtime_not_the_callers(mayor, monkeypatch):
    rigged, entry, _ = mayor
    set_setting(rigged.root, "default_agent", "claude")
    monkeypatch.setenv("GT_AGENT", "codex")
    run(rigged, entry)
    assert sessions.find_session(rigged.root, entry).agent == "scripted"


@needs_tmux
def test_an_agent_without_a_session_gets_one(rigged, server):
    set_setting(rigged.root, "default_agent", "scripted")
    entry = rigged.entry("shop/witness")
    try:
        assert [receipt.stage for receipt in run(rigged, entry)] == ["stored", "respawned", "told"]
        assert "sh-witness" in list_panes(sessions.server_of(rigged.root))
    finally:
        sessions.server_of(rigged.root).kill_server()


def test_without_tmux_the_note_is_stored_and_the_command_told(rigged, without_tmux):
    receipts = run(rigged, rigged.entry("mayor"))
    assert [receipt.stage for receipt in receipts] == ["stored", "stored"]
    assert receipts[-1].final and "claude" in receipts[-1].detail
    assert len(brief(rigged.root, rigged.entry("mayor")).notes) == 1


def test_a_subject_is_needed_and_the_mark_is_not_doubled(rigged):
    with pytest.raises(UsageError):
        run(rigged, rigged.entry("mayor"), subject=" ")
    note = module.store_note(rigged.root, rigged.entry("mayor"), "HANDOFF: again", "", "mayor")
    assert rigged.bead(note).title == "HANDOFF: again"


def test_the_marker_is_taken_once(rigged):
    entry = rigged.entry("mayor")
    module.leave_marker(entry, "compaction")
    assert take_marker(entry.work_dir) == "compaction"
    assert take_marker(entry.work_dir) == ""
