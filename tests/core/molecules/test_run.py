"""Formulas set going: legs in a convoy, workflows as molecules; showing and doing are one path."""

from __future__ import annotations

import os

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import GastownError, UsageError
from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.recipe import Recipe
from gastown_core.formulas.resolve import find_formula
from gastown_core.molecules.run import run_convoy, run_workflow
from tests.support.recipes import recipe, step
from tests.support.stores import NOW, make_store

TEXT = """
formula = "look"
type = "convoy"
[inputs.subject]
required = true
[prompts]
base = "Write {{.leg.focus}} of {{.subject}} to {{.output_path}}"
[[legs]]
id = "speed"
title = "Speed"
focus = "what is slow"
[[legs]]
id = "safety"
title = "Safety"
focus = "what is unsafe"
agent = "careful"
[presets.quick]
legs = ["speed"]
[output]
directory = "{{.review_id}}"
[synthesis]
title = "All of it"
description = "Bring it together"
"""


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path)


@pytest.fixture
def formula(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "look.formula.toml").write_text(TEXT)
    return find_formula("", "look", folders=(str(tmp_path / "f"),))


class Town:
    """Takes convoys and work, as the higher rooms would."""

    def __init__(self):
        self.convoys, self.handed, self.refused = [], [], ()

    def bundle(self, title, ids):
        self.convoys.append((title, list(ids)))
        return "hq-cv-1"

    def hand(self, bead, agent, review_only):
        self.handed.append((bead, agent))
        return "no room" if len(self.handed) in self.refused else ""


def run(store, formula, town, **options):
    given = options.pop("given", {"subject": "the cart"})
    root = os.path.dirname(store.beads_dir)
    return run_convoy(root, store, formula, given, actor="me", bundle=town.bundle, hand=town.hand, **options)


def test_each_leg_is_a_task_and_the_synthesis_waits_for_them(store, formula):
    town = Town()
    done = run(store, formula, town)
    legs, end = done.parts[:2], done.parts[2]
    assert [part.name for part in done.parts] == ["speed", "safety", "synthesis"]
    assert town.convoys == [(f"look: {done.run_id}", [part.bead for part in done.parts])]
    assert town.handed == [(legs[0].bead, ""), (legs[1].bead, "careful")]
    assert store.graph(NOW).blockers(end.bead) == tuple(part.bead for part in legs)
    bead = store.get(legs[0].bead)
    assert bead.description == f"Write what is slow of the cart to {legs[0].output_path}"
    assert bead.id.startswith("gt-leg-") and end.bead.startswith("gt-syn-")
    assert os.path.isdir(os.path.dirname(legs[0].output_path))
    assert done.directory.endswith(f".runtime/reviews/{done.run_id}")


def test_a_dry_run_says_the_same_and_writes_nothing(store, formula):
    town = Town()
    told = run(store, formula, town, dry_run=True, preset="quick")
    assert [part.name for part in told.parts] == ["speed", "synthesis"]
    assert not store.find(BeadQuery()) and not town.convoys and not os.path.exists(told.directory)


def test_a_missing_input_or_preset_is_told_before_anything_is_made(store, formula):
    with pytest.raises(FormulaError, match="subject"):
        run(store, formula, Town(), given={})
    with pytest.raises(FormulaError, match="no preset nope"):
        run(store, formula, Town(), preset="nope")
    assert not store.find(BeadQuery())


def test_without_a_convoy_no_leg_stays(store, formula):
    town = Town()

    def refuse(title, ids):
        raise GastownError("no convoy today")

    town.bundle = refuse
    with pytest.raises(GastownError, match="today"):
        run(store, formula, town)
    assert not store.find(BeadQuery())


def test_a_leg_that_nobody_takes_is_told(store, formula):
    town = Town()
    town.refused = (2,)
    done = run(store, formula, town)
    assert [(part.name, part.error) for part in done.failed] == [("safety", "no room")]
    assert done.parts[0].started and not done.parts[2].started


def test_a_workflow_is_poured_and_its_ready_steps_handed_out_but_for_those_of_a_person(store):
    made = recipe(step("a"), step("b"), step("talk", interactive=True), step("z", "a", "b"), agent="quick")
    town = Town()
    done = run_workflow(store, made, actor="me", bundle=town.bundle, hand=town.hand)
    assert [(part.name, part.started) for part in done.parts] == [
        ("a", True),
        ("b", True),
        ("talk", False),
        ("z", False),
    ]
    assert town.handed == [(f"{done.root}.a", "quick"), (f"{done.root}.b", "quick")]
    assert town.convoys[0][1] == [part.bead for part in done.parts]
    assert run_workflow(store, made, actor="me", bundle=town.bundle, hand=town.hand, dry_run=True).root == ""


def test_other_kinds_of_formula_are_not_run(store):
    with pytest.raises(UsageError, match="bd cook|expansion"):
        run_workflow(store, Recipe("x", "expansion", (step("a"),)), actor="me", bundle=None, hand=None)
