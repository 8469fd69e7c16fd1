"""A town in which every reading command has something to show, made by commands in this process."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from unittest import mock

from gastown_cli.bd import ROOT as BD
from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import Root, run_root
from gastown_core.clock import SYSTEM_CLOCK, SystemClock, format_micros
from gastown_core.git.repo import Git
from gastown_core.tmux.panes import list_panes
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


MOST_S = 120.0
"""So long a busy machine may take to bring an agent to its question."""


@contextlib.contextmanager
def manned(root: str) -> Iterator[dict[str, str]]:
    """Man a fresh town for the length of the block: an agent asks, one has died, a process has outlived its session.

    Yields ids by name.  The agents are scripted ones in the town's own tmux server, which ends with the block.
    """
    from gastown_core.town.sessions import server_of

    left: list[subprocess.Popen[bytes]] = []
    try:
        with mock.patch.dict(os.environ, {"GT_SCRIPT_PACE": "0.05"}):
            os.chdir(root)
            _said(GT, "config default-agent scripted")
            answered, asking = _asker(root, "sh-first"), _asker(root, "sh-next")
            _said(GT, f"answers add {answered} 1 --name npm")
            _said(GT, f"answer {answered} 1")
            _said(GT, "mayor start")
        dead = list_panes(server_of(root))["hq-mayor"].pid
        os.kill(dead, signal.SIGKILL)
        env = {**os.environ, "GT_SESSION": "sh-gone", "GT_TOWN_ROOT": root}
        left.append(subprocess.Popen(["sleep", str(MOST_S * 5)], env=env, cwd=root))
        for command in ("orphans procs", "deacon zombie-scan"):
            _comes(lambda line=command: json.loads(answer(GT, [*line.split(), "--json"])[1]), command)
        yield {"asking": asking}
    finally:
        for one in left:
            one.kill()
            one.wait()
        server_of(root).kill_server()


def _said(root: Root, line: str) -> str:
    code, shown = answer(root, line.split(" "))
    assert code == 0, (line, shown)
    return shown


def _asker(root: str, bead: str) -> str:
    """Sling a new bead to a worker that asks for permission in the middle; return its address once it asks."""
    os.chdir(os.path.join(root, "shop"))
    _said(BD, f"create Asks --id {bead} -l mood:permission")
    _said(GT, f"sling {bead} shop")
    os.chdir(root)
    worker = json.loads(_said(BD, f"show {bead} --json"))
    name = str((worker[0] if isinstance(worker, list) else worker)["assignee"])
    _comes(lambda: json.loads(answer(GT, ["answer", name, "--json"])[1]).get("options"), f"the question of {name}")
    return name


def _comes(true: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + MOST_S
    while not true():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


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
