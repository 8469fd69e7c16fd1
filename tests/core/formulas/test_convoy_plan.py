"""Planning a convoy formula: inputs resolved, legs selected, each with its task and its output path."""

from __future__ import annotations

import pytest

from gastown_core.formulas.convoy_plan import plan_convoy, render
from gastown_core.formulas.errors import FormulaError, MissingVariables
from tests.support.formulas import Kitchen, needs

NAMES = {
    "a": "1",
    "empty": "",
    "leg": {"id": "x", "focus": "f"},
    "files": [{"path": "p.py", "additions": 2, "deletions": 1}, {"path": "q.py", "additions": 0, "deletions": 0}],
    "words": ["x", "y"],
}


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("{{a}} {{.a}} {{ .leg.id }}", "1 1 x"),
        ("{{.nobody}}{{.leg.nobody}}", ""),
        ("{{.files}}", "- p.py (+2 -1)\n- q.py (+0 -0)"),
        ("{{range .files}}{{.path}} of {{.a}};{{end}}", "p.py of 1;q.py of 1;"),
        ("{{range .words}}[{{.}}]{{end}}", "[x][y]"),
        ("{{range .empty}}x{{else}}none{{end}}", "none"),
        ("{{if .a}}yes{{else}}no{{end}}", "yes"),
        ("{{if .empty}}yes{{else}}no{{end}}!", "no!"),
        ("{{if .empty}}{{if .a}}x{{else}}y{{end}}{{end}}.", "."),
        ("a\n{{- if .a}}\nb\n{{- end}}\nc", "a\nb\nc"),
        ("{{printf 1}} {{ 3 }}", "{{printf 1}} {{3}}"),
        ("{{if .a}}open", "open"),
    ],
)
def test_the_small_template_language(text: str, out: str) -> None:
    assert render(text, NAMES) == out


def test_values_are_not_read_as_template() -> None:
    assert render("{{.a}}", {"a": "{{.b}}", "b": "no"}) == "{{.b}}"


def test_legs_know_their_focus_and_write_to_absolute_places(kitchen: Kitchen) -> None:
    plan = plan_convoy(
        kitchen.formula("code-review"),
        {},
        directory="/town/.runtime/reviews",
        review_id="ab12c",
        preset="gate",
        agent="codex",
        facts={
            "pr_number": 7,
            "pr_title": "Faster",
            "changed_files": [{"path": "p.py", "additions": 1, "deletions": 0}],
        },
    )
    assert [leg.id for leg in plan.legs] == ["correctness", "security", "wiring", "test-quality"]
    assert plan.directory == "/town/.runtime/reviews/ab12c"
    first = plan.legs[0]
    assert first.output_path == "/town/.runtime/reviews/ab12c/correctness-findings.md"
    assert first.agent == "codex"
    for word in ('pull request 7, "Faster"', "- p.py (+1 -0)", "whether it does what it says", first.output_path):
        assert word in first.text
    assert "{{" not in "".join(leg.text for leg in plan.legs)
    assert plan.synthesis is not None
    assert plan.synthesis_needs == tuple(leg.id for leg in plan.legs)
    assert all(leg.output_path in plan.synthesis.text for leg in plan.legs)
    assert plan.review_only


def test_an_input_may_stand_in_for_another(kitchen: Kitchen) -> None:
    formula = kitchen.formula("code-review")
    with pytest.raises(MissingVariables) as caught:
        plan_convoy(formula, {}, directory="/d", review_id="x")
    assert caught.value.names == ("pr_number",)
    assert caught.value.why.endswith("or files instead, or branch instead")
    assert "these files: a.py" in plan_convoy(formula, {"files": "a.py"}, directory="/d", review_id="x").legs[0].text


def test_an_unknown_preset_is_told_with_those_there_are(kitchen: Kitchen) -> None:
    with pytest.raises(FormulaError) as caught:
        plan_convoy(kitchen.formula("code-review"), {"files": "x"}, directory="/d", review_id="x", preset="gat")
    assert (caught.value.what, caught.value.hint) == (
        "formula code-review has no preset gat",
        "presets: gate, full, security-focused, refactor",
    )


def test_an_input_is_checked_as_a_variable_is(kitchen: Kitchen) -> None:
    with pytest.raises(FormulaError, match="rejects a value"):
        plan_convoy(kitchen.formula("design"), {"problem": "x", "scope": "huge"}, directory="/d", review_id="x")


def test_cooked_a_convoy_is_legs_beside_each_other_and_a_synthesis(kitchen: Kitchen) -> None:
    recipe = kitchen.cook("design", problem="x")
    legs = ("api", "data", "ux", "scale", "security", "integration")
    assert needs(recipe) == {**dict.fromkeys(legs, ()), "synthesis": legs}


def test_an_aspects_points_of_view_are_cooked_as_legs(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        'type = "aspect"\n[[aspects]]\nid = "a"\ntitle = "A"\nfocus = "this"\n[[aspects]]\nid = "b"\ntitle = "B"\n'
    )
    assert [(step.id, step.parallel, step.description) for step in recipe.steps] == [
        ("a", True, "Focus: this"), ("b", True, "")
    ]  # fmt: skip


def test_a_convoy_on_top_of_another_keeps_its_legs_and_adds_its_own(kitchen: Kitchen) -> None:
    kitchen.write("code-review", 'extends = ["code-review"]\n[[legs]]\nid = "house-rules"\nfocus = "our own rules"\n')
    plan = plan_convoy(kitchen.formula("code-review"), {"files": "x"}, directory="/d", review_id="r")
    assert len(plan.legs) == 11
    assert plan.legs[-1].id == "house-rules"
    assert "our own rules" in plan.legs[-1].text
