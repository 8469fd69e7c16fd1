"""Loops are unrolled, each round behind the one before; what they count with is reckoned within bounds."""

from __future__ import annotations

import pytest

from gastown_core.formulas.arithmetic import ArithmeticFault, reckon
from gastown_core.formulas.errors import MissingVariables
from tests.support.formulas import Kitchen, needs

LOOP = """
[vars.n]
default = "3"
type = "int"
[[steps]]
id = "start"
title = "S"
[[steps]]
id = "go"
title = "G"
needs = ["start"]
{more}
[steps.loop]
{kind}
[[steps.loop.body]]
id = "a"
title = "A {{i}}"
[[steps.loop.body]]
id = "b"
title = "B"
needs = ["a"]
[[steps]]
id = "end"
title = "E"
needs = ["go"]
"""


def loop(kind: str, more: str = "") -> str:
    return LOOP.format(kind=kind, more=more).replace("{{i}}", "{i}")


def test_a_range_makes_a_chain_of_rounds(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(loop('range = "1..2"\nvar = "i"'))
    assert needs(recipe) == {
        "start": (),
        "go.iter1.a": ("start",),
        "go.iter1.b": ("go.iter1.a",),
        "go.iter2.a": ("go.iter1.b",),
        "go.iter2.b": ("go.iter2.a",),
        "end": ("go.iter2.b",),
    }
    assert [step.title for step in recipe.steps if step.id.endswith(".a")] == ["A 1", "A 2"]


@pytest.mark.parametrize(
    ("kind", "rounds"),
    [
        ("count = 4", 4),
        ('count = "{n}"', 3),
        ('count = "{{n}} - 1"', 2),
        ('range = "1..2^{n}"', 8),
        ('range = "n..2*n+1"', 5),
        ('range = "5..4"', 0),
        ("count = 0", 0),
    ],
)
def test_rounds_are_reckoned_with_variables(kitchen: Kitchen, kind: str, rounds: int) -> None:
    recipe = kitchen.cook_text(loop(kind))
    assert len(recipe.steps) == 2 + 2 * rounds
    assert recipe.steps[-1].needs == (f"go.iter{rounds}.b",) if rounds else ("start",)


def test_a_given_variable_beats_the_default(kitchen: Kitchen) -> None:
    assert len(kitchen.cook_text(loop('count = "{n}"'), n="1").steps) == 4


def test_loops_nest_and_inner_ones_may_count_with_the_outer_number(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        """
        [[steps]]
        id = "o"
        title = "O"
        [steps.loop]
        range = "1..3"
        var = "i"
        [[steps.loop.body]]
        id = "p"
        title = "P"
        [steps.loop.body.loop]
        range = "1..{i}"
        var = "j"
        [[steps.loop.body.loop.body]]
        id = "x"
        title = "{i}/{j}"
        """
    )
    assert [step.title for step in recipe.steps] == ["1/1", "2/1", "2/2", "3/1", "3/2", "3/3"]
    assert all(after.needs == (step.id,) for step, after in zip(recipe.steps, recipe.steps[1:], strict=False))
    assert recipe.steps[-1].id == "o.iter3.p.iter3.x"


def test_what_the_loop_itself_says_holds_for_its_rounds(kitchen: Kitchen) -> None:
    more = 'labels = ["l"]\nassignee = "ann"\nacceptance = "done"\ngate = { type = "human" }\nmetadata = { k = 1 }\n'
    recipe = kitchen.cook_text(loop("count = 2", more + 'condition = "{{n}}"'))
    inner = [step for step in recipe.steps if step.id.startswith("go.")]
    assert all(step.labels == ("l",) and step.assignee == "ann" and step.metadata == {"k": 1} for step in inner)
    assert [step.id for step in inner if step.gate] == ["go.iter1.a"]
    assert [step.id for step in inner if step.acceptance] == ["go.iter2.b"]
    assert len(kitchen.cook_text(loop("count = 2", 'condition = "{{n}} == 9"')).steps) == 2


def test_until_makes_one_round_that_says_how_long_it_repeats(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(loop('until = "go.iter1.b.output.ok == true"\nmax = 5'))
    first = recipe.steps[1]
    assert (first.id, first.until, first.most) == ("go.iter1.a", "go.iter1.b.output.ok == true", 5)
    assert first.body == ("go.iter1.a", "go.iter1.b")
    assert recipe.steps[-1].needs == ("go.iter1.b",)


def test_a_missing_number_is_asked_for(kitchen: Kitchen) -> None:
    error = kitchen.error(loop('count = "{m}"'))
    assert isinstance(error, MissingVariables)
    assert error.what == "formula it needs a value for m"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ('count = "-1"', "has -1 as count"),
        ('count = "1/0"', "division by zero"),
        ("count = 5000", "makes 10,000 steps"),
        ('range = "1..10^12"', "steps"),
        ('until = "steps.open > 1"\nmax = "{n} - 3"', "has 0 as max"),
    ],
)
def test_what_cannot_be_reckoned_is_told(kitchen: Kitchen, kind: str, said: str) -> None:
    assert said in str(kitchen.error(loop(kind)))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1+2*3", 7), ("(1+2)*3", 9), ("2^3^2", 512), ("7/2", 3), ("-3+5", 2), ("{n}*2", 8), ("{{ n }}^2", 16), ("n", 4)]
    + [("-2^2", 4), ("-(2^2)", -4), ("--2^2", 4), ("2^-(-3)", 8), ("007", 7), ("(" * 99 + "n" + ")" * 99, 4)],
)
def test_arithmetic(text: str, value: int) -> None:
    assert reckon(text, {"n": "4"}) == value


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "(1", "1)", "2 2", "a.b", "__import__('os')", "9^99", "10^13", "1" * 300]
    + ["()", "(1)(2)", "1,2", "n if n else n", "n==n", "+1", "None", "(" * 200, "1_0", "2**3", "7//2", "lambda:1"],
)
def test_arithmetic_refuses_what_is_none(text: str) -> None:
    with pytest.raises(ArithmeticFault):
        reckon(text, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [("(1", "a parenthesis is not closed"), ("1 +", "unexpected end"), ("2 2", 'unexpected "2"')]
    + [("1/0", "division by zero"), ("m+1", "m has no value"), ("1/0 2", 'unexpected "2"')],
)
def test_arithmetic_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ArithmeticFault) as caught:
        reckon(text, {})
    assert str(caught.value) == said
