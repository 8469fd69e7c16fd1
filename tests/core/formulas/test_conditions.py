"""Conditions at cooking time, and those over a running molecule: small languages with bounds, and no eval."""

from __future__ import annotations

import pytest

from gastown_core.formulas.conditions import (
    ConditionFault,
    RunState,
    StepState,
    check_runtime,
    check_step,
    holds,
    keeps,
)
from tests.support.formulas import Kitchen, needs


@pytest.mark.parametrize(
    ("condition", "value", "stays"),
    [
        ("", "", True),
        ("{{v}}", "x", True),
        *[("{{v}}", word, False) for word in ("", "false", "FALSE", "0", "no", "off", "Off")],
        ("!{{v}}", "", True),
        ("! {{ v }}", "yes", False),
        ("{{v}} == prod", "prod", True),
        ("{{v}} == 'prod'", "prod", True),
        ('{{v}} == "prod"', "staging", False),
        ("{{v}} != prod", "staging", True),
        ("{{v}} == ", "", True),
    ],
)
def test_step_conditions(condition: str, value: str, stays: bool) -> None:
    assert check_step(condition) == ""
    assert keeps(condition, {"v": value}) is stays


@pytest.mark.parametrize("condition", ["v", "{{v}} = 1", "{{v}} && {{w}}", "!{{v}} == 1", "{{}}"])
def test_what_is_no_step_condition_is_told(condition: str) -> None:
    assert check_step(condition)


STATE = RunState(
    steps={
        "a": StepState("closed", {"n": 3, "ok": True, "name": "x", "list": [{"k": 7}]}),
        "b": StepState("in_progress"),
        "loop.iter1.c": StepState("failed"),
        "d": StepState("complete"),
        "kid": StepState("failed"),
    },
    children={"b": ("loop.iter1.c", "d"), "d": ("kid",), "e": ()},
    current="b",
    env={"CI": "true"},
)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("step.status == 'in_progress'", True),
        ("a.status == 'complete'", True),
        ("a.status == closed", False),
        ("a.status != 'open'", True),
        ("loop.iter1.c.status == 'failed'", True),
        ("a.output.n >= 3", True),
        ("a.output.n > 3", False),
        ("a.output.n == '3'", True),
        ("a.output.ok == true", True),
        ("a.output.ok", True),
        ("!a.output.missing", True),
        ("a.output.missing.deep == 1", False),
        ("a.output.missing != 1", True),
        ("a.output.list.0.k == 7", True),
        ("a.output.name < 'y'", True),
        ("nobody.status == 'open'", False),
        ("children(b).any(status == 'failed')", True),
        ("children(step).all(status == 'failed')", False),
        ("children(e).all(status == 'failed')", False),
        ("children(nobody).any(status == 'failed')", False),
        ("children(b).count(status == 'complete') == 1", True),
        ("descendants(b).count(status == 'failed') >= 2", True),
        ("steps.complete >= 2", True),
        ("steps.failed == 2 and steps.open == 0", True),
        ("env.CI == 'true'", True),
        ("env.NOPE == 'true'", False),
        ("(a.output.n == 9 or b.status == 'in_progress') and not env.NOPE", True),
        ("a.output.n == 9 || steps.complete > 0 && env.CI", True),
        ("file.exists('here')", True),
        ("file.exists('gone')", False),
    ],
)
def test_runtime_conditions(condition: str, value: bool, tmp_path: object) -> None:
    with open(f"{tmp_path}/here", "w"):
        pass
    assert check_runtime(condition) == ""
    assert holds(condition, STATE._replace(folder=str(tmp_path))) is value


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "a.status ==",
        "(a.status == 'x'",
        "a.status == 'x') or",
        "children(a).most(status == 'x')",
        "children(a)",
        "__import__('os').system('true')",
        "open('f')",
        "a.status == 'x",
        "a; b",
        "(" * 30 + "a" + ")" * 30,
        "!" * 30 + "a",
        "a" * 1001,
        " and ".join(["a"] * 150),
    ],
)
def test_what_is_no_runtime_condition_is_refused(condition: str) -> None:
    assert check_runtime(condition)
    with pytest.raises(ConditionFault):
        holds(condition, STATE)


def test_a_dropped_step_hands_its_needs_on_and_takes_its_children_along(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        """
        [vars]
        on = "no"
        [[steps]]
        id = "a"
        title = "A"
        [[steps]]
        id = "b"
        title = "B"
        needs = ["a"]
        condition = "{{on}}"
        [[steps.children]]
        id = "b1"
        title = "B1"
        [[steps]]
        id = "c"
        title = "C"
        needs = ["b"]
        condition = "{{on}}"
        [[steps]]
        id = "d"
        title = "D"
        needs = ["c"]
        [[steps]]
        id = "e"
        title = "E"
        needs = ["b1"]
        """
    )
    assert needs(recipe) == {"a": (), "d": ("a",), "e": ("a",)}


def test_compiling_keeps_a_conditional_step_with_its_condition(kitchen: Kitchen) -> None:
    text = (
        '[vars]\non = "no"\n[[steps]]\nid = "a"\ntitle = "A"\ncondition = "{{on}}"\n[[steps]]\nid = "b"\ntitle = "B"\n'
    )
    assert [step.condition for step in kitchen.cook_text(text, mode="compile").steps] == ["{{on}}", ""]
    assert [step.id for step in kitchen.cook_text(text, mode="compile", on="no").steps] == ["b"]


def test_conditions_go_along_when_their_steps_get_other_ids(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        """
        [[steps]]
        id = "try"
        title = "T"
        [steps.loop]
        until = "check.output.ok == true and not env.check"
        max = 3
        [[steps.loop.body]]
        id = "act"
        title = "A"
        [[steps.loop.body]]
        id = "check"
        title = "C"
        needs = ["act"]
        [[steps]]
        id = "polish"
        title = "P"
        needs = ["try"]
        expand = "rule-of-five"
        [[steps]]
        id = "ship"
        title = "S"
        needs = ["polish"]
        [[compose.gate]]
        before = "ship"
        condition = "polish.status == 'complete' and try.output.n > 1 and children(polish).all(status == 'open')"
        """
    )
    assert recipe.steps[0].until == "try.iter1.check.output.ok == true and not env.check"
    assert recipe.steps[-1].only_if == (
        "polish.refine-4.status == 'complete' and try.iter1.check.output.n > 1 "
        "and children(polish.refine-4).all(status == 'open')"
    )
    assert recipe.warnings == ()


def test_a_condition_on_a_step_that_is_not_there_is_a_warning(kitchen: Kitchen) -> None:
    text = (
        '[[steps]]\nid = "a"\ntitle = "A"\n[[compose.gate]]\nbefore = "a"\ncondition = "gone.status == \'complete\'"\n'
    )
    assert "step a refers to gone.status, which is not a step" in kitchen.cook_text(text).warnings[0]
