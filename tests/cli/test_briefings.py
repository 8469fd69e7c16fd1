"""The briefings of all roles: what they say is short enough, whole, and made of commands that exist and work."""

from __future__ import annotations

import os
import re
import shlex

import pytest

from gastown_core.model.address import BOOT, CREW, DEACON, DOG, MAYOR, POLECAT, REFINERY, WITNESS, parse_address
from gastown_core.town.inventory import RosterEntry
from gastown_core.work.prime import brief
from gastown_core.work.roles import BUILD, ROLES
from tests.support.cli import bd, gt

WHO = {
    MAYOR: "mayor",
    DEACON: "deacon",
    BOOT: "deacon/boot",
    WITNESS: "shop/witness",
    REFINERY: "shop/refinery",
    POLECAT: "shop/polecats/opal",
    CREW: "shop/crew/ana",
    DOG: "deacon/dogs/rex",
}
COMMANDS = sorted({words for role in ROLES.values() for words, _ in role.commands})
RECIPE = re.findall(r"^     ((?:bd|gt) .*)$", BUILD, re.MULTILINE)


def of_role(rigged, role):
    who = parse_address(WHO[role], {"shop": "sh"})
    return RosterEntry(who, who.session("sh" if who.rig else "hq"), os.path.join(rigged.root, "x"), "sh-x")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_told_its_task_its_limits_and_its_commands(rigged, role):
    text = brief(rigged.root, of_role(rigged, role)).text
    told = ROLES[role]
    for words in (
        told.task,
        *told.duties,
        *(words for words, _ in told.commands),
        "hq- is the town",
        "sh- is rig shop",
    ):
        assert words in text
    assert len(text) < 6000, "an agent reads it at the start of every session"


def test_no_role_without_a_text():
    assert set(ROLES) == set(WHO)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_a_briefing_names_exists_with_its_flags(tmp_path, line):
    words = line.split()
    names = [word for word in words[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
    run = gt if words[0] == "gt" else bd
    told = run(*names, "--help", cwd=str(tmp_path))
    assert told.code == 0, told.err
    for flag in (word for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){flag}(?![\w-])", told.out), f"{flag} is no flag of {' '.join(names)}"


def test_the_mayors_recipe_works_word_for_word(rigged, without_tmux):
    cwd = os.path.join(rigged.root, "mayor")
    env = {"GT_ROLE": "mayor", "GT_SESSION": "hq-mayor", "GT_TOWN_ROOT": rigged.root}
    assert [line.split()[1] for line in RECIPE] == ["create", "dep", "convoy", "sling", "convoy"]
    create, depend, bundle, sling, show = (line.split(" ", 1) for line in RECIPE)

    def run(line, **filled):
        program, words = line
        words = re.sub(r'"[A-Z ]+"|\b[A-Z-]{3,}\b', lambda found: filled[found[0].strip('"')], words)
        done = (gt if program == "gt" else bd)(*shlex.split(words), cwd=cwd, **env)
        assert done.code == 0, f"{words}: {done.err}"
        return done.out

    beads = [
        run(
            create,
            **{"TITLE": repr(title), "RIG": "shop", "WHAT AND WHY": "'a shop'", "HOW IT IS CHECKED": "'it runs'"},
        ).strip()
        for title in ("Cart", "Till")
    ]
    assert all(bead.startswith("sh-") for bead in beads)
    run(depend, LATER=beads[1], EARLIER=beads[0])
    convoy = re.search(r"hq-cv-\w+", run(bundle, NAME="'Shop'", BEADS=" ".join(beads)))[0]
    run(sling, **{"READY-BEADS": beads[0], "RIG": "shop"})
    assert rigged.bead(beads[0]).status == "hooked"
    shown = run(show, CONVOY=convoy)
    assert all(bead in shown for bead in beads)


def test_what_the_operator_wrote_for_a_role_is_told_to_it_and_to_no_other(rigged):
    for path, text in (
        ("directives/mayor.md", "Be brief."),
        ("directives/polecat.md", "Use tabs."),
        ("shop/directives/witness.md", "Mind opal."),
        ("CONTEXT.md", "We sell hats. " * 2000),
    ):
        os.makedirs(os.path.dirname(os.path.join(rigged.root, path)) or ".", exist_ok=True)
        with open(os.path.join(rigged.root, path), "w") as handle:
            handle.write(text)
    mayor = brief(rigged.root, of_role(rigged, MAYOR)).text
    assert "Be brief." in mayor and "Use tabs." not in mayor and "Mind opal." not in mayor
    assert "We sell hats." in mayor and "(cut; the rest is in" in mayor
    assert "Mind opal." in brief(rigged.root, of_role(rigged, WITNESS)).text
