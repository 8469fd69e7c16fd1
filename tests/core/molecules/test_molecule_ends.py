"""How molecules end: squashed into a digest, distilled into a formula, tidied away by their lifetimes."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import FixedClock
from gastown_core.errors import UsageError
from gastown_core.formulas.resolve import load_recipe
from gastown_core.model.bead import Bead
from gastown_core.molecules.advance import Advance
from gastown_core.molecules.distill import distill
from gastown_core.molecules.listing import last_activity, list_molecules, stale
from gastown_core.molecules.squash import squash
from gastown_core.molecules.wisp_compaction import TTL_S, collectable, compact_store, decide, lifetimes, report
from tests.support.recipes import pour, recipe, step
from tests.support.stores import NOW, change, close, create, link, make_store

EVERYTHING = BeadQuery(include_wisps=True)
DAY = 86400.0


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
def store(tmp_path, clock):
    return make_store(tmp_path, clock=clock)


@pytest.mark.parametrize("poured", [True, False])
def test_a_squashed_wisp_leaves_its_root_and_one_digest(store, poured):
    root = pour(store, recipe(step("a", description="look around"), step("b", "a")), poured=poured)
    with store.write("me") as batch:
        Advance(batch, root, "me").close("a", reason="all quiet").take()
    with store.write("me") as batch:
        done = squash(batch, root)
    beads = {bead.id: bead for bead in store.find(BeadQuery())}
    assert set(beads) == {root, done.digest}
    digest = beads[done.digest]
    assert digest.is_closed and digest.parent == root and digest.title == "Digest: ship"
    assert "- A [done]" in digest.description
    assert ("all quiet" in digest.description) == poured
    assert beads[root].is_closed and done.was_wisp
    assert (len(done.deleted), done.as_json()["squashed_count"]) == ((2, 2) if poured else (0, 0))


def test_a_summary_replaces_the_digest_and_children_may_be_kept(store):
    root = pour(store, recipe(step("a")))
    with store.write("me") as batch:
        done = squash(batch, root, summary="nothing happened", keep_children=True)
    assert store.get(done.digest).description == "nothing happened"
    assert store.get(f"{root}.a").is_closed


def test_finished_molecules_are_listed_until_they_are_closed(store):
    root = create(store, "by hand", issue_type="epic")
    child = create(store, "the only one", parent=root)
    waits = create(store, "waits", issue_type="epic")
    link(store, waits, root)
    pour(store, recipe(step("a")))
    listed = {(row.root.title, row.completed, row.total) for row in list_molecules(store)}
    assert listed == {("ship", 0, 1), ("by hand", 0, 1)}
    assert stale(store) == []
    close(store, child)
    assert [(one.root.id, one.blocking) for one in stale(store)] == [(root, (waits,))]
    assert last_activity(store, root)[1:] == ("step_closed", child)
    close(store, root)
    assert [row.root.title for row in list_molecules(store)] == ["ship"]


def test_a_formula_distilled_from_work_can_be_cooked_again(store, tmp_path):
    root = create(store, "Ship 1.2.0", issue_type="epic", description='Say "go"\nand go')
    one = create(store, "Bump to 1.2.0", parent=root, description="run bump 1.2.0\n\\d", priority=1)
    two = create(store, "Tag 1.2.0!", parent=root, acceptance_criteria="v1.2.0 is there", labels=["release"])
    link(store, two, one)
    made = distill(store, root, "", ["version=1.2.0"])
    assert (made.name, made.steps, made.variables) == (
        "ship-1-2-0",
        ("bump-to-1-2-0", "tag-1-2-0"),
        {"version": "1.2.0"},
    )
    os.makedirs(tmp_path / "f")
    (tmp_path / "f" / f"{made.name}.formula.toml").write_text(made.text)
    cooked = load_recipe("", made.name, {"version": "2.0"}, folders=(str(tmp_path / "f"),))
    assert [(s.title, s.needs, s.priority) for s in cooked.steps] == [
        ("Bump to 2.0", (), 1),
        ("Tag 2.0!", ("bump-to-1-2-0",), 2),
    ]
    assert cooked.steps[0].description == "run bump 2.0\n\\d"
    assert cooked.steps[1].acceptance == "v2.0 is there"
    with pytest.raises(UsageError, match="occurs"):
        distill(store, root, "", ["version=9.9.9"])
    assert distill(store, root, "x", ["1.2.0=version"]).variables == {"version": "1.2.0"}


# -- lifetimes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(TTL_S))
@pytest.mark.parametrize(
    ("more", "young", "old"),
    [
        ({"status": "closed"}, "skip", "delete"),
        ({"status": "open"}, "skip", "promote"),
        ({"status": "closed", "labels": ["gt:keep"]}, "promote", "promote"),
        ({"status": "closed", "comments": [{"text": "look"}]}, "promote", "promote"),
        ({"status": "open", "labels": ["gt:step"]}, "skip", "delete"),
        ({"status": "open", "labels": ["gt:sling-context"]}, "skip", "skip"),
        ({"status": "closed", "issue_type": "agent"}, "skip", "skip"),
    ],
)
def test_what_becomes_of_a_wisp_by_type_state_and_age(kind, more, young, old):
    stamp = "2026-11-01T00:00:00Z"
    wisp = Bead({"id": "gt-wisp-1", "title": "w", "ephemeral": True, "wisp_type": kind, "updated_at": stamp, **more})
    at = wisp.updated_at
    assert decide(wisp, at + TTL_S[kind] - 1, TTL_S).act == young
    assert decide(wisp, at + TTL_S[kind] + 1, TTL_S).act == old


def test_a_rig_may_keep_its_wisps_longer_or_shorter(tmp_path):
    folder = tmp_path / ".beads-wisp" / "config"
    folder.mkdir(parents=True)
    (folder / "shop.json").write_text(json.dumps({"values": {"wisp_ttl": {"patrol": "12h", "error": "soon"}}}))
    found = lifetimes(str(tmp_path), "shop", ("wisp_ttl_ping:1h", "wisp_ttl_patrol:48h"))
    assert (found["patrol"], found["ping"], found["error"]) == (12 * 3600, 3600, TTL_S["error"])


def test_compaction_deletes_a_finished_molecule_with_its_steps_and_leaves_one_whose_work_goes_on(store, clock):
    work = create(store, "long work")
    over, on = pour(store, recipe(step("a"))), pour(store, recipe(step("a")), bead=work)
    noted = create(store, "noted", kind="wisp")
    with store.write("me") as batch:
        Advance(batch, over, "me").close("a").take()
        batch.comment(noted, "keep this in mind")
    clock.advance(2 * DAY)
    dry = compact_store(store, TTL_S, dry_run=True)
    assert store.get(over) is not None
    done = compact_store(store, TTL_S)
    assert [one.id for one in done.decided] == [one.id for one in dry.decided]
    assert {one.id for one in done.of("delete")} == {over, f"{over}.a"}
    assert [one.id for one in done.of("promote")] == [noted]
    assert not store.get(noted).is_ephemeral
    assert store.get(on).is_ephemeral and store.get(f"{on}.a") is not None


def test_a_molecule_that_moves_is_not_old(store, clock):
    root = pour(store, recipe(step("a"), step("b", "a"), wisp_type="patrol"))
    clock.advance(DAY - 60)
    close(store, f"{root}.a")
    clock.advance(120)
    assert not compact_store(store, TTL_S).of("promote")
    assert collectable(store) == []
    clock.advance(7200)
    assert [bead.id for bead in collectable(store)] == [root]
    change(store, root, status="hooked")
    assert collectable(store) == []


def test_the_report_counts_by_kind_and_tells_what_is_odd(store, clock):
    for _ in range(12):
        create(store, "stuck", kind="wisp", wisp_type="error")
    clock.advance(8 * DAY)
    told = report({"town": compact_store(store, TTL_S)}, "2026-11-21")
    assert told.rows["Errors"] == (0, 12, 0)
    assert [word for word in ("patrol", "promoted") if any(word in one for one in told.anomalies)] == [
        "patrol",
        "promoted",
    ]
