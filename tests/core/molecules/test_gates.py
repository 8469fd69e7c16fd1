"""Gates: what opens them, what does not, and what they let go."""

from __future__ import annotations

import os
import stat

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.formulas.recipe import Gate
from gastown_core.molecules import gates
from gastown_core.molecules.advance import Advance
from tests.support.recipes import pour, recipe, step
from tests.support.stores import NOW, change, close, create, make_store


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
def store(tmp_path, clock):
    return make_store(tmp_path, clock=clock)


def check(store, **options):
    return gates.check(None, [store], actor="me", clock=store.clock, **options)


def gate(store, kind, **options):
    return gates.create(store, create(store, "held"), kind, actor="me", **options)


def test_a_gate_holds_a_bead_until_it_is_resolved_by_hand(store):
    held = create(store, "held")
    made = gates.create(store, held, actor="me", reason="needs a yes")
    assert store.graph(NOW).blockers(held) == (made.id,)
    assert check(store) == gates.GateCheck(1)
    assert gates.resolve(store, made.id, actor="ana").text("close_reason") == "resolved by ana"
    assert not store.graph(NOW).blockers(held)


def test_a_timer_opens_when_its_time_has_passed_and_not_before(store, clock):
    made = gate(store, "timer", timeout="1h30m")
    assert made.raw["timeout"] == 5_400_000_000_000
    assert not check(store).resolved
    clock.advance(5401)
    assert check(store, dry_run=True).resolved == ((made.id, "1h30m passed"),)
    assert not store.get(made.id).is_closed
    assert check(store).resolved and store.get(made.id).is_closed


def test_a_gate_on_a_bead_opens_with_it_and_says_when_there_is_none(store):
    other = create(store, "other")
    made, lost = gate(store, "bead", await_id=other), gate(store, "bead", await_id="gt-nope")
    done = check(store)
    assert (done.resolved, [one[0] for one in done.errors]) == ((), [lost.id])
    close(store, other)
    assert [one[0] for one in check(store).resolved] == [made.id]


def test_mail_opens_a_gate_if_it_came_after_it(store, clock):
    create(store, "from ana: ok", labels=["gt:message"], sender="ana")
    clock.advance(5)
    made = gate(store, "mail", await_id="Ana")
    assert not check(store).resolved
    clock.advance(5)
    create(store, "yes", labels=["gt:message"], sender="ana")
    assert [one[0] for one in check(store).resolved] == [made.id]


def gh(tmp_path, monkeypatch, text):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "gh").write_text(f"#!/bin/sh\n{text}\n")
    os.chmod(folder / "gh", os.stat(folder / "gh").st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("kind", "answer", "field"),
    [
        ("gh:run", '{"status":"completed","conclusion":"success"}', "resolved"),
        ("gh:run", '{"status":"completed","conclusion":"failure"}', "failed"),
        ("gh:run", '{"status":"in_progress","conclusion":""}', ""),
        ("gh:pr", '{"state":"MERGED"}', "resolved"),
        ("gh:pr", '{"state":"CLOSED"}', "failed"),
        ("gh:pr", '{"state":"OPEN"}', ""),
    ],
)
def test_github_is_asked_about_runs_and_pull_requests(store, tmp_path, monkeypatch, kind, answer, field):
    gh(tmp_path, monkeypatch, f"echo '{answer}'")
    made = gate(store, kind, await_id="7")
    done = check(store, kinds="gh")
    assert {name: [one[0] for one in getattr(done, name)] for name in ("resolved", "failed", "errors")} == {
        name: [made.id] if name == field else [] for name in ("resolved", "failed", "errors")
    }


def test_the_newest_run_of_a_workflow_is_kept(store, tmp_path, monkeypatch):
    gh(
        tmp_path,
        monkeypatch,
        'case "$2" in list) echo \'[{"databaseId": 42}]\';; *) echo \'{"status":"queued"}\';; esac',
    )
    made = gate(store, "gh:run", await_id="tests.yml")
    check(store)
    assert store.get(made.id).text("await_id") == "42"


def test_without_gh_a_gate_stays_shut_and_says_so(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    made = gate(store, "gh:pr", await_id="7")
    ((found, why),) = check(store).errors
    assert found == made.id and "gh is not installed" in why


def test_a_gate_that_says_nothing_is_refused(store):
    for kind, options in (("magic", {}), ("timer", {}), ("bead", {}), ("timer", {"timeout": "soon"})):
        with pytest.raises(UsageError):
            gate(store, kind, **options)
    with pytest.raises(NotFoundError, match="is not a gate"):
        gates.resolve(store, create(store, "a task"), actor="me")


def test_waiters_are_noted_once(store):
    made = gate(store, "human")
    for who in ("ana", "bo", "ana"):
        gates.add_waiter(store, made.id, who, actor="me")
    assert gates.waiters(store.get(made.id)) == ["ana", "bo"]


@pytest.mark.parametrize("poured", [True, False])
def test_a_molecule_that_a_gate_let_go_is_found_unless_somebody_has_it(store, poured):
    root = pour(store, recipe(step("ask"), step("ship", "ask", gate=Gate("human"))), poured=poured)
    with store.write("me") as batch:
        Advance(batch, root, "me").close("ask").take()
    assert gates.let_go(store) == []
    gates.resolve(store, f"{root}.gate-ship", actor="ana")
    (found,) = gates.let_go(store)
    assert found.as_json() == {
        "molecule_id": root,
        "molecule_title": "ship",
        "closed_gate": f"{root}.gate-ship",
        "ready_step": f"{root}.ship",
    }
    change(store, root, status="hooked", assignee="shop/opal")
    assert gates.let_go(store) == []


def test_a_condition_of_a_step_is_judged_by_check_too(store, tmp_path):
    flag = tmp_path / "go"
    root = pour(store, recipe(step("a"), step("b", only_if=f"file.exists('{flag}')")))
    assert not check(store).resolved
    flag.write_text("")
    assert [one[0] for one in check(store).resolved] == [f"{root}.when-b"]


def test_every_type_that_may_be_asked_for_has_a_judge() -> None:
    assert set(gates.TYPES) <= set(gates.JUDGES)
