"""Whatever is written under the keys of a formula: it cooks or it is refused in words, never with a crash."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_core.formulas.conditions import ConditionFault, RunState, check_runtime, check_step, holds, keeps
from gastown_core.formulas.convoy_plan import plan_convoy
from gastown_core.formulas.cook import Subject, cook
from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.overlay import parse_overlay
from gastown_core.formulas.parse import parse
from gastown_core.formulas.places import SHIPPED, SHIPPED_FOLDER, Places
from gastown_core.formulas.source import Source

WORDS = st.sampled_from(
    "a b c a.b * *.x {target}.x {{v}} {v} 1..3 1..{v} 2^3 all-children any-children children-of(a) output.x timer human "
    "2h rule-of-five shiny security-audit label:x type:bug priority:0-1 {{v}} == 1 step.status workflow expansion "
    "aspect convoy task".split(" ")
)
PLAIN = st.one_of(WORDS, st.integers(-2, 9), st.booleans(), st.text(max_size=3), st.none(), st.floats(0, 1))
STEP_KEYS = (
    "id title description notes acceptance type priority labels metadata assignee needs depends_on waits_for condition "
    "children gate loop expand expand_vars on_complete parallel interactive"
).split()
TOP_KEYS = (
    "type version phase pour extends vars steps template compose advice pointcuts inputs prompts legs output synthesis "
    "presets aspects squash agent"
).split()
INNER_KEYS = (
    "id title type timeout await_id count range until max var body for_each bond vars required default enum pattern "
    "expand map branch gate aspects hooks bond_points target select with from steps join before after around condition "
    "trigger attach at after_step before_step glob label legs focus depends_on directory leg_pattern"
).split()


def tables(keys: list[str], values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from(keys), values, max_size=6)


INNER = tables(INNER_KEYS, st.one_of(PLAIN, st.lists(PLAIN, max_size=2)))
DEEPER = tables(INNER_KEYS, st.one_of(PLAIN, INNER, st.lists(INNER, max_size=2)))
STEP = tables(STEP_KEYS, st.one_of(PLAIN, st.lists(WORDS, max_size=2), DEEPER)).map(
    lambda step: {"title": "T", **step} if "id" in step else {"id": "a", "title": "T", **step}
)
TOP = tables(TOP_KEYS, st.one_of(PLAIN, DEEPER, st.lists(st.one_of(STEP, DEEPER, WORDS), max_size=3)))
PLACES = Places([(SHIPPED, SHIPPED_FOLDER)])


@settings(max_examples=60, deadline=None)
@given(TOP, st.lists(STEP, max_size=4))
def test_any_tables_cook_or_are_refused_in_words(top: dict[str, object], steps: list[dict[str, object]]) -> None:
    text = json.dumps({"formula": "it", "steps": steps, **top})
    try:
        formula = parse(Source(text, "it.formula.json", is_json=True), PLACES)
        for mode in ("compile", "runtime"):
            cook(formula, {"v": "2", "feature": "x"}, mode=mode, subject=Subject(("x",), "bug", 0))
        plan_convoy(formula, {"v": "2"}, directory="/d", review_id="r")
    except FormulaError as error:
        assert error.what
        assert all(found.what for found in error.problems)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text("()!=<>'\"ab.0 &|{}children", max_size=40))
def test_any_text_is_a_condition_or_is_told_not_to_be(text: str, likely: str) -> None:
    for condition in (text, likely):
        if not check_step(condition):
            keeps(condition, {"v": "1"})
        if check_runtime(condition):
            continue
        try:
            holds(condition, RunState({}))
        except ConditionFault:
            raise AssertionError(condition) from None


@settings(max_examples=100, deadline=None)
@given(st.text("[]{}=\"'#\n abc.1-", max_size=120))
def test_any_text_is_a_formula_or_an_overlay_or_is_refused(text: str) -> None:
    for read in (parse, parse_overlay):
        try:
            read(Source(text, "it.formula.toml"))
        except FormulaError:
            pass
