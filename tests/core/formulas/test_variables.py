"""What is declared about a variable holds wherever its value comes in."""

from __future__ import annotations

import pytest

from gastown_core.formulas.errors import FormulaError, MissingVariables
from gastown_core.formulas.recipe import COMPILE
from tests.support.formulas import Kitchen, chain

BODY = chain("a", more='description = "{{v}}"\n')


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        ('v = "dflt"', {}, "dflt"),
        ("v = 3", {}, "3"),
        ("v = true", {}, "true"),
        ('[vars.v]\ndefault = ""', {}, ""),
        ('[vars.v]\ntype = "int"', {"v": " 007 "}, "7"),
        ('[vars.v]\ntype = "bool"', {"v": "Yes"}, "true"),
        ('[vars.v]\ntype = "bool"\ndefault = false', {}, "false"),
        ('[vars.v]\nenum = ["a", "b"]', {"v": "b"}, "b"),
        ("[vars.v]\nenum = [1, 2]", {"v": "2"}, "2"),
        ('[vars.v]\npattern = "^x+$"', {"v": "xx"}, "xx"),
        ('[vars.v]\npattern = "^x+$"\ndefault = ""', {}, ""),
    ],
)
def test_values_are_taken_and_brought_into_the_form_of_their_type(
    kitchen: Kitchen, declared: str, given: dict[str, str], value: str
) -> None:
    head = declared if declared.startswith("[") else f"[vars]\n{declared}"
    recipe = kitchen.cook_text(f"{head}\n{BODY}", **given)
    assert recipe.vars == {"v": value}
    assert recipe.steps[0].description == value


@pytest.mark.parametrize(
    ("declared", "given", "said", "hint"),
    [
        ('type = "int"', "three", 'v: "three" is not an integer', "use another value: --var v=3"),
        ('type = "bool"', "maybe", 'v: "maybe" is neither true nor false', "use another value: --var v=true"),
        ('enum = ["a", "b"]', "c", 'v: "c" is not one of a, b', "use another value: --var v=a"),
        ('pattern = "^x+$"', "y", 'v: "y" does not match ^x+$', "use another value: --var v=…"),
        ('enum = ["a"]', "", 'v: "" is not one of a', "use another value: --var v=a"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(
    kitchen: Kitchen, declared: str, given: str, said: str, hint: str
) -> None:
    error = kitchen.error(f"[vars.v]\n{declared}\n{BODY}", v=given)
    assert (error.what, error.why, error.hint) == ("formula it rejects a value", said, hint)


def test_all_refused_values_are_told_at_once(kitchen: Kitchen) -> None:
    error = kitchen.error(f'[vars.v]\ntype = "int"\n[vars.w]\ntype = "int"\n{BODY}', v="x", w="y")
    assert error.what == "formula it rejects 2 values"
    assert error.why == 'v: "x" is not an integer; w: "y" is not an integer'


def test_all_missing_variables_are_named_with_what_they_are(kitchen: Kitchen) -> None:
    error = kitchen.error(f'[vars.v]\ndescription = "the thing"\n[vars.w]\nrequired = true\n{BODY}')
    assert isinstance(error, MissingVariables)
    assert error.names == ("v", "w")
    assert error.what == "formula it needs values for v, w"
    assert error.why == "no value given and no default: v (the thing), w"
    assert error.hint == "add --var v=… --var w=…"


def test_compiling_keeps_placeholders_and_names_what_is_missing(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(f'[vars.v]\nrequired = true\n[vars.w]\ndefault = "x"\n{BODY}', mode=COMPILE)
    assert recipe.missing == ("v",)
    assert recipe.steps[0].description == "{{v}}"


def test_values_come_into_every_text_of_a_step(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        """
        [vars]
        who = "ann"
        long = "90m"
        [[steps]]
        id = "a-{{who}}"
        title = "For {{ who }}"
        notes = "n {{who}}"
        acceptance = "a {{who}}"
        assignee = "shop/{{who}}"
        labels = ["by:{{who}}"]
        metadata = { deep = { list = ["{{who}}", 3] } }
        gate = { type = "human", await_id = "{{who}}", timeout = "{{long}}" }
        on_complete = { for_each = "output.xs", bond = "b-{{who}}", vars = { x = "{{who}} {item}" } }
        [[steps]]
        id = "b"
        title = "B"
        needs = ["a-{{who}}"]
        [compose]
        gate = [{ before = "b", condition = "env.WHO == '{{who}}'" }]
        """
    )
    step, after = recipe.steps
    assert (step.id, step.title, step.notes, step.acceptance) == ("a-ann", "For ann", "n ann", "a ann")
    assert (step.assignee, step.labels, step.metadata) == ("shop/ann", ("by:ann",), {"deep": {"list": ["ann", 3]}})
    assert step.gate is not None and (step.gate.await_id, step.gate.timeout_s) == ("ann", 5400.0)
    assert step.on_complete is not None
    assert (step.on_complete.formula, step.on_complete.vars) == ("b-ann", {"x": "ann {item}"})
    assert after.needs == ("a-ann",)
    assert after.only_if == "env.WHO == 'ann'"


def test_a_timeout_that_a_variable_spoils_is_refused(kitchen: Kitchen) -> None:
    error = kitchen.error(
        '[vars]\nlong = "ages"\n' + chain("a", more='gate = { type = "timer", timeout = "{{long}}" }\n')
    )
    assert error.what == 'formula it: step a: gate has "ages" as timeout'


def test_a_value_is_not_read_as_template_again(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(f'[vars.v]\n[vars.w]\ndefault = "no"\n{BODY}', v="{{w}}")
    assert recipe.steps[0].description == "{{w}}"


def test_words_of_the_older_template_language_are_no_variables(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(chain("a", more='description = "{{else}} {{index}}"\n'), index="x")
    assert recipe.steps[0].description == "{{else}} {{index}}"
    assert recipe.warnings == ()


def test_an_unknown_name_is_told_with_the_one_that_was_meant() -> None:
    from gastown_core.formulas.formula import Variable
    from gastown_core.formulas.variables import unknown_names

    declared = {"version": Variable("version")}
    assert unknown_names(declared, frozenset(), {"verison": "1"}) == [
        "the formula has no variable verison; did you mean version?"
    ]
    assert unknown_names(declared, frozenset(("feature",)), {"feature": "x", "version": "1"}) == []


def test_a_value_of_any_size_is_bounded(kitchen: Kitchen) -> None:
    with pytest.raises(FormulaError, match="rejects a value"):
        kitchen.cook_text(f"[vars.v]\n{BODY}", v="x" * 100_001)
