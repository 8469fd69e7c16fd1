"""A table of faults for the live console: a failing source is reported, the rest keeps working, and it recovers."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.events.log import append_event
from gastown_core.runtimes.heartbeat import write_heartbeat
from gastown_core.state.live import LiveTown
from gastown_core.tmux.socket import socket_path
from gastown_core.town.sessions import server_of
from tests.core.state.test_faults import FAULTS, READERS, SAYS_SO, UNREAD, absent, whole_town
from tests.support.patience import comes as until
from tests.support.tmux import needs_tmux
from tests.support.vanishing import WAYS, vanishing

__all__ = ["whole_town"]
WATCHED = (
    "event log", "town ledger", "rig ledger", "wisps", "heartbeat", "roster", "rig's state", "town settings",
    "refinery state", "batches", "scheduler note", "daemon note",
)  # fmt: skip
"""What the console follows; the rest of the table is read by commands, or helps another reader."""


@pytest.fixture
async def live(whole_town: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveTown]:
    # unix sockets allow some 100 characters, so not below tmp_path
    folder = tempfile.mkdtemp(prefix="gt", dir="/tmp")
    monkeypatch.setenv("TMUX_TMPDIR", folder)
    monkeypatch.setattr("gastown_core.files.watch.SAFETY_POLL_S", 0.2)
    root = tmp_path / "gt"
    shutil.copytree(whole_town, root, symlinks=True)
    town = LiveTown(str(root))
    await town.start()
    reader = asyncio.get_running_loop().create_task(drain(town))
    yield town
    assert not reader.done(), "the stream of updates has ended"
    reader.cancel()
    await town.close()
    shutil.rmtree(folder)


async def drain(town: LiveTown) -> None:
    async for _ in town.updates():
        pass


def errors(live: LiveTown) -> dict[str, str]:
    return {one.name: one.error for one in live.snapshot.sources if one.error and one.name != "tmux"}


def texts(live: LiveTown) -> list[str]:
    return [live.stream.row(serial).text for serial in range(live.stream.first, live.stream.end)]


async def rest_is_fresh(live: LiveTown, reader: str, mark: str) -> None:
    """What the other sources bring meanwhile is shown."""
    if reader != "event log":
        append_event(live.root, "mail", "mayor", {"to": "x", "subject": f"event {mark}"})
        await until(lambda: any(f"event {mark}" in text for text in texts(live)), f"an event is shown {mark}")
    if reader not in ("rig ledger", "wisps", "roster"):
        with TownLedger(live.root).stores()["demo"].write("op") as batch:
            made = batch.create({"title": f"bead {mark}"})
        await until(lambda: live.sources.facts.bead(made.id), f"a bead is taken in {mark}")
    if reader != "heartbeat":
        write_heartbeat(live.root, "dm-rust", "working", context=mark, bead="dm-9d8")
        beats = live.sources.facts.heartbeats
        await until(lambda: beats["dm-rust"].context == mark, f"a heartbeat is taken in {mark}")
    assert live.snapshot.agents, "the rest is shown"


async def test_a_rig_that_is_parked_while_the_console_is_open_is_shown_so(live: LiveTown) -> None:
    states = lambda: [rig.state for rig in live.sources.facts.inventory.rigs if rig.name == "demo"]  # noqa: E731
    assert states() == ["operational"]
    Path(live.root, READERS["rig's state"]).write_text('{"values": {"status": "parked"}}')
    await until(lambda: states() == ["parked"], "it is parked")


async def check(live: LiveTown, reader: str, fault: Callable[[Path], None], *, is_told: bool) -> None:
    path = Path(live.root, READERS[reader])
    assert not errors(live)
    everybody = [agent.address for agent in live.snapshot.agents]
    kept = path.read_bytes()
    fault(path)
    if is_told:
        await until(lambda: SAYS_SO[reader] in errors(live), f"the error of {SAYS_SO[reader]} is shown")
    await rest_is_fresh(live, reader, "meanwhile")
    raised = [error for error in errors(live).values() if "Error: " in error]
    assert not raised, "a source that could not take what it read lost all the rest of it"
    if os.path.lexists(path):
        absent(path)
    path.write_bytes(kept)
    await until(lambda: not errors(live), f"it recovers from {errors(live)}")
    await until(lambda: [one.address for one in live.snapshot.agents] == everybody, "everybody is back")
    await rest_is_fresh(live, "", "afterwards")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("reader", WATCHED)
async def test_the_console_lives_through_a_bad_file(live: LiveTown, reader: str, fault: str) -> None:
    await check(live, reader, FAULTS[fault], is_told=fault in UNREAD and reader in SAYS_SO)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reader", WATCHED)
async def test_the_console_lives_through_a_file_that_goes_while_it_is_read(
    live: LiveTown, reader: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[list[str]] = []

    def fault(path: Path) -> None:
        # another file in its place, so that it is opened anew
        fresh = path.with_name("fresh")
        fresh.write_bytes(path.read_bytes())
        happened.append(vanishing(path, way, monkeypatch))
        fresh.replace(path)

    await check(live, reader, fault, is_told=False)
    assert happened[0], "nobody read it"


@pytest.mark.parametrize("reader", WATCHED)
async def test_the_console_reads_on_what_somebody_locks_for_ever(live: LiveTown, reader: str) -> None:
    path = Path(live.root, READERS[reader])
    locks = {path, *path.parent.glob("*.lock"), *path.parent.glob(".*lock")}
    held = [os.open(one, os.O_RDWR | os.O_CREAT) for one in locks]
    for fd in held:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        os.utime(path)
        path.write_bytes(path.read_bytes())
        await until(lambda: live.snapshot.agents, "the rest is shown")
        if reader not in ("event log", "town ledger"):
            append_event(live.root, "mail", "mayor", {"to": "x", "subject": "while it is locked"})
            await until(lambda: any("while it is locked" in text for text in texts(live)), "an event is shown")
    finally:
        for fd in held:
            os.close(fd)
    await rest_is_fresh(live, "", "afterwards")
    assert not errors(live)


@pytest.mark.parametrize(
    "folder",
    [
        ".runtime/heartbeats",
        ".runtime",
        "demo/.beads",
        "demo/.runtime",
        "daemon",
        "mayor",
        "settings",
        ".beads-wisp/config",
    ],
)
async def test_the_console_lives_through_a_folder_that_goes_and_comes_back(live: LiveTown, folder: str) -> None:
    path = Path(live.root, folder)
    everybody = [agent.address for agent in live.snapshot.agents]
    path.rename(path.with_name("away"))
    append_event(live.root, "mail", "mayor", {"to": "x", "subject": "meanwhile"})
    await until(lambda: any("meanwhile" in text for text in texts(live)), "an event is shown")
    if path.is_dir():
        shutil.rmtree(path)
    path.with_name("away").rename(path)
    await until(lambda: not errors(live), f"it recovers from {errors(live)}")
    await until(lambda: [one.address for one in live.snapshot.agents] == everybody, "everybody is back")
    await rest_is_fresh(live, "", "afterwards")


@needs_tmux
@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("absent", "half")])
async def test_the_console_finds_tmux_whatever_lay_in_the_place_of_its_socket(live: LiveTown, fault: str) -> None:
    server = server_of(live.root)
    path = Path(socket_path(server.socket))
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"")
    FAULTS[fault](path)
    await rest_is_fresh(live, "", "meanwhile")
    absent(path)
    for number in range(2):
        await asyncio.to_thread(server.run, "new-session", "-d", "-s", "hq-mayor", "sleep 1000")
        try:
            await until(lambda: "hq-mayor" in (live.sources.facts.panes or {}), f"the session is seen {number}", 20)
            await until(lambda: not live.snapshot.source_error("tmux"), "tmux is no error", 20)
        finally:
            await asyncio.to_thread(server.kill_server)
        await until(lambda: not live.sources.facts.panes, f"the session is seen to be gone {number}", 20)
    await rest_is_fresh(live, "", "afterwards")
