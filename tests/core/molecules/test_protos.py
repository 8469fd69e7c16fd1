"""Protomolecules: kept with their placeholders, poured with values, bonded to each other."""

from __future__ import annotations

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import ConflictError, UsageError
from gastown_core.formulas.errors import FormulaError, MissingVariables
from gastown_core.formulas.resolve import find_formula
from gastown_core.molecules.bond import Bonding, bond
from gastown_core.molecules.proto import compiled, is_proto, persist, recipe_of
from gastown_core.molecules.steps import progress_of
from tests.support.recipes import pour, recipe, step
from tests.support.stores import NOW, close, create, make_store

TEXT = """
formula = "hotfix"
version = 1
[vars.bead]
required = true
pattern = "^[a-z]+-[a-z0-9]+$"
[vars.env]
default = "staging"
enum = ["staging", "prod"]
[vars.title]
default = ""
[[steps]]
id = "patch"
title = "Patch {{bead}}"
acceptance = "tests green"
[[steps]]
id = "ask"
title = "Ask {{env}}"
needs = ["patch"]
condition = "{{env}} == prod"
gate = { type = "human", timeout = "4h" }
[[steps]]
id = "ship"
title = "Ship to {{env}}"
needs = ["ask"]
"""


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path)


@pytest.fixture
def hotfix(tmp_path):
    (tmp_path / "formulas").mkdir()
    (tmp_path / "formulas" / "hotfix.formula.toml").write_text(TEXT)
    return find_formula("", "hotfix", folders=(str(tmp_path / "formulas"),))


def keep(store, formula, **options):
    made, variables = compiled(formula)
    return persist(store, made, variables=variables, actor="me", **options)


def test_a_proto_keeps_placeholders_and_is_never_work(store, hotfix):
    made = keep(store, hotfix)
    assert made.id == "gt-hotfix" and set(made.variables) == {"bead", "env", "title"}
    root = store.get(made.id)
    assert is_proto(root) and "template" in root.labels and root.title == "{{title}}"
    assert store.get("gt-hotfix.ship").title == "Ship to {{env}}"
    assert not store.ready(BeadQuery(), NOW)
    with pytest.raises(ConflictError):
        close(store, "gt-hotfix.patch")


def test_a_proto_is_poured_with_values_that_are_checked(store, hotfix):
    keep(store, hotfix)
    made = recipe_of(store, "gt-hotfix", {"bead": "gt-1", "env": "prod"})
    assert [one.title for one in made.steps] == ["Patch gt-1", "Ask prod", "Ship to prod"]
    assert made.steps[1].gate.timeout_s == 4 * 3600
    assert made.steps[0].acceptance == "tests green"
    with pytest.raises(MissingVariables, match="bead"):
        recipe_of(store, "gt-hotfix", {})
    with pytest.raises(FormulaError):
        recipe_of(store, "gt-hotfix", {"bead": "gt-1", "env": "mars"})


def test_a_step_whose_condition_fails_at_pouring_hands_on_its_needs(store, hotfix):
    keep(store, hotfix)
    made = recipe_of(store, "gt-hotfix", {"bead": "gt-1"})
    assert [(one.id, one.needs) for one in made.steps] == [("patch", ()), ("ship", ("patch",))]
    root = pour(store, made, ephemeral=False)
    assert progress_of(store, root).total == 2


def test_a_second_proto_of_the_name_needs_force(store, hotfix):
    keep(store, hotfix)
    with pytest.raises(ConflictError, match="already exists"):
        keep(store, hotfix)
    keep(store, hotfix, force=True)
    create(store, "in the way", bead_id="gt-other")
    with pytest.raises(ConflictError, match="not a proto"):
        persist(store, recipe(step("a"), name="other"), actor="me", force=True)


# -- bonding -------------------------------------------------------------------------------------------------


def bonded(store, first, second, cook=None, compile_=None, **options):
    how = Bonding(**options)
    return bond(store, first, second, how, actor="me", cook=cook, compile_=compile_)


@pytest.mark.parametrize(
    ("kind", "edge", "ready"),
    [("sequential", "blocks", 1), ("conditional", "conditional-blocks", 1), ("parallel", "parent-child", 2)],
)
def test_two_molecules_are_tied_in_three_ways(store, kind, edge, ready):
    one, two = (pour(store, recipe(step("a"))) for _ in range(2))
    assert bonded(store, one, two, bond=kind).kind == "compound_molecule"
    assert [(e.target, e.type) for e in store.get(two).edges] == [(one, edge)]
    views = [view for root in (one, two) for view in progress_of(store, root).steps if view.id.endswith(".a")]
    assert sum(view.status == "ready" for view in views) == ready


def test_a_root_only_molecule_waits_too_for_what_it_is_bonded_behind(store):
    one, two = pour(store, recipe(step("a"))), pour(store, recipe(step("a")), poured=False)
    bonded(store, one, two)
    assert progress_of(store, two).steps[0].status == "blocked"
    close(store, f"{one}.a")
    assert progress_of(store, two).steps[0].status == "ready"


def test_a_circle_of_bonds_is_refused_with_its_path(store):
    one, two = (pour(store, recipe(step("a"))) for _ in range(2))
    bonded(store, one, two)
    with pytest.raises(ConflictError, match=f"{one} → {two} → {one}"):
        bonded(store, two, one)


def test_a_formula_is_poured_onto_a_molecule_as_that_is(store):
    one = pour(store, recipe(step("a")))
    made = bonded(store, one, "more", cook=lambda name, given: recipe(step("b"), name=name), ref="after", title="More")
    assert made.spawned == f"{one}.after"
    spawned = store.get(made.spawned)
    assert (spawned.title, spawned.is_ephemeral) == ("More", True)
    assert progress_of(store, made.spawned).steps[0].status == "blocked"
    stays = bonded(store, one, "more", cook=lambda name, given: recipe(step("b"), name=name), ephemeral=False)
    assert not store.get(stays.spawned).is_ephemeral


def test_two_protos_make_one_that_holds_both(store, hotfix):
    keep(store, hotfix)
    made = bonded(store, "gt-hotfix", "tidy", compile_=lambda name: (recipe(step("sweep"), name=name), {}))
    assert (made.kind, made.result) == ("compound_proto", "gt-hotfix-tidy")
    root = store.get(made.result)
    assert [one["source_id"] for one in root.raw["bonded_from"]] == ["gt-hotfix", "shipped:tidy"]
    poured = pour(store, recipe_of(store, made.result, {"bead": "gt-1", "env": "prod"}))
    assert [(v.name, v.title, v.status) for v in progress_of(store, poured).steps] == [
        ("hotfix.patch", "Patch gt-1", "ready"),
        ("hotfix.ask", "Ask prod", "blocked"),
        ("hotfix.ship", "Ship to prod", "pending"),
        ("tidy.sweep", "Sweep", "pending"),
    ]


def test_a_bond_that_cannot_be_says_why(store):
    one = pour(store, recipe(step("a")))
    task = create(store, "a task")
    with pytest.raises(UsageError, match="unknown bond type"):
        bonded(store, one, one, bond="glue")
    with pytest.raises(UsageError, match="is a task"):
        bonded(store, one, task)
    with pytest.raises(UsageError, match="child id"):
        bonded(store, one, "x", ref="no/slash")
