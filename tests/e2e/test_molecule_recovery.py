"""A worker is killed in the middle of its molecule; the next session goes on at the first step that is not done."""

import json
import os
import subprocess

import pytest

from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name
from tests.e2e.test_scripted_agents_at_work import Town, town  # noqa: F401  a fixture
from tests.support.tmux import events, until

pytestmark = pytest.mark.e2e

NAMES = [f"part-{n}" for n in range(1, 7)]


def formula(*, poured: bool) -> str:
    lines = ['formula = "parts"', "version = 1", f"pour = {str(poured).lower()}", "[vars.issue]", "required = true"]
    for place, name in enumerate(NAMES):
        lines += ["[[steps]]", f'id = "{name}"', f'title = "{name} of {{{{issue}}}}"']
        lines += [f'needs = ["{NAMES[place - 1]}"]'] if place else []
    return "\n".join(lines) + "\n"


def ticked(root):
    return [e["payload"]["message"].split()[0] for e in events(root, "step") if "molecule" in e["payload"]]


@pytest.mark.parametrize("poured", [True, False], ids=["poured", "root-only"])
def test_the_successor_of_a_killed_worker_goes_on_at_the_first_undone_step(town, monkeypatch, poured):  # noqa: F811
    assert isinstance(town, Town)
    monkeypatch.setenv("GT_SCRIPT_PACE", "0.2")
    folder = os.path.join(town.root, ".beads", "formulas")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "parts.formula.toml"), "w") as handle:
        handle.write(formula(poured=poured))
    bead = json.loads(town.run("bd", "create", "Many parts", "--json"))["id"]
    town.run("gt", "sling", bead, "shop", "--formula", "parts")
    polecat = events(town.root, "sling")[-1]["payload"]["target"].rsplit("/", 1)[-1]
    until(lambda: len(ticked(town.root)) >= 3, "three steps are done")
    server = TmuxServer(socket_name(town.root))
    done = subprocess.run(
        ["tmux", "-L", socket_name(town.root), "list-panes", "-t", f"=sh-{polecat}:", "-F", "#{pane_pid}"],
        capture_output=True,
        text=True,
        check=True,
    )
    os.kill(int(done.stdout), 9)
    server.kill_server()
    before = ticked(town.root)
    primed = json.loads(town.run("bd", "show", bead, "--json"))
    molecule = (primed[0] if isinstance(primed, list) else primed)["metadata"]["dispatch"]["molecule"]
    seen = json.loads(town.run("gt", "mol", "progress", molecule, "--json"))
    assert seen["current_step_id"] == f"{molecule}.{NAMES[len(before)]}"
    town.run("gt", "session", "start", f"shop/{polecat}")
    until(lambda: town.status(bead) == "in_review", "the successor hands in", timeout_s=90)
    assert ticked(town.root) == NAMES, "no step twice, none left out"
    assert json.loads(town.run("bd", "show", molecule, "--json"))[0]["status"] == "closed"
