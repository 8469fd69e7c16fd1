"""Which formula a name means: rig before town before user before shipped, TOML before JSON."""

from __future__ import annotations

import os

import pytest

from gastown_core.formulas.errors import FormulaNotFound
from gastown_core.formulas.parse import find_in
from gastown_core.formulas.places import RIG, SHIPPED, TOWN, USER
from gastown_core.formulas.resolve import find_formula, list_formulas, load_recipe, places, places_at
from gastown_core.formulas.starter import STARTERS, write_starter
from tests.support.formulas import Kitchen, chain
from tests.support.towns import reference_town


class Town:
    def __init__(self, root: str, home: str) -> None:
        self.root = root
        self.homes = {
            RIG: os.path.join(root, "demo", ".beads", "formulas"),
            TOWN: os.path.join(root, ".beads", "formulas"),
            USER: os.path.join(home, ".beads", "formulas"),
        }

    def write(self, tier: str, name: str, text: str = "", ending: str = ".formula.toml") -> str:
        body = text or f'description = "{tier}"\n' + chain("a")
        return Kitchen(self.homes[tier]).write(name, body, ending=ending)


@pytest.fixture
def town(tmp_path, monkeypatch) -> Town:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for key in ("GT_TOWN_ROOT", "GT_ROOT", "BEADS_DIR", "GT_ROLE"):
        monkeypatch.delenv(key, raising=False)
    return Town(reference_town(tmp_path), str(tmp_path / "home"))


def test_the_nearest_tier_wins(town: Town) -> None:
    assert find_formula(town.root, "shiny", rig="demo").source.tier == SHIPPED
    for tier in (USER, TOWN, RIG):
        town.write(tier, "shiny")
        found = find_formula(town.root, "shiny", rig="demo")
        assert (found.source.tier, found.description) == (tier, tier)
    assert find_formula(town.root, "shiny").source.tier == TOWN


def test_toml_wins_over_json_beside_it(town: Town) -> None:
    text = '{"formula": "both", "description": "json", "steps": [{"id": "a", "title": "A"}]}'
    town.write(TOWN, "both", text, ".formula.json")
    assert find_formula(town.root, "both").description == "json"
    town.write(TOWN, "both")
    assert find_formula(town.root, "both").description == TOWN


def test_a_name_also_finds_the_molecule_of_that_name(town: Town) -> None:
    assert find_formula(town.root, "polecat-work").name == "mol-polecat-work"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "", "no such"])
def test_only_names_are_names(town: Town, name: str) -> None:
    with pytest.raises(FormulaNotFound):
        find_formula(town.root, name)


def test_a_worktrees_own_formulas_come_before_its_rigs(town: Town) -> None:
    worktree = os.path.join(town.root, "demo", "polecats", "rust", "demo")
    os.makedirs(os.path.join(worktree, ".beads"))
    with open(os.path.join(worktree, ".git"), "w") as handle:
        handle.write("gitdir: elsewhere\n")
    with open(os.path.join(worktree, ".beads", "redirect"), "w") as handle:
        handle.write("../../../.beads\n")
    town.write(RIG, "own")
    assert find_in(places_at(worktree), "own").description == RIG  # type: ignore[union-attr]
    Kitchen(os.path.join(worktree, ".beads", "formulas")).write("own", 'description = "here"\n' + chain("a"))
    assert find_in(places_at(worktree), "own").description == "here"  # type: ignore[union-attr]
    assert find_formula(town.root, "own", rig="demo").description == RIG


def test_a_lower_tier_can_be_asked_for(town: Town) -> None:
    town.write(TOWN, "shiny")
    found = find_in(places(town.root, "demo").only(SHIPPED), "shiny")
    assert found is not None and found.source.tier == SHIPPED


def test_the_list_tells_tiers_shadows_and_what_is_broken(town: Town) -> None:
    shadowed = town.write(TOWN, "shiny")
    town.write(RIG, "shiny")
    town.write(TOWN, "broken", 'formula = "broken"\nsteps = 3\n')
    rows = {row.name: row for row in list_formulas(places(town.root, "demo"))}
    assert (rows["shiny"].tier, rows["shiny"].shadows) == (RIG, (shadowed, "shipped:shiny"))
    assert "a number as steps" in rows["broken"].error
    assert rows["release"].as_json() == {
        "name": "release", "type": "workflow", "description": "Standard release process",
        "source": "shipped:release", "tier": "shipped", "steps": 5, "vars": 1,
    }  # fmt: skip
    assert {row.type for row in list_formulas(places(town.root), kind="convoy")} == {"convoy"}
    assert all(row.tier == TOWN for row in list_formulas(places(town.root), tier=TOWN))


def test_load_recipe_finds_overlays_and_cooks(town: Town) -> None:
    town.write(RIG, "mine", '[vars]\nv = "x"\n' + chain("a", "b", "c"))
    path = os.path.join(town.root, "demo", "formula-overlays", "mine.toml")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as handle:
        handle.write('[[step-overrides]]\nstep_id = "b"\nmode = "skip"\n')
    recipe = load_recipe(town.root, "mine", {"v": "y"}, rig="demo")
    assert [step.id for step in recipe.steps] == ["a", "c"]
    assert (recipe.tier, recipe.vars) == (RIG, {"v": "y"})
    assert recipe.source.endswith("demo/.beads/formulas/mine.formula.toml")


def test_without_a_town_the_shipped_ones_are_there(town: Town) -> None:
    assert load_recipe("", "release", {"version": "1"}).tier == SHIPPED


@pytest.mark.parametrize("kind", STARTERS)
def test_each_starter_cooks_as_it_is(tmp_path, kind: str) -> None:
    kitchen = Kitchen(str(tmp_path))
    write_starter(str(tmp_path), "mine", kind)
    formula = kitchen.formula("mine")
    given = {name: "x" for name, one in {**formula.vars, **formula.inputs}.items() if one.default is None}
    recipe = kitchen.cook("mine", **given)
    assert recipe.steps
    assert recipe.warnings == ()


def test_a_found_formula_has_what_it_extends(town: Town) -> None:
    town.write(TOWN, "code-review", 'formula = "code-review"\nextends = ["code-review"]\n')
    found = find_formula(town.root, "code-review")
    assert (found.type, len(found.legs), found.source.tier) == ("convoy", 10, TOWN)
