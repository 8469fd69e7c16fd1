"""A recipe in the ledger: root-only and poured, attached to work, burned."""

from __future__ import annotations

import time

import pytest

from gastown_core.beads.graph import find_cycles
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import ConflictError, UsageError
from gastown_core.formulas.recipe import Gate
from gastown_core.molecules.pour import attach, burn, detach, finish, make_molecule
from gastown_core.molecules.root_bead import attached_to, molecule_of
from gastown_core.molecules.steps import progress_of
from tests.support.recipes import chain, pour, recipe, step
from tests.support.stores import NOW, close, create, make_store

EVERYTHING = BeadQuery(include_wisps=True)


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path)


def test_a_root_only_wisp_is_one_bead_that_keeps_formula_vars_and_steps(store):
    made = recipe(step("plan"), step("build", "plan"), vars={"env": "prod"}, wisp_type="patrol", tier="rig")
    root = pour(store, made, poured=False)
    assert [bead.id for bead in store.find(EVERYTHING)] == [root]
    bead = store.get(root)
    assert (bead.issue_type, bead.is_ephemeral, bead.text("wisp_type")) == ("molecule", True, "patrol")
    molecule = molecule_of(bead)
    assert (molecule.formula, molecule.vars, molecule.state.text("digest")) == ("ship", {"env": "prod"}, "d1")
    assert molecule.steps == made.steps


def test_a_poured_wisp_has_a_bead_per_step_with_stable_ids_in_order(store):
    root = pour(store, recipe(step("plan"), step("build", "plan", description="make it", acceptance="it stands")))
    assert {bead.id for bead in store.find(EVERYTHING)} == {root, f"{root}.plan", f"{root}.build"}
    build = store.get(f"{root}.build")
    assert build.raw["metadata"]["step"] == {"id": "build", "index": 1, "molecule": root}
    assert (build.description, build.text("acceptance_criteria"), build.parent) == ("make it", "it stands", root)
    assert store.graph(NOW).blockers(build.id) == (f"{root}.plan",)
    assert not store.find(BeadQuery())


def test_pouring_to_stay_makes_permanent_beads_that_are_ready_work(store):
    root = pour(store, recipe(step("plan"), step("build", "plan")), ephemeral=False)
    assert root.startswith("gt-mol-")
    assert [bead.id for bead in store.ready(BeadQuery(), NOW)] == [f"{root}.plan"]


def test_a_step_with_children_is_an_epic_that_holds_back_whoever_needs_it(store):
    made = recipe(
        step("a"), step("both", "a"), step("one", parent="both"), step("two", parent="both"), step("z", "both")
    )
    root = pour(store, made)
    assert store.get(f"{root}.both").issue_type == "epic"
    for poured in (True, False):
        seen = progress_of(store, pour(store, made, poured=poured))
        assert [(view.name, view.status) for view in seen.steps] == [
            ("a", "ready"),
            ("one", "pending"),
            ("two", "pending"),
            ("z", "pending"),
        ]


def test_a_gate_is_a_bead_of_its_own_that_holds_its_step(store):
    made = recipe(step("ship", gate=Gate("human", "ok?", 60.0)))
    for poured in (True, False):
        root = pour(store, made, poured=poured)
        gate = store.get(f"{root}.gate-ship")
        assert (gate.issue_type, gate.text("await_type"), gate.raw["timeout"]) == ("gate", "human", 60_000_000_000)
        assert progress_of(store, root).steps[0].status == "blocked"
        close(store, gate.id)
        assert progress_of(store, root).steps[0].status == "ready"
        assert store.get(root).status == "open"


def test_a_step_that_waits_for_children_waits_for_its_spawner_too(store):
    root = pour(store, recipe(step("spawn"), step("join", waits_for="all-children", spawner="spawn")))
    assert progress_of(store, root).step("join").status == "pending"
    close(store, f"{root}.spawn")
    assert progress_of(store, root).step("join").status == "ready"


def test_a_molecule_never_holds_back_the_work_it_is_attached_to(store):
    work = create(store, "the work")
    root = pour(store, recipe(step("a")), bead=work)
    assert attached_to(store.get(work)) == root
    assert store.get(work).raw["metadata"]["dispatch"] == {"molecule": root, "formula": "ship"}
    assert [bead.id for bead in store.ready(BeadQuery(), NOW)] == [work]
    assert not store.get(work).edges


def test_detaching_leaves_both_as_they_are(store):
    work = create(store, "the work", metadata={"dispatch": {"by": "mayor"}, "kept": 1})
    root = pour(store, recipe(step("a")))
    with store.write("x") as batch:
        attach(batch, work, root)
        assert detach(batch, work) == root
    assert store.get(work).raw["metadata"] == {"dispatch": {"by": "mayor"}, "kept": 1}
    assert molecule_of(store.get(root)).bead == ""


def test_nothing_is_written_when_the_callers_batch_fails(store):
    with pytest.raises(ZeroDivisionError), store.write("x") as batch:
        make_molecule(batch, recipe(step("a")), actor="x", poured=True, ephemeral=True)
        raise ZeroDivisionError
    assert not store.find(EVERYTHING)


@pytest.mark.parametrize("poured", [True, False])
def test_burning_leaves_nothing_and_lets_go_of_the_work(store, poured):
    work = create(store, "the work")
    root = pour(store, recipe(step("a", gate=Gate("human")), step("b", "a")), poured=poured, bead=work)
    create(store, "outside", dependencies=[])
    with store.write("x") as batch:
        gone = burn(batch, root)
    assert gone[0] == root
    assert {bead.title for bead in store.find(EVERYTHING)} == {"the work", "outside"}
    assert attached_to(store.get(work)) == ""
    with store.write("x") as batch:
        assert burn(batch, root) == []


def test_burning_takes_the_edges_of_others_along(store):
    root = pour(store, recipe(step("a")), ephemeral=False)
    other = create(store, "waits")
    with store.write("x") as batch:
        batch.add_edge(other, f"{root}.a")
    with store.write("x") as batch:
        burn(batch, root)
    assert not store.get(other).edges


def test_finishing_closes_whatever_is_open(store):
    root = pour(store, recipe(step("a"), step("b", "a")))
    with store.write("x") as batch:
        finish(batch, root, "handed in")
    assert {bead.status for bead in store.find(EVERYTHING)} == {"closed"}
    assert progress_of(store, root).is_complete


def test_a_recipe_without_steps_or_values_is_refused(store):
    for made in (recipe(), recipe(step("a"), missing=("env",))):
        with pytest.raises(UsageError):
            pour(store, made)
    assert not store.find(EVERYTHING)


def test_an_id_of_ones_own_may_be_taken_only_once(store):
    pour(store, recipe(step("a")), bead_id="gt-ship")
    with pytest.raises(ConflictError):
        pour(store, recipe(step("a")), bead_id="gt-ship")


def test_a_thousand_steps_are_poured_shown_and_burned_in_one_go(store):
    began = time.perf_counter()
    root = pour(store, chain(1000))
    seen = progress_of(store, root)
    assert (seen.total, seen.current.name, len(seen.ready)) == (1000, "s0", 1)
    edges: dict[str, list[str]] = {}
    for source, target, _ in store.all_edges():
        edges.setdefault(source, []).append(target)
    assert not find_cycles(edges)
    with store.write("x") as batch:
        assert len(burn(batch, root)) == 1001
    print(f"{time.perf_counter() - began:.2f} s")
