"""All problems of a formula are reported together, each with its line and a fix."""

from __future__ import annotations

import textwrap

import pytest

from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.parse import parse
from gastown_core.formulas.source import Source
from tests.support.formulas import Kitchen, chain

HEAD = 'formula = "it"\n'


def problems(text: str) -> list[tuple[int, str, str]]:
    try:
        parse(Source(HEAD + textwrap.dedent(text), "it.formula.toml"))
    except FormulaError as error:
        return [(found.line, found.what, found.fix) for found in error.problems]
    return []


CASES = {
    "no step": ("", (0, "the workflow has no steps", "add some: [[steps]]")),
    "version": ("version = 0\n" + chain("a"), (2, "the formula has version 0", "versions start at 1")),
    "type": (
        'type = "dance"\n' + chain("a"),
        (2, 'the formula has the type "dance"', "use one of workflow, expansion, aspect, convoy"),
    ),
    "phase": (
        'phase = "solid"\n' + chain("a"),
        (2, 'the formula has the phase "solid"', "use vapor (a wisp) or liquid (a molecule)"),
    ),
    "no title": (
        '[[steps]]\nid = "a"\n',
        (2, "step a has no title", 'describe it in a few words: title = "…"'),
    ),
    "no id": ('[[steps]]\ntitle = "A"\n', (2, "step number 1 has no id", 'give it one: id = "step-1"')),
    "blank in id": (
        '[[steps]]\nid = "a b"\ntitle = "A"\n',
        (3, "step a b has blanks in its id", 'write id = "a-b"'),
    ),
    "unknown need": (
        chain("build", more='[[steps]]\nid = "ship"\ntitle = "S"\nneeds = ["biuld"]\n'),
        (8, "step ship needs an unknown step: biuld", "did you mean build?"),
    ),
    "unknown depends_on": (
        chain("build", more='[[steps]]\nid = "ship"\ntitle = "S"\ndepends_on = ["zzz"]\n'),
        (8, "step ship needs an unknown step: zzz", "known: build, ship"),
    ),
    "needs itself": (
        '[[steps]]\nid = "a"\ntitle = "A"\nneeds = ["a"]\n',
        (5, "step a needs itself", "remove it"),
    ),
    "cycle": (
        '[[steps]]\nid = "a"\ntitle = "A"\nneeds = ["b"]\n[[steps]]\nid = "b"\ntitle = "B"\nneeds = ["a"]\n',
        (5, "steps wait for each other: a → b → a", "remove one of these needs"),
    ),
    "needs its own epic": (
        '[[steps]]\nid = "a"\ntitle = "A"\n[[steps.children]]\nid = "b"\ntitle = "B"\nneeds = ["a"]\n',
        (8, "step b needs a, whose child it is", "remove it"),
    ),
    "twice": (
        chain("a") + chain("a"),
        (6, "step a is defined twice, first at it.formula.toml:3", "rename one of them"),
    ),
    "priority": (
        chain("a", more="priority = 7\n"),
        (5, "step a has priority 7", "use 0 (critical) to 4 (backlog)"),
    ),
    "needs of the wrong kind": (
        chain("a", more="needs = 3\n"),
        (5, "step a has a number as needs", 'write a list of strings: needs = ["…"]'),
    ),
    "flag of the wrong kind": (
        'pour = "yes"\n' + chain("a"),
        (2, "has a string as pour", "write pour = true or pour = false"),
    ),
    "waits for what": (
        chain("a", "b", more='waits_for = "everybody"\n'),
        (9, 'step b waits for "everybody"', "use all-children, any-children or children-of(step)"),
    ),
    "waits for nobody": (
        chain("a", more='waits_for = "all-children"\n'),
        (
            5,
            "step a waits for children but names no step",
            'name it: waits_for = "children-of(step)", or set needs',
        ),
    ),
    "waits for children of an unknown step": (
        chain("plan", more='waits_for = "children-of(plam)"\n'),
        (5, "step plan waits for children of an unknown step: plam", "did you mean plan?"),
    ),
    "gate type": (
        chain("a", more='gate = { type = "dragon" }\n'),
        (5, "step a: gate has the type dragon", "use one of human, timer, gh:run, gh:pr, bead, mail"),
    ),
    "gate timeout": (
        chain("a", more='gate = { type = "timer", timeout = "soon" }\n'),
        (5, 'step a: gate has "soon" as timeout', 'write a duration: "90s", "30m", "2h"'),
    ),
    "timer without timeout": (
        chain("a", more='gate = { type = "timer" }\n'),
        (5, "step a: gate is a timer without timeout", 'set it: timeout = "30m"'),
    ),
    "two kinds of loop": (
        chain("a", more='[steps.loop]\ncount = 2\nrange = "1..2"\n[[steps.loop.body]]\nid = "x"\ntitle = "X"\n'),
        (5, "step a: loop has count and range", "set exactly one of count, range and until"),
    ),
    "no kind of loop": (
        chain("a", more='[steps.loop]\n[[steps.loop.body]]\nid = "x"\ntitle = "X"\n'),
        (5, "step a: loop has no count", "set exactly one of count, range and until"),
    ),
    "no body": (
        chain("a", more="[steps.loop]\ncount = 2\n"),
        (5, "step a: loop has no body", "add steps: [[steps.loop.body]]"),
    ),
    "until without max": (
        chain("a", more='[steps.loop]\nuntil = "steps.complete > 1"\n[[steps.loop.body]]\nid = "x"\ntitle = "X"\n'),
        (6, "step a: loop has until without max", "bound it: max = 5"),
    ),
    "bad range": (
        chain("a", more='[steps.loop]\nrange = "1..(2"\n[[steps.loop.body]]\nid = "x"\ntitle = "X"\n'),
        (
            6,
            'the loop of step a cannot evaluate "1..(2": a parenthesis is not closed',
            "use integers, variables and + - * / ^",
        ),
    ),
    "bad condition": (
        chain("a", more='condition = "env is prod"\n'),
        (
            5,
            'step a: "env is prod" is not a condition',
            'write "{{name}}", "!{{name}}", "{{name}} == value" or "{{name}} != value"',
        ),
    ),
    "half an on_complete": (
        chain("a", more='on_complete = { for_each = "output.items" }\n'),
        (5, "step a: on_complete lacks bond", "set both for_each and bond"),
    ),
    "on_complete both ways": (
        chain("a", more='on_complete = { for_each = "output.i", bond = "x", parallel = true, sequential = true }\n'),
        (5, "step a: on_complete is parallel and sequential at once", "keep one of them"),
    ),
    "loop and expand": (
        chain("a", more='expand = "rule-of-five"\n[steps.loop]\ncount = 2\n[[steps.loop.body]]\nid = "x"\ntitle = "X"\n'),
        (5, "step a has both loop and expand", "expand a step of the loop's body"),
    ),
    "type of a variable": (
        '[vars.v]\ntype = "float"\n' + chain("a"),
        (3, 'variable v has the type "float"', "use one of string, int, bool"),
    ),
    "default outside enum": (
        '[vars.v]\ndefault = "c"\nenum = ["a", "b"]\n' + chain("a"),
        (3, 'variable v has an invalid default: "c" is not one of a, b', "fix the default"),
    ),
    "pattern": (
        '[vars.v]\npattern = "(["\n' + chain("a"),
        (3, "variable v has an invalid pattern: unterminated character set at position 1", "fix the regular expression"),
    ),
    "empty expansion": (
        'type = "expansion"\n',
        (0, "the expansion has no template", "add steps: [[template]]"),
    ),
    "empty convoy": ('type = "convoy"\n', (0, "the convoy has no legs", "add some: [[legs]]")),
    "synthesis": (
        '[[legs]]\nid = "a"\n[synthesis]\ndepends_on = ["b"]\n',
        (5, "the synthesis depends on an unknown leg: b", "known: a"),
    ),
    "required_unless": (
        '[[legs]]\nid = "a"\n[inputs.pr]\nrequired_unless = ["fils"]\n[inputs.files]\n',
        (5, "required_unless of input pr names an unknown input: fils", "did you mean files?"),
    ),
    "preset": (
        '[[legs]]\nid = "speed"\n[presets.gate]\nlegs = ["sped"]\n',
        (5, "preset gate names an unknown leg: sped", "did you mean speed?"),
    ),
    "bond point": (
        chain("a", more='[[compose.bond_points]]\nid = "p"\nafter_step = "a"\nbefore_step = "a"\n'),
        (5, "bond point p has after_step and before_step", "set exactly one of after_step and before_step"),
    ),
    "hook": (
        chain("a", more='[[compose.hooks]]\ntrigger = "colour:red"\nattach = "x"\n'),
        (6, 'hook number 1 has "colour:red" as trigger', "use label:NAME, type:KIND or priority:0-1"),
    ),
    "compose.gate": (
        chain("a", more='[[compose.gate]]\nbefore = "a"\ncondition = "steps.complete >"\n'),
        (7, "the condition before a is invalid: unexpected end", None),
    ),
    "advice without target": (
        'type = "aspect"\n[[advice]]\nafter = { id = "x", title = "X" }\n',
        (3, "advice has no target", 'set it: target = "*"'),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_is_told_with_its_line_and_its_fix(name: str) -> None:
    text, (line, what, fix) = CASES[name]
    found = problems(text)
    assert found, "it was taken"
    assert (line, what) in [(at, said) for at, said, _ in found]
    if fix is not None:
        assert (line, what, fix) in found


def test_all_mistakes_come_in_one_error() -> None:
    text = 'version = 0\n[[steps]]\nid = "a"\n[[steps]]\nid = "a"\ntitle = "A"\nneeds = ["q"]\n'
    assert len(problems(text)) == 3


def test_the_error_says_what_why_and_next(kitchen: Kitchen) -> None:
    error = kitchen.error(chain("build", more='[[steps]]\nid = "ship"\ntitle = "S"\nneeds = ["biuld"]\n'))
    assert error.what == "formula it: step ship needs an unknown step: biuld"
    assert error.why.endswith("it.formula.toml:7") or error.why.endswith("it.formula.toml:8")
    assert error.hint == "did you mean build?"
    several = kitchen.error('version = 0\npour = 3\n[[steps]]\nid = "a"\ntitle = "A"\n')
    assert several.what == "formula it has 2 problems"
    assert len(several.as_json()["problems"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('formula = "it"\nsteps = [\n', 3, "not valid TOML"),
        ('formula = "it"\n[[steps]]\nid = "a\n', 3, "not valid TOML"),
        ("formula = it\n", 1, "not valid TOML"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(Source(text, "it.formula.toml"))
    assert said in str(caught.value)
    assert caught.value.problems[0].line == line


def test_an_unknown_key_is_a_warning_with_its_line_and_the_key_that_was_meant() -> None:
    formula = parse(Source(HEAD + chain("a", more='titel = "A"\nneedz = ["a"]\n'), "it.formula.toml"))
    assert formula.warnings == (
        "it.formula.toml:5: step a has an unknown key titel; did you mean title?",
        "it.formula.toml:6: step a has an unknown key needz; did you mean needs?",
    )


def test_required_with_a_default_as_go_ships_it_is_a_warning(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text('[vars.v]\nrequired = true\ndefault = "1"\n' + chain("a"))
    assert "variable v is required and has a default" in recipe.warnings[0]


def test_an_empty_default_of_a_required_variable_is_none(kitchen: Kitchen) -> None:
    with pytest.raises(FormulaError, match="needs a value for v"):
        kitchen.cook_text('[vars.v]\nrequired = true\ndefault = ""\n' + chain("a"))


def test_a_conditional_gate_as_go_ships_it_is_a_warning(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(chain("a", more='[steps.gate]\ntype = "conditional"\ncondition = "it is quiet"\n'))
    assert "nothing checks a conditional gate" in recipe.warnings[0]
    assert len(recipe.warnings) == 1


def test_an_undeclared_variable_is_a_warning(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text('[[steps]]\nid = "a"\ntitle = "A {{who}}"\n')
    assert [warning.split(": ", 1)[1] for warning in recipe.warnings] == ["step a uses {{who}}, which is not declared"]
    assert recipe.steps[0].title == "A {{who}}"


def test_lines_are_found_inside_long_texts_and_lists() -> None:
    text = '''
        [[steps]]
        id = "a"
        title = "A"
        description = """
        [[steps]]
        id = "not a step"
        """
        needs = [
          # [[steps]]
        ]
        [[steps]]
        id = "b"
        title = "B"
        priority = 9
        '''
    assert problems(text) == [(15 + 1, "step b has priority 9", "use 0 (critical) to 4 (backlog)")]


def test_a_json_formula_is_read_and_its_lines_are_told() -> None:
    text = '{\n "formula": "it",\n "steps": [\n  {"id": "a", "title": "A"},\n  {"id": "b", "title": "B",\n   "needs": ["c"]}\n ]\n}'
    with pytest.raises(FormulaError) as caught:
        parse(Source(text, "it.formula.json", is_json=True))
    found = caught.value.problems[0]
    assert (found.line, found.what) == (6, "step b needs an unknown step: c")


def test_a_text_of_another_size_or_code_is_refused(kitchen: Kitchen) -> None:
    from gastown_core.formulas.source import read_source

    path = kitchen.write("it", chain("a"))
    with open(path, "ab") as handle:
        handle.write(b"# \xff\n")
    with pytest.raises(FormulaError, match="not UTF-8"):
        read_source(path)
    with open(path, "wb") as handle:
        handle.write(b"#" * 2_000_001)
    with pytest.raises(FormulaError, match="too large"):
        read_source(path)
    with pytest.raises(FormulaError, match="cannot be read"):
        read_source(path + "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (chain("a") + '[prompts]\nbase = "x"\n', "prompts is not used in a formula of type workflow"),
        ('[[template]]\nid = "x"\ntitle = "X"\n' + chain("a"), "template is not used in a formula of type workflow"),
        (
            'type = "expansion"\n[[template]]\nid = "x"\ntitle = "X"\n[compose]\naspects = []\n',
            "compose and advice of an expansion apply only when it is cooked by itself",
        ),
        (chain("a") + '[[pointcuts]]\nglob = "a"\n', "pointcuts without advice have no effect"),
    ],
)
def test_what_would_be_of_no_use_is_a_warning(text: str, said: str) -> None:
    formula = parse(Source(HEAD + text, "it.formula.toml"))
    assert any(said in warning for warning in formula.warnings)


def test_a_condition_on_an_undeclared_variable_is_a_warning(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(chain("a", "b", more='condition = "{{nobody}}"\n'))
    assert [step.id for step in recipe.steps] == ["a"]
    assert "uses {{nobody}}, which is not declared" in recipe.warnings[0]


def test_dates_in_metadata_become_text(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(chain("a", more="metadata = { due = 2026-03-02, far = inf, n = 1.5 }\n"))
    assert recipe.steps[0].metadata == {"due": "2026-03-02", "far": "inf", "n": 1.5}
