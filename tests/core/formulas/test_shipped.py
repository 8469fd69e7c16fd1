"""Every shipped formula cooks, and says only what is true of this programme."""

from __future__ import annotations

import os
import re

import pytest

from gastown_cli.bd import ROOT as BD
from gastown_cli.gt import ROOT as GT
from gastown_core.formulas.cook import cook
from gastown_core.formulas.parse import find_in
from gastown_core.formulas.places import SHIPPED, SHIPPED_FOLDER, Places
from gastown_core.formulas.recipe import COMPILE
from gastown_core.formulas.step_order import in_order

PLACES = Places([(SHIPPED, SHIPPED_FOLDER)])
NAMES = list(PLACES.names())

STEPS = {
    "release": "bump-version run-tests build create-tag publish",
    "mol-polecat-work": "load-context branch-setup implement commit-changes self-review build-check pre-verify submit-and-exit",
    "mol-witness-patrol": "inbox-check process-cleanups check-refinery survey-workers check-timer-gates "
    "check-swarm-completion patrol-cleanup context-check loop-or-exit",
    "mol-refinery-patrol": "inbox-check queue-scan process-branch run-tests quality-review handle-failures merge-push "
    "loop-check generate-summary check-integration-branches context-check patrol-cleanup burn-or-loop",
    "mol-polecat-conflict-resolve": "load-task acquire-slot checkout-branch rebase-resolve run-tests push-to-main "
    "close-beads release-slot cleanup-and-exit",
    "mol-convoy-feed": "load-convoy check-capacity dispatch-work report-results return-to-kennel",
    "mol-convoy-cleanup": "load-convoy generate-summary archive-convoy notify-overseer return-to-kennel",
    "mol-boot-triage": "observe decide act cleanup exit",
    "shiny": "design implement review test submit",
    "tdd-cycle": "main.write-tests main.verify-red main.implement main.verify-green main.refactor",
    "rule-of-five": "main.draft main.refine-1 main.refine-2 main.refine-3 main.refine-4",
    "code-review": "correctness performance security elegance resilience style smells wiring commit-discipline "
    "test-quality synthesis",
    "design": "api data ux scale security integration synthesis",
    **{f"mol-dog-{name}": "scan act verify report" for name in "reaper compactor jsonl checkpoint doctor backup stale-db phantom-db".split()},
}  # fmt: skip


def cooked(name: str):
    formula = find_in(PLACES, name)
    assert formula is not None
    declared = {**formula.inputs, **formula.vars}
    for parent in formula.extends:
        found = find_in(PLACES, parent)
        assert found is not None
        declared |= found.vars
    values = {key: "1.2.0" for key, one in declared.items() if one.default is None}
    return formula, cook(formula, values)


@pytest.mark.parametrize("name", NAMES)
def test_each_cooks_without_warning_into_steps_in_order(name: str) -> None:
    formula, recipe = cooked(name)
    assert formula.name == name
    assert recipe.warnings == ()
    assert formula.description
    ids = [step.id for step in recipe.steps]
    assert len(ids) == len(set(ids))
    assert ids or formula.type == "aspect"
    for number, step in enumerate(recipe.steps):
        assert set(step.needs) <= set(ids[:number]), step.id
        for text in (step.title, step.description, step.notes, step.acceptance):
            assert "{{" not in text, step.id
    assert in_order(recipe.steps)[1] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_compiles_without_any_variable(name: str) -> None:
    formula = find_in(PLACES, name)
    assert formula is not None
    cook(formula, {}, mode=COMPILE)


@pytest.mark.parametrize("name", STEPS)
def test_the_named_ones_have_the_steps_that_others_rely_on(name: str) -> None:
    formula = find_in(PLACES, name)
    assert formula is not None
    assert [step.id for step in cook(formula, {}, mode=COMPILE).steps] == STEPS[name].split()


@pytest.mark.parametrize(("name", "count"), [("towers-of-hanoi", 9), ("towers-of-hanoi-7", 129), ("towers-of-hanoi-9", 513), ("towers-of-hanoi-10", 1025)])  # fmt: skip
def test_a_tower_is_one_chain(name: str, count: int) -> None:
    recipe = cooked(name)[1]
    assert len(recipe.steps) == count
    assert all(step.needs == (before.id,) for before, step in zip(recipe.steps, recipe.steps[1:], strict=False))


def test_release_says_what_the_readme_shows() -> None:
    recipe = cooked("release")[1]
    assert recipe.description == "Standard release process"
    assert [step.title for step in recipe.steps] == [
        "Bump version", "Run tests", "Build", "Create release tag", "Publish"
    ]  # fmt: skip
    assert recipe.steps[0].description == "Run ./scripts/bump-version.sh 1.2.0"
    assert recipe.steps[3].description == "Run git tag -a v1.2.0 -m 'Release v1.2.0'"


def test_shiny_enterprise_reviews_what_was_refined_four_times() -> None:
    recipe = cooked("shiny-enterprise")[1]
    assert len(recipe.steps) == 9
    review = recipe.step("review")
    assert review is not None
    assert review.needs == ("implement.refine-4",)


def test_shiny_secure_scans_around_building_and_handing_in() -> None:
    ids = [step.id for step in cooked("shiny-secure")[1].steps]
    assert [name for name in ids if "security" in name] == [
        "implement-security-prescan", "implement-security-postscan", "submit-security-prescan", "submit-security-postscan"
    ]  # fmt: skip


def test_only_beads_release_asks_to_be_poured() -> None:
    assert [name for name in NAMES if cooked(name)[1].pour] == ["beads-release"]


WORDS = re.compile(r"\b(gt|bd) ((?:[a-z][a-z-]+)(?: [a-z][a-z-]+)?)")
PROSE = {"bd close each", "bd create"}


def test_no_text_names_a_command_that_there_is_not() -> None:
    tables = {"gt": GT, "bd": BD}
    unknown = set()
    for name in os.listdir(SHIPPED_FOLDER):
        with open(os.path.join(SHIPPED_FOLDER, name), encoding="utf-8") as handle:
            text = handle.read()
        for program, words in WORDS.findall(text):
            names = {row.name for row in tables[program].commands} | {
                alias for row in tables[program].commands for alias in row.aliases
            }
            firsts = {other.split()[0] for other in names}
            first, _, second = words.partition(" ")
            groups = {other.split()[0] for other in names if " " in other}
            single = {other for other in names if " " not in other}
            if first not in firsts or (first in groups - single and words not in names and second):
                unknown.add(f"{program} {words}")
    assert not unknown
