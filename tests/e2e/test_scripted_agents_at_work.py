"""Scripted polecats in a real town: each mood from sling to its end."""

import json
import os
import subprocess
import sys

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.tmux.panes import list_panes
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name
from tests.support.tmux import dead_pane, events, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

LONG_S = 45.0
"""Four agents, each a few programs a step, on a machine that has other things to do."""
QUIET_S = 6


class Town:
    """A town with one rig, driven by its commands."""

    def __init__(self, root, cwd):
        self.root = root
        self.cwd = cwd

    @property
    def server(self):
        return TmuxServer(socket_name(self.root))

    def run(self, program, *words, fails=False):
        argv = [sys.executable, "-c", f"import sys; from gastown_cli.main import {program}; sys.exit({program}())"]
        done = subprocess.run([*argv, *words], cwd=self.cwd, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) is fails, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr if fails else done.stdout

    def sling(self, mood):
        """A new bead of that mood, slung; (bead, polecat)."""
        bead = json.loads(self.run("bd", "create", f"Work {mood}", "-l", f"mood:{mood}", "--json"))
        self.run("gt", "sling", bead["id"], "shop")
        target = [event["payload"] for event in events(self.root, "sling")][-1]["target"]
        return bead["id"], target.rsplit("/", 1)[-1]

    def status(self, bead):
        """The bead's status in the ledger."""
        value = json.loads(self.run("bd", "show", bead, "--json"))
        return (value[0] if isinstance(value, list) else value)["status"]

    def state(self, polecat):
        """The polecat's last heartbeat state."""
        beat = read_heartbeat(self.root, f"sh-{polecat}")
        return beat.state if beat else ""

    def is_quiet(self, polecat):
        """Whether its session has shown nothing new for a while."""
        return SYSTEM_CLOCK.now() - list_panes(self.server)[f"sh-{polecat}"].activity > QUIET_S


@pytest.fixture
def town(server, tmp_path, monkeypatch):
    """A town with the rig ``shop`` and quick scripted agents; its tmux server ends with the test."""
    for key in ("GT_TOWN_ROOT", "GT_ROOT", "BD_ACTOR", "GT_RIG", "GT_POLECAT"):
        monkeypatch.delenv(key, raising=False)
    for key, value in {
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
        "GT_SCRIPT_PACE": "0.05",
        "GT_SCRIPT_LIMIT": "0.3",
    }.items():
        monkeypatch.setenv(key, value)
    (tmp_path / "gitconfig").write_text("[user]\nname=Ana\nemail=ana@example.org\n[init]\ndefaultBranch=main\n")
    repo = tmp_path / "repo"
    for words in (("init", "-q", str(repo)), ("-C", str(repo), "commit", "-q", "--allow-empty", "-m", "Begin")):
        subprocess.run(["git", *words], check=True)
    town = Town(str(tmp_path / "town"), str(tmp_path))
    town.run("gt", "install", town.root, "--name", "t")
    town.cwd = town.root
    town.run("gt", "rig", "add", "shop", f"file://{repo}", "--prefix", "sh")
    town.run("gt", "config", "default-agent", "scripted")
    town.cwd = os.path.join(town.root, "shop")
    own = TmuxServer(socket_name(town.root))
    yield town
    own.kill_server()


def test_a_steady_one_hands_in_and_a_crashed_one_leaves_its_mess_for_all_to_see(town):
    steady, axle = town.sling("steady")
    crash, torque = town.sling("crash")
    until(lambda: town.state(axle) == "idle", "the steady one is through", LONG_S)
    assert town.status(steady) == "in_review"
    steps = [event["payload"] for event in events(town.root, "step") if event["payload"]["bead"] == steady]
    assert [step["step"] for step in steps if "molecule" not in step] == [1, 2, 3, 4, 5]
    ticked = [step["message"] for step in steps if "molecule" in step]
    assert ticked[:3] == ["load-context done", "branch-setup done", "implement done"]
    branch = next(event["payload"]["branch"] for event in events(town.root, "done"))
    log = subprocess.run(
        ["git", "-C", os.path.join(town.cwd, ".repo.git"), "log", "--format=%s", branch],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len([line for line in log.stdout.splitlines() if steady in line]) == 5
    panes = list_panes(TmuxServer(socket_name(town.root)))
    dead = dead_pane(TmuxServer(socket_name(town.root)), f"sh-{torque}")
    assert dead.dead_status == 70
    assert set(panes) == {f"sh-{axle}", f"sh-{torque}"}
    assert town.status(crash) == "hooked"
    tree = os.path.join(town.cwd, "polecats", torque, "shop")
    dirty = subprocess.run(["git", "status", "--short"], cwd=tree, capture_output=True, text=True, check=True)
    assert f"changes/{crash}.md" in dirty.stdout


def test_the_ones_in_trouble_wait_and_a_word_sets_them_going_again(town):
    troubled = {mood: town.sling(mood) for mood in ("permission", "stuck", "silent", "limited")}
    expected = {"permission": "waiting", "stuck": "stuck", "silent": "working"}
    for mood, state in expected.items():
        until(lambda m=mood, s=state: town.state(troubled[m][1]) == s, f"{mood} is {state}", LONG_S)
    # it says "working" from its first step on
    until(lambda: town.is_quiet(troubled["silent"][1]), "the silent one has fallen silent", LONG_S)
    limited = troubled.pop("limited")
    until(lambda: town.status(limited[0]) == "in_review", "the limited one went on by itself", LONG_S)
    assert events(town.root, "limited")[0]["payload"]["bead"] == limited[0]
    assert events(town.root, "waiting")[0]["payload"]["message"] == "Allow Bash(npm install left-pad)?"
    bead, polecat = troubled["permission"]
    refused = town.run("gt", "nudge", f"shop/{polecat}", "No! Do not install", fails=True)
    assert "npm install left-pad; answer that first" in refused and town.state(polecat) == "waiting"
    assert "answered  2 No" in town.run("gt", "answer", f"shop/{polecat}", "No", "--words", "no, because it is pinned")
    assert "answered: No (no, because it is pinned)" in town.run("bd", "show", bead)
    for mood in ("stuck", "silent"):
        bead, polecat = troubled[mood]
        assert town.status(bead) == "hooked"
        assert "turn started" in town.run("gt", "nudge", f"shop/{polecat}", "go on; please")
    for bead, _ in troubled.values():
        until(lambda b=bead: town.status(b) == "in_review", f"{bead} is handed in", LONG_S)


def test_one_at_rest_that_is_nudged_reads_its_mail(town):
    """Else the town would find mail that nobody drains, where all is well."""
    bead, axle = town.sling("steady")
    until(lambda: town.status(bead) == "in_review" and town.state(axle) == "idle", "it is through", LONG_S)
    town.run("gt", "mail", "send", f"shop/{axle}", "-s", "FIX_NEEDED", "-m", "look again", "--no-notify")
    town.run("gt", "nudge", f"shop/{axle}", "Mail waits for you.")

    def unread():
        listed = json.loads(town.run("gt", "mail", "inbox", f"shop/{axle}", "--json"))
        return [one["subject"] for one in listed if not one["read"]]

    until(lambda: not unread(), "it has read its mail", LONG_S)
