"""The workflows that newcomers read about, typed as they are written there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.git.repo import Git
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name
from tests.support.patience import PATIENCE_S
from tests.support.repos import make_repo
from tests.support.tmux import until

pytestmark = pytest.mark.e2e

BEADS = ("gt-abc12", "gt-def34", "gt-m3k9p", "gt-w5t2x", "gt-x7k2m", "gt-p9n4q")


class Terminal:
    """A person at the town's root who types commands."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.cwd = root

    def type(self, line: str, *, code: int = 0) -> str:
        program, *words = shlex.split(line, comments=True)
        start = f"import sys; sys.argv[0] = {program!r}; from gastown_cli.main import {program}; sys.exit({program}())"
        done = subprocess.run(
            [sys.executable, "-c", start, *words], cwd=self.cwd, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == code, (line, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def bead(self, bead_id: str) -> str:
        found = TownLedger(self.root).get(bead_id)
        assert found is not None
        return found.status


@pytest.fixture
def terminal(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for key in ("GT_TOWN_ROOT", "GT_ROOT", "BD_ACTOR", "GT_RIG", "GT_POLECAT", "GT_ROLE", "GT_SESSION"):
        monkeypatch.delenv(key, raising=False)
    base = str(tmp_path)
    with open(os.path.join(base, "gitconfig"), "w", encoding="utf-8") as handle:
        handle.write("[user]\nname=Ana\nemail=ana@example.org\n[init]\ndefaultBranch=main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.path.join(base, "gitconfig"))
    monkeypatch.setenv("GT_SCRIPT_PACE", "0.02")
    repo = make_repo(os.path.join(base, "src"))
    Git(base).run("clone", "--quiet", "--bare", repo.path, os.path.join(base, "repo.git"))
    terminal = Terminal(os.path.join(base, "gt"))
    terminal.cwd = base
    terminal.type("gt install gt --git")
    terminal.cwd = terminal.root
    terminal.type(f"gt rig add myproject file://{base}/repo.git --prefix gt")
    terminal.type("gt config default-agent scripted")
    # a batch that waits half a minute for company is right for a town and long for a test
    terminal.type("gt config set merge_queue.batch.batch_wait_time 500ms --rig myproject")
    with TownLedger(terminal.root).stores()["myproject"].write("overseer") as batch:
        for bead in BEADS:
            batch.create({"title": f"Do {bead}"}, bead_id=bead)
    yield terminal
    subprocess.run([sys.executable, "-m", "gastown_cli", "daemon", "stop"], cwd=terminal.root, capture_output=True)


@pytest.fixture
def with_tmux(server: TmuxServer, terminal: Terminal) -> Iterator[Terminal]:
    own = TmuxServer(socket_name(terminal.root))
    yield terminal
    own.kill_server()


@pytest.mark.timeout(600)
def test_basic_workflow_ends_on_main(with_tmux: Terminal) -> None:
    terminal = with_tmux
    # nobody wants to wait half a minute for the second bead
    terminal.type("gt config set convoy.feed_grace 1s")
    terminal.type("gt daemon start")
    terminal.type('gt convoy create "Feature X" gt-abc12 gt-def34 --notify --human')
    terminal.type("gt sling gt-abc12 myproject")
    assert "Feature X" in terminal.type("gt convoy list")
    assert "myproject" in terminal.type("gt agents")
    until(lambda: {terminal.bead("gt-abc12"), terminal.bead("gt-def34")} == {"closed"}, "both land", timeout_s=60)
    until(lambda: "Feature X" not in terminal.type("gt convoy list"), "the convoy lands", timeout_s=90)

    def told(kind: str) -> list[dict[str, Any]]:
        with open(os.path.join(terminal.root, ".events.jsonl"), encoding="utf-8") as log:
            return [event["payload"] for event in map(json.loads, log) if event["type"] == kind]

    def mailed() -> list[str]:
        return [mail["to"] for mail in told("mail") if "landed" in mail["subject"]]

    # the convoy is closed first, then the log tells, and then its listeners get their mail
    until(lambda: told("convoy_landed"), "the landing is told")
    assert [landed["title"] for landed in told("convoy_landed")] == ["Feature X"]
    until(lambda: {"overseer", "mayor/"} <= set(mailed()), "the mail is sent")
    mails = mailed()
    assert sorted(set(mails)) == sorted(mails) and "overseer" in mails and "mayor/" in mails


@pytest.mark.timeout(120)
def test_manual_convoy_workflow(with_tmux: Terminal) -> None:
    terminal = with_tmux
    terminal.type("gt daemon start")
    made = terminal.type('gt convoy create "Bug Fixes" --human')
    convoy = re.search(r"hq-cv-\w+", made)
    assert convoy is not None, made
    terminal.type(f"gt convoy add {convoy[0]} gt-m3k9p gt-w5t2x")
    terminal.type("gt sling gt-m3k9p myproject/my-agent")
    shown = terminal.type("gt convoy show")
    assert "Bug Fixes" in shown and "gt-m3k9p" in shown and "gt-w5t2x" in shown
    until(lambda: terminal.bead("gt-m3k9p") == "closed", "it lands", timeout_s=90)
    assert "my-agent" in terminal.type("gt polecat list myproject")
    assert terminal.bead("gt-w5t2x") == "open", "new members are left to the person for a while"
    assert convoy[0] in terminal.type(f"gt convoy refresh {convoy[0]}")


def test_mayor_workflow_and_minimal_mode_without_tmux(terminal: Terminal, without_tmux: None) -> None:
    terminal.type('gt convoy create "Auth System" gt-x7k2m gt-p9n4q --notify')
    assert "Auth System" in terminal.type("gt convoy list")
    terminal.type('gt convoy create "Fix bugs" gt-abc12')
    said = terminal.type("gt sling gt-abc12 myproject")
    assert os.path.join(terminal.root, "myproject", "polecats") in said
    assert terminal.bead("gt-abc12") == "hooked"
    assert "Fix bugs" in terminal.type("gt convoy list")


def test_formula_workflow(terminal: Terminal) -> None:
    terminal.cwd = os.path.join(terminal.root, "myproject")
    assert "release" in terminal.type("bd formula list")
    cooked = terminal.type("bd cook release --var version=1.2.0")
    assert "git tag -a v1.2.0 -m 'Release v1.2.0'" in cooked
    assert "version" in terminal.type("bd cook release --mode runtime", code=1)
    poured = terminal.type("bd mol pour release --var version=1.2.0")
    assert "bump" in poured.lower() or "release" in poured
    assert "release" in terminal.type("bd mol list")


def test_scheduler_commands(terminal: Terminal) -> None:
    terminal.type("gt config set scheduler.max_polecats 5")
    assert "5" in terminal.type("gt scheduler status")
    terminal.type("gt scheduler pause")
    assert "paused" in terminal.type("gt scheduler status")
    terminal.type("gt scheduler resume")
    assert "paused" not in terminal.type("gt scheduler status")
