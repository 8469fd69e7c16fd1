from __future__ import annotations

import json
import os
import signal

import pytest

from gastown_core.errors import ConflictError, NoTmuxError, TmuxError
from gastown_core.events.log import log_path, parse_event
from gastown_core.model.agent import Health
from gastown_core.model.event import describe
from gastown_core.runtimes.heartbeat import heartbeat_path, write_heartbeat
from gastown_core.state.collect import collect_agents
from gastown_core.tmux import panes
from gastown_core.tmux.panes import list_panes
from gastown_core.town import lifecycle, sessions, start_plan
from gastown_core.town.liveness import live_sessions
from gastown_core.town.runtime_settings import remove_agent, set_agent
from gastown_core.town.settings import set_setting
from tests.support.rigged import make_executable, path_without_tmux
from tests.support.tmux import needs_tmux, screen, until


@pytest.fixture
def town(rigged, server):
    """A town whose agents are scripted, on a private server."""
    set_setting(rigged.root, "default_agent", "scripted")
    yield rigged
    sessions.server_of(rigged.root).kill_server()


def start(town, who="mayor", **options):
    entry = town.entry(who)
    return entry, sessions.start_agent(town.root, start_plan.plan_start(town.root, entry, **options))


@needs_tmux
def test_a_started_agent_lives_knows_who_it_is_and_is_told_of(town):
    entry, pane = start(town, "shop/witness")
    assert (pane.session, pane.agent) == ("sh-witness", "scripted")
    until(lambda: sessions.is_alive(sessions.find_session(town.root, entry)), "it lives")
    server = sessions.server_of(town.root)
    env = server.run("show-environment", "-t", "=sh-witness:")
    for line in ("GT_ROLE=shop/witness", "GT_RIG=shop", f"GT_TOWN_ROOT={town.root}", "GT_AGENT=scripted"):
        assert line in env.split("\n")
    until(
        lambda: "[GAS TOWN] witness (rig: shop) <- overseer" in screen(server, pane), "the beacon is its first prompt"
    )
    told = town.events("session_start")[0]
    assert (told["actor"], told["payload"]["topic"], told["payload"]["cwd"]) == (
        "shop/witness",
        "start",
        entry.work_dir,
    )


@needs_tmux
def test_a_running_agent_is_not_started_twice(town):
    entry, _ = start(town)
    until(lambda: sessions.is_alive(sessions.find_session(town.root, entry)), "it lives")
    with pytest.raises(ConflictError, match="already running"):
        start(town)


@needs_tmux
def test_a_start_that_comes_second_leaves_the_first_its_voice(town, monkeypatch):
    """A daemon is killed while it starts a session, and the next one starts it again: the program that runs is heard."""
    entry, pane = start(town, "mayor")
    until(lambda: os.path.exists(heartbeat_path(town.root, entry.session)), "it says that it is there")
    found = panes.find_pane
    answers = iter([None])
    monkeypatch.setattr(panes, "find_pane", lambda *args: next(answers, found(*args)))
    monkeypatch.setattr(sessions, "_check_nowhere_else", lambda *_: None)
    with pytest.raises(ConflictError):
        start(town, "mayor")
    server = sessions.server_of(town.root)
    server.run("send-keys", "-t", pane.pane_id, "-l", "are you there?")
    server.run("send-keys", "-t", pane.pane_id, "Enter")
    until(lambda: os.path.exists(heartbeat_path(town.root, entry.session)), "nothing that it says is heard")


@needs_tmux
def test_a_dead_agent_is_revived_in_its_own_pane(town):
    entry, pane = start(town)
    os.kill(pane.pid, signal.SIGKILL)
    until(lambda: sessions.find_session(town.root, entry).dead, "it is dead")
    _, again = start(town)
    assert again.pane_id == pane.pane_id and again.pid != pane.pid


@needs_tmux
def test_work_slung_without_tmux_is_begun_when_the_town_comes_up(town, monkeypatch, tmp_path):
    bead = town.file()
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", path_without_tmux(tmp_path))
    worker = town.sling(bead.id, session=True).result.agent
    monkeypatch.setenv("PATH", path)
    rows = {row.name: row for row in lifecycle.bring_up(town.root, sender="overseer")}
    assert rows[worker].ok and "scripted" in rows[worker].detail
    until(lambda: sessions.is_alive(sessions.find_session(town.root, town.entry(worker))), "it lives")
    assert lifecycle.never_started(town.ledger, [town.entry(worker)]) == {}


@needs_tmux
def test_stopping_ends_exactly_that_session_and_its_heartbeat(town):
    entry, _ = start(town)
    start(town, "shop/witness")
    write_heartbeat(town.root, entry.session, "idle")
    assert sessions.stop_agent(town.root, entry, caller="overseer", reason="enough") is True
    assert list(list_panes(sessions.server_of(town.root))) == ["sh-witness"]
    assert not os.path.exists(heartbeat_path(town.root, entry.session))
    assert town.events("kill")[0]["payload"] == {"rig": "", "target": "mayor", "reason": "enough"}
    assert sessions.stop_agent(town.root, entry, caller="overseer") is False


@needs_tmux
def test_what_a_start_warned_of_is_among_the_reasons_when_the_agent_dies(town):
    entry = town.entry("mayor")
    plan = start_plan.plan_start(town.root, entry)._replace(
        warnings=("the key is not approved: it will ask; approve it",)
    )
    pane = sessions.start_agent(town.root, plan)
    (event,) = town.events("session_start")
    assert event["payload"]["warnings"] == list(plan.warnings)
    assert describe(parse_event(json.dumps(event).encode(), 0)).endswith("; warned: " + plan.warnings[0])
    told = "warned at its start: " + plan.warnings[0]
    assert told not in [reason.text for reason in health_of(town.root).reasons], "it runs all the same"

    os.kill(pane.pid, signal.SIGKILL)
    until(lambda: health_of(town.root).state == Health.ZOMBIE, "its death is seen")

    assert told in [reason.text for reason in health_of(town.root).reasons]


def health_of(root):
    return next(view.health for view in collect_agents(root) if view.address.path == "mayor")


@needs_tmux
def test_a_program_that_ends_at_once_is_an_error_and_leaves_no_session(town):
    set_agent(town.root, "broken", "sh -c 'exit 7'")
    with pytest.raises(TmuxError, match="ended at once"):
        start(town, agent="broken")
    assert list_panes(sessions.server_of(town.root)) == {}
    assert town.events("session_start") == []


@needs_tmux
def test_up_starts_the_standing_agents_once_and_down_ends_what_is_ours(town):
    server = sessions.server_of(town.root)
    rows = lifecycle.bring_up(town.root, sender="overseer", keys={"a": ["gt", "feed", "--window"]})
    assert [(row.name, row.ok) for row in rows] == [
        (n, True) for n in ("mayor", "deacon", "shop/witness", "shop/refinery")
    ]
    for entry in lifecycle.standing_agents(town.root, lifecycle.read_inventory(town.root)):
        until(lambda e=entry: sessions.is_alive(sessions.find_session(town.root, e)), entry.session)
    again = lifecycle.bring_up(town.root, sender="overseer")
    assert {row.detail for row in again} == {lifecycle.RUNS_ALREADY}
    assert len(town.events("boot")) == 1
    assert "feed --window" in server.run("list-keys", "-T", "prefix", "a")
    server.run("new-session", "-d", "-s", "mine", "cat")
    assert lifecycle.bring_down(town.root, caller="overseer", dry_run=True) == [row.name for row in rows]
    assert sorted(lifecycle.bring_down(town.root, caller="overseer")) == sorted(row.name for row in rows)
    assert list(list_panes(server)) == ["mine"]
    assert len(town.events("halt")) == 1 and len(town.events("session_end")) == 4
    assert lifecycle.bring_down(town.root, caller="overseer") == []


@needs_tmux
def test_up_leaves_parked_rigs_and_switched_off_roles_alone(town):
    from tests.support.rigged import write

    write(os.path.join(town.root, ".beads-wisp", "config", "shop.json"), '{"values": {"status": "parked"}}')
    set_setting(town.root, "up.deacon", "false")
    inventory = lifecycle.read_inventory(town.root)
    assert [entry.address.path for entry in lifecycle.standing_agents(town.root, inventory)] == ["mayor"]


def test_the_seeds_settings_choose_the_runtime_of_each_role(rigged):
    set_agent(rigged.root, "claude-opus", "claude --model claude-opus-4-6")
    set_setting(rigged.root, "roles.mayor.agent", "claude-opus")
    set_setting(rigged.root, "runtime.provider", "codex", scope="rig", rig="shop")
    set_setting(rigged.root, "runtime.command", "codex", scope="rig", rig="shop")
    mayor = start_plan.plan_start(rigged.root, rigged.entry("mayor"))
    assert (mayor.alias, mayor.argv[0]) == ("claude-opus", "claude")
    assert {"--model", "claude-opus-4-6", "--dangerously-skip-permissions"} <= set(mayor.argv)
    witness = start_plan.plan_start(rigged.root, rigged.entry("shop/witness"))
    assert witness.argv[0] == "codex" and witness.argv[-1].startswith("[GAS TOWN] witness")
    assert start_plan.plan_start(rigged.root, rigged.entry("deacon")).argv[0] == "claude"


def test_no_text_of_a_bead_reaches_the_command_line(rigged):
    bead = rigged.file("'; touch owned; '", description="$(touch owned)")
    rigged.sling(bead.id)
    entry = rigged.entry(rigged.bead(bead.id).assignee)
    plan = start_plan.plan_start(rigged.root, entry, bead=bead.id, topic="assigned")
    assert "owned" not in " ".join([*plan.argv, *plan.env.values()])


def test_without_tmux_the_error_says_what_still_works_and_what_to_type(rigged, without_tmux):
    entry = rigged.entry("mayor")
    with pytest.raises(NoTmuxError) as caught:
        sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry))
    assert "everything else works" in caught.value.why
    assert f"cd {entry.work_dir} && claude" in caught.value.hint
    assert live_sessions(rigged.root) is None
    with open(log_path(rigged.root)) as handle:
        assert "session_start" not in handle.read()


def test_built_in_runtimes_are_not_removed(rigged):
    from gastown_core.errors import UsageError

    set_agent(rigged.root, "mine", "claude --model x")
    remove_agent(rigged.root, "mine")
    with pytest.raises(UsageError, match="cannot be removed"):
        remove_agent(rigged.root, "claude")


@needs_tmux
def test_a_program_that_ended_says_how_and_with_what_words(rigged, server):
    path = os.path.join(rigged.root, "refuses")
    make_executable(path, "#!/bin/sh\nsleep 0.5\necho 'cannot run as root'\nexit 3\n")
    set_agent(rigged.root, "refuses", path)
    entry = rigged.entry("mayor")
    assert sessions.why_ended(rigged.root, entry.session) == ""
    sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry, agent="refuses"))
    try:
        told = until(lambda: sessions.why_ended(rigged.root, entry.session), "it ends")
        assert told == "ended with status 3: cannot run as root"
    finally:
        sessions.server_of(rigged.root).kill_server()
