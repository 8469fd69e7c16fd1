"""Limits by account: a limit holds dispatch until its end, is told where dispatch is explained, and a start takes a free account."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.errors import StoreError, UsageError
from gastown_core.model.agent import Health
from gastown_core.model.order import Order
from gastown_core.orders import rotation
from gastown_core.orders.perform import command_of
from gastown_core.orders.rotation import rotate
from gastown_core.state import quota
from gastown_core.state.collect import Sources
from gastown_core.state.quota import QuotaSession, by_account, take_in
from gastown_core.state.reduce import reduce_town
from gastown_core.town import accounts
from gastown_core.town.accounts import Limit, choose, put_limits, read_limits
from gastown_core.town.runtime_choice import choose_runtime
from gastown_core.town.session_record import record_path
from gastown_core.town.sessions import find_session, start_agent
from gastown_core.town.start_plan import plan_start
from gastown_core.work.convoys import create_convoy
from gastown_core.work.explain import explain
from gastown_core.work.workers import read_capacity
from tests.support.cli import gt
from tests.support.fake_town import NOW, agent, snapshot
from tests.support.rigged import Rigged, write


def name_accounts(root: str, *names: str) -> None:
    told = {name: {"config_dir": os.path.join(root, name)} for name in names}
    write(os.path.join(root, "mayor", "accounts.json"), json.dumps({"default": names[0], "accounts": told}))


def limit(name: str, until: float, since: float = NOW) -> Limit:
    return Limit(name, "claude", since, until, since, "usage limit reached")


def session(name: str, account: str, *, is_limited: bool = True, until: float = 0.0) -> QuotaSession:
    return QuotaSession(
        name, f"shop/polecats/{name[3:]}", account, "claude", "", is_limited, NOW, until, "limit reached"
    )


def test_a_limit_holds_dispatch_until_its_end_and_says_so_everywhere(rigged: Rigged) -> None:
    now = SYSTEM_CLOCK.now() + 100
    clock = FixedClock(now)
    bead = rigged.file().id
    create_convoy(rigged.root, rigged.ledger, "One", [bead], owner="overseer")
    put_limits(rigged.root, [limit("claude", now + 3600)])
    held = read_capacity(rigged.root, rigged.ledger, clock=clock)
    assert held.room == 0 and "account claude is limited until" in held.refusal("shop")
    answer = explain(rigged.root, rigged.ledger, clock=clock)
    assert "account claude is limited until" in answer.host and "account claude" in answer.answers[0].text
    sources = Sources(rigged.root)
    try:
        sources.look(now)
        town = reduce_town(sources.facts, now + 60)
        assert town.dam is not None
        assert [one.words for one in town.dam.links if one.link == "limit"] == [f"no agent is started: {held.host}"]
    finally:
        sources.close()
    clock.advance(3601)
    assert (
        read_capacity(rigged.root, rigged.ledger, clock=clock).host == ""
        and read_limits(rigged.root, clock.now()) == {}
    )


def test_a_limit_without_an_end_holds_while_it_is_seen(rigged: Rigged) -> None:
    put_limits(rigged.root, [limit("claude", 0.0)])
    assert accounts.refusal(rigged.root, NOW + accounts.UNKNOWN_S - 1).endswith("until when is not told")
    assert accounts.refusal(rigged.root, NOW + accounts.UNKNOWN_S) == ""


def test_the_limit_of_one_account_holds_nothing_while_another_is_free(rigged: Rigged) -> None:
    name_accounts(rigged.root, "day", "night")
    put_limits(rigged.root, [limit("day", NOW + 3600)])
    assert accounts.refusal(rigged.root, NOW) == ""
    put_limits(rigged.root, [limit("night", NOW + 60)])
    told = accounts.refusal(rigged.root, NOW)
    assert "account day" in told and "account night" in told
    assert accounts.refusal(rigged.root, NOW + 61) == ""


def test_limits_are_taken_in_from_agents_and_end_when_one_of_the_account_works_again(rigged: Rigged) -> None:
    root = rigged.root
    still = snapshot([agent("shop/polecats/opal", Health.LIMITED, pane="%1")], ())
    rows = [session("gt-opal", "day", until=NOW + 900), session("gt-ruby", "day", is_limited=False)]
    begun, over = take_in(root, by_account(rows), still, NOW)
    assert [one.account for one in begun] == ["day"] and over == [] and read_limits(root, NOW)["day"].until == NOW + 900
    assert take_in(root, by_account(rows), still, NOW + 5) == ([], [])
    rested = [session("gt-opal", "day", is_limited=False)]
    idle = snapshot([agent("shop/polecats/opal", Health.IDLE, pane="%1")], ())
    assert take_in(root, by_account(rested), idle, NOW + 10) == ([], []) and read_limits(root, NOW + 10)
    works = snapshot([agent("shop/polecats/opal", Health.WORKING, pane="%1")], ())
    assert take_in(root, by_account(rested), works, NOW + 20) == ([], ["day"]) and read_limits(root, NOW + 20) == {}


def test_a_limit_without_an_end_is_noted_again_now_and_then(rigged: Rigged) -> None:
    still = snapshot([agent("shop/polecats/opal", Health.LIMITED, pane="%1")], ())
    rows = by_account([session("gt-opal", "claude")])
    for step in range(100):
        take_in(rigged.root, rows, still, NOW + step * 15)
        assert read_limits(rigged.root, NOW + step * 15)
    assert quota.SEEN_S < accounts.UNKNOWN_S


def test_a_start_takes_the_account_that_rested_longest_and_stays_with_the_first_without_a_limit(rigged: Rigged) -> None:
    root, entry = rigged.root, rigged.entry("mayor")
    preset = choose_runtime(root, entry.address).preset
    assert preset.screens == "claude" and choose(root, preset, NOW) is None
    name_accounts(root, "day", "night", "spare")
    accounts.note_use(root, "night", NOW - 10)
    accounts.note_use(root, "spare", NOW - 900)
    env = plan_start(root, entry, clock=FixedClock(NOW)).env
    assert env["GT_QUOTA_ACCOUNT"] == "day" and env["CLAUDE_CONFIG_DIR"] == os.path.join(root, "day")
    put_limits(root, [limit("day", NOW + 3600)])
    assert plan_start(root, entry, clock=FixedClock(NOW)).env["GT_QUOTA_ACCOUNT"] == "spare"
    assert choose(root, preset, NOW, taken="night") == ("night", os.path.join(root, "night"))
    assert plan_start(root, entry, clock=FixedClock(NOW + 3601)).env["GT_QUOTA_ACCOUNT"] == "day"


def test_rotation_needs_another_account_and_says_who_would_go_where(rigged: Rigged) -> None:
    root, clock = rigged.root, FixedClock(NOW)
    rows = [session("gt-opal", "day"), session("gt-ruby", "night", is_limited=False)]
    with pytest.raises(UsageError, match="no other account"):
        rotate(root, rows, by="overseer", dry_run=True, clock=clock)
    name_accounts(root, "day", "night")
    put_limits(root, [limit("day", NOW + 900)])
    moves = rotate(root, rows, by="overseer", dry_run=True, clock=clock)
    assert [(one.agent, one.old, one.new, one.done, one.error) for one in moves] == [
        ("shop/polecats/opal", "day", "night", False, "")
    ]
    put_limits(root, [limit("night", NOW + 900)])
    assert rotate(root, rows, by="overseer", clock=clock)[0].error == "every other account is limited too"
    with pytest.raises(UsageError, match="no account x"):
        rotate(root, rows, by="overseer", source="x", clock=clock)


def test_an_account_is_cleared_by_hand(rigged: Rigged, without_tmux: None) -> None:
    assert gt("quota", "clear", cwd=rigged.root).out == "no account is limited\n"
    put_limits(rigged.root, [limit("day", SYSTEM_CLOCK.now() + 900), limit("night", SYSTEM_CLOCK.now() + 900)])
    wrong = gt("quota", "clear", "noon", cwd=rigged.root)
    assert wrong.code != 0 and "account noon is not limited" in wrong.err
    assert gt("quota", "clear", "day", cwd=rigged.root).out == "free again: day\n"
    assert gt("quota", "clear", cwd=rigged.root).out == "free again: night\n"
    assert read_limits(rigged.root, SYSTEM_CLOCK.now()) == {}


def converse(root: str, account: str) -> str:
    """The mayor's last conversation, kept under this account; its file."""
    path = os.path.join(root, account, "projects", "-town-mayor", "abc-1.jsonl")
    write(path, '{"said": "build the shop"}\n')
    told = {"agent_session": "abc-1", "runtime": "claude", "transcript": path}
    write(record_path(root, "hq-mayor"), json.dumps(told))
    return path


def test_an_agent_that_changes_its_account_goes_on_with_its_conversation(sessions_too: Rigged) -> None:
    root, entry = sessions_too.root, sessions_too.entry("mayor")
    name_accounts(root, "day", "night")
    kept = converse(root, "day")
    stays = plan_start(root, entry, resume=True)
    assert stays.env["GT_QUOTA_ACCOUNT"] == "day" and "abc-1" in stays.argv and stays.carries is None

    moves = plan_start(root, entry, resume=True, account="night")
    carried = os.path.join(root, "night", "projects", "-town-mayor", "abc-1.jsonl")
    assert moves.env["CLAUDE_CONFIG_DIR"] == os.path.join(root, "night") and "abc-1" in moves.argv
    assert moves.carries == (kept, carried) and not os.path.exists(carried), "a plan changes nothing"
    start_agent(root, moves._replace(argv=["sh", "-c", "read x"]))
    with open(carried, encoding="utf-8") as handle:
        assert "build the shop" in handle.read()
    assert os.stat(carried).st_mode & 0o077 == 0

    assert plan_start(root, entry, account="night").carries is None, "a fresh session needs no conversation"
    with pytest.raises(UsageError, match="no account noon"):
        plan_start(root, entry, account="noon")


def test_a_conversation_that_cannot_be_carried_stops_the_start(sessions_too: Rigged) -> None:
    root, entry = sessions_too.root, sessions_too.entry("mayor")
    name_accounts(root, "day", "night")
    kept = converse(root, "day")
    moves = plan_start(root, entry, resume=True, account="night")
    os.unlink(kept)
    with pytest.raises(StoreError, match="conversation") as caught:
        start_agent(root, moves._replace(argv=["sh", "-c", "read x"]))
    assert "--fresh" in caught.value.hint and find_session(root, entry) is None


def test_rotation_asks_for_the_same_conversation_under_the_account_that_rested_longest(
    rigged: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, given = rigged.root, list[list[str]]()

    def note(_: str, order: Order, *__: object, **___: object) -> bool:
        given.append(command_of(order))
        return True

    monkeypatch.setattr(rotation, "perform", note)
    name_accounts(root, "day", "night", "spare")
    accounts.note_use(root, "night", NOW - 10)
    accounts.note_use(root, "spare", NOW - 900)
    (move,) = rotate(root, [session("gt-opal", "day")], by="overseer", clock=FixedClock(NOW))
    assert (move.new, move.done) == ("spare", True)
    assert given == [["session", "restart", "shop/polecats/opal", "--resume", "--account", "spare"]]
    assert command_of(Order("agent.restart", "mayor")) == ["session", "restart", "mayor"]
