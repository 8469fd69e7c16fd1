"""A table of faults: whatever replaces a file, its reader reports it, the rest is shown, and it recovers.

Every reader of the town × absent, junk, deep, huge, a folder, a pipe, a link to itself, half a file, gone while it is read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gastown_core.beads.index import INDEX_NAME
from gastown_core.events.log import append_event
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.runtimes.heartbeat import write_heartbeat
from gastown_core.state.as_json import status_json
from gastown_core.state.collect import collect
from gastown_core.tmux.socket import has_tmux, socket_path
from gastown_core.town.sessions import server_of
from tests.support.odd_json import VALUES, changed
from tests.support.refineries import gating, write_state
from tests.support.repos import make_bare, make_repo
from tests.support.towns import reference_town
from tests.support.vanishing import WAYS, vanishing

NOW_S = 60
"""No look may take longer: a reader that waits for a pipe waits for ever."""


def absent(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def folder(path: Path) -> None:
    absent(path)
    path.mkdir()


def pipe(path: Path) -> None:
    absent(path)
    os.mkfifo(path)


def link_to_itself(path: Path) -> None:
    absent(path)
    path.symlink_to(path)


def text(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data) and None


def half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


FAULTS: dict[str, Callable[[Path], None]] = {
    "absent": absent,
    "empty": text(b""),
    "junk": text(b"\x00\xff junk {\n" * 20),
    "deep": text(b"[" * 5000 + b"\n"),
    "deep and whole": text(b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n"),
    "huge": text(b'{"type":"mail","text":"' + b"x" * 4_000_000 + b'"}\n'),
    "a list": text(b"[1, 2]\n"),
    "NaN": text(b'{"version": NaN, "id": Infinity}\n'),
    "folder": folder,
    "pipe": pipe,
    "link to itself": link_to_itself,
    "half": half,
}

READERS = {
    "event log": ".events.jsonl",
    "town ledger": ".beads/issues.jsonl",
    "rig ledger": "demo/.beads/issues.jsonl",
    "wisps": "demo/.beads/wisps.jsonl",
    "index": f"demo/.beads/{INDEX_NAME}",
    "store settings": "demo/.beads/config.yaml",
    "metadata": "demo/.beads/metadata.json",
    "redirect": "demo/polecats/rust/demo/.beads/redirect",
    "heartbeat": ".runtime/heartbeats/dm-rust.json",
    "roster": "mayor/rigs.json",
    "town": "mayor/town.json",
    "town settings": "settings/config.json",
    "rig settings": "demo/settings/config.json",
    "rig": "demo/config.json",
    "rig's state": ".beads-wisp/config/demo.json",
    "routes": ".beads/routes.jsonl",
    "queue": ".runtime/nudge_queue/dm-rust/1.json",
    "refinery state": "demo/.runtime/refinery/state.json",
    "batches": "demo/.runtime/refinery/batches.jsonl",
    "scheduler note": ".runtime/scheduler-state.json",
    "daemon note": "daemon/state.json",
    "daemon pid": "daemon/daemon.pid",
}
UNREAD = ("folder", "pipe", "link to itself")
SAYS_SO = {
    "event log": "events", "town ledger": "beads:town", "rig ledger": "beads:demo", "wisps": "beads:demo", "roster": "roster",
    "rig's state": "roster",
    "town settings": "settings", "refinery state": "refinery:demo", "scheduler note": "scheduler",
}  # fmt: skip
"""Readers whose source must name what it cannot read at all."""


def put(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(value if isinstance(value, str) else json.dumps(value) + "\n")


@pytest.fixture(scope="module")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A town that has every file of the table."""
    root = reference_town(tmp_path_factory.mktemp("whole"))
    place = Path(root)
    write_heartbeat(root, "dm-rust", "working", bead="dm-9d8")
    append_event(root, "mail", "mayor", {"to": "x", "subject": "s"})
    write_state(str(place / "demo"), gating(1_795_262_671.0, os.getpid()))
    put(place / "settings/config.json", {"type": "town-settings", "version": 1, "default_agent": "claude"})
    put(place / READERS["rig's state"], {"values": {}})
    put(place / "demo/.beads/config.yaml", "issue-prefix: dm\n")
    put(place / "demo/.beads/metadata.json", {"database": "beads.db"})
    put(place / "demo/.beads/wisps.jsonl", {"_type": "issue", "id": "dm-wisp1", "title": "A wisp", "status": "open"})
    put(place / READERS["redirect"], "../../../.beads\n")
    put(place / READERS["queue"], {"sender": "mayor", "message": "hi"})
    put(place / READERS["batches"], {"id": "b-1"})
    put(place / READERS["scheduler note"], {"paused": True, "paused_by": "mayor", "paused_at": "2026-03-02T10:14:07Z"})
    put(place / READERS["daemon note"], {"pid": 1, "duties": {}})
    put(place / READERS["daemon pid"], "1\nnonce\n")
    collect(root)
    return root


@pytest.fixture
def town(whole_town: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    root = tmp_path / "gt"
    shutil.copytree(whole_town, root, symlinks=True)

    def too_long(number: int, frame: object) -> None:
        raise TimeoutError("a reader waits")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(NOW_S)
    yield str(root)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def look(root: str) -> TownSnapshot:
    shot = collect(root)
    json.dumps(status_json(shot))
    raised = [error for error in errors(shot).values() if re.search(r"\b[A-Z]\w+Error: ", error)]
    assert not raised, "a source that could not take what it read lost all the rest of it"
    return shot


def errors(shot: TownSnapshot) -> dict[str, str]:
    return {source.name: source.error for source in shot.sources if source.error and source.name != "tmux"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("reader", READERS)
def test_a_bad_file_is_its_readers_error_alone_and_goes_with_its_cause(town: str, reader: str, fault: str) -> None:
    path = Path(town, READERS[reader])
    sound, kept = look(town), path.read_bytes()
    assert not errors(sound)
    FAULTS[fault](path)
    shot = look(town)
    assert shot.agents, "the rest is shown"
    if fault in UNREAD and reader in SAYS_SO:
        assert SAYS_SO[reader] in errors(shot)
    if os.path.lexists(path):
        absent(path)
    path.write_bytes(kept)
    again = look(town)
    assert not errors(again)
    assert [agent.address for agent in again.agents] == [agent.address for agent in sound.agents]
    assert [convoy.id for convoy in again.convoys] == [convoy.id for convoy in sound.convoys]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reader", [name for name in READERS if name != "index"])
def test_a_file_that_goes_while_it_is_read_is_missed_by_its_reader_alone(
    town: str, reader: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(town, READERS[reader])
    sound, kept = look(town), path.read_bytes()
    with monkeypatch.context() as patched:
        vanishing(path, way, patched)
        assert look(town).agents, "the rest is shown"
    if os.path.lexists(path):
        absent(path)
    path.write_bytes(kept)
    again = look(town)
    assert not errors(again)
    assert [agent.address for agent in again.agents] == [agent.address for agent in sound.agents]


def test_an_index_that_another_program_holds_is_done_without(town: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gastown_core.beads.index.BUSY_S", 0.05)
    db = sqlite3.connect(Path(town, READERS["index"]), isolation_level=None)
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    append = Path(town, READERS["rig ledger"])
    append.write_bytes(append.read_bytes() + b'{"_type":"issue","id":"dm-new01","title":"New","status":"open"}\n')
    assert look(town).agents
    db.close()
    assert not errors(look(town))


JSON_READERS = [name for name, path in READERS.items() if path.endswith((".json", ".jsonl"))]


@pytest.mark.parametrize("new", VALUES)
@pytest.mark.parametrize("reader", JSON_READERS)
def test_json_of_wrong_types_fells_nobody(town: str, reader: str, new: str) -> None:
    path = Path(town, READERS[reader])
    kept = path.read_text()
    if path.suffix == ".jsonl":
        records = [json.loads(line) for line in kept.splitlines() if line.strip()][:6]
        odd = [json.dumps(one).replace('"@@"', new) for record in records for one in changed(record, new)]
        path.write_text(kept + "\n".join(odd) + "\n")
        assert look(town).agents
        return
    for one in changed(json.loads(kept), new):
        path.write_text(json.dumps(one).replace('"@@"', new))
        assert look(town).agents


@pytest.mark.skipif(not has_tmux(), reason="there is no tmux")
@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("absent", "half")])
def test_whatever_lies_in_the_place_of_tmuxs_socket_hides_nobody(
    town: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    place = tmp_path / f"tmux-{os.getuid()}"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    sound = look(town)
    path = Path(socket_path(server_of(town).socket))
    path.write_bytes(b"")
    FAULTS[fault](path)
    assert [agent.address for agent in look(town).agents] == [agent.address for agent in sound.agents]
    absent(path)
    assert not [source for source in look(town).sources if source.error]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["HEAD", "config", "packed-refs"])
def test_a_broken_repository_is_gits_error_alone(town: str, name: str, fault: str) -> None:
    repository = make_bare(str(Path(town, "demo", ".repo.git")), make_repo(str(Path(town, "source"))).path)
    repository.run("pack-refs", "--all")
    path = Path(repository.path, name)
    kept = path.read_bytes()
    FAULTS[fault](path)
    shot = collect(town, landings=True)
    assert shot.agents and shot.convoys
    if os.path.lexists(path):
        absent(path)
    path.write_bytes(kept)
    assert not errors(collect(town, landings=True))
