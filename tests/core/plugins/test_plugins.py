"""Plugins: what is read, when a gate opens, how a script runs, what is recorded and escalated."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.errors import ConflictError, GastownError, UsageError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import write_atomic
from gastown_core.messaging.escalation import open_escalations
from gastown_core.plugins import sync
from gastown_core.plugins.due import PluginWatch, judge
from gastown_core.plugins.plugin import PluginGate, find_plugins, get_plugin, next_time, read_plugin
from gastown_core.plugins.run import run_plugin
from gastown_core.plugins.runs import Run, last_run, record_run, runs_of
from gastown_core.process_table import process_table, words_of
from gastown_core.town.install import install_town
from tests.support.cli import gt
from tests.support.patience import until

NOW = 1_795_262_671.0


@pytest.fixture
def root(tmp_path) -> str:
    place = str(tmp_path / "gt")
    install_town(place, name="t", git=False)
    return place


def make(root: str, name: str, head: str = "", *, script: str | None = "true\n", body: str = "", rig: str = "") -> str:
    path = os.path.join(root, rig, "plugins", name)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "plugin.md"), "w", encoding="utf-8") as handle:
        handle.write(f'+++\nname = "{name}"\n{head}\n+++\n{body}')
    if script is not None:
        with open(os.path.join(path, "run.sh"), "w", encoding="utf-8") as handle:
            handle.write(script)
    return path


def start(root: str, name: str, **more):
    ledger = TownLedger(root)
    plugin = get_plugin(root, name)
    return run_plugin(root, ledger, plugin, trigger="test", actor="tester", clock=SYSTEM_CLOCK, **more)


# -- reading -----------------------------------------------------------------------------------------------------


def test_bad_plugins_are_named_and_the_others_are_there(root):
    make(root, "good", '[gate]\ntype = "cooldown"\nduration = "12h"')
    for name, text in (
        ("open", "+++\nname='x'\n"),
        ("toml", "+++\nname = \n+++\n"),
        ("gate", '+++\n[gate]\ntype = "moon"\n+++\nx'),
        ("cron", '+++\n[gate]\ntype = "cron"\nschedule = "61 * * * *"\n+++\nx'),
        ("need", '+++\n[gate]\ntype = "event"\n+++\nx'),
        ("deep", "+++\nx = " + "[" * 5000 + "\n+++\nx"),
        ("idle", "+++\n+++\n"),
        ("name", '+++\nname = "../up"\n+++\nx'),
        ("tables", "+++\ngate = 3\n+++\nx"),
    ):
        os.makedirs(os.path.join(root, "plugins", name))
        with open(os.path.join(root, "plugins", name, "plugin.md"), "w", encoding="utf-8") as handle:
            handle.write(text)
    os.makedirs(os.path.join(root, "plugins", "empty"))
    os.mkfifo(os.path.join(root, "plugins", "empty", "plugin.md"))
    plugins, wrong = find_plugins(root)
    assert [(one.name, one.gate.duration_s) for one in plugins] == [("good", 43200.0)]
    assert len(wrong) == 10 and all(wrong.values())


def test_a_name_of_several_rigs_must_be_whole(rigged):
    make(rigged.root, "chore", rig="shop")
    assert get_plugin(rigged.root, "chore").full_name == "shop/chore"
    make(rigged.root, "chore")
    assert get_plugin(rigged.root, "chore").rig == "" and get_plugin(rigged.root, "shop/chore").rig == "shop"
    with pytest.raises(GastownError, match="no plugin nope"):
        get_plugin(rigged.root, "nope")


# -- gates -------------------------------------------------------------------------------------------------------


def ran(ago: float) -> Run:
    return Run("hq-1", "p", "success", NOW - ago, 1.0, "", "")


@pytest.mark.parametrize(
    ("gate", "last", "event", "is_open"),
    [
        (PluginGate("manual"), None, b"", False),
        (PluginGate("cooldown", 600.0), None, b"", True),
        (PluginGate("cooldown", 600.0), ran(599), b"", False),
        (PluginGate("cooldown", 600.0), ran(600), b"", True),
        (PluginGate("cron", schedule="* * * * *"), ran(30), b"", False),
        (PluginGate("cron", schedule="* * * * *"), ran(90), b"", True),
        (PluginGate("cron", schedule="* * * * *"), None, b"", True),
        (PluginGate("event", event="startup"), None, b"", True),
        (PluginGate("event", event="startup"), ran(10), b"", False),
        (PluginGate("event", event="startup"), ran(7000), b"", True),
        (PluginGate("event", event="merged"), ran(10), b"{}", True),
        (PluginGate("event", event="merged"), None, b"", False),
    ],
)
def test_gates_open_and_close(root, gate, last, event, is_open):
    plugin = read_plugin(make(root, "p"))._replace(gate=gate)
    found = judge(plugin, last, now=NOW, since=NOW - 3600, event=event)
    assert found.is_open == is_open and found.words


def test_a_schedule_counts_in_local_time(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        due = next_time("0 9 * * *", 1_772_452_800.0)
        assert time.strftime("%H:%M", time.localtime(due)) == "09:00" and due > 1_772_452_800.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_daemons_watch_runs_what_is_due_once(root, monkeypatch):
    make(root, "often", '[gate]\ntype = "cooldown"\nduration = "1h"', script="echo often\n")
    make(root, "never", script="echo never\n")
    make(root, "asks", '[gate]\ntype = "condition"\ncheck = "test -e go"', script="echo asked\n")
    make(root, "hears", '[gate]\ntype = "event"\non = "convoy.created"', script="cat > heard\n")
    ledger, clock = TownLedger(root), FixedClock(SYSTEM_CLOCK.now())
    watch = PluginWatch(root, clock)

    def look() -> str:
        return watch.run_due(ledger, actor="daemon", stopping=lambda: False)

    assert look() == "often ran"
    assert look() == ""
    open(os.path.join(root, "go"), "w").close()
    append_event(root, "convoy_created", "mayor", {"convoy": "hq-$(touch pwned)"}, clock=FixedClock(clock.now() + 1))
    assert look() == "asks ran; hears ran"
    assert look() == ""
    with open(os.path.join(root, "heard"), encoding="utf-8") as handle:
        assert "hq-$(touch pwned)" in handle.read()
    assert not os.path.exists(os.path.join(root, "pwned"))
    watch.clock = FixedClock(clock.now() + 4000)
    assert look() == "asks ran; often ran"


@pytest.mark.parametrize("ts", ["2199-01-01T00:00:00Z", "2001-01-01T00:00:00Z", "junk"])
def test_an_event_counts_by_its_place_in_the_log_whatever_time_it_bears(root, ts):
    make(root, "hears", '[gate]\ntype = "event"\non = "convoy.created"', script="cat >> heard\n")
    ledger = TownLedger(root)
    watch = PluginWatch(root, SYSTEM_CLOCK)

    def look() -> str:
        return watch.run_due(ledger, actor="daemon", stopping=lambda: False)

    append_event(root, "convoy_created", "mayor", {"convoy": "hq-a"})
    with open(os.path.join(root, ".events.jsonl"), "a", encoding="utf-8") as log:
        log.write(f'{{"ts":"{ts}","type":"something","actor":"x","payload":{{}}}}\n')
    assert look() == "hears ran"
    with open(os.path.join(root, ".events.jsonl"), "a", encoding="utf-8") as log:
        log.write(f'{{"ts":"{ts}","type":"convoy_created","actor":"x","payload":{{}}}}\n')
    assert look() == "hears ran" and look() == ""
    append_event(root, "convoy_created", "mayor", {"convoy": "hq-b"})
    assert look() == "hears ran" and look() == ""
    log_file = os.path.join(root, ".events.jsonl")
    with open(log_file, "rb") as log:
        write_atomic(log_file, log.read())
    append_event(root, "convoy_created", "mayor", {"convoy": "hq-c"})
    assert look() == "hears ran" and look() == ""


def test_a_broken_plugin_is_told_once(root):
    path = make(root, "p")
    with open(os.path.join(path, "plugin.md"), "w") as handle:
        handle.write("junk")
    watch = PluginWatch(root, SYSTEM_CLOCK)
    first = watch.run_due(TownLedger(root), actor="daemon", stopping=lambda: False)
    assert "does not begin with" in first
    assert watch.run_due(TownLedger(root), actor="daemon", stopping=lambda: False) == ""


# -- running -----------------------------------------------------------------------------------------------------


def test_a_run_is_recorded_with_its_output_and_no_agents_identity(root, monkeypatch):
    monkeypatch.setenv("GT_ROLE", "shop/polecats/opal")
    make(root, "p", '[tracking]\nlabels = ["category:x"]', script='echo "$GT_PLUGIN|$GT_ROLE|$BD_ACTOR|$PWD"\n')
    done = start(root, "p")
    assert done.is_success and done.detail.strip() == f"p||plugin:p|{os.path.realpath(root)}"
    bead = TownLedger(root).get(done.run_id)
    assert bead.is_closed and {"type:plugin-run", "plugin:p", "result:success", "category:x"} <= set(bead.labels)


def test_a_failure_is_escalated_once_and_a_success_settles_it(root):
    path = make(root, "p", '[execution]\nseverity = "high"', script="echo broken pipe >&2; exit 3\n")
    for _ in range(2):
        assert not start(root, "p").is_success
    (raised,) = open_escalations(TownLedger(root))
    assert raised.severity == "high" and "it ended with 3" in raised.title
    with open(os.path.join(path, "run.sh"), "w") as handle:
        handle.write("true\n")
    assert start(root, "p").is_success
    assert open_escalations(TownLedger(root)) == []
    assert [run.result for run in runs_of(TownLedger(root), get_plugin(root, "p"))] == ["success", "failure", "failure"]  # fmt: skip


KILLED = """
import sys
from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.plugins.plugin import get_plugin
from gastown_core.plugins.run import run_plugin
root = sys.argv[1]
run_plugin(root, TownLedger(root), get_plugin(root, "p"), trigger="t", actor="x", clock=SYSTEM_CLOCK)
"""


def test_a_plugin_runs_once_at_a_time_also_where_its_gt_was_killed(root):
    make(root, "p", script=f"touch {root}/begun\nwhile [ -e {root}/begun ]; do sleep 0.05; done\n")
    first = subprocess.Popen([sys.executable, "-c", KILLED, root])
    try:
        until(lambda: os.path.exists(f"{root}/begun"), "it begins")
        first.kill()
        first.wait()
        with pytest.raises(ConflictError, match="plugin p is running"):
            start(root, "p")
        assert open_escalations(TownLedger(root)) == [] and gt("plugin", "run", "p", cwd=root).code == 1
    finally:
        os.unlink(f"{root}/begun")
    until(lambda: not any(f"{root}/plugins" in " ".join(words_of(pid)) for pid in process_table()), "it ends")
    make(root, "p", script="true\n")
    assert start(root, "p").is_success


def test_the_last_run_is_the_newest(root):
    plugin, ledger = get_plugin(root, make(root, "p").rpartition("/")[2]), TownLedger(root)
    for number in range(3):
        told = {"secs": 0.0, "trigger": str(number), "detail": "", "actor": "x"}
        record_run(ledger, plugin, "success", at=NOW + number * 60, **told)
    assert last_run(ledger, plugin).trigger == "2"
    assert [run.trigger for run in runs_of(ledger, plugin, 0)] == ["2", "1", "0"]


def test_a_quiet_plugin_fails_without_a_word(root):
    make(root, "p", "[execution]\nnotify_on_failure = false", script="exit 1\n")
    assert not start(root, "p").is_success and open_escalations(TownLedger(root)) == []


@pytest.mark.parametrize("ending", ["sleep 600", "true"])
def test_the_time_limit_and_the_end_leave_no_process(root, ending):
    mark = f"60{os.getpid()}{len(ending)}"
    make(root, "p", '[execution]\ntimeout = "1s"', script=f"(setsid sleep {mark} &)\nsleep 0.2\n{ending}\n")
    done = start(root, "p")
    assert done.is_success == (ending == "true")
    assert done.is_success or "longer than 1 s" in done.detail
    until(lambda: not any(mark in words_of(pid) for pid in process_table()), "its processes end")


def test_it_ends_with_the_daemon_and_floods_no_memory(root):
    make(root, "p", script="yes flood\n")
    calls = []

    def stopping() -> bool:
        calls.append(1)
        return len(calls) > 20

    done = start(root, "p", stopping=stopping)
    assert not done.is_success and "the daemon ended" in done.detail and len(done.detail) < 100_000


def test_instructions_become_work_of_a_dog(root, without_tmux):
    make(root, "p", script=None, body="Look at the logs.\n")
    done = start(root, "p")
    beads = [one for one in TownLedger(root).store_for("hq-x").find(gates_query()) if one.title == "Plugin: p"]
    assert len(beads) == 1 and beads[0].text("description") == "Look at the logs."
    assert beads[0].id in done.detail


def gates_query():
    from gastown_core.beads.query import BeadQuery

    return BeadQuery(labels_all=("plugin:p",))


# -- sync and commands -------------------------------------------------------------------------------------------


def test_sync_brings_what_differs_and_keeps_what_it_replaces(root, tmp_path):
    source = str(tmp_path / "team")
    make(source, "a", script="echo 1\n")
    make(source, "b")
    os.makedirs(os.path.join(source, "plugins", "broken"))
    open(os.path.join(source, "plugins", "broken", "plugin.md"), "w").close()
    folder = os.path.join(source, "plugins")
    make(root, "mine")

    def told(**more):
        return [(one.name, one.what) for one in sync.sync_plugins(root, folder, **more)]

    assert told(dry_run=True) == [("a", "new"), ("b", "new"), ("broken", "wrong")]
    assert not os.path.exists(os.path.join(root, "plugins", "a"))
    assert told() == [("a", "new"), ("b", "new"), ("broken", "wrong")]
    make(source, "a", script="echo 2\n")
    assert told() == [("a", "changed"), ("b", "same"), ("broken", "wrong")]
    with open(os.path.join(root, "plugins", ".removed", "a", "run.sh")) as handle:
        assert handle.read() == "echo 1\n"
    assert told(clean=True)[-1] == ("mine", "removed")
    assert [one.name for one in find_plugins(root)[0]] == ["a", "b"]
    with pytest.raises(UsageError):
        sync.sync_plugins(root, os.path.join(root, "plugins"))


def test_the_commands_tell_what_holds_and_what_ran(root):
    make(root, "p", '[gate]\ntype = "cooldown"\nduration = "1h"', script="echo done\n")
    make(root, "q", script="exit 4\n")
    assert "at most every 1h" in gt("plugin", "list", cwd=root).out
    assert "p would run" in gt("plugin", "run", "p", "--dry-run", cwd=root).out
    assert "✓ p ran" in gt("plugin", "run", "p", cwd=root).out
    again = gt("plugin", "run", "p", cwd=root)
    assert again.code == 0 and "does not run" in again.out and "--force" in again.out
    assert gt("plugin", "run", "q", cwd=root).code == 1
    assert "success" in gt("plugin", "history", "p", cwd=root).out
    assert gt("plugin", "history", "p", "--limit", "-1", cwd=root).code == 2
    assert gt("plugin", "show", "nope", cwd=root).code == 1
