from __future__ import annotations

import os
import signal
import sys

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon.daemon_log import DaemonLog
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import Attendant, Shift
from gastown_core.errors import StoreError, TownError
from gastown_core.messaging import queue, standstill
from gastown_core.messaging.nudge import nudge
from gastown_core.messaging.target import target_of
from gastown_core.patrols.patrol import OFF
from gastown_core.patrols.table import patrols_of
from gastown_core.process_table import read_process
from gastown_core.refinery.engine import process
from gastown_core.tmux.processes import pane_processes
from gastown_core.town import estop, sessions, start_plan
from gastown_core.town.inventory import read_inventory
from gastown_core.town.remains import clear, processes_of
from gastown_core.town.rig_states import follow_labels
from gastown_core.town.runtime_settings import set_agent
from gastown_core.town.settings import set_setting
from gastown_core.work.scheduler import scheduler
from tests.support.cli import gt
from tests.support.rigged import make_executable, write
from tests.support.tmux import needs_tmux, screen, until

TOOL = r"""#!{python}
import os, signal, subprocess, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)
tool = "import time, sys\nn = 0\nwhile True:\n n += 1\n open(sys.argv[1], 'w').write(str(n))\n time.sleep(0.01)"
subprocess.Popen([sys.executable, "-c", tool, sys.argv[1]])
subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(60)"], start_new_session=True)
while True:
    if os.path.exists(sys.argv[1] + ".more"):
        os.unlink(sys.argv[1] + ".more")
        subprocess.Popen([sys.executable, "-c", tool, sys.argv[1] + ".new"])
    time.sleep(0.02)
"""


@pytest.fixture
def town(sessions_too, tmp_path):
    """A town whose agents are a program with two tools below it: one in its group, one in a session of its own."""
    program = str(tmp_path / "toolbox")
    make_executable(program, TOOL.replace("{python}", sys.executable))
    set_agent(sessions_too.root, "toolbox", f"{program} {tmp_path}/count")
    set_setting(sessions_too.root, "default_agent", "toolbox")
    yield sessions_too
    standstill.thaw(sessions_too.root, actor="overseer")
    standstill.thaw(sessions_too.root, "shop", actor="overseer")
    # the tool in a session of its own would outlive its server
    clear(sessions_too.root)
    assert processes_of(sessions_too.root) == []


def state(pid):
    with open(f"/proc/{pid}/stat") as handle:
        return handle.read().rpartition(") ")[2].split()[0]


def start(town, who):
    entry = town.entry(who)
    pane = sessions.start_agent(town.root, start_plan.plan_start(town.root, entry))
    until(lambda: len(below(pane)) == 2, f"{who} runs its tools")
    return pane


def below(pane):
    return [row for row in pane_processes(pane.pid) if row.pid != pane.pid]


def count(path):
    with open(path) as handle:
        return int(handle.read() or 0)


@needs_tmux
def test_what_agents_started_stands_still_until_the_thaw_and_then_goes_on_where_it_was(town, tmp_path):
    worker, mayor = start(town, "shop/witness"), start(town, "mayor")
    tools = below(worker)
    assert gt("estop", "-r", "disk is full", cwd=town.root).code == 0
    for row in tools:
        assert state(row.pid) == "T"
    assert {state(row.pid) for row in below(mayor)} <= {"S", "R", "D"}, "the mayor goes on"
    assert state(worker.pid) in "SRD", "tmux would continue the first process at once"
    done = gt("thaw", "--json", cwd=town.root)
    assert (done.code, done.json["processes"]) == (0, 2)
    assert all(state(row.pid) != "T" for row in tools) and [row.pid for row in below(worker)] == [r.pid for r in tools]
    before = count(tmp_path / "count")
    until(lambda: count(tmp_path / "count") not in (0, before), "the tool counts on")
    assert [event["payload"].get("reason") for event in town.events("estop")] == ["disk is full"]
    assert len(town.events("thaw")) == 1


@needs_tmux
def test_a_tool_that_is_started_during_the_stop_is_stopped_by_the_daemons_duty(town, tmp_path):
    worker = start(town, "shop/witness")
    standstill.halt(town.root, reason="", actor="overseer")
    write(str(tmp_path / "count.more"), "")
    until(lambda: len(below(worker)) == 3, "the program starts one more")
    duty = next(one for one in duties_of(town.root) if one.name == "emergency stop")
    assert duty.work(Shift(town.root, SYSTEM_CLOCK, lambda: False)) == "stopped 1 more processes"
    assert [state(row.pid) for row in below(worker)] == ["T"] * 3
    assert duty.work(Shift(town.root, SYSTEM_CLOCK, lambda: False)) == ""
    assert standstill.thaw(town.root, actor="overseer").processes == 3


@needs_tmux
def test_a_stop_waits_until_what_it_signalled_stands_still_and_names_what_does_not(town, monkeypatch):
    worker = start(town, "shop/witness")
    slow, stuck = below(worker)
    looks = {slow.pid: 3, stuck.pid: 10**9}

    def seen(pid):
        row = read_process(pid)
        looks[pid] -= 1
        return row if looks[pid] < 0 else row._replace(is_stopped=False)

    monkeypatch.setattr(standstill, "read_process", seen)
    monkeypatch.setattr(standstill, "STANDS_S", 0.3)
    done = standstill.halt(town.root, reason="", actor="overseer")
    (told,) = done.failed
    assert told.startswith(f"shop/witness: process {stuck.pid} ({stuck.name}) does not stand still yet")
    assert done.processes == 1 and looks[slow.pid] < 0, "the slow one is looked at until it stands"


@needs_tmux
def test_a_stop_of_a_rig_leaves_the_town_alone_and_two_stops_end_one_by_one(town):
    worker, deacon = start(town, "shop/witness"), start(town, "deacon")
    assert gt("estop", "--rig", "shop", cwd=town.root).code == 0
    assert {state(row.pid) for row in below(worker)} == {"T"}
    assert "T" not in {state(row.pid) for row in below(deacon)}
    standstill.halt(town.root, reason="", actor="overseer")
    assert {state(row.pid) for row in below(deacon)} == {"T"}
    assert gt("thaw", cwd=town.root).code == 0
    assert {state(row.pid) for row in below(worker)} == {"T"}, "the rig's own stop still holds"
    assert "T" not in {state(row.pid) for row in below(deacon)}
    assert gt("thaw", "--rig", "shop", cwd=town.root).code == 0
    assert "T" not in {state(row.pid) for row in below(worker)}


@needs_tmux
@pytest.mark.parametrize("place", ["processes stopped", "wrote town.json", "wrote ESTOP"])
def test_a_stop_that_is_killed_is_ended_by_the_thaw_with_all_that_it_stopped(town, place):
    worker = start(town, "shop/witness")
    killed = gt("estop", cwd=town.root, GT_KILL_AT=place)
    assert "killed at" in killed.err and place in killed.err
    standstill.thaw(town.root, actor="overseer")
    until(lambda: "T" not in {state(row.pid) for row in below(worker)}, "all go on")


@needs_tmux
@pytest.mark.parametrize("damage", [os.unlink, lambda path: write(path, "{")])
def test_without_its_record_a_stop_ends_too(town, damage):
    worker = start(town, "shop/witness")
    standstill.halt(town.root, reason="", actor="overseer")
    until(lambda: {state(row.pid) for row in below(worker)} == {"T"}, "all stand still")
    damage(os.path.join(town.root, ".runtime", "estop", "town.json"))
    assert standstill.thaw(town.root, actor="overseer").processes == 2
    until(lambda: "T" not in {state(row.pid) for row in below(worker)}, "all go on")


@needs_tmux
def test_on_a_full_disk_a_stop_stops_without_words(town, monkeypatch):
    def full(path, *_args, **_more):
        raise StoreError(f"cannot write {path}", "No space left on device")

    worker = start(town, "shop/witness")
    with monkeypatch.context() as patched:
        patched.setattr(standstill, "write_json", full)
        patched.setattr(estop, "write_atomic", full)
        assert standstill.halt(town.root, reason="disk is full", actor="overseer").processes == 2
        assert estop.is_set(town.root)
    until(lambda: {state(row.pid) for row in below(worker)} == {"T"}, "all stand still")
    assert standstill.thaw(town.root, actor="overseer").processes == 2
    until(lambda: "T" not in {state(row.pid) for row in below(worker)}, "all go on")


@needs_tmux
def test_only_what_the_stop_stopped_is_continued(town):
    worker = start(town, "shop/witness")
    mine = below(worker)[0]
    standstill.halt(town.root, reason="", actor="overseer")
    os.kill(mine.pid, signal.SIGKILL)
    until(lambda: mine.pid not in [row.pid for row in below(worker)], "it ends")
    assert standstill.thaw(town.root, actor="overseer").processes == 1


def test_nothing_starts_is_dispatched_merged_or_typed_during_a_stop(rigged, without_tmux):
    bead = rigged.file()
    assert gt("estop", cwd=rigged.root).code == 0
    slung = gt("sling", bead.id, "shop", cwd=rigged.root)
    assert slung.code == 1 and "halted" in slung.err and "gt thaw" in slung.err
    assert scheduler.cycle(rigged.root).reason == scheduler.HALTED
    assert process(rigged.root, "shop") == []
    with pytest.raises(TownError, match="emergency stop"):
        estop.check(rigged.root, rigged.entry("shop/witness").address)
    estop.check(rigged.root, rigged.entry("mayor").address)
    assert "under an emergency stop" in gt("status", cwd=rigged.root).out
    assert gt("estop", "-r", "again", cwd=rigged.root).code == 0, "a second stop changes nothing"
    assert len(rigged.events("estop")) == 1
    refused = gt("thaw", cwd=rigged.root, GT_ROLE="shop/witness")
    assert refused.code == 1 and estop.is_set(rigged.root)
    assert gt("thaw", cwd=rigged.root, BD_ACTOR="ana").code == 0 and not estop.is_set(rigged.root), "a person by name"
    assert gt("thaw", cwd=rigged.root).code == 0
    assert gt("sling", bead.id, "shop", cwd=rigged.root).code == 0


def test_the_duties_that_act_rest_and_the_others_go_on(rigged):
    resting = {duty.name for duty in duties_of(rigged.root) if duty.rests}
    patrols = {row.patrol.name for row in patrols_of(rigged.root) if row.mode != OFF}
    assert {"deacon", "witness:shop", "dam"} <= patrols
    acting = {"dispatch", "workers", "mountains", "gates", "nudges", "answers", "docked rigs", "plugins", "quotas"}
    assert resting == acting | patrols | {"refinery:shop", "conflicts:shop", "role mail"}
    duty = next(one for one in duties_of(rigged.root) if one.name == "dispatch")
    estop.declare(rigged.root, "", "")
    told: list[str] = []
    silent = DaemonLog(rigged.root, SYSTEM_CLOCK, told.append)
    shift = Shift(rigged.root, SYSTEM_CLOCK, lambda: False)
    resting_one = duty._replace(work=lambda shift: "it acted")
    attendant = Attendant(resting_one, shift, None, silent, lambda _: None)  # type: ignore[arg-type]
    attendant._run()
    assert attendant.told["runs"] == 1 and attendant.told["did"] == ""
    estop.lift(rigged.root, "")
    attendant._run()
    assert attendant.told["did"] == "it acted"


@needs_tmux
def test_a_nudge_waits_for_the_thaw(sessions_too):
    root = sessions_too.root
    set_setting(root, "default_agent", "scripted")
    entry = sessions_too.entry("shop/witness")
    pane = sessions.start_agent(root, start_plan.plan_start(root, entry))
    server = sessions.server_of(root)
    until(lambda: "❯" in screen(server, pane), "it shows its prompt")
    standstill.halt(root, reason="", actor="overseer")
    target = target_of(root, entry)
    last = list(nudge(root, target, "go", "overseer", server=server))[-1]
    assert (last.stage, last.detail) == ("queued", "an emergency stop is in force")
    assert len(queue.waiting(root, entry.session)) == 1
    standstill.thaw(root, actor="overseer")


def test_an_empty_or_strange_file_is_a_stop(rigged):
    for text in ("", "auto\n", "manual\tnever\tbecause"):
        write(estop.path_of(rigged.root), text)
        stop = estop.covering(rigged.root, "shop")
        assert stop is not None and "the town is under an emergency stop" in stop.words(0)
    estop.lift(rigged.root, "")
    assert estop.covering(rigged.root, "shop") is None


def test_parking_and_docking_count_again_after_a_stop(rigged):
    root = rigged.root
    assert gt("rig", "park", "shop", cwd=root).code == 0
    estop.declare(root, "shop", "")
    assert "rig shop is operational" in gt("rig", "unpark", "shop", cwd=root).out
    assert gt("rig", "dock", "shop", cwd=root).code == 0
    told = len(rigged.events("rig_state"))
    assert follow_labels(root, rigged.ledger, actor="daemon") == [] and len(rigged.events("rig_state")) == told
    assert next(rig.state for rig in read_inventory(root).rigs) == "halted"
    estop.lift(root, "shop")
    assert next(rig.state for rig in read_inventory(root).rigs) == "docked"
