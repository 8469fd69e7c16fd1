"""Refineries, requests, molecules and gate logs as the live model reads them."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.clock import format_seconds
from gastown_core.model.bead import Bead
from gastown_core.model.hook_life import ACTIVE, COMPLETED, SUSPENDED
from gastown_core.state.collect import Sources, collect
from gastown_core.state.molecules import molecule_facts, step_text
from gastown_core.state.sources.refineries import HEAD_BYTES, READ_BYTES, GateLog
from gastown_core.town.agent_beads import put_agent_bead
from tests.support.refineries import gating, held, history, judged, write_state
from tests.support.rigged import Rigged

NOW = 1_795_262_671.0


# refineries


def test_a_refinery_that_never_ran_is_not_there(rigged: Rigged) -> None:
    assert collect(rigged.root).refineries == ()


def test_an_engine_that_lives_is_busy_and_a_dead_one_says_so(rigged: Rigged) -> None:
    rig = os.path.join(rigged.root, "shop")
    write_state(rig, gating(NOW, os.getpid()), history(NOW))
    view = collect(rigged.root).refineries[0]
    assert (view.is_busy, view.trouble, len(view.history)) == (True, "", 3)
    assert view.history[0].id == "b-1018"
    write_state(rig, gating(NOW, 2**22 + 1))
    view = collect(rigged.root).refineries[0]
    assert not view.is_busy
    assert "the engine is gone" in view.trouble


@pytest.mark.parametrize("state", [judged, held], ids=["idle", "held"])
def test_an_engine_may_leave_an_idle_or_held_queue_behind(rigged: Rigged, state: object) -> None:
    write_state(os.path.join(rigged.root, "shop"), state(NOW))  # type: ignore[operator]
    assert collect(rigged.root).refineries[0].trouble == ""


def test_a_hold_tells_since_when_and_until_when(rigged: Rigged) -> None:
    rig = os.path.join(rigged.root, "shop")
    folder = os.path.dirname(write_state(rig, held(NOW)))
    with open(os.path.join(folder, "hold-main.json"), "w") as handle:
        json.dump({"since": "2026-11-21T11:00:00Z", "until": "2026-11-21T13:00:00Z"}, handle)
    view = collect(rigged.root).refineries[0]
    assert view.hold_until - view.hold_since == 7200


def test_between_two_batches_a_hold_is_as_old_as_before(rigged: Rigged) -> None:
    """The state names no target then; the hold is that of the last batch's, not one that began just now."""
    rig = os.path.join(rigged.root, "shop")
    state = held(NOW)._replace(target="", last={"target": "main"}, updated_at=NOW)
    folder = os.path.dirname(write_state(rig, state))
    with open(os.path.join(folder, "hold-main.json"), "w") as handle:
        json.dump({"since": "2026-11-21T11:00:00Z", "until": "2026-11-21T13:00:00Z"}, handle)
    view = collect(rigged.root).refineries[0]
    assert format_seconds(view.hold_since) == "2026-11-21T11:00:00Z"


def test_junk_lines_of_the_history_are_passed_over(rigged: Rigged) -> None:
    rig = os.path.join(rigged.root, "shop")
    folder = os.path.dirname(write_state(rig, judged(NOW), history(NOW)))
    with open(os.path.join(folder, "batches.jsonl"), "a") as handle:
        handle.write('{"id":\n[1]\n{"id": "b-20261121-101900", "mrs": null}\n')
    view = collect(rigged.root).refineries[0]
    assert view.history[0].id == "b-20261121-101900"
    assert view.history[0].at > 0


# requests


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": "deferred"}, "is deferred"),
        ({"status": "hooked", "assignee": "shop/polecats/ruby"}, "is hooked to shop/polecats/ruby"),
        ({"status": "hooked", "assignee": "shop/polecats/opal"}, "is on its worker's hook again and may change"),
        ({"status": "in_progress", "assignee": "shop/polecats/opal", "labels": ["gt:in-review"]}, ""),
        ({"status": "open"}, "is open again, so its work was taken back"),
        ({"status": "closed"}, "is closed"),
        (None, "is closed or deleted"),
    ],
    ids=["deferred", "of another", "of its worker", "in review for older tools", "open again", "closed", "deleted"],
)
def test_a_request_says_why_nobody_wants_it_merged(rigged: Rigged, change: dict[str, str] | None, why: str) -> None:
    work = rigged.file("Work", status="in_review")
    facts = {"branch": "b", "target": "main", "rig": "shop", "worker": "opal", "source_issue": work.id}
    rigged.file("Merge", labels=["gt:merge-request"], metadata={"mr": facts})
    assert [(one.state, one.rests) for one in collect(rigged.root).requests] == [("queued", "")]
    with rigged.ledger.store_for("sh-x").write("op") as batch:
        if change is None:
            batch.delete(work.id)
        elif change["status"] == "closed":
            batch.close(work.id, "not wanted", force=True)
        else:
            batch.update(work.id, change)
    [view] = collect(rigged.root).requests
    assert view.rests.startswith(f"{work.id} {why}") if why else not view.rests
    assert view.state == ("blocked" if why else "queued")


def test_requests_stand_as_they_would_be_taken(rigged: Rigged) -> None:
    def request(priority: int, **fields: object) -> str:
        facts = {"branch": f"b{priority}", "target": "main", "rig": "shop", "retry_count": fields.pop("retries", 0)}
        return rigged.file(
            "Merge", labels=["gt:merge-request", *fields.pop("more", ())], priority=priority, metadata={"mr": facts}, **fields,
        ).id  # fmt: skip

    low, high = request(3), request(0)
    failed = request(1, retries=3, more=["needs-fix"])
    waiting, first = request(0), rigged.file("First").id
    with rigged.ledger.store_for("sh-x").write("op") as batch:
        batch.add_edge(waiting, first, "blocks")
        batch.update(low, {"status": "in_progress", "assignee": "shop/refinery"})
    found = collect(rigged.root).requests
    assert [(one.id, one.state) for one in found] == [
        (low, "merging"), (high, "queued"), (failed, "queued"), (waiting, "blocked"),
    ]  # fmt: skip
    assert found[0].worker == "", "who merges a request is not its worker"
    assert found[2].trouble == "gates were red"
    assert found[3].blockers == (first,)


# hooks and molecules


@pytest.mark.parametrize(
    ("recorded", "has_work", "want"), [("created", True, SUSPENDED), ("completed", False, COMPLETED), ("", False, "")]
)
def test_a_hooks_life_is_told_from_its_record_and_what_is_seen(
    rigged: Rigged, recorded: str, has_work: bool, want: str
) -> None:
    bead = rigged.file()
    sling = rigged.sling(bead.id)
    entry = rigged.entry(sling.result.agent)
    if not has_work:
        with rigged.ledger.store_for("sh-x").write("op") as batch:
            batch.update(bead.id, {"status": "open", "assignee": ""})
    put_agent_bead(rigged.ledger, entry.address, "sh", hook_state=recorded, hook_bead="")
    view = collect(rigged.root).agent(entry.address.path)
    assert view is not None
    wanted = (want, "created") if recorded == "created" else (want,)
    assert view.hook in wanted
    assert view.hook != ACTIVE


STEPS = [{"id": "build"}, {"id": "look", "parent": "build"}, {"id": "write", "parent": "build"}, {"id": "check"}]


def molecule(**state: object) -> Bead:
    return Bead({"id": "sh-mol-1", "issue_type": "molecule", "metadata": {"molecule": {"bead": "sh-1", "steps": STEPS, **state}}})  # fmt: skip


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "1/3 look"),
        ({"done": {"look": "t"}, "current": {"write": "opal"}}, "2/3 write"),
        ({"done": {"look": "t"}, "current": {"check": "opal"}}, "2/3 check"),
        ({"done": {"look": "t", "write": "t", "check": "t"}}, "3/3 all steps done"),
    ],
)
def test_the_step_of_a_checklist(rigged: Rigged, state: dict[str, object], words: str) -> None:
    sources = Sources(rigged.root)
    found = molecule_facts(molecule(**state))
    assert found is not None
    sources.facts.molecules["sh-1"] = found
    assert step_text(sources.facts, "sh-1") == words
    assert step_text(sources.facts, "sh-2") == ""
    sources.close()


def test_a_molecule_without_work_or_steps_says_nothing() -> None:
    assert molecule_facts(molecule(bead="")) is None
    assert molecule_facts(Bead({"id": "x", "metadata": {"molecule": {"bead": "y"}}})) is None


def test_a_slung_beads_molecule_gives_the_step(rigged: Rigged) -> None:
    bead = rigged.file()
    sling = rigged.sling(bead.id)
    view = collect(rigged.root).agent(rigged.entry(sling.result.agent).address.path)
    assert view is not None
    assert view.work is not None
    assert view.work.step.startswith("1/")


# gate logs


def test_a_log_is_read_as_it_grows_and_begins_anew_when_it_is_cut(tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "unit.log")
    log = GateLog(path)
    assert not log.read()
    with open(path, "w") as handle:
        handle.write("one\ntw")
    assert log.read()
    assert (list(log.lines), log.partial, log.came) == (["one"], "tw", 1)
    with open(path, "a") as handle:
        handle.write("o\n10%\r60%\r100%\r\n")
    assert log.read()
    assert (list(log.lines), log.partial) == (["one", "two", "100%"], "")
    assert not log.read()
    with open(path, "w") as handle:
        handle.write("anew\n")
    assert log.read()
    assert list(log.lines) == ["anew"]


def test_a_flood_is_passed_over_to_its_end(tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "unit.log")
    with open(path, "wb") as handle:
        handle.write(b"first\n" + b"x" * HEAD_BYTES + b"\nlast\n")
    log = GateLog(path)
    log.read()
    assert log.skipped
    assert log.lines[-1] == "last"
    assert len(log.lines[0]) <= 4000
    with open(path, "ab") as handle:
        handle.write(b"y\n" * READ_BYTES + b"the end\n")
    while log.read():
        pass
    assert log.lines[-1] == "the end"
    assert len(log.lines) <= 2000
