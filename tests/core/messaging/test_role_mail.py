"""Mail to roles that the code has: archived, escalated or handed on, each once, and left alone where an agent reads it."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.errors import StoreError
from gastown_core.messaging import role_mail
from gastown_core.messaging.escalation import close, escalate, get_escalation, open_escalations
from gastown_core.messaging.mail import Letter, deliver
from gastown_core.messaging.mailbox import get_message, hook, inbox
from gastown_core.messaging.queue import read_nudge, sessions_with_queue, waiting
from gastown_core.messaging.recipients import Directory
from gastown_core.messaging.role_mail import Post
from tests.support.cli import gt
from tests.support.paper import Paper

MAYOR_HERE = ("mayor/",)


def send(paper: Paper, to: str, subject: str, body: str = "", *, sender: str = "overseer", **more: object) -> str:
    """Send a letter as ``gt mail send`` does; return the first message's id."""
    paper.clock.advance(1)
    store = paper.ledger.store_for("hq-x")
    targets = Directory(paper.root, store, sender).resolve(to)
    letter = Letter(sender, subject, body, **more)  # type: ignore[arg-type]
    return deliver(paper.root, store, letter, targets, to=to, clock=paper.clock)[0]


def treat(paper: Paper, *present: str) -> list[str]:
    return Post(paper.root, paper.ledger, lambda: set(present), paper.clock).treat()[0]


def subjects(paper: Paper, who: str, *, archived: bool = False) -> list[str]:
    return [one.subject for one in inbox(paper.ledger.store_for("hq-x"), who, archived=archived)]


def set_mode(paper: Paper, role: str, mode: str) -> None:
    path = os.path.join(paper.root, "settings", "config.json")
    with open(path, "w", encoding="utf-8") as handle:
        json.dump({"patrols": {role: {"mode": mode}}}, handle)


@pytest.mark.parametrize(
    ("to", "sender", "present", "reader"),
    [
        ("shop/witness", "overseer", ("mayor/",), "mayor/"),
        ("shop/refinery", "shop/opal", (), "overseer"),
        ("deacon", "overseer", (), "mayor/"),
        ("deacon", "mayor/", ("mayor/",), "overseer"),
        ("billing/witness", "shop/opal", ("deacon/", "mayor/"), "deacon/"),
    ],
)
def test_what_a_person_or_agent_writes_is_handed_on_once_to_somebody_who_reads(
    paper: Paper, to: str, sender: str, present: tuple[str, ...], reader: str
) -> None:
    name = send(paper, to, "Please look at the queue", "It seems slow.", sender=sender)
    before = get_message(paper.ledger.store_for("hq-x"), name, reader)
    role = before.to
    assert treat(paper, *present) == [f"handed {name} on from {role} to {reader}"]
    assert treat(paper, *present) == []

    [found] = inbox(paper.ledger.store_for("hq-x"), reader)
    assert (found.id, found.subject) == (name, f"[to {role}] Please look at the queue")
    assert (found.sender, found.thread, found.is_read(reader)) == (before.sender, before.thread, False)
    assert get_message(paper.ledger.store_for("hq-x"), name, reader).body == "It seems slow."
    assert subjects(paper, role) == []


def test_the_reader_is_told_once_for_all_that_came_and_not_in_the_name_of_the_role(paper: Paper) -> None:
    for number in range(3):
        send(paper, "shop/witness", f"Letter {number}")
    assert len(treat(paper, *MAYOR_HERE)) == 3
    told = [read_nudge(path) for path in waiting(paper.root, "hq-mayor")]
    assert [one.message.partition(" (")[0] for one in told if one] == [
        "Mail from patrol:shop/witness: [to shop/witness] Letter 2"
    ]
    assert "shop/witness" not in set(sessions_with_queue(paper.root))


def test_a_role_with_a_session_keeps_its_mail_and_one_in_charge_gets_a_while_to_start(paper: Paper) -> None:
    send(paper, "shop/witness", "Hello")
    assert treat(paper, "shop/witness", "mayor/") == []
    set_mode(paper, "witness", "both")
    assert treat(paper, "mayor/") == []
    paper.clock.advance(601)
    assert len(treat(paper, "mayor/")) == 1


def test_its_own_notes_and_hooked_and_pinned_mail_wait_for_the_agent(paper: Paper) -> None:
    send(paper, "deacon", "HANDOFF: go on", sender="deacon/")
    send(paper, "deacon", "Standing orders", pinned=True)
    hooked = send(paper, "deacon", "Do this")
    hook(paper.ledger.store_for("hq-x"), hooked, "deacon/")
    assert treat(paper, *MAYOR_HERE) == []
    assert len(subjects(paper, "deacon/")) == 3


def test_a_message_between_programs_is_archived_and_a_persons_sentence_is_not(paper: Paper) -> None:
    send(paper, "shop/witness", "POLECAT_DONE opal", "Exit: COMPLETED", sender="shop/opal")
    send(paper, "shop/witness", "LIFECYCLE:Shutdown opal", sender="daemon")
    send(paper, "shop/witness", "MERGED opal twice")
    send(paper, "shop/witness", "MERGED is the wrong word for what happened here today", sender="shop/opal")
    assert len(treat(paper, *MAYOR_HERE)) == 4
    assert subjects(paper, "shop/witness", archived=True) == ["LIFECYCLE:Shutdown opal", "POLECAT_DONE opal"]
    assert len(subjects(paper, "mayor/")) == 2


@pytest.mark.parametrize(
    ("subject", "severity", "to"),
    [
        ("HELP: I saw a credential in the log", "critical", "overseer"),
        ("help: the disk full error again", "high", "deacon/"),
        ("HELP: I am stuck", "high", "mayor/"),
        ("HELP: which way?", "medium", "deacon/"),
    ],
)
def test_a_cry_for_help_is_one_escalation_that_ends_with_the_bead(
    paper: Paper, subject: str, severity: str, to: str
) -> None:
    from gastown_core.work.solved import settle_solved

    bead = paper.file()
    for _ in range(2):
        send(paper, "shop/witness", subject, f"Agent: opal\nIssue: {bead}\nProblem: much", sender="shop/opal")
    assert len(treat(paper, *MAYOR_HERE)) == 2
    [raised] = open_escalations(paper.ledger)
    assert (raised.severity, raised.times, raised.related) == (severity, 2, bead)
    assert raised.raised_by == "shop/opal"
    assert subjects(paper, "shop/witness") == []
    kept = paper.ledger.store_for("hq-x")
    assert any(f"escalation:{raised.id}" in one.labels for one in inbox(kept, to)), to
    paper.close(bead)
    assert settle_solved(paper.root, paper.ledger, actor="daemon", clock=paper.clock) == [raised.id]
    assert subjects(paper, to) == []


def test_help_about_something_that_is_no_bead_is_the_senders(paper: Paper) -> None:
    send(paper, "deacon", "HELP:", "Issue: ../../\x1b[2J\nwhat now?", sender="shop/opal")
    treat(paper)
    [raised] = open_escalations(paper.ledger)
    assert (raised.title, raised.related) == ("shop/opal asks for help", "")


def test_an_escalation_is_passed_on_to_the_mayor_once_unless_somebody_above_knows_it(paper: Paper) -> None:
    low = escalate(paper.root, paper.ledger, "medium", "Token expired", sender="shop/opal", clock=paper.clock)
    high = escalate(paper.root, paper.ledger, "high", "Token lost", sender="shop/opal", clock=paper.clock)
    over = escalate(paper.root, paper.ledger, "medium", "Was nothing", sender="shop/opal", clock=paper.clock)
    close(paper.root, paper.ledger, get_escalation(paper.ledger, over.id), "it was nothing", actor="x")
    assert sorted(treat(paper)) == sorted([f"passed {low.id} on to mayor", f"read {_mail_of(paper, high.id)}"])
    assert treat(paper) == []
    assert sorted(subjects(paper, "mayor/")) == ["[HIGH] Token lost", "[MEDIUM] Token expired"]
    assert [one.is_read("deacon/") for one in inbox(paper.ledger.store_for("hq-x"), "deacon/")] == [True, True]
    close(paper.root, paper.ledger, get_escalation(paper.ledger, low.id), "renewed", actor="x")
    assert subjects(paper, "mayor/") == ["[HIGH] Token lost"]


def _mail_of(paper: Paper, escalation: str) -> str:
    mail = inbox(paper.ledger.store_for("hq-x"), "deacon/")
    return next(one.id for one in mail if f"escalation:{escalation}" in one.labels)


def test_a_letter_to_everybody_reaches_the_mayor_once(paper: Paper) -> None:
    send(paper, "@town", "Stop at five", "The office closes.", sender="shop/opal")
    assert subjects(paper, "mayor/") == ["Stop at five"]
    assert len(treat(paper, *MAYOR_HERE)) == 5
    assert subjects(paper, "mayor/") == ["Stop at five"]


def test_a_run_is_bounded_and_one_message_that_cannot_be_treated_holds_up_no_other(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_mail, "MOST", 2)
    names = [send(paper, "deacon", f"Letter {number}") for number in range(4)]
    whole = Post._hand_on

    def fail_once(self: Post, role: object, message: object, reader: str) -> bool:
        if message.id == names[0]:  # type: ignore[attr-defined]
            raise StoreError("no room")
        return whole(self, role, message, reader)  # type: ignore[arg-type]

    monkeypatch.setattr(Post, "_hand_on", fail_once)
    with pytest.raises(StoreError, match="no room"):
        treat(paper, *MAYOR_HERE)
    assert len(subjects(paper, "mayor/")) == 2
    monkeypatch.undo()
    treat(paper, *MAYOR_HERE)
    assert len(subjects(paper, "mayor/")) == 4


def test_a_flood_of_one_sender_is_one_letter_beyond_the_first_and_nothing_of_it_is_lost(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_mail, "MOST_OF_ONE", 2)
    for number in range(7):
        send(paper, "shop/witness", f"Flood {number}", sender="shop/opal")
    send(paper, "shop/witness", "From another")
    treat(paper, *MAYOR_HERE)
    assert sorted(subjects(paper, "mayor/")) == [
        "[to shop/witness] 5 more messages of shop/opal",
        "[to shop/witness] Flood 0",
        "[to shop/witness] Flood 1",
        "[to shop/witness] From another",
    ]
    assert len(subjects(paper, "shop/witness")) == 5
    assert treat(paper, *MAYOR_HERE) == []


def test_a_copy_for_a_role_is_read_and_goes_nowhere(paper: Paper) -> None:
    send(paper, "mayor", "For you", copies=("shop/witness",))
    assert len(treat(paper, *MAYOR_HERE)) == 1
    assert treat(paper, *MAYOR_HERE) == []
    assert subjects(paper, "mayor/") == ["For you"]


def test_the_daemon_runs_it_and_rests_while_the_ledger_is_as_it_was(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gastown_core.daemon import duties
    from gastown_core.daemon.duty import Shift

    [duty] = [one for one in duties.duties_of(paper.root) if one.name == "role mail"]
    shift = Shift(paper.root, paper.clock, lambda: False)
    assert duty.work(shift) == ""
    send(paper, "shop/witness", "Hello", sender="shop/opal")
    assert duty.work(shift).startswith("handed ")
    assert duty.work(shift) == ""
    monkeypatch.setattr(Post, "treat", lambda self: pytest.fail("nothing was written"))
    assert duty.work(shift) == ""


def test_the_sender_is_told_that_the_code_has_the_role(paper: Paper) -> None:
    done = gt("mail", "send", "shop/witness", "-s", "Hello", cwd=paper.root)
    assert done.code == 0
    assert "shop/witness has no session: its mail goes to the mayor" in done.err
    set_mode(paper, "witness", "agent")
    assert "no session" not in gt("mail", "send", "shop/witness", "-s", "Hello", cwd=paper.root).err
