"""Building the demo town: real repositories, rigs, beads, convoys, worktrees and sessions.

Every step calls the same functions as the command of the same name.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.daemon import starting
from gastown_core.demo.repositories import PROJECTS, make_repository
from gastown_core.demo.script import BUNDLES, FIRST, Task
from gastown_core.errors import GastownError
from gastown_core.files.atomic import edit_json
from gastown_core.model.address import MAYOR, REFINERY, WITNESS
from gastown_core.model.bead import BLOCKS
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions, start_plan
from gastown_core.town.crew import add_crew
from gastown_core.town.hook_record import never_started
from gastown_core.town.install import install_town
from gastown_core.town.inventory import read_inventory
from gastown_core.town.rigs import add_rig
from gastown_core.work.convoys import create_convoy
from gastown_core.work.request import SlingRequest
from gastown_core.work.sling.sling import Sling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.town.inventory import RosterEntry

    Say = Callable[[str], None]
PREFIXES = {"shop": "sh", "billing": "bi"}
PACE_S = "2.5"
SOURCES = ".demo"
RIG_SETTINGS: dict[str, object] = {
    "merge_queue": {
        "gates": {
            "compile": {"cmd": "python3 -m compileall -q .", "timeout": "1m"},
            "unit": {"cmd": "python3 run_tests.py", "timeout": "2m"},
        },
        "batch": {"max_batch_size": 5, "batch_wait_time": "5s"},
        "max_concurrent": 2,
        "max_retry_count": 2,
    }
}
"""Real gates on real code, and few retries, so that the demo takes only a few minutes."""
SETTINGS: dict[str, object] = {
    "default_agent": "scripted",
    "agents": {"scripted": {"env": {"GT_SCRIPT_PACE": PACE_S}}},
    "operational": {"session": {"stalled": "20s", "gupp_violation": "45s"}, "polecat": {"heartbeat_stale": "15s"}},
    "convoy": {"feed_grace": "3s"},
    "up": {"deacon": False},
}
"""Short durations, so that a minute shows what takes a day in a real town."""


def build_town(root: str, agents: int, say: Say, *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Build the town and set ``agents`` polecats to work; ``say`` gets a line per step. Raises GastownError."""
    say("installing the town")
    install_town(root, name="demo", git=True, clock=clock)
    scheduler = {"max_polecats": max(1, agents), "batch_size": 2}
    settings = {**SETTINGS, "scheduler": scheduler}
    edit_json(os.path.join(root, "settings", "config.json"), lambda value: value.update(settings))
    for project in PROJECTS:
        say(f"adding rig {project.name}, with {len(project.commits)} commits of history")
        source = os.path.join(root, SOURCES, project.name + ".git")
        make_repository(project, source, clock.now())
        add_rig(root, project.name, source, prefix=PREFIXES[project.name], actor="overseer", clock=clock)
        own = os.path.join(root, project.name, "settings", "config.json")
        edit_json(own, lambda value: value.update(RIG_SETTINGS))
    say("adding crew alice to shop")
    add_crew(root, "shop", "alice", clock=clock)
    say("filing beads and convoys")
    beads = file_beads(root, clock)
    say("starting mayor, witnesses and refineries")
    start_agents(root, clock)
    sling_first(root, beads, agents, say, clock)


def file_beads(root: str, clock: Clock) -> dict[str, str]:
    """Create every bead of the script and bundle them; return key → bead id."""
    ledger = TownLedger(root)
    ids: dict[str, str] = {}
    for bundle in BUNDLES:
        for task in bundle.tasks:
            ids[task.key] = _file(ledger, task, ids)
        members = [ids[task.key] for task in bundle.tasks]
        create_convoy(root, ledger, bundle.title, members, owner=MAYOR, clock=clock)
    return ids


def _file(ledger: TownLedger, task: Task, ids: dict[str, str]) -> str:
    store = ledger.stores()[task.rig]
    fields = {
        "title": task.title,
        "issue_type": task.kind,
        "priority": task.priority,
        "labels": [f"mood:{task.mood}"],
        "description": f"Part of the demonstration.\n\nmood: {task.mood}",
    }
    with store.write(MAYOR) as batch:
        bead = batch.create(fields)
        for key in task.after:
            batch.add_edge(bead.id, ids[key], BLOCKS)
    return bead.id


def start_agents(root: str, clock: Clock) -> list[str]:
    """Start mayor, witnesses, refineries, and polecats with hooked work but no session yet; return the failures."""
    agents = read_inventory(root).agents
    wanted = [e for e in agents if e.address.role in (MAYOR, WITNESS, REFINERY)]
    work = never_started(TownLedger(root), agents)
    wanted += [e for e in agents if e.address in work]

    def start(entry: RosterEntry) -> str:
        if sessions.is_alive(sessions.find_session(root, entry)):
            return ""
        try:
            bead = work.get(entry.address, "")
            plan = start_plan.plan_start(root, entry, topic="assigned" if bead else "start", bead=bead, clock=clock)
            sessions.start_agent(root, plan, clock=clock)
        except GastownError as error:
            return f"{entry.address.path}: {error}"
        return ""

    with ThreadPoolExecutor(max_workers=5) as pool:
        return [failure for failure in pool.map(start, wanted) if failure]


def sling_first(root: str, beads: dict[str, str], agents: int, say: Say, clock: Clock) -> None:
    """Sling the first beads of the script, one polecat each."""
    rigs = {task.key: task.rig for bundle in BUNDLES for task in bundle.tasks}
    for key in FIRST[: max(0, agents)]:
        sling = Sling(root, SlingRequest(beads[key], rigs[key]), actor=MAYOR, clock=clock)
        for receipt in sling.run():
            if receipt.final:
                say(f"slung {beads[key]} to {sling.result.agent}")
    if agents > len(FIRST):
        say(
            f"the script has work for {len(FIRST)} at once: {len(FIRST)} of {agents} polecats start, more as work is ready"
        )


def is_demo(root: str) -> bool:
    """Whether the town is a demo."""
    return os.path.isdir(os.path.join(root, SOURCES))


def stop_town(root: str, *, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """End the daemon and every session of the town's agents; return what was ended. Files stay."""
    ended = ["daemon"] if starting.stop(root) else []
    if has_tmux():
        agents = read_inventory(root).agents
        ended += sessions.stop_all(root, agents, reason="demo stopped", caller="overseer", clock=clock)
    return ended
