"""The live model reports each change once, and reports a failing source."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.events.log import append_event
from gastown_core.events.retention import prune
from gastown_core.git.repo import Git
from gastown_core.model.agent import Health
from gastown_core.runtimes.heartbeat import write_heartbeat
from gastown_core.state import tmux_keeper
from gastown_core.state.live import BURST_COUNT, BURST_GAP_S, CALM_GAP_S, LiveTown, Pace
from gastown_core.state.tmux_keeper import TmuxKeeper
from gastown_core.tmux.server import NoServerError
from gastown_core.tmux.socket import socket_path
from tests.support.patience import comes as until
from tests.support.refineries import gating, held, write_state
from tests.support.repos import PERSON, commit_files, make_bare, make_repo
from tests.support.towns import reference_town


@pytest.fixture
async def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveTown]:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    town = LiveTown(reference_town(tmp_path))
    await town.start()
    reader = asyncio.get_running_loop().create_task(drain(town))
    yield town
    reader.cancel()
    await town.close()


async def drain(town: LiveTown) -> None:
    async for _ in town.updates():
        pass


def texts(town: LiveTown) -> list[str]:
    return [town.stream.row(serial).text for serial in range(town.stream.first, town.stream.end)]


async def test_an_appended_event_becomes_a_row_and_its_actors_last_event(live: LiveTown) -> None:
    before = live.stream.end
    append_event(live.root, "hook", "demo/rust", {"bead": "dm-k3f"})
    await until(lambda: live.stream.end == before + 1)
    assert live.stream.row(before).text == "hooked dm-k3f"
    rust = live.snapshot.agent("demo/polecats/rust")
    assert rust is not None
    assert rust.last_event is not None
    assert rust.last_event.text == "hooked dm-k3f"


async def test_a_bead_written_by_another_process_is_one_row_and_moves_its_convoy(live: LiveTown) -> None:
    with TownLedger(live.root).stores()["demo"].write("op") as batch:
        batch.close("dm-k3f", "finished")
    await until(lambda: live.snapshot.convoys[0].done == 1)
    assert [text for text in texts(live) if "dm-k3f" in text] == ["dm-k3f Task 2 for demo closed"]


async def test_a_change_told_by_event_and_ledger_is_one_row(live: LiveTown) -> None:
    with TownLedger(live.root).stores()["demo"].write("op") as batch:
        bead = batch.create({"title": "Both ways"})
    append_event(live.root, "create", "op", {"bead": bead.id, "title": bead.title, "rev": bead.text("updated_at")})
    append_event(live.root, "mail", "mayor", {"to": "x", "subject": "the end"})
    await until(lambda: any("the end" in text for text in texts(live)))
    assert sum("Both ways" in text for text in texts(live)) == 1


async def test_a_compacted_store_changes_nothing_on_screen(live: LiveTown) -> None:
    store = TownLedger(live.root).stores()["demo"]
    with store.write("op") as batch:
        batch.update("dm-k3f", {"title": "Renamed"})
    await until(lambda: any("Renamed" in text for text in texts(live)))
    rows = live.stream.end

    store.compact()
    with store.write("op") as batch:
        batch.create({"title": "After"})
    await until(lambda: any("After" in text for text in texts(live)))
    assert live.stream.end == rows + 1


async def test_records_that_come_by_replacing_the_file_are_seen(live: LiveTown) -> None:
    path = Path(live.root, "demo", ".beads", "issues.jsonl")
    fresh = path.with_name("fresh")
    fresh.write_bytes(path.read_bytes().replace(b"Task 3 for demo", b"Task 3 by git"))
    os.rename(fresh, path)
    await until(lambda: any("Task 3 by git" in text for text in texts(live)))


async def test_the_stream_goes_on_after_retention_replaced_the_log(live: LiveTown) -> None:
    Path(live.root, ".krc.yaml").write_text('{"min_retain_count": 2, "ttls": {"*": "1s"}}')
    prune(live.root, SYSTEM_CLOCK.now() + 86400 * 400)
    await until(lambda: live.stream.end == 2)
    append_event(live.root, "mail", "mayor", {"to": "x", "subject": "still here"})
    await until(lambda: any("still here" in text for text in texts(live)))


async def test_a_heartbeat_moves_the_state(live: LiveTown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    live.sources.facts.panes = None
    write_heartbeat(live.root, "dm-rust", "waiting", context="allow Bash?", bead="dm-9d8")

    def state() -> Health:
        rust = live.snapshot.agent("demo/polecats/rust")
        assert rust is not None
        return rust.health.state

    await until(lambda: state() is Health.WAITING)


async def test_a_new_polecat_and_a_new_rig_appear(live: LiveTown) -> None:
    Path(live.root, "demo", "polecats", "onyx", "demo").mkdir(parents=True)
    await until(lambda: live.snapshot.agent("demo/polecats/onyx") is not None)


async def test_a_burst_is_coalesced_and_complete(live: LiveTown) -> None:
    before = live.stream.end
    for n in range(500):
        append_event(live.root, "step", "demo/rust", {"message": f"n{n}"})
    await until(lambda: live.stream.end == before + 500)
    assert live.stream.row(live.stream.end - 1).text == "n499"


async def test_broken_settings_are_told_and_the_picture_stays(live: LiveTown) -> None:
    Path(live.root, "settings", "config.json").write_text("{oops")
    await until(lambda: live.snapshot.source_error("settings") is not None)
    assert len(live.snapshot.agents) == 6
    Path(live.root, "settings", "config.json").write_text("{}")
    await until(lambda: live.snapshot.source_error("settings") is None)


async def test_states_move_by_waiting_alone(live: LiveTown) -> None:
    live.sources.facts.panes = None
    bead = TownLedger(live.root).stores()["demo"].get("dm-9d8")
    assert bead is not None
    began = bead.updated_at

    def state_at(minutes: float) -> Health:
        live.clock = FixedClock(began + minutes * 60)
        live.recheck()
        rust = live.snapshot.agent("demo/polecats/rust")
        assert rust is not None
        return rust.health.state

    assert [state_at(minutes) for minutes in (14, 16, 31)] == [Health.WORKING, Health.STALLED, Health.GUPP]


async def test_sessions_that_start_and_end_while_the_console_is_open_are_seen(live: LiveTown) -> None:
    server = live.sources.panes.server

    def rust_runs() -> bool | None:
        rust = live.snapshot.agent("demo/polecats/rust")
        assert rust is not None
        return rust.running

    assert not rust_runs()
    for _ in range(2):
        server.run("new-session", "-d", "-s", "dm-rust", "sleep 600")
        server.run("set-option", "-t", "=dm-rust:", "@gt_process_names", "sleep")
        await until(lambda: bool(rust_runs()))
        server.kill_server()
        await until(lambda: not rust_runs())


async def test_a_server_that_did_not_listen_yet_at_the_first_look_is_found(
    live: LiveTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    opened = TmuxKeeper._open

    def first_in_vain(keeper: TmuxKeeper, *args: object) -> object:
        looks.append("")
        if len(looks) == 1:
            raise NoServerError("no server is running")
        return opened(keeper, *args)

    monkeypatch.setattr(TmuxKeeper, "_open", first_in_vain)
    monkeypatch.setattr(tmux_keeper, "socket_mark", lambda name: (1, 1) if os.path.exists(socket_path(name)) else None)
    server = live.sources.panes.server
    server.run("new-session", "-d", "-s", "dm-rust", "sleep 600")
    try:
        await until(lambda: live.tmux.link is not None and not live.tmux.link.closed)
    finally:
        server.kill_server()
    assert len(looks) == 2


async def test_an_engines_picture_comes_and_its_death_is_told_without_asking(live: LiveTown) -> None:
    import subprocess

    rig = live.sources.facts.inventory.rigs[0]
    engine = subprocess.Popen(["sleep", "600"])
    try:
        write_state(rig.path, gating(live.clock.now(), engine.pid)._replace(rig=rig.name))
        await until(lambda: bool(live.snapshot.refineries) and live.snapshot.refineries[0].is_busy)
        assert live.snapshot.refineries[0].trouble == ""
    finally:
        engine.kill()
        engine.wait()
    await until(lambda: not live.snapshot.refineries[0].is_alive)
    assert "the engine is gone" in live.snapshot.refineries[0].trouble


async def test_a_junk_picture_is_told_and_the_last_good_one_stays(live: LiveTown) -> None:
    rig = live.sources.facts.inventory.rigs[0]
    path = write_state(rig.path, held(live.clock.now())._replace(rig=rig.name))
    await until(lambda: bool(live.snapshot.refineries) and live.snapshot.refineries[0].is_held)
    Path(path).write_text("{oops")
    await until(lambda: live.snapshot.source_error("refinery") is not None)
    assert live.snapshot.refineries[0].is_held
    assert "cannot be read" in live.snapshot.refineries[0].trouble
    write_state(rig.path, held(live.clock.now())._replace(rig=rig.name))
    await until(lambda: live.snapshot.source_error("refinery") is None)


async def test_a_pause_of_the_scheduler_is_seen(live: LiveTown) -> None:
    state = Path(live.root, ".runtime", "scheduler-state.json")
    state.parent.mkdir(exist_ok=True)
    state.write_text('{"paused": true, "paused_by": "ana"}')
    await until(lambda: live.snapshot.scheduler.is_paused)
    assert live.snapshot.scheduler.paused_by == "ana"
    state.write_text('{"paused": false}')
    await until(lambda: not live.snapshot.scheduler.is_paused)


async def test_a_branch_that_moves_moves_its_strip(live: LiveTown) -> None:
    rig = live.sources.facts.inventory.rigs[0]
    work = make_repo(os.path.join(live.root, "src"))
    bare = make_bare(os.path.join(rig.path, ".repo.git"), work.path)
    tree = Git(os.path.join(live.root, "wt"), identity=PERSON)

    def state(bead: str, step: str) -> str:
        strips = [m.landing for convoy in live.snapshot.convoys for m in convoy.members if m.bead_id == bead]
        return strips[0].state(step) if strips and strips[0] is not None else ""

    with TownLedger(live.root).stores()[rig.name].write("op") as batch:
        batch.update("dm-k3f", {"status": "hooked", "assignee": "demo/polecats/rust"})
    await until(lambda: state("dm-k3f", "written") == "no")
    bare.run("worktree", "add", "--quiet", "-b", "polecat/rust/dm-k3f@a1", tree.path, "origin/main")
    commit_files(tree, {"a.txt": "a\n"}, "work")
    await until(lambda: state("dm-k3f", "written") == "yes")
    tree.run("push", "--quiet", "origin", "HEAD:refs/heads/polecat/rust/dm-k3f@a1")
    await until(lambda: state("dm-k3f", "pushed") == "yes")


async def test_a_daemon_that_dies_is_shown_at_once_with_since_when(live: LiveTown) -> None:
    from gastown_core.daemon import starting
    from gastown_core.model.daemon import DIED, NEVER

    assert live.snapshot.daemon.state == NEVER
    pid, _ = await asyncio.to_thread(starting.start, live.root)
    try:
        await until(lambda: live.snapshot.daemon.pid == pid and live.snapshot.daemon.is_at_work)
    finally:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: live.snapshot.daemon.state == DIED)
    assert live.snapshot.daemon.since


async def test_a_task_of_the_model_that_breaks_is_a_failing_source_until_it_works_again(live: LiveTown) -> None:
    broken = [True]

    async def examine() -> None:
        if broken:
            broken.clear()
            raise OSError(28, "No space left on device")
        await asyncio.Event().wait()

    errors: list[str] = []
    live._background.start("git:proofs", examine)

    def seen() -> str:
        status = live.snapshot.source_error("git:proofs")
        errors.append(status.error if status is not None else "")
        return errors[-1]

    await until(lambda: seen() == "No space left on device")
    await until(lambda: not broken and seen() == "")


def spoil(path: Path, how: str) -> None:
    """Put something else in a file's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how == "a pipe":
        os.mkfifo(path)
    else:
        path.write_text("{ nonsense\n")


def mend(path: Path, data: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.rename(path)


@pytest.mark.parametrize("how", ["a folder", "a pipe"])
async def test_something_else_in_the_place_of_the_event_log_is_told_and_its_return_is_seen(
    live: LiveTown, how: str
) -> None:
    path = Path(live.root, ".events.jsonl")
    before, data = texts(live), path.read_bytes()
    spoil(path, how)
    await until(lambda: live.snapshot.source_error("events") is not None)
    assert texts(live) == before
    append_event(live.root, "mail", "mayor", {"to": "x", "subject": "into the void"})
    mend(path, data)
    append_event(live.root, "mail", "mayor", {"to": "x", "subject": "back again"})
    await until(lambda: live.snapshot.source_error("events") is None)
    await until(lambda: any("back again" in text for text in texts(live)))
    assert texts(live)[: len(before)] == before


async def test_a_console_that_opens_on_a_pipe_for_a_log_shows_the_rest_and_then_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    root = reference_town(tmp_path)
    path = Path(root, ".events.jsonl")
    data = path.read_bytes()
    spoil(path, "a pipe")
    town = LiveTown(root)
    await town.start()
    reader = asyncio.get_running_loop().create_task(drain(town))
    try:
        assert town.snapshot.source_error("events") is not None and len(town.snapshot.agents) == 6
        mend(path, data)
        await until(lambda: town.stream.end > 5 and town.snapshot.source_error("events") is None)
    finally:
        reader.cancel()
        await town.close()


async def test_a_store_that_fails_while_it_is_loaded_keeps_its_facts_and_its_error_until_it_loads(
    live: LiveTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    source = live.sources.ledger
    before = dict(live.sources.facts.ledger["demo"])
    assert before
    with monkeypatch.context() as patched:
        patched.setattr(type(source), "_read_fields", fail)
        source.load_store("demo", live.clock.now())
        for _ in range(3):
            # looks meanwhile must not take the tail's silence for health
            source.poll(live.clock.now())
            assert "Input/output" in live.sources.facts.error_of("beads:demo")
            assert live.sources.facts.ledger["demo"] == before
    source.poll(live.clock.now())
    assert live.sources.facts.error_of("beads:demo") == ""
    assert live.sources.facts.ledger["demo"] == before


async def test_members_that_cannot_be_looked_up_are_an_error_of_their_store(
    live: LiveTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, facts = live.sources.ledger, live.sources.facts
    for bead in list(facts.ledger["demo"]):
        del facts.ledger["demo"][bead]
    store = source.ledger.stores()["demo"]

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "excerpts_of", fail)
        source.fetch_named()
        assert "Input/output" in facts.error_of("beads:demo")
    source.poll(live.clock.now())
    assert facts.error_of("beads:demo") == "" and facts.ledger["demo"]


async def test_a_source_that_fails_in_a_way_of_its_own_takes_no_other_down(
    live: LiveTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise RecursionError("maximum recursion depth exceeded")

    with monkeypatch.context() as patched:
        patched.setattr(live.sources.scheduler, "poll", fail)
        Path(live.root, ".runtime").mkdir(exist_ok=True)
        live._stir("scheduler")
        await until(lambda: live.snapshot.source_error("scheduler") is not None)
        append_event(live.root, "mail", "mayor", {"to": "x", "subject": "still read"})
        await until(lambda: any("still read" in text for text in texts(live)))
    live._stir("scheduler")
    await until(lambda: live.snapshot.source_error("scheduler") is None)


@pytest.mark.parametrize("how", ["nonsense", "a folder", "a pipe"])
async def test_a_rigs_junk_settings_are_told_and_the_town_is_shown(live: LiveTown, how: str) -> None:
    path = Path(live.root, ".beads-wisp", "config", "demo.json")
    spoil(path, how)
    Path(live.root, "settings", "config.json").touch()
    live._stir("roster")
    await until(lambda: live.snapshot.source_error("roster") is not None)
    assert len(live.snapshot.agents) == 6
    path.rmdir() if path.is_dir() else path.unlink()
    live._stir("roster")
    await until(lambda: live.snapshot.source_error("roster") is None)


async def test_while_the_register_of_rigs_is_junk_the_known_rigs_stay(live: LiveTown) -> None:
    path = Path(live.root, "mayor", "rigs.json")
    data = path.read_bytes()
    path.write_text("{ nonsense")
    await until(lambda: live.snapshot.source_error("roster") is not None)
    assert [rig.name for rig in live.snapshot.rigs] == ["demo"] and len(live.snapshot.agents) == 6
    path.write_bytes(data)
    await until(lambda: live.snapshot.source_error("roster") is None)


async def test_pushes_of_tmux_do_not_pile_up_while_the_loop_is_away(live: LiveTown) -> None:
    """As while the operator is attached to a session: hours, with a push each second."""
    calls: list[object] = []

    class Away:
        def call_soon_threadsafe(self, *words: object) -> None:
            calls.append(words)

    for _ in range(1000):
        live.tmux._take_push(Away(), {})  # type: ignore[arg-type]
    assert len(calls) == 1
    live.tmux.take_panes(live.clock.now())
    live.tmux._take_push(Away(), {})  # type: ignore[arg-type]
    assert len(calls) == 2


def test_a_steady_stream_is_no_burst_and_what_never_rests_is() -> None:
    pace = Pace()
    for _ in range(100):
        # fifteen events a second leave such a rest before each
        pace.rested(0.04)
        pace.rested(0.0)
        assert pace.gap_s == CALM_GAP_S
    for _ in range(BURST_COUNT):
        pace.rested(0.0)
    assert pace.gap_s == BURST_GAP_S
    pace.rested(0.04)
    assert pace.gap_s == CALM_GAP_S
