from __future__ import annotations

from gastown_core.messaging.handoff import leave_marker, store_note
from gastown_core.work.prime import brief, given


def test_a_polecat_is_told_who_it_is_what_to_do_and_how_to_end(rigged):
    bead = rigged.file("Fix login", description="Users see a blank page.", acceptance_criteria="no blank page")
    sling = rigged.sling(bead.id, args="be quick")
    told = brief(rigged.root, rigged.entry(sling.result.agent))
    assert told.text.startswith("[GAS TOWN] polecat ")
    for words in (bead.id, "Fix login", "blank page.", "no blank page", "be quick", "gt done", sling.result.worktree):
        assert words in told.text


def test_a_note_is_read_once_by_the_successor_itself(rigged):
    mayor = rigged.entry("mayor")
    note = store_note(rigged.root, mayor, "full context", "look at sh-1 first", "mayor")
    leave_marker(mayor)
    assert "look at sh-1 first" in brief(rigged.root, mayor).text
    told = brief(rigged.root, mayor)
    assert rigged.bead(note).status == "hooked", "a briefing that was not given takes nothing"
    given(rigged.root, mayor, told)
    assert "look at sh-1 first" in told.text and "do not hand off again" in told.text
    assert rigged.bead(note).status == "closed"
    again = brief(rigged.root, mayor)
    assert "look at sh-1" not in again.text and "hand off again" not in again.text


def test_an_empty_hook_is_said(rigged):
    assert "Nothing. Wait for orders." in brief(rigged.root, rigged.entry("shop/witness")).text


def test_the_mayor_is_told_of_open_escalations_and_a_polecat_is_not(rigged):
    from gastown_core.messaging.escalation import escalate

    sling = rigged.sling(rigged.file().id)
    escalate(rigged.root, rigged.ledger, "low", "Disk fills", sender="shop/opal")
    escalate(rigged.root, rigged.ledger, "critical", "Main is red", sender="shop/opal")
    told = brief(rigged.root, rigged.entry("mayor")).text
    assert told.index("Main is red") < told.index("Disk fills")
    assert "gt escalate show ID" in told
    assert "Main is red" not in brief(rigged.root, rigged.entry(sling.result.agent)).text
