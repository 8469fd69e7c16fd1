"""kill -9 at every point of acts on sessions: after the daemon's 30 s each agent lives, has ended, or was never begun.

No session is anybody else's or half made, and the act can be repeated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from gastown_core.daemon import starting
from gastown_core.daemon.leftovers import is_lock
from gastown_core.files.locks import holder_of
from gastown_core.model.bead import HOOKED
from gastown_core.model.metadata import order_of
from gastown_core.process_table import words_of
from gastown_core.tmux.panes import list_panes
from gastown_core.tmux.processes import PLACEHOLDER
from gastown_core.tmux.server import TmuxServer
from gastown_core.town import daemon_note, sessions
from gastown_core.town.inventory import read_inventory
from gastown_core.town.lifecycle import standing_agents
from gastown_core.town.liveness import lives
from tests.drills.drilled import LONG, Act, Drilled, open_convoys, sweep
from tests.support.cli import gt
from tests.support.tmux import needs_tmux, until

pytestmark = [needs_tmux, pytest.mark.timeout(3600 if LONG else 900)]
STILL = {"command": "sh", "args": ["-c", "exec sleep 86400", "still"], "process_names": ["sleep"]}
"""An agent that lives and does nothing."""


@pytest.fixture
def still(drilled: Drilled, server: TmuxServer) -> Iterator[Drilled]:
    """The town with agents that do nothing, on a private tmux server."""
    path = os.path.join(drilled.root, "settings", "config.json")
    value = json.load(open(path, encoding="utf-8")) if os.path.exists(path) else {}
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        json.dump({**value, "default_agent": "still", "agents": {"still": STILL}}, handle)

    def end_sessions() -> None:
        starting.stop(drilled.root)
        town = sessions.server_of(drilled.root)
        town.kill_server()
        until(lambda: not town.is_running(), "the town's server ends")

    drilled.end_sessions = end_sessions
    yield drilled
    end_sessions()


def dead(drilled: Drilled) -> list[str]:
    """Standing agents that do not live, and panes in which nobody does."""
    inventory = read_inventory(drilled.root)
    found = [one.address.path for one in standing_agents(drilled.root, inventory) if not lives(drilled.root, one)]
    panes = list_panes(sessions.server_of(drilled.root))
    return found + [f"dead pane {name}" for name, pane in panes.items() if pane.dead]


def half_made(drilled: Drilled) -> list[str]:
    """Sessions that are nobody's or in which nothing was ever started, and locks that somebody still holds."""
    roster = {entry.session for entry in read_inventory(drilled.root).agents}
    panes = list_panes(sessions.server_of(drilled.root)).values()
    found = [f"session {pane.session} is nobody's" for pane in panes if pane.session not in roster]
    found += [
        f"nothing was started in session {pane.session}"
        for pane in panes
        if not pane.dead and tuple(words_of(pane.pid)) == PLACEHOLDER
    ]
    own = daemon_note.lock_path(drilled.root)
    locks = [path for path in drilled.files() if is_lock(os.path.basename(path)) and path != own]
    return found + [f"{path} is held" for path in locks if holder_of(path) is not None]


def comes_to_rest(drilled: Drilled) -> list[str]:
    """What stays amiss, though a daemon that was started may still be at it for a moment, and takes locks now and then."""
    found: list[str] = []

    def rests() -> bool:
        found[:] = [*half_made(drilled), *drilled.amiss()]
        return not found

    comes_true(rests)
    return found


def comes_true(condition: Callable[[], object]) -> bool:
    try:
        return bool(until(condition, timeout_s=15))
    except pytest.fail.Exception:
        return False


def test_after_a_killed_up_a_second_one_completes_the_town(still: Drilled) -> None:
    act = Act(("up",), still.root)

    def finish() -> list[str]:
        wrong = comes_to_rest(still)
        again = act.run()
        wrong += [f"a second up fails: {again.out}{again.err}"] if again.code else []
        wrong += [] if comes_true(lambda: not dead(still)) else [f"dead after it: {dead(still)}"]
        wrong += [] if holder_of(daemon_note.lock_path(still.root)) else ["no daemon"]
        return wrong + comes_to_rest(still)

    sweep(still, act, finish, most=2)


def test_after_a_killed_down_a_second_one_ends_what_is_left(still: Drilled) -> None:
    act = Act(("down",), still.root)

    def finish() -> list[str]:
        wrong = comes_to_rest(still)
        again = act.run()
        wrong += [f"a second down fails: {again.err}"] if again.code else []
        wrong += [] if not list_panes(sessions.server_of(still.root)) else ["sessions are left"]
        wrong += ["the daemon is left"] if holder_of(daemon_note.lock_path(still.root)) else []
        return wrong + comes_to_rest(still)

    sweep(still, act, finish, most=2, begin=lambda: bring_up(still))


def bring_up(drilled: Drilled) -> None:
    assert gt("up", cwd=drilled.root).code == 0
    assert comes_true(lambda: not dead(drilled))


def mayor(drilled: Drilled) -> None:
    assert gt("mayor", "start", cwd=drilled.root).code == 0
    assert comes_true(lambda: lives(drilled.root, drilled.town.entry("mayor")))


ACTS = {
    "handoff": ("handoff", "mayor", "-y", "-s", "full", "-m", "remember this"),
    "restart": ("session", "restart", "mayor"),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_killed_handoff_or_restart_leaves_the_agent_alive_and_can_be_repeated(still: Drilled, name: str) -> None:
    act = Act(ACTS[name], still.root)
    entry = still.town.entry("mayor")

    def finish() -> list[str]:
        wrong = [] if comes_true(lambda: lives(still.root, entry)) else ["the agent is dead after the kill"]
        wrong += comes_to_rest(still)
        again = act.run()
        wrong += [f"a second one fails: {again.err}"] if again.code else []
        wrong += [] if comes_true(lambda: lives(still.root, entry)) else ["the agent is dead after the second one"]
        panes = list_panes(sessions.server_of(still.root))
        return wrong + ([] if list(panes) == [entry.session] else [f"sessions: {list(panes)}"])

    sweep(still, act, finish, most=2, begin=lambda: mayor(still), always="program ended")


def test_after_a_killed_sling_the_worker_is_set_going_for_this_work(still: Drilled) -> None:
    town = still.town
    settings_of(still)
    bead = town.file().id
    act = Act(("sling", bead, "shop"), town.root)

    def at_work() -> bool:
        now = town.bead(bead)
        return now.status == HOOKED and lives(town.root, town.entry(now.assignee), order_of(now))

    def finish() -> list[str]:
        wrong = []
        if open_convoys(town, bead):
            wrong += [] if comes_true(at_work) else [f"nobody works on it by itself: {town.bead(bead).status}"]
        again = act.run()
        wrong += [f"a second sling fails: {again.err}"] if again.code else []
        wrong += [] if comes_true(at_work) else ["nobody works on it after a second sling"]
        wrong += [] if len(open_convoys(town, bead)) == 1 else [f"convoys: {open_convoys(town, bead)}"]
        wrong += [] if len(still.polecats) == 1 else [f"polecats: {len(still.polecats)}"]
        return wrong + comes_to_rest(still)

    sweep(still, act, finish, most=2)


def settings_of(drilled: Drilled) -> None:
    from gastown_core.town.settings import set_setting

    set_setting(drilled.root, "convoy.feed_grace", "0s")
