"""Overlays: a place's own words for single steps."""

from __future__ import annotations

import os

import pytest

from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.overlay import list_overlays, make_overlay, overlay_path, parse_overlay, read_overlay
from gastown_core.formulas.source import Source
from tests.support.formulas import Kitchen, chain, needs

TEXT = chain("a", "b", "c").replace('title = "a"', 'title = "a"\ndescription = "Own words."')


def override(step: str, mode: str, words: str = "") -> str:
    return f'[[step-overrides]]\nstep_id = "{step}"\nmode = "{mode}"\n' + (
        f'description = "{words}"\n' if words else ""
    )


def test_words_are_replaced_and_appended_with_variables(kitchen: Kitchen) -> None:
    laid = override("a", "append", "For {{who}}.") + override("b", "replace", "New for {{who}}.")
    recipe = kitchen.cook_text('[vars]\nwho = "ann"\n' + TEXT, overlay=laid)
    assert [step.description for step in recipe.steps] == ["Own words.\n\nFor ann.", "New for ann.", ""]


def test_a_skipped_step_hands_its_needs_to_its_dependents(kitchen: Kitchen) -> None:
    assert needs(kitchen.cook_text(TEXT, overlay=override("b", "skip"))) == {"a": (), "c": ("a",)}


def test_a_step_that_is_not_there_is_a_warning(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(TEXT, overlay=override("q", "skip"))
    assert recipe.warnings == ("overlay.toml:1: the overlay names an unknown step: q",)
    assert len(recipe.steps) == 3


def test_overlays_reach_steps_that_only_composition_makes(kitchen: Kitchen) -> None:
    recipe_text = chain("a").replace("[[steps]]", '[[steps]]\nexpand = "rule-of-five"')
    recipe = kitchen.cook_text(recipe_text, overlay=override("a.refine-2", "skip"))
    assert needs(recipe)["a.refine-3"] == ("a.refine-1",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (override("a", "sing", "x"), 'override number 1 has the mode "sing"'),
        (override("a", "append"), "override number 1 has no text to append"),
        (override("", "skip"), "override number 1 names no step"),
        (override("a", "skip") * 2, "override number 2 names step a a second time"),
    ],
)
def test_what_is_wrong_with_an_overlay_is_told(text: str, said: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse_overlay(Source(text, "x.toml"))
    assert said in [found.what for found in caught.value.problems]


def test_the_rigs_overlay_replaces_the_towns_entirely(tmp_path: object) -> None:
    root = str(tmp_path)
    for rig, step in (("", "a"), ("shop", "b")):
        path = overlay_path(root, rig, "it")
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as handle:
            handle.write(override(step, "skip"))
    assert [row.step_id for row in read_overlay(root, "shop", "it").overrides] == ["b"]  # type: ignore[union-attr]
    assert [row.step_id for row in read_overlay(root, "other", "it").overrides] == ["a"]  # type: ignore[union-attr]
    assert read_overlay(root, "shop", "else") is None
    assert [(name, rig) for name, rig, _, _ in list_overlays(root, ["shop", "other"])] == [("it", ""), ("it", "shop")]


def test_a_new_overlay_has_no_overrides_and_names_the_steps(kitchen: Kitchen, tmp_path: object) -> None:
    kitchen.write("it", TEXT)
    path = overlay_path(str(tmp_path), "", "it")
    assert make_overlay(path, kitchen.formula("it"))
    assert not make_overlay(path, kitchen.formula("it"))
    with open(path) as handle:
        text = handle.read()
    assert "Steps: a, b, c" in text
    assert parse_overlay(Source(text, path)).overrides == ()
