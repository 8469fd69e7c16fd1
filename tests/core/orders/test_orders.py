"""The table of orders: reasons in words, and commands that a person could type."""

from __future__ import annotations

import pytest

from gastown_core.errors import UsageError
from gastown_core.model.address import Address
from gastown_core.model.agent import Health, HealthReport
from gastown_core.model.order import Order, Receipt
from gastown_core.model.snapshot import AgentView, SourceStatus, TownSnapshot
from gastown_core.orders.perform import command_log, command_of, perform, read_receipt
from gastown_core.orders.registry import BY_ID, ORDERS, disabled_reason

OPAL = AgentView(
    Address("polecat", "shop", "opal"), "sh-opal", "scripted", HealthReport(Health.WORKING, 0.0), True, "%3"
)
TOWN = TownSnapshot("t", "/t", 1, 0.0, agents=(OPAL,), tmux_running=True)


def test_keys_and_ids_are_unique_and_helped() -> None:
    assert len({kind.id for kind in ORDERS}) == len({kind.key for kind in ORDERS}) == len(ORDERS)
    assert all(kind.help and kind.label for kind in ORDERS)


@pytest.mark.parametrize(
    ("order", "agent", "town", "word"),
    [
        ("agent.nudge", OPAL, TOWN, ""),
        ("agent.nudge", None, TOWN, "select an agent"),
        ("agent.nudge", OPAL._replace(running=False), TOWN, "not running"),
        ("agent.nudge", OPAL._replace(pane_id=""), TOWN, "has no session"),
        ("agent.nudge", OPAL, TOWN._replace(tmux_running=None), "no tmux"),
        ("agent.nudge", OPAL, TOWN._replace(sources=(SourceStatus("tmux", 0.0, "timed out"),)), "timed out"),
        ("agent.handoff", OPAL._replace(running=False), TOWN, ""),
        ("agent.restart", OPAL._replace(pane_id="", running=False), TOWN, ""),
        ("agent.attach", OPAL._replace(pane_id=""), TOWN, "has no session"),
        ("bead.sling", None, TOWN, ""),
    ],
)
def test_why_an_order_cannot_be_given(order: str, agent: AgentView | None, town: TownSnapshot, word: str) -> None:
    reason = disabled_reason(BY_ID[order], town, agent)
    assert (word in reason) if word else reason == ""


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (Order("agent.nudge", "shop/opal", {"text": "-x; rm"}), ["nudge", "shop/opal", "--", "-x; rm"]),
        (Order("agent.nudge", "shop/opal"), ["nudge", "shop/opal", "--", "continue"]),
        (Order("agent.restart", "mayor"), ["session", "restart", "mayor"]),
        (
            Order("bead.sling", "shop", {"bead": "sh-1", "agent": "codex"}),
            ["sling", "sh-1", "shop", "--agent", "codex"],
        ),
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
    assert command_log[-1].command == "gt nudge mayor -- hi"
    assert not command_log[-1].ok
