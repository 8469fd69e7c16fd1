"""A town in which every reading command has something to show, made by commands in this process."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
from collections.abc import Iterator
from unittest import mock

from gastown_cli.bd import ROOT as BD
from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import Root, run_root
from gastown_core.clock import SYSTEM_CLOCK, SystemClock, format_micros
from gastown_core.git.repo import Git
from tests.support.board import keep_board
from tests.support.repos import PERSON

BEAD, BLOCKED, EPIC, GATED, CHILD, DONE = "sh-work", "sh-later", "sh-epic", "sh-gated", "sh-child", "sh-done"


@contextlib.contextmanager
def steady_clock() -> Iterator[None]:
    """Let a millisecond pass at each look at the clock and no more, so that no answer depends on how busy the machine is."""
    began, looks = SYSTEM_CLOCK.now(), itertools.count(1)
    with mock.patch.object(SystemClock, "now", lambda _: began + next(looks) / 1e3):
        yield


def answer(root: Root, words: list[str]) -> tuple[int, str]:
    """Run a command here; return its exit code and what it printed."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(io.StringIO()):
        code = run_root(root, words)
    return code, shown.getvalue()


def furnish(root: str) -> dict[str, str]:
    """Fill a fresh town that has the rig ``shop``; return ids by name. Every command must succeed."""
    shop = os.path.join(root, "shop")
    keep_board(root)
    _plugin(os.path.join(root, "plugins", "greet"))
    _branch(os.path.join(shop, "mayor", "rig"))
    rows = (
        (shop, BD, f"create Work --id {BEAD} -l red,gt:x -d Why -a shop/crew/ana", ""),
        (shop, BD, f"create Later --id {BLOCKED} --deps blocks:{BEAD}", ""),
        (shop, BD, f"create Epic --id {EPIC} -t epic", ""),
        (shop, BD, f"create Child --id {CHILD} --parent {EPIC} --due 2030-01-01", ""),
        (shop, BD, f"create Gated --id {GATED}", ""),
        (shop, BD, f"create Done --id {DONE}", ""),
        (shop, BD, f"comments add {BEAD} said", ""),
        (shop, BD, f"close {DONE} -r finished", ""),
        (shop, BD, f"gate create --blocks {GATED} -t human -r please", "gate"),
        (shop, BD, "mol pour shiny --var feature=x --var assignee=y", "mol"),
        (root, GT, "crew add ana --rig shop", ""),
        (root, GT, "polecat add shop opal", ""),
        (root, GT, "dog add rex", ""),
        (root, GT, f"convoy create Ship {BEAD} {BLOCKED} {DONE}", "convoy"),
        (root, GT, f"hook attach {BEAD} shop/crew/ana", ""),
        (root, GT, "mail send overseer -s Subject -m Body", "letter"),
        (root, GT, "mail send overseer -s Second -m Body", ""),
        (root, GT, "escalate broken -s high -r why --source test:me", "escalation"),
        (root, GT, "account add day --config-dir claude-day", ""),
        (root, GT, "warrant file shop/crew/ana -r spins", ""),
        (root, GT, "mail group create people mayor overseer", ""),
        (root, GT, "mail queue create jobs --claimers shop/*", ""),
        (root, GT, "mail channel create news", ""),
        (root, GT, f"mq integration create {EPIC}", ""),
        (root, GT, "activity emit patrol_started --rig shop --message look", ""),
        (root, GT, "nudge shop/crew/ana hello --mode queue", ""),
        (os.path.join(shop, "mayor", "rig"), GT, f"mq submit --branch feature --issue {CHILD} --rig shop", "request"),
    )
    ids: dict[str, str] = {}
    for place, program, line, name in rows:
        os.chdir(place)
        code, shown = answer(program, [*line.split(" "), "--json"])
        assert code == 0, (line, shown)
        if name:
            told = json.loads(shown)
            told = told["sent"][0] if "sent" in told else told
            ids[name] = next(str(told[key]) for key in ("new_epic_id", "mr", "id") if key in told)
    os.chdir(root)
    ids["furnished"] = format_micros(SYSTEM_CLOCK.now())
    return ids


def _plugin(folder: str) -> None:
    os.makedirs(folder)
    with open(os.path.join(folder, "plugin.md"), "w", encoding="utf-8") as handle:
        handle.write(
            '+++\nname = "greet"\ndescription = "greets"\nversion = 1\n[gate]\ntype = "manual"\n+++\nSay hello.\n'
        )


def _branch(clone: str) -> None:
    git = Git(clone, identity=PERSON)
    git.run("checkout", "-q", "-b", "feature")
    with open(os.path.join(clone, "more.txt"), "w", encoding="utf-8") as handle:
        handle.write("more\n")
    git.run("add", "-A")
    git.run("commit", "-q", "-m", "More")
    git.run("push", "-q", "origin", "feature")


def answers(command: str, lines: tuple[str, ...], ids: dict[str, str]) -> list[object]:
    """Return what a reading command prints with ``--json`` for each of the lines; a line of JSON each is a list."""
    program, _, name = command.partition(" ")
    found: list[object] = []
    for line in lines:
        words = [*name.split(" "), *line.format(**ids).split(), "--json"]
        code, shown = answer(GT if program == "gt" else BD, words)
        assert code in (0, 1, 3), (command, line, code, shown)
        try:
            value = json.loads(shown)
        except ValueError:
            found += [json.loads(row) for row in shown.splitlines()]
            continue
        assert not (isinstance(value, dict) and "error" in value and code), (command, line, value)
        found.append(value)
    return found
