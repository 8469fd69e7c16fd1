"""The table of orders: reasons in words, and commands that a person could type."""

from __future__ import annotations

import pytest

from gastown_core import process
from gastown_core.errors import UsageError
from gastown_core.model.address import Address
from gastown_core.model.agent import Health, HealthReport
from gastown_core.model.convoy import ConvoyView
from gastown_core.model.order import Order, Receipt
from gastown_core.model.refinery import HELD, TESTING, RefineryState
from gastown_core.model.snapshot import AgentView, RefineryView, RequestView, SchedulerView, TownSnapshot
from gastown_core.model.source_status import SourceStatus
from gastown_core.orders.act_log import command_log
from gastown_core.orders.perform import _failure, command_of, perform, previewed, read_receipt
from gastown_core.orders.registry import BY_ID, ORDERS, Subject, disabled_reason

OPAL = AgentView(
    Address("polecat", "shop", "opal"), "sh-opal", "scripted", HealthReport(Health.WORKING, 0.0), True, "%3"
)
CONVOY = ConvoyView("hq-cv-1", "Work", "open", "mayor", (), 0, 0, 0, 0.0)
REQUEST = RequestView("sh-mr1", "shop", "polecat/opal/sh-1", "opal", "queued", "sh-1", 0.0)
BUSY = RefineryView("shop", "/t/shop", RefineryState("shop", TESTING, 1, batch="b-1"), is_alive=True)
FROZEN = RefineryView("shop", "/t/shop", RefineryState("shop", HELD, 1, hold_reason="frozen by me", hold_kind="frozen"))
TOWN = TownSnapshot("t", "/t", 1, 0.0, agents=(OPAL,), tmux_running=True)


def test_ids_are_unique_and_keys_too_among_what_can_be_selected_at_once() -> None:
    assert len({kind.id for kind in ORDERS}) == len(ORDERS)
    keyed = [(kind.needs, kind.key) for kind in ORDERS if kind.key]
    assert len(set(keyed)) == len(keyed)
    assert all(kind.help and kind.label for kind in ORDERS)


@pytest.mark.parametrize(
    ("order", "subject", "town", "word"),
    [
        ("agent.nudge", OPAL, TOWN, ""),
        ("agent.nudge", None, TOWN, "select an agent"),
        ("agent.nudge", OPAL._replace(running=False), TOWN, "not running"),
        ("agent.nudge", OPAL._replace(pane_id=""), TOWN, "has no session"),
        ("agent.nudge", OPAL, TOWN._replace(tmux_running=None), "tmux is not installed"),
        ("agent.nudge", OPAL, TOWN._replace(sources=(SourceStatus("tmux", 0.0, "timed out"),)), "timed out"),
        ("agent.handoff", OPAL._replace(running=False), TOWN, ""),
        ("agent.restart", OPAL._replace(pane_id="", running=False), TOWN, ""),
        ("agent.attach", OPAL._replace(pane_id=""), TOWN, "has no session"),
        ("bead.sling", None, TOWN, ""),
        ("polecat.nuke", OPAL, TOWN, ""),
        ("polecat.nuke", OPAL._replace(address=Address("mayor", "", "")), TOWN, "not a polecat"),
        ("hook.unsling", OPAL, TOWN, "nothing is on the hook"),
        ("convoy.launch", CONVOY, TOWN, "not staged"),
        ("convoy.check", CONVOY, TOWN, ""),
        ("convoy.check", CONVOY._replace(closed_at=1.0), TOWN, "already landed"),
        ("mountain.pause", CONVOY, TOWN, "not a mountain"),
        ("scheduler.resume", None, TOWN, "not paused"),
        ("scheduler.pause", None, TOWN._replace(scheduler=SchedulerView(is_paused=True)), "already paused"),
        ("mq.retry", None, TOWN, "select a merge request"),
        ("mq.process", "shop", TOWN, "nothing is queued"),
        ("mq.process", "shop", TOWN._replace(requests=(REQUEST,)), ""),
        ("mq.process", "shop", TOWN._replace(requests=(REQUEST,), refineries=(BUSY,)), "busy: b-1"),
        ("mq.freeze", "shop", TOWN._replace(refineries=(BUSY,)), ""),
        ("mq.freeze", "shop", TOWN._replace(refineries=(FROZEN,)), "frozen already"),
        ("mq.thaw", "shop", TOWN._replace(refineries=(FROZEN,)), ""),
        ("mq.thaw", "shop", TOWN._replace(refineries=(BUSY,)), "not frozen"),
        ("mq.thaw", "", TOWN, "select a rig"),
    ],
)
def test_why_an_order_cannot_be_given(order: str, subject: Subject, town: TownSnapshot, word: str) -> None:
    reason = disabled_reason(BY_ID[order], town, subject)
    assert (word in reason) if word else reason == ""


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (Order("agent.nudge", "shop/opal", {"text": "-x; rm"}), ["nudge", "shop/opal", "--wait", "60", "--", "-x; rm"]),
        (Order("agent.nudge", "shop/opal"), ["nudge", "shop/opal", "--wait", "60", "--", "continue"]),
        (Order("agent.restart", "mayor"), ["session", "restart", "mayor"]),
        (
            Order("bead.sling", "shop", {"bead": "sh-1", "agent": "codex"}),
            ["sling", "sh-1", "shop", "--agent", "codex"],
        ),
        (Order("bead.sling", "shop", {"bead": "sh-1"}), ["sling", "sh-1", "shop"]),
        (
            Order("mq.reject", "sh-mr1", {"rig": "shop", "reason": "{rig} -x; rm"}),
            ["mq", "reject", "shop", "sh-mr1", "-r", "{rig} -x; rm"],
        ),
        (Order("hook.rollback", "shop/opal", {"to": "2"}), ["hook", "rollback", "2", "--agent", "shop/opal"]),
        (Order("mq.process", "shop"), ["refinery", "process", "shop", "--once"]),
        (Order("mq.freeze", "shop"), ["mq", "freeze", "shop", "--now"]),
        (Order("mq.thaw", "shop"), ["mq", "thaw", "shop"]),
        (Order("scheduler.pause", ""), ["scheduler", "pause"]),
    ],
)
def test_an_order_is_a_command_of_the_same_name(order: Order, words: list[str]) -> None:
    assert command_of(order) == words


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(UsageError):
        command_of(Order("agent.fly", "mayor"))


def test_receipt_lines_are_read_and_other_lines_are_not() -> None:
    order = Order("agent.nudge", "mayor")
    assert read_receipt(b'{"stage":"typed","ok":true,"final":false,"at":1.5}', order) == Receipt(
        "agent.nudge", "mayor", "typed", at=1.5
    )
    failed = read_receipt(b'{"error":"no","why":"gone","hint":"restart it"}', order)
    assert failed is not None
    assert (failed.ok, failed.final, failed.detail) == (False, True, "no; gone; restart it")
    assert read_receipt(b"hello", order) is None
    assert read_receipt(b"[1]", order) is None


def test_a_failing_order_ends_in_a_receipt_with_the_reason_and_is_logged(tmp_path: object) -> None:
    told: list[Receipt] = []
    assert perform(str(tmp_path), Order("agent.nudge", "mayor", {"text": "hi"}), told.append) is False
    assert told[-1].final
    assert not told[-1].ok
    assert "no town" in told[-1].detail
    assert command_log[-1].command == "gt nudge mayor --wait 60 -- hi"
    assert not command_log[-1].ok


def test_a_dry_run_is_told_as_lines_whatever_shape_it_has() -> None:
    said = (
        '{"polecat":"shop/opal","lost":{"files":["a.py","b.py"],"commits":2,"stashes":0},"saved_to":"refs/x","ok":true}'
    )
    assert previewed(said) == ["polecat: shop/opal", "files: a.py, b.py", "commits: 2", "saved to: refs/x", "ok: yes"]
    assert previewed("would remove\n\n  shop/opal \n") == ["would remove", "  shop/opal"]


def test_a_message_of_several_megabytes_is_a_receipt_that_says_why_it_was_not_sent(tmp_path) -> None:
    order = Order("agent.nudge", "shop/opal", {"text": "x" * 4_000_000})
    told: list[Receipt] = []
    assert perform(str(tmp_path), order, told.append) is False
    assert not told[-1].ok and "too long" in told[-1].detail


def test_a_console_in_an_agents_session_acts_for_its_person(tmp_path, monkeypatch) -> None:
    seen = []

    class Done(Exception):
        """The command would run now."""

    def run(argv, **options):
        seen.append(options["env"])
        raise Done

    monkeypatch.setattr(process, "spawn", run)
    for session, role in (("", "overseer-of-mine"), ("hq-mayor", None)):
        monkeypatch.setenv("GT_SESSION", session)
        monkeypatch.setenv("GT_ROLE", "overseer-of-mine" if not session else "mayor")
        with pytest.raises(Done):
            perform(str(tmp_path), Order("convoy.check", "hq-cv-1"), lambda receipt: None)
        assert seen[-1].get("GT_ROLE") == role


def test_an_agent_that_opens_a_console_answers_nobody_and_a_person_in_its_window_may(rigged, monkeypatch) -> None:
    """Answers are typed from the console's own process: they refuse agents as ``gt answer`` does."""
    order = Order("agent.answer", "mayor", {"choice": "0123456789ab:1"})
    told: list[Receipt] = []
    monkeypatch.setenv("GT_ROLE", "shop/witness")
    monkeypatch.delenv("GT_SESSION", raising=False)
    assert not perform(rigged.root, order, told.append)
    assert "is an agent" in told[-1].detail
    monkeypatch.setenv("GT_SESSION", "sh-witness")
    assert not perform(rigged.root, order, told.append)
    assert "is an agent" not in told[-1].detail, "it fails later: there is no session"


@pytest.mark.parametrize(("tmux", "key"), [("", "d"), ("inside", "L")])
def test_an_attached_session_says_how_to_come_back(tmp_path, monkeypatch, tmux: str, key: str) -> None:
    from gastown_core.orders.perform import attachment
    from gastown_core.tmux.socket import socket_name, socket_path

    root = str(tmp_path)
    monkeypatch.setenv("TMUX", f"{socket_path(socket_name(root))},1,0" if tmux else "")
    where = attachment(root, OPAL)
    assert where.argv[-5:-1] == (";", "display-message", "-d", "6000")
    assert where.argv[-1] == f"#{{prefix}} {key} comes back to the console"
    assert where.needs_suspend is not bool(tmux)


def test_a_command_that_was_killed_is_not_said_to_have_done_nothing() -> None:
    told = _failure(["create"], -9, [])
    assert "interrupted" in str(told) and "signal 9" in str(told) and "look whether it was done" in told.hint
    assert "gt exited with status 1" in str(_failure(["create"], 1, []))
