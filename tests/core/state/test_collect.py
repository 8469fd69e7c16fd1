"""Collecting a town once: the sample of the Go tools, and failing sources."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import FixedClock, parse_moment
from gastown_core.model.address import Address, parse_address
from gastown_core.model.agent import Health
from gastown_core.model.convoy import ConvoyView, MemberView
from gastown_core.model.snapshot import RigView, SchedulerView, TownSnapshot
from gastown_core.runtimes.exported import FILE, Exported, exported_folder, write_exported
from gastown_core.state.as_json import status_json
from gastown_core.state.collect import Sources, collect
from gastown_core.state.detail import ready_beads
from gastown_core.state.reduce import reduce_town
from gastown_core.tmux.socket import socket_name, socket_path
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.settings import set_setting
from gastown_core.work.hook.hook import hooked_work
from tests.support.refineries import STRIPS, held, refinery_view
from tests.support.towns import reference_town

NOW = parse_moment("2026-11-21T05:30:00Z") or 0.0


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    return reference_town(tmp_path)


def test_the_sample_town_shows_its_six_agents_in_order(root: str) -> None:
    snapshot = collect(root, clock=FixedClock(NOW))
    assert [view.address.path for view in snapshot.agents] == [
        "mayor",
        "deacon",
        "demo/witness",
        "demo/refinery",
        "demo/crew/alice",
        "demo/polecats/rust",
    ]
    assert snapshot.escalations == 1
    assert all(not source.error for source in snapshot.sources)


def test_its_polecat_has_the_bead_on_its_hook_and_its_mail(root: str) -> None:
    rust = collect(root, clock=FixedClock(NOW)).agent("demo/polecats/rust")
    assert rust is not None
    assert rust.work is not None
    assert (rust.work.bead_id, rust.work.title) == ("dm-9d8", "Task 1 for demo")
    assert rust.session == "dm-rust"
    assert rust.health.state is Health.ZOMBIE
    assert rust.last_event is not None
    assert rust.last_event.type == "spawn"


def test_its_convoy_knows_titles_and_stages_from_the_rig(root: str) -> None:
    (convoy,) = collect(root, clock=FixedClock(NOW)).convoys
    assert (convoy.title, convoy.done, convoy.in_review, convoy.total) == ("Demo convoy", 0, 0, 3)
    assert {m.bead_id: m.stage for m in convoy.members} == {"dm-7aw": "ready", "dm-9d8": "running", "dm-k3f": "ready"}
    assert all(member.title and member.rig == "demo" for member in convoy.members)


def test_status_json_has_the_keys_that_readers_know(root: str) -> None:
    value = status_json(collect(root, clock=FixedClock(NOW)))
    assert value["name"] == "gt"
    assert value["summary"]["polecat_count"] == 1
    (rig,) = value["rigs"]
    assert rig["polecats"] == ["rust"]
    assert {"name", "address", "session", "role", "running", "has_work", "unread_mail"} <= set(rig["agents"][0])


def test_without_tmux_nobody_is_a_zombie(root: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    snapshot = collect(root, clock=FixedClock(NOW))
    assert snapshot.tmux_running is None
    assert Health.ZOMBIE not in snapshot.counts
    assert all(view.running is None for view in snapshot.agents)


def test_a_tmux_that_fails_makes_agents_unknown_and_says_why(
    root: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    broken = folder / "tmux"
    broken.write_text("#!/bin/sh\necho 'protocol version mismatch' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    place = Path(socket_path(socket_name(root)))
    place.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        snapshot = collect(root, clock=FixedClock(NOW))
    failed = snapshot.source_error("tmux")
    assert failed is not None
    assert "protocol version mismatch" in failed.error
    rust = snapshot.agent("demo/polecats/rust")
    assert rust is not None
    assert rust.health.state is Health.UNKNOWN


def test_a_ledger_that_cannot_be_read_makes_its_agents_unknown_and_leaves_the_rest(root: str) -> None:
    path = Path(root, "demo", ".beads", "issues.jsonl")
    path.unlink()
    path.mkdir()
    snapshot = collect(root, clock=FixedClock(NOW))
    assert snapshot.source_error("beads") is not None
    states = {view.address.path: view.health.state for view in snapshot.agents}
    assert states["demo/polecats/rust"] is Health.UNKNOWN
    assert states["mayor"] is Health.IDLE


def test_unread_mail_is_counted_by_identity_and_read_mail_is_not(root: str) -> None:
    store = TownLedger(root).stores()["town"]
    with store.write("demo/witness") as batch:
        for labels in (["gt:message"], ["gt:message", "read"]):
            batch.create({"title": "hello", "assignee": "demo/polecats/rust", "labels": labels, "ephemeral": True})
    rust = collect(root, clock=FixedClock(NOW)).agent("demo/polecats/rust")
    assert rust is not None
    assert (rust.unread, rust.first_subject) == (2, "hello")


def test_a_convoy_is_stalled_only_after_the_towns_own_patience(root: str) -> None:
    store = TownLedger(root).stores()["demo"]
    with store.write("op") as batch:
        batch.update("dm-9d8", {"status": "open", "assignee": ""})
    moved = store.get("dm-9d8")
    assert moved is not None
    (convoy,) = collect(root, clock=FixedClock(moved.updated_at + 1)).convoys
    assert not convoy.is_stalled(moved.updated_at + 899)
    assert convoy.is_stalled(moved.updated_at + 901)


def test_ready_work_that_waits_its_turn_in_a_full_town_does_not_stand_still(root: str) -> None:
    store = TownLedger(root).stores()["demo"]
    with store.write("op") as batch:
        batch.update("dm-9d8", {"status": "open", "assignee": ""})
        busy = batch.create({"title": "Other work", "status": "hooked", "assignee": "demo/polecats/rust"}).id
    moved = store.get("dm-9d8")
    assert moved is not None
    late = FixedClock(moved.updated_at + 5000)
    set_setting(root, "operational.polecat.max_per_rig", "1")
    (convoy,) = collect(root, clock=late).convoys
    assert convoy.stalled_since is None

    with store.write("op") as batch:
        batch.close(busy, "done", force=True)
    closed = store.get(busy)
    assert closed is not None
    (convoy,) = collect(root, clock=late).convoys
    assert not convoy.is_stalled(closed.updated_at + 29)
    assert convoy.is_stalled(max(closed.updated_at + 31, moved.updated_at + 901))


def test_status_tells_of_refinery_scheduler_hook_and_faults() -> None:
    member = MemberView("sh-1", "Fix it", "closed", "", "shop", "done", STRIPS["closed"])
    convoy = ConvoyView("hq-cv-1", "Work", "open", "mayor", (member,), 1, 0, 0, 0.0)
    town = TownSnapshot(
        "t", "/t", 1, 100.0, rigs=(RigView("shop", "sh", "/t/shop"),), convoys=(convoy,),
        refineries=(refinery_view(held(100.0), 100.0),), scheduler=SchedulerView(2, True, "ana"),
    )  # fmt: skip
    value = status_json(town)
    assert value["scheduler"] == {"queued": 2, "paused": True, "working": 0, "limit": 0}
    assert value["rigs"][0]["refinery"]["phase"] == "held"
    assert "main itself is red" in value["rigs"][0]["refinery"]["hold_reason"]
    assert value["convoys"][0]["faults"][0]["fault"] == "closed, not landed"


@pytest.mark.parametrize(
    "name", ["mayor/town.json", "mayor/rigs.json", "settings/config.json", ".beads-wisp/config/demo.json"]
)
@pytest.mark.parametrize("how", ["junk", "folder", "pipe"])
def test_a_settings_file_that_cannot_be_read_is_told_and_the_rest_is_shown(root: str, name: str, how: str) -> None:
    path = Path(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if how == "junk":
        path.write_text("{ nonsense")
    else:
        (os.mkdir if how == "folder" else os.mkfifo)(path)
    snapshot = collect(root, clock=FixedClock(NOW))
    told = [source.error for source in snapshot.sources if source.error]
    assert any(name in error for error in told), told
    assert {"mayor", "deacon"} <= {view.address.path for view in snapshot.agents}
    assert name == "mayor/rigs.json" or len(snapshot.agents) == 6
    assert snapshot.escalations == 1


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_a_log_that_is_none_is_told_and_the_rest_is_shown(root: str, make) -> None:  # type: ignore[no-untyped-def]
    Path(root, ".events.jsonl").unlink()
    make(Path(root, ".events.jsonl"))
    snapshot = collect(root, clock=FixedClock(NOW))
    assert snapshot.source_error("events") is not None and len(snapshot.agents) == 6


def test_escalations_are_told_with_their_words_and_offered_to_nobody_as_work(root: str) -> None:
    snapshot = collect(root, clock=FixedClock(NOW))
    assert [one.bead_id for one in snapshot.escalated] and len(snapshot.escalated) == snapshot.escalations
    raised = {one.bead_id for one in snapshot.escalated}
    assert all(one.title for one in snapshot.escalated)
    assert not raised & {bead.id for _, bead in ready_beads(root)}


def test_one_whom_a_person_stopped_stays_stopped_when_the_log_has_long_gone_on(root: str) -> None:
    put_agent_bead(TownLedger(root), Address("polecat", "demo", "rust"), "dm", agent_state="paused")
    facts = Sources(root)
    facts.look(NOW)
    facts.facts.panes = {}
    view = reduce_town(facts.facts, NOW).agent("demo/polecats/rust")
    facts.close()
    assert view is not None and view.work is not None
    assert view.health.state is Health.IDLE and "stopped" in view.health.badges


@pytest.mark.parametrize(
    ("ledger", "bead_id", "assignee", "status"),
    [
        ("demo/.beads", "dm-rig-demo", "demo/witness", "in_progress"),
        (".beads", "dm-demo-refinery", "demo/refinery", "hooked"),
        (".beads", "dm-demo-crew-alice", "demo/crew/gone", "in_progress"),
    ],
    ids=["rig", "agent", "of-nobody"],
)
def test_a_record_of_who_somebody_is_hangs_on_no_hook(
    root: str, ledger: str, bead_id: str, assignee: str, status: str
) -> None:
    path = Path(root, ledger, "issues.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row | {"assignee": assignee, "status": status} if row["id"] == bead_id else row for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    snapshot = collect(root, clock=FixedClock(NOW))
    assert {view.work.bead_id for view in snapshot.agents if view.work is not None} == {"dm-9d8"}
    assert [view.address.short for view in snapshot.agents if view.health.state is Health.ZOMBIE] == ["demo/rust"]
    assert snapshot.orphans == ()
    held = [one.id for store in TownLedger(root).stores().values() for one in store.held_work()]
    assert held == ["dm-9d8"]
    who = parse_address(assignee)
    assert hooked_work(TownLedger(root), who, "dm") == []


def test_what_a_program_exported_is_evidence_of_its_agent_and_a_broken_file_is_said(
    root: str,
) -> None:
    write_exported(root, {"demo/polecats/rust": Exported(request_at=NOW - 90, model="claude-x")}, NOW)
    sources = Sources(root)
    try:
        sources.look_at_agents(NOW)
        (rust,) = [one for one in reduce_town(sources.facts, NOW).agents if one.address.name == "rust"]
        assert sources.facts.exported["demo/polecats/rust"].model == "claude-x"
        # its session is gone: what decides comes first, and this is told too if the program of that time exported it
        assert rust.health.state is Health.ZOMBIE
        path = Path(exported_folder(root), FILE)
        path.write_text("{")
        sources.look_at_agents(NOW + 1)
        snapshot = reduce_town(sources.facts, NOW + 1)
        assert [one.name for one in snapshot.sources if one.error] == ["exports"]
        assert sources.facts.exported, "what was read last stays"
        path.unlink()
        sources.look_at_agents(NOW + 2)
        assert "exports" not in sources.facts.sources
        # one that was never read is forgotten too
        path.write_text("{")
        sources.look_at_agents(NOW + 3)
        assert sources.facts.error_of("exports")
        path.unlink()
        sources.look_at_agents(NOW + 4)
        assert not sources.facts.error_of("exports") and not sources.facts.exported
    finally:
        sources.close()
