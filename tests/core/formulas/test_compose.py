"""Formulas composed of formulas: nothing in a part is lost, and dependents of a replaced step depend on its replacement."""

from __future__ import annotations

from gastown_core.formulas.cook import Subject
from gastown_core.formulas.errors import FormulaNotFound
from tests.support.formulas import Kitchen, chain, needs

TWO = """
type = "expansion"
[vars.tool]
default = "hammer"
[[template]]
id = "{target}.one"
title = "{target.title} with {tool}"
[[template]]
id = "{target}.two"
title = "Then"
needs = ["{target}.one"]
"""


def test_a_child_replaces_steps_in_place_and_adds_new_ones_at_the_end(kitchen: Kitchen) -> None:
    kitchen.write("base", chain("a", "b", "c", more='[vars]\nv = "1"\n'))
    recipe = kitchen.cook_text(
        """
        extends = ["base"]
        [vars]
        w = "2"
        [[steps]]
        id = "b"
        title = "Better"
        needs = ["a"]
        [[steps]]
        id = "d"
        title = "D"
        needs = ["c"]
        """
    )
    assert [step.title for step in recipe.steps] == ["a", "Better", "c", "D"]
    assert recipe.vars == {"v": "1", "w": "2"}


def test_all_that_a_parent_says_holds_until_the_child_says_otherwise(kitchen: Kitchen) -> None:
    kitchen.write("two", TWO)
    kitchen.write(
        "watch", 'type = "aspect"\n[[advice]]\ntarget = "b"\nafter = { id = "{step.id}-seen", title = "Seen" }\n'
    )
    kitchen.write(
        "base",
        'description = "Base"\nphase = "vapor"\npour = true\nwisp_type = "patrol"\nagent = "codex"\nreview_only = true\n'
        + chain("a", "b", "c")
        + """
[squash]
trigger = "on_complete"
[[advice]]
target = "a"
before = { id = "early", title = "Early" }
[compose]
aspects = ["watch"]
[[compose.gate]]
before = "c"
condition = "steps.complete >= 2"
[[compose.bond_points]]
id = "p"
after_step = "c"
""",
    )
    recipe = kitchen.cook_text('extends = ["base"]\nphase = "liquid"\n')
    assert (recipe.phase, recipe.pour, recipe.wisp_type) == ("liquid", True, "patrol")
    assert (recipe.agent, recipe.review_only, recipe.description) == ("codex", True, "Base")
    assert recipe.squash == {"trigger": "on_complete"}
    assert [step.id for step in recipe.steps] == ["early", "a", "b", "b-seen", "c"]
    assert recipe.steps[-1].only_if == "steps.complete >= 2"
    assert recipe.steps[-1].needs == ("b-seen",)
    assert recipe.bond_points == ({"id": "p", "description": "", "after_step": "c", "parallel": False},)


def test_a_circle_of_parents_is_told_with_its_chain(kitchen: Kitchen) -> None:
    kitchen.write("one", 'extends = ["two"]\n')
    kitchen.write("two", 'extends = ["it"]\n')
    error = kitchen.error('extends = ["one"]\n')
    assert error.what == "formula it extends itself"
    assert error.why.startswith("it → one → two → it (")
    assert error.hint == "remove it from the extends of two"


def test_a_formula_may_extend_the_one_of_its_name_below_it(kitchen: Kitchen) -> None:
    kitchen.write("shiny", 'extends = ["shiny"]\n[[steps]]\nid = "design"\ntitle = "Our way"\n')
    recipe = kitchen.cook("shiny", feature="x")
    assert [step.id for step in recipe.steps] == ["design", "implement", "review", "test", "submit"]
    assert recipe.steps[0].title == "Our way"


def test_a_missing_parent_is_told_with_near_names_and_folders(kitchen: Kitchen) -> None:
    error = kitchen.error('extends = ["shinny"]\n')
    assert isinstance(error, FormulaNotFound)
    assert error.what == "no formula shinny"
    assert "it extends it" in error.why and kitchen.folder in error.why
    assert error.hint.startswith("did you mean shiny")


def test_an_inline_expansion_keeps_the_links_of_those_around_it(kitchen: Kitchen) -> None:
    kitchen.write("two", TWO)
    recipe = kitchen.cook_text(
        chain("a", "b", "c").replace('title = "b"', 'title = "b"\nexpand = "two"\nexpand_vars = { tool = "saw" }')
    )
    assert needs(recipe) == {"a": (), "b.one": ("a",), "b.two": ("b.one",), "c": ("b.two",)}
    assert recipe.steps[1].title == "b with saw"


def test_an_expanded_step_keeps_all_that_was_said_of_it(kitchen: Kitchen) -> None:
    kitchen.write("two", TWO)
    recipe = kitchen.cook_text(
        """
        [vars]
        on = "yes"
        [[steps]]
        id = "a"
        title = "A"
        [[steps]]
        id = "b"
        title = "B"
        needs = ["a"]
        expand = "two"
        notes = "note"
        acceptance = "good"
        assignee = "ann"
        priority = 0
        labels = ["l"]
        metadata = { k = 1 }
        condition = "{{on}}"
        waits_for = "all-children"
        gate = { type = "gh:run", await_id = "ci" }
        on_complete = { for_each = "output.xs", bond = "z" }
        [[steps]]
        id = "c"
        title = "C"
        waits_for = "children-of(b)"
        """
    )
    one, two = recipe.step("b.one"), recipe.step("b.two")
    assert one is not None and two is not None
    for step in (one, two):
        assert (step.assignee, step.priority, step.labels, step.metadata) == ("ann", 0, ("l",), {"k": 1})
    assert (one.notes, one.waits_for, one.spawner) == ("note", "all-children", "a")
    assert one.gate is not None and one.gate.await_id == "ci" and two.gate is None
    assert two.acceptance == "good" and one.acceptance == ""
    assert two.on_complete is not None and one.on_complete is None
    assert recipe.steps[-1].spawner == "b.two"
    assert needs(kitchen.cook("it", on="no")) == {"a": (), "c": ()}


def test_compose_expand_and_map_replace_what_they_choose(kitchen: Kitchen) -> None:
    kitchen.write("two", TWO)
    recipe = kitchen.cook_text(
        chain(
            "x.build",
            "y.build",
            "ship",
            more='[[compose.map]]\nselect = "*.build"\nwith = "two"\nvars = { tool = "axe" }\n',
        )
    )
    assert [step.id for step in recipe.steps] == [
        "x.build.one", "x.build.two", "y.build.one", "y.build.two", "ship"
    ]  # fmt: skip
    assert recipe.steps[2].needs == ("x.build.two",)
    assert recipe.steps[-1].needs == ("y.build.two",)
    assert "axe" in recipe.steps[0].title


def test_a_rule_for_no_step_is_told(kitchen: Kitchen) -> None:
    kitchen.write("two", TWO)
    error = kitchen.error(chain("a", more='[[compose.expand]]\ntarget = "b"\nwith = "two"\n'))
    assert error.what == 'formula it: no step matches "b", which two should expand'
    recipe = kitchen.cook_text(chain("a", more='[[compose.map]]\nselect = "*.b"\nwith = "two"\n'))
    assert "no step matches" in recipe.warnings[0]


def test_ids_that_an_expansion_doubles_are_told_with_the_way_out(kitchen: Kitchen) -> None:
    kitchen.write("flat", 'type = "expansion"\n[[template]]\nid = "x"\ntitle = "X"\n')
    error = kitchen.error(chain("a", "b", more='[[compose.map]]\nselect = "*"\nwith = "flat"\n'))
    assert error.what == "formula it: step x is defined twice, first at " + kitchen.folder + "/flat.formula.toml:4"
    assert error.hint == "start the template's ids with the target's: id = \"{target}.…\""


def test_templates_nest_five_deep_and_no_deeper(kitchen: Kitchen) -> None:
    for level in range(6):
        inner = f'expand = "t{level + 1}"' if level < 5 else ""
        kitchen.write(f"t{level}", f'type = "expansion"\n[[template]]\nid = "{{target}}.x"\ntitle = "T"\n{inner}\n')
    assert [s.id for s in kitchen.cook_text(chain("a").replace("[[steps]]", '[[steps]]\nexpand = "t1"')).steps] == [
        "a.x.x.x.x.x"
    ]
    error = kitchen.error(chain("a").replace("[[steps]]", '[[steps]]\nexpand = "t0"'))
    assert "expands deeper than 5 levels: t0 → t1 → t2 → t3 → t4 → t5" in error.what


def test_a_template_that_expands_itself_ends_with_an_error(kitchen: Kitchen) -> None:
    kitchen.write("me", 'type = "expansion"\n[[template]]\nid = "{target}.x"\ntitle = "T"\nexpand = "me"\n')
    assert "me → me → me" in kitchen.error(chain("a").replace("[[steps]]", '[[steps]]\nexpand = "me"')).what


def test_a_template_asks_for_the_variables_that_nobody_gave_it(kitchen: Kitchen) -> None:
    kitchen.write(
        "ask",
        'type = "expansion"\n[vars.who]\nrequired = true\n[[template]]\nid = "{target}.x"\ntitle = "Ask {{who}}"\n',
    )
    text = chain("a").replace("[[steps]]", '[[steps]]\nexpand = "ask"')
    assert kitchen.error(text).what == "formula it needs a value for who"
    assert kitchen.cook_text(text, who="ann").steps[0].title == "Ask ann"


def test_only_an_expansion_can_be_expanded(kitchen: Kitchen) -> None:
    error = kitchen.error(chain("a").replace("[[steps]]", '[[steps]]\nexpand = "shiny"'))
    assert error.what == "formula shiny cannot be expanded into a step"


def test_branches_run_beside_each_other_and_join(kitchen: Kitchen) -> None:
    text = "\n".join(f'[[steps]]\nid = "{name}"\ntitle = "{name}"' for name in ("start", "x", "y", "end"))
    recipe = kitchen.cook_text(text + '\n[[compose.branch]]\nfrom = "start"\nsteps = ["x", "y"]\njoin = "end"\n')
    assert needs(recipe) == {"start": (), "x": ("start",), "y": ("start",), "end": ("x", "y")}
    assert [step.parallel for step in recipe.steps] == [False, True, True, False]


def test_rules_that_name_no_step_are_told(kitchen: Kitchen) -> None:
    error = kitchen.error(
        chain(
            "a",
            more='[[compose.branch]]\nfrom = "a"\nsteps = ["q"]\njoin = "a"\n[[compose.gate]]\nbefore = "z"\ncondition = "env.X"\n',
        )
    )
    assert [found.what for found in error.problems] == [
        "compose.branch names an unknown step: q",
        "compose.gate names an unknown step: z",
    ]


def test_advice_touches_only_what_was_there_and_what_the_pointcuts_choose(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        chain("a", "b", "c", more='type = "bug"\n')
        + """
[[pointcuts]]
glob = "a"
[[pointcuts]]
type = "bug"
[[advice]]
target = "*"
[[advice.around.before]]
id = "{step.id}-1"
title = "Before {step.title}"
[[advice.around.before]]
id = "{step.id}-2"
title = "Before"
[[advice.around.after]]
id = "{step.id}-3"
title = "After"
"""
    )
    assert needs(recipe) == {
        "a-1": (),
        "a-2": ("a-1",),
        "a": ("a-2",),
        "a-3": ("a",),
        "b": ("a-3",),
        "c-1": ("b",),
        "c-2": ("c-1",),
        "c": ("b", "c-2"),
        "c-3": ("c",),
    }


def test_an_aspect_must_be_one(kitchen: Kitchen) -> None:
    error = kitchen.error(chain("a", more='[compose]\naspects = ["shiny"]\n'))
    assert error.what == "formula shiny is not an aspect"


def test_children_wait_for_what_their_parents_need_and_others_for_the_children(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        """
        [[steps]]
        id = "last"
        title = "L"
        needs = ["epic"]
        [[steps]]
        id = "first"
        title = "F"
        [[steps]]
        id = "epic"
        title = "E"
        needs = ["first"]
        [[steps.children]]
        id = "x"
        title = "X"
        [[steps.children]]
        id = "y"
        title = "Y"
        needs = ["x"]
        """
    )
    assert needs(recipe) == {
        "first": (),
        "epic": ("first",),
        "x": ("first",),
        "y": ("x", "first"),
        "last": ("epic",),
    }
    assert recipe.steps[1].kind == "epic"


HOOKED = (
    chain("a", "b", more="")
    + """
[[compose.bond_points]]
id = "middle"
after_step = "a"
{more}
[[compose.hooks]]
trigger = "{trigger}"
attach = "extra"
at = "middle"
vars = {{ who = "{{{{v}}}}" }}
"""
)


def test_a_hook_adds_the_steps_of_its_formula_where_the_bead_fits(kitchen: Kitchen) -> None:
    kitchen.write(
        "extra", "[vars.who]\nrequired = true\n" + chain("x", "y").replace('title = "x"', 'title = "X {{who}}"')
    )
    text = '[vars]\nv = "ann"\n' + HOOKED.format(trigger="label:danger", more="")
    kitchen.write("it", text)
    assert [step.id for step in kitchen.cook("it", subject=Subject()).steps] == ["a", "b"]
    recipe = kitchen.cook("it", subject=Subject(labels=("danger",)))
    assert needs(recipe) == {"a": (), "extra.x": ("a",), "extra.y": ("extra.x",), "b": ("extra.y",)}
    assert recipe.steps[1].title == "X ann"
    assert recipe.hooks == ({"trigger": "label:danger", "attach": "extra", "at": "middle", "vars": {"who": "ann"}},)
    kitchen.write("it", '[vars]\nv = "ann"\n' + HOOKED.format(trigger="label:danger", more="parallel = true"))
    assert needs(kitchen.cook("it", subject=Subject(labels=("danger",))))["b"] == ("a",)


def test_hooks_look_at_type_and_priority_too(kitchen: Kitchen) -> None:
    kitchen.write("extra", '[vars.who]\ndefault = ""\n' + chain("x"))
    for trigger, fits, not_fits in (
        ("type:bug", Subject(type="bug"), Subject(type="task")),
        ("priority:0-1", Subject(priority=1), Subject(priority=2)),
        ("priority:3", Subject(priority=3), Subject(priority=1)),
    ):
        kitchen.write("it", '[vars]\nv = ""\n' + HOOKED.format(trigger=trigger, more=""))
        assert len(kitchen.cook("it", subject=fits).steps) == 3
        assert len(kitchen.cook("it", subject=not_fits).steps) == 2


def test_the_digest_changes_with_any_text_that_went_in(kitchen: Kitchen) -> None:
    kitchen.write("base", chain("a"))
    first = kitchen.cook_text('extends = ["base"]\n').digest
    assert kitchen.cook("it").digest == first
    kitchen.write("base", chain("a", "b"))
    assert kitchen.cook("it").digest != first


def test_a_loop_of_no_rounds_leaves_no_hold_and_no_lost_rule(kitchen: Kitchen) -> None:
    recipe = kitchen.cook_text(
        """
        [[steps]]
        id = "none"
        title = "N"
        [steps.loop]
        count = 0
        [[steps.loop.body]]
        id = "x"
        title = "X"
        [[steps]]
        id = "a"
        title = "A"
        needs = ["none"]
        [[compose.gate]]
        before = "none"
        condition = "env.X"
        [[compose.bond_points]]
        id = "p"
        before_step = "none"
        """
    )
    assert needs(recipe) == {"a": ()}
    assert recipe.steps[0].only_if == ""
    assert recipe.bond_points == ()


def test_a_parents_rule_is_told_where_the_parent_has_it(kitchen: Kitchen) -> None:
    kitchen.write("base", chain("a", more='[[compose.gate]]\nbefore = "gone"\ncondition = "env.X"\n'))
    error = kitchen.error('extends = ["base"]\n')
    assert error.why.endswith("base.formula.toml:5")
    assert error.hint == "steps: a"
