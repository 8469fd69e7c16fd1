"""What prime shows of a formula: own or shipped, root-only or poured, overlaid, changed, or gone."""

from __future__ import annotations

import os

import pytest

from gastown_core.errors import ConflictError
from gastown_core.molecules.advance import step_done
from gastown_core.molecules.attachment import attach_to_work, checklist_for, detach_from_work
from gastown_core.molecules.root_bead import attached_to
from gastown_core.work.prime import brief
from tests.support.rigged import Rigged, rigged, write  # noqa: F401  a fixture

TEXT = """
formula = "bake"
version = 1
pour = {pour}
[vars.issue]
[vars.heat]
default = "200"
[[steps]]
id = "mix"
title = "Mix for {{{{issue}}}}"
description = "Flour and water."
acceptance = "no lumps"
[[steps]]
id = "bake"
title = "Bake at {{{{heat}}}}"
needs = ["mix"]
[[steps]]
id = "eat"
title = "Eat"
needs = ["bake"]
"""

BOTH = pytest.mark.parametrize("pour", ["true", "false"], ids=["poured", "root-only"])


def formula(town: Rigged, pour: str, extra: str = "") -> None:
    write(os.path.join(town.root, "shop", ".beads", "formulas", "bake.formula.toml"), TEXT.format(pour=pour) + extra)


def carried(town: Rigged, pour: str):
    formula(town, pour)
    bead = town.file("Bread")
    attach_to_work(town.root, town.ledger, bead, "bake", {"issue": bead.id}, actor="mayor")
    return town.bead(bead.id)


def shown(town: Rigged, bead) -> str:
    told = checklist_for(town.root, town.ledger, bead)
    assert told is not None
    return "\n".join(told.lines())


@BOTH
def test_the_current_step_is_shown_in_full_with_its_variables(rigged, pour):  # noqa: F811
    bead = carried(rigged, pour)
    text = shown(rigged, bead)
    root = attached_to(bead)
    for words in (f"Mix for {bead.id}", "Flour and water.", "no lumps", "· 2 bake  Bake at 200", "0 of 3 done"):
        assert words in text
    assert text.endswith(f"When this step is done: gt mol step done {root}.mix")
    step_done(rigged.root, rigged.ledger, f"{root}.mix", actor="x")
    assert "✓ 1 mix" in shown(rigged, bead) and "### Step 2 of 3: Bake at 200" in shown(rigged, bead)
    for name in ("bake", "eat"):
        step_done(rigged.root, rigged.ledger, f"{root}.{name}", actor="x")
    assert "All steps are done." in shown(rigged, bead)


@BOTH
def test_prime_shows_the_list_of_what_is_on_the_hook(rigged, pour):  # noqa: F811
    formula(rigged, pour)
    bead = rigged.file("Bread")
    sling = rigged.sling(bead.id, formula="bake")
    text = brief(rigged.root, rigged.entry(sling.result.agent)).text
    assert "## Steps: bake, 0 of 3 done" in text and "Flour and water." in text


def test_an_overlay_made_later_counts_for_a_checklist(rigged):  # noqa: F811
    bead = carried(rigged, "false")
    overlay = '[[step-overrides]]\nstep_id = "mix"\nmode = "append"\ndescription = "And salt."\n'
    overlay += '[[step-overrides]]\nstep_id = "eat"\nmode = "skip"\n'
    write(os.path.join(rigged.root, "shop", "formula-overlays", "bake.toml"), overlay)
    text = shown(rigged, bead)
    assert "Flour and water." in text and "And salt." in text
    assert f"now skips eat: run gt mol step done {attached_to(bead)}.eat" in text


@BOTH
def test_a_formula_that_was_changed_or_is_gone_keeps_its_texts(rigged, pour):  # noqa: F811
    bead = carried(rigged, pour)
    formula(rigged, pour, extra='[[steps]]\nid = "wash"\ntitle = "Wash up"\n')
    text = shown(rigged, bead)
    assert "Flour and water." in text and "Wash up" not in text
    assert ("has changed since" in text) == (pour == "false")
    os.unlink(os.path.join(rigged.root, "shop", ".beads", "formulas", "bake.formula.toml"))
    text = shown(rigged, bead)
    assert "Flour and water." in text and ("cannot be loaded" in text) == (pour == "false")


def test_work_that_only_names_a_formula_shows_its_steps_without_marks(rigged):  # noqa: F811
    formula(rigged, "false")
    bead = rigged.file("Bread", metadata={"dispatch": {"formula": "bake", "vars": "issue=sh-1"}})
    text = shown(rigged, bead)
    assert "Mix for sh-1" in text and "progress is not recorded" in text
    old = rigged.file("Older", description="attached_formula: bake\nattached_molecule: sh-wisp-gone\n\nwords")
    assert "Its molecule sh-wisp-gone is gone" in shown(rigged, old)
    assert checklist_for(rigged.root, rigged.ledger, rigged.file("Plain")) is None


def test_work_carries_one_molecule_at_a_time(rigged):  # noqa: F811
    bead = carried(rigged, "true")
    with pytest.raises(ConflictError, match="already has molecule"):
        attach_to_work(rigged.root, rigged.ledger, bead, "bake", {"issue": "x"}, actor="mayor")
    store = rigged.ledger.store_for(bead.id)
    gone = detach_from_work(store, bead.id, actor="mayor")
    assert attached_to(rigged.bead(bead.id)) == "" and rigged.bead(gone).status == "open"
    assert attach_to_work(rigged.root, rigged.ledger, rigged.bead(bead.id), gone, {}, actor="mayor") == gone
