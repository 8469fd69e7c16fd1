"""Escalations: one per cause, routed by severity, raised when unanswered, sent through real servers on loopback."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import ConflictError, SettingsError, UsageError
from gastown_core.messaging import escalation, escalation_upkeep, outward
from gastown_core.messaging.escalation import (
    UNSENT,
    close,
    escalate,
    escalation_of,
    get_escalation,
    open_escalations,
    settle,
    severity_of,
)
from gastown_core.messaging.escalation_routes import load_routes
from gastown_core.messaging.escalation_upkeep import acknowledge, forward, reescalate, send_out, unanswered
from gastown_core.messaging.mailbox import inbox
from tests.support.paper import Paper

HOUR = 3600.0


def raise_it(paper: Paper, severity: str = "medium", subject: str = "CI token expired", **more: Any) -> Any:
    return escalate(paper.root, paper.ledger, severity, subject, sender="shop/opal", clock=paper.clock, **more)


def settings(paper: Paper, **values: object) -> None:
    with open(os.path.join(paper.root, "settings", "escalation.json"), "w", encoding="utf-8") as handle:
        json.dump({"type": "escalation", "version": 1, **values}, handle)


def test_the_bead_says_all_and_is_read_back(paper: Paper) -> None:
    raised = raise_it(paper, "P1", reason="401\nfrom runner", source="patrol:deacon", about="sh-1")

    bead = get_escalation(paper.ledger, raised.id)
    assert (bead.priority, bead.issue_type) == (1, "task")
    assert {"gt:escalation", "severity:high"} <= set(bead.labels)
    assert bead.description.startswith(
        "CI token expired\n\nseverity: high\nreason: 401 from runner\nsource: patrol:deacon\n"
    )
    one = escalation_of(bead)
    assert (one.severity, one.reason, one.source, one.related) == ("high", "401 from runner", "patrol:deacon", "sh-1")
    assert (one.raised_by, one.raised_at, one.is_acked, one.times) == ("shop/opal", paper.clock.now(), False, 1)


def test_no_kill_comes_between_an_alarm_and_its_mails(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    def mails() -> list[str]:
        found = paper.ledger.store_for("hq-x").find(BeadQuery(types=("message",), include_wisps=True))
        return sorted(one.title for one in found)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    # the first thing that is done after the write
    monkeypatch.setattr(escalation, "append_event", dies)
    monkeypatch.setattr(escalation_upkeep, "append_event", dies)
    with pytest.raises(KeyboardInterrupt):
        raise_it(paper, "medium")
    [one] = open_escalations(paper.ledger)
    assert mails() == ["[MEDIUM] CI token expired"] and one.times == 1
    with pytest.raises(KeyboardInterrupt):
        raise_it(paper, "critical")
    assert len(mails()) > 1 and "[CRITICAL] CI token expired" in mails()
    assert UNSENT in get_escalation(paper.ledger, one.id).labels
    acked = len(mails())
    with pytest.raises(KeyboardInterrupt):
        forward(paper.root, paper.ledger, get_escalation(paper.ledger, one.id), "overseer", actor="mayor")
    assert len(mails()) == acked + 1


def test_no_kill_comes_between_a_rise_and_its_mails(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    raised = raise_it(paper, "medium")
    paper.clock.advance(100 * HOUR)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(escalation_upkeep, "append_event", dies)
        with pytest.raises(KeyboardInterrupt):
            reescalate(paper.root, paper.ledger, actor="daemon", clock=paper.clock)
    assert escalation_of(get_escalation(paper.ledger, raised.id)).severity == "high"
    found = paper.ledger.store_for("hq-x").find(BeadQuery(types=("message",), include_wisps=True))
    assert any("Re-escalated" in one.title for one in found)
    assert reescalate(paper.root, paper.ledger, actor="daemon", clock=paper.clock) == []


@pytest.mark.parametrize(
    ("severity", "to"),
    [
        ("low", []),
        ("medium", ["deacon/"]),
        ("high", ["deacon/", "mayor/"]),
        ("critical", ["deacon/", "mayor/", "overseer"]),
    ],
)
def test_each_severity_has_its_readers(paper: Paper, severity: str, to: list[str]) -> None:
    raise_it(paper, severity)
    assert sorted(paper.mail()) == [(address, f"[{severity.upper()}] CI token expired") for address in to]


def test_mail_about_what_is_over_waits_for_nobody(paper: Paper) -> None:
    first = raise_it(paper, "critical")
    raise_it(paper, "high", "another thing")
    store = paper.ledger.store_for("hq-x")

    def subjects(who: str, *, archived: bool = False) -> list[str]:
        return [one.subject for one in inbox(store, who, archived=archived)]

    close(paper.root, paper.ledger, get_escalation(paper.ledger, first.id), "renewed", actor="ana")
    assert (subjects("deacon/"), subjects("mayor/"), subjects("overseer")) == (
        ["[HIGH] another thing"],
        ["[HIGH] another thing"],
        [],
    )
    assert subjects("overseer", archived=True) == ["[CRITICAL] CI token expired"]


def test_words_of_a_title_and_a_reason_are_never_fields(paper: Paper) -> None:
    raised = raise_it(paper, "low", "acked_by: me", reason="x\nacked_by: you\nseverity: critical")
    raise_it(paper, "medium", "acked_by: me")
    bead = get_escalation(paper.ledger, raised.id)
    one = escalation_of(bead)
    assert (one.severity, one.acked_by, one.times, bead.title) == ("medium", "", 2, "acked_by: me")
    assert bead.description.startswith("acked_by: me\n\nseverity: medium\n")


def test_thirty_alarms_of_one_cause_are_one(paper: Paper) -> None:
    ids = {raise_it(paper, subject=" CI  token expired ").id for _ in range(30)}

    (one,) = open_escalations(paper.ledger)
    assert ids == {one.id}
    assert one.times == 30
    assert len(paper.mail()) == len(paper.events("escalation_sent")) == 1

    worse = raise_it(paper, "critical")

    assert (worse.id, worse.is_new, worse.severity) == (one.id, False, "critical")
    assert sorted(to for to, subject in paper.mail() if "CRITICAL" in subject) == ["deacon/", "mayor/", "overseer"]
    assert raise_it(paper, "low").severity == "critical", "a milder alarm does not calm it"
    assert raise_it(paper, about="sh-2").id != one.id, "another subject is another cause"


def test_processes_that_raise_the_same_at_once_make_one(paper: Paper) -> None:
    words = [sys.executable, "-m", "gastown_cli", "escalate", "-s", "low", "Disk is full"]
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    env = {**os.environ, "PYTHONPATH": here}
    running = [subprocess.Popen(words, cwd=paper.root, env=env, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [process.wait(150) for process in running] == [0] * 6
    (one,) = open_escalations(paper.ledger)
    assert one.times == 6


def test_what_is_solved_is_closed_and_may_be_raised_anew(paper: Paper) -> None:
    first = raise_it(paper, key="refinery-hold:shop:main")
    assert settle(paper.root, paper.ledger, "refinery-hold:shop:main", "main is green", actor="daemon") == [first.id]
    assert settle(paper.root, paper.ledger, "refinery-hold:shop:main", "main is green", actor="daemon") == []
    assert open_escalations(paper.ledger) == []
    known = escalation_of(get_escalation(paper.ledger, first.id))
    assert (known.status, known.closed_by, known.closed_reason) == ("closed", "daemon", "main is green")
    again = raise_it(paper, key="refinery-hold:shop:main")
    assert again.is_new
    assert again.id != first.id


def test_silence_raises_it_a_severity_at_a_time_and_not_for_ever(paper: Paper) -> None:
    raised = raise_it(paper, "low", reason="why")
    paper.clock.advance(3.9 * HOUR)
    assert reescalate(paper.root, paper.ledger, actor="daemon", clock=paper.clock) == []
    paper.clock.advance(0.2 * HOUR)
    (rise,) = unanswered(paper.root, paper.ledger, paper.clock.now())
    assert reescalate(paper.root, paper.ledger, actor="daemon", clock=paper.clock) == [rise]
    assert (rise.before, rise.after) == ("low", "medium")
    assert reescalate(paper.root, paper.ledger, actor="daemon", clock=paper.clock) == [], "it was answered just now"
    assert paper.mail() == [("deacon/", "[LOW→MEDIUM] Re-escalated: CI token expired")]
    for _ in range(5):
        paper.clock.advance(5 * HOUR)
        reescalate(paper.root, paper.ledger, actor="daemon", clock=paper.clock)
    one = escalation_of(get_escalation(paper.ledger, raised.id))
    assert (one.severity, one.reescalations) == ("high", 2)
    assert get_escalation(paper.ledger, raised.id).priority == 1
    assert "original_severity: low" in get_escalation(paper.ledger, raised.id).description
    sent = [event["payload"] for event in paper.events("escalation_sent")][1:]
    assert [(one["old_severity"], one["severity"], one["number"]) for one in sent] == [  # type: ignore[index]
        ("low", "medium", 1),
        ("medium", "high", 2),
    ]


def test_one_that_somebody_has_taken_on_stays_where_it_is(paper: Paper) -> None:
    raised = raise_it(paper)
    bead = get_escalation(paper.ledger, raised.id)
    acknowledge(paper.root, paper.ledger, bead, actor="mayor", note="I look", clock=paper.clock)
    acknowledge(paper.root, paper.ledger, bead, actor="mayor", clock=paper.clock)
    with pytest.raises(ConflictError, match="by mayor"):
        acknowledge(paper.root, paper.ledger, bead, actor="deacon", clock=paper.clock)
    paper.clock.advance(100 * HOUR)
    assert unanswered(paper.root, paper.ledger, paper.clock.now()) == []
    assert len(paper.events("escalation_acked")) == 1

    forward(paper.root, paper.ledger, bead, "overseer", actor="mayor", note="a person must pay", clock=paper.clock)

    assert paper.mail()[-1] == ("overseer", "[MEDIUM] CI token expired")
    assert [note["text"] for note in paper.bead(raised.id).comments] == [
        "I look",
        "forwarded to overseer: a person must pay",
    ]
    close(paper.root, paper.ledger, bead, "paid", actor="overseer", clock=paper.clock)
    with pytest.raises(ConflictError, match="paid"):
        forward(paper.root, paper.ledger, paper.bead(raised.id), "mayor", actor="mayor", clock=paper.clock)
    with pytest.raises(ConflictError, match="closed"):
        acknowledge(paper.root, paper.ledger, bead, actor="mayor", clock=paper.clock)


def test_what_is_no_escalation_is_refused(paper: Paper) -> None:
    bead = paper.file(rig="town")
    with pytest.raises(UsageError, match="is not an escalation"):
        get_escalation(paper.ledger, bead)
    raise_it(paper)
    with pytest.raises(UsageError, match="needs a reason"):
        close(
            paper.root, paper.ledger, get_escalation(paper.ledger, open_escalations(paper.ledger)[0].id), " ", actor="a"
        )
    with pytest.raises(UsageError, match="needs words"):
        raise_it(paper, subject="  ")
    for word in ("", "urgent", "p4"):
        with pytest.raises(UsageError, match="not a severity"):
            severity_of(word)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"routes": {"urgent": ["bead"]}}, "urgent"),
        ({"routes": {"high": "bead"}}, "list of actions"),
        ({"routes": []}, "not an object"),
        ({"contacts": []}, "not an object"),
        ({"max_reescalations": -1}, "max_reescalations"),
        ({"max_reescalations": True}, "max_reescalations"),
        ({"stale_threshold": "soon"}, "stale_threshold"),
        ({"version": 2}, "version"),
    ],
)
def test_wrong_settings_are_named(paper: Paper, values: dict[str, object], why: str) -> None:
    settings(paper, **values)
    with pytest.raises(SettingsError, match=why):
        load_routes(paper.root)
    raised = raise_it(paper)
    assert raised.is_new, "an alarm is never lost to a wrong file"
    assert "default routes" in raised.deliveries[-1].warning
    assert paper.mail() == [("deacon/", "[MEDIUM] CI token expired")]


def test_the_reference_tools_routes_count(paper: Paper) -> None:
    settings(paper, routes={"medium": ["bead", "mail:mayor"]}, max_reescalations=0)
    raise_it(paper)
    assert paper.mail() == [("mayor/", "[MEDIUM] CI token expired")]
    paper.clock.advance(1000 * HOUR)
    assert unanswered(paper.root, paper.ledger, paper.clock.now()) == []


def test_a_bead_of_the_reference_tools_and_a_spoilt_one_are_read(paper: Paper) -> None:
    theirs = "Broken\n\nseverity: HIGH\nreason: x\nescalated_by: shop/polecats/nux\nescalated_at: 2026-03-02T10:00:00Z"
    spoilt = "Odd\n\nseverity: dire\nescalated_at: yesterday\nseen: many\nreescalation_count: 99999999999999999999"
    first = paper.file("Broken", rig="town", description=theirs, labels=["gt:escalation"], priority=0)
    second = paper.file("Odd", rig="town", description=spoilt, labels=["gt:escalation"], priority=3)

    found = {one.id: one for one in open_escalations(paper.ledger)}

    assert (found[first].severity, found[first].raised_by) == ("high", "shop/polecats/nux")
    odd = found[second]
    assert (odd.severity, odd.times, odd.reescalations, odd.raised_at > 0) == ("low", 1, 0, True)


class Hook(BaseHTTPRequestHandler):
    """Takes one POST at a time; /broken answers 500."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hook() -> Iterator[Any]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.taken = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Post(socketserver.StreamRequestHandler):
    """As much of SMTP as a sender without TLS needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.strip().upper()[:4]
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                self.server.taken.append(text.decode())  # type: ignore[attr-defined]
            if word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def post() -> Iterator[Any]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Post)
    server.taken = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_critical_one_leaves_the_town_once_by_every_configured_channel(paper: Paper, hook: Any, post: Any) -> None:
    base = f"http://127.0.0.1:{hook.server_port}"
    host, port = post.server_address
    settings(
        paper,
        routes={"critical": ["bead", "email:human", "sms:human", "slack"]},
        contacts={
            "human_email": "ana@ex.org",
            "smtp_host": host,
            "smtp_port": str(port),
            "human_sms": "+1",
            "sms_webhook": f"{base}/sms",
            "slack_webhook": f"{base}/broken",
        },
    )
    raised = raise_it(paper, "critical", "Line\r\nBcc: evil@ex.org", reason="body\n.\nend")

    sent = send_out(paper.root, paper.ledger, actor="daemon")

    rows = {row.channel: row for row in sent[raised.id]}
    assert not rows["email"].error
    assert not rows["sms"].error
    assert "500" in rows["slack"].error
    assert hook.taken[0] == ("/sms", {"to": "+1", "body": "[CRITICAL] Line Bcc: evil@ex.org: body . end"})
    (mail,) = post.taken
    head = mail.partition("\r\n\r\n")[0]
    assert "Subject: [CRITICAL] Line Bcc: evil@ex.org" in head
    assert "\r\nBcc:" not in head
    assert "could not be sent by slack" in paper.bead(raised.id).comments[0]["text"]
    assert send_out(paper.root, paper.ledger, actor="daemon") == {}, "each is tried once"


def test_what_leaves_the_town_carries_no_control_sequences(hook: Any) -> None:
    contacts = {"slack_webhook": f"http://127.0.0.1:{hook.server_port}/slack"}
    assert not outward.send("slack", contacts, "high", "red \x1b[31m \u202e", "one\n\x1b]0;title\x07two").error
    ((_, sent),) = hook.taken
    assert "\x1b" not in sent["text"] and "\u202e" not in sent["text"] and "\none\n" in sent["text"]


def test_channels_that_are_not_configured_or_not_safe_are_said(post: Any) -> None:
    assert "human_email" in outward.send("email:human", {}, "high", "t", "r").warning
    assert "sms_webhook" in outward.send("sms:human", {"human_sms": "1"}, "high", "t", "r").warning
    assert "apprise" in outward.send("notify", {}, "high", "t", "r").warning
    assert "not an http" in outward.send("slack", {"slack_webhook": "file:///etc/passwd"}, "high", "t", "r").error
    host, port = post.server_address
    contacts = {"human_email": "a@b", "smtp_host": host, "smtp_port": str(port), "smtp_user": "u", "smtp_pass": "p"}
    assert "no TLS" in outward.send("email:human", contacts, "high", "t", "r").error
    assert outward.send("email:human", {**contacts, "smtp_port": "x"}, "high", "t", "r").error.startswith("ValueError")
    assert post.taken == []
