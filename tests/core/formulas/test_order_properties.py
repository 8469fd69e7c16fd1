"""Whatever acyclic formula is cooked, every step follows what it needs, and dropping steps keeps the order of the rest."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_core.formulas.cook import cook
from gastown_core.formulas.parse import parse
from gastown_core.formulas.recipe import Recipe
from gastown_core.formulas.source import Source


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...], bool, str]]:
    """Steps with needs among any others but without cycles, written in any order; conditions; parents."""
    count = draw(st.integers(1, 12))
    rows = []
    for number in range(count):
        earlier = [f"s{other}" for other in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=4)) if earlier else []
        rows.append(
            (f"s{number}", tuple(needs), draw(st.booleans()), draw(st.sampled_from(["", "", "loop", "expand"])))
        )
    return draw(st.permutations(rows))


def text_of(rows: list[tuple[str, tuple[str, ...], bool, str]]) -> str:
    out = ['formula = "it"', "[vars]", 'on = "no"']
    for name, needs, is_dropped, kind in rows:
        out += ["[[steps]]", f'id = "{name}"', f'title = "{name}"', f"needs = {list(needs)}"]
        if is_dropped:
            out.append('condition = "{{on}}"')
        if kind == "expand":
            out.append('expand = "rule-of-five"')
        if kind == "loop":
            out += ["[steps.loop]", "count = 2", "[[steps.loop.body]]", 'id = "x"', 'title = "X"']
            out += ["[[steps.loop.body]]", 'id = "y"', 'title = "Y"', 'needs = ["x"]']
    return "\n".join(out)


def cooked(rows: list[tuple[str, tuple[str, ...], bool, str]], on: str) -> Recipe:
    from gastown_core.formulas.places import SHIPPED, SHIPPED_FOLDER, Places

    places = Places([(SHIPPED, SHIPPED_FOLDER)])
    return cook(parse(Source(text_of(rows), "it.formula.toml"), places), {"on": on})


def before(recipe: Recipe) -> dict[str, set[str]]:
    """For each step all that come before it by needs, near and far."""
    found: dict[str, set[str]] = {}
    for step in recipe.steps:
        found[step.id] = set(step.needs).union(*(found[need] for need in step.needs))
    return found


@settings(max_examples=25, deadline=None)
@given(graphs())
def test_every_step_follows_what_it_needs(rows: list[tuple[str, tuple[str, ...], bool, str]]) -> None:
    recipe = cooked(rows, "yes")
    seen: set[str] = set()
    for step in recipe.steps:
        assert set(step.needs) <= seen
        seen.add(step.id)
    assert len(seen) == len(recipe.steps)


@settings(max_examples=25, deadline=None)
@given(graphs())
def test_dropping_steps_keeps_what_came_before_what(rows: list[tuple[str, tuple[str, ...], bool, str]]) -> None:
    whole, less = before(cooked(rows, "yes")), before(cooked(rows, "no"))
    assert set(less) <= set(whole)
    for step_id, earlier in less.items():
        assert earlier == whole[step_id] & set(less)


@settings(max_examples=25, deadline=None)
@given(graphs())
def test_composition_keeps_the_order_that_was_written(rows: list[tuple[str, tuple[str, ...], bool, str]]) -> None:
    found = before(cooked(rows, "yes"))
    ends = {"": "{}", "loop": "{}.iter2.y", "expand": "{}.refine-4"}
    starts = {"": "{}", "loop": "{}.iter1.x", "expand": "{}.draft"}
    kinds = {name: kind for name, _, _, kind in rows}
    for name, needs, _, kind in rows:
        first = starts[kind].format(name)
        for need in needs:
            assert ends[kinds[need]].format(need) in found[first]
