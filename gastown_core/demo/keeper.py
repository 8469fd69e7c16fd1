"""The demonstration's dispatcher: hands ready beads to resting polecats until the town's sessions end.

A small process of its own, ``python -m gastown_core.demo.keeper ROOT``; its pid and start time are noted, so that
``gt demo --stop`` ends exactly this process.  It never touches an agent that has work.
"""

from __future__ import annotations

import os
import sys
import time

from gastown_core import process
from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.store import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.demo.script import LATER, LATER_TITLE
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.address import MAYOR, POLECAT
from gastown_core.model.agent import Health
from gastown_core.state.collect import collect
from gastown_core.work import convoys
from gastown_core.work.request import SlingRequest
from gastown_core.work.sling import Sling

LOOK_EVERY_S = 4.0
LIFE_S = 3600.0


def note_path(root: str) -> str:
    """Where the keeper's pid is noted."""
    return os.path.join(root, ".runtime", "demo-keeper.json")


def start_keeper(root: str) -> int:
    """Start the keeper unless it runs; returns its pid."""
    running = find_keeper(root)
    if running:
        return running
    child = process.spawn([sys.executable, "-P", "-m", "gastown_core.demo.keeper", root], cwd=root)
    import psutil

    write_json(note_path(root), {"pid": child.pid, "started": psutil.Process(child.pid).create_time()}, mode=0o600)
    return child.pid


def find_keeper(root: str) -> int:
    """Pid of the running keeper, 0 if there is none; a reused pid is told by its start time."""
    note = read_json(note_path(root)) or {}
    pid, started = note.get("pid"), note.get("started")
    if not isinstance(pid, int) or not isinstance(started, int | float):
        return 0
    import psutil

    try:
        found = psutil.Process(pid)
        alive = found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - started) < 0.05
    except psutil.Error:
        return 0
    return pid if alive else 0


def stop_keeper(root: str) -> bool:
    """End the keeper; True if there was one."""
    pid = find_keeper(root)
    if not pid:
        return False
    process.kill_group(pid)
    deadline = time.monotonic() + 2.0
    while find_keeper(root) and time.monotonic() < deadline:
        time.sleep(0.02)
    return True


def keep(root: str) -> None:
    """Look every few seconds until the town has no session left, or an hour has passed."""
    filed = 0
    end = time.monotonic() + LIFE_S
    while time.monotonic() < end:
        time.sleep(LOOK_EVERY_S)
        snapshot = collect(root)
        if not snapshot.tmux_running:
            return
        resting = [
            view
            for view in snapshot.agents
            if view.address.role == POLECAT and view.work is None and view.health.state is Health.IDLE
        ]
        if resting:
            filed += dispatch(root, resting[0].address.rig, filed)


def dispatch(root: str, rig: str, filed: int) -> int:
    """Sling the most urgent ready bead of ``rig``; files one from the script if there is none. How many were filed."""
    ledger = TownLedger(root)
    query = BeadQuery(unassigned=True, limit=1)
    ready = ledger.stores()[rig].ready(query, SYSTEM_CLOCK.now())
    later = [title for place, title in LATER if place == rig]
    if not ready and filed < len(LATER):
        with ledger.stores()[rig].write(MAYOR) as batch:
            bead = batch.create({"title": later[filed % len(later)], "issue_type": "feature"})
        _bundle(root, ledger, bead.id)
        return 1
    for bead in ready:
        try:
            for _ in Sling(root, SlingRequest(bead.id, rig), actor=MAYOR).run():
                pass
        except GastownError as error:
            sys.stderr.write(f"{error}\n")
    return 0


def _bundle(root: str, ledger: TownLedger, bead_id: str) -> None:
    """Put later work into one convoy of its own."""
    for convoy in convoys.list_convoys(ledger):
        if convoy.bead.title == LATER_TITLE:
            convoys.add_to_convoy(root, ledger, convoy.bead.id, [bead_id], actor=MAYOR)
            return
    convoys.create_convoy(root, ledger, LATER_TITLE, [bead_id], owner=MAYOR)


if __name__ == "__main__":
    keep(sys.argv[1])
