"""What listens where the server should: a silent program, another protocol, another MySQL, a server that is full or read-only."""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import tempfile
import threading
import time

import pytest

from gastown_core.beads.dolt import link as links
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import StoreError
from tests.support.dolt import Server, needs_dolt, serve, shared_server
from tests.support.stores import create

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
EVERYTHING = BeadQuery(include_wisps=True)
OK = b"\0\0\0\2\0\0\0"


def packet(number: int, data: bytes) -> bytes:
    return struct.pack("<I", len(data))[:3] + bytes([number]) + data


def refusal(number: int, code: int, words: bytes) -> bytes:
    return packet(number, b"\xff" + struct.pack("<H", code) + b"#42000" + words)


def greeting() -> bytes:
    salt, caps = b"12345678\0", struct.pack("<HBHH", 0xF7FF, 0x21, 2, 0xF)
    return packet(0, b"\x0a10.11.6-MariaDB\0" + struct.pack("<I", 7) + salt + caps + b"\x15" + b"\0" * 10 + b"123456789012\0mysql_native_password\0")  # fmt: skip


class Stranger:
    """A program on a port: ``silent``, ``ssh``, ``full``, ``other`` (a MySQL without Dolt's functions), ``mute`` after log-in."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.taken = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.taken += 1
                threading.Thread(target=self._serve, args=(self.socket.accept()[0],), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError), one:
            if self.kind in ("silent", "ssh"):
                one.sendall(b"SSH-2.0-Open\r\n" if self.kind == "ssh" else b"")
                one.recv(1)
                return
            one.sendall(greeting())
            one.recv(4096)
            if self.kind == "full":
                one.sendall(refusal(2, 1040, b"Too many connections"))
                return
            one.sendall(packet(2, OK))
            while data := one.recv(65536):
                if data[5:].upper().startswith((b"SET", b"ROLLBACK", b"START")):
                    one.sendall(packet(1, OK))
                elif self.kind == "other":
                    one.sendall(refusal(1, 1305, b"FUNCTION mysql.DOLT_HASHOF_DB does not exist"))


WORDS = {
    "silent": "says nothing",
    "ssh": "no Dolt server",
    "full": "takes no more connections",
    "other": "no Dolt server",
    "mute": "broke",
}


@pytest.mark.parametrize("kind", WORDS)
def test_a_stranger_on_the_port_is_named_soon_and_shown_in_place_of_nothing(kind, tmp_path, monkeypatch):
    server = shared_server()
    beads = str(tmp_path / ".beads")
    serve(beads, server, server.new_database())
    store = open_store(beads, prefix="gt")
    create(store)
    store.close()
    # only now: the real server has its time
    monkeypatch.setattr(links, "CONNECT_S", 0.3)
    monkeypatch.setattr(links, "ANSWER_S", 0.3)
    stranger = Stranger(kind)
    monkeypatch.setenv("BEADS_DOLT_SERVER_PORT", str(stranger.port))
    monkeypatch.setattr("gastown_core.beads.dolt.mirror.Mirror._state", lambda self: {})
    began = time.monotonic()
    if kind in ("ssh", "other"):
        with pytest.raises(StoreError, match=WORDS[kind]):
            open_store(beads, prefix="gt")
    else:
        seen = open_store(beads, prefix="gt")
        assert seen.count(EVERYTHING) == 1 and WORDS[kind] in seen.trouble and "unreachable since" in seen.trouble
        with pytest.raises(StoreError, match=WORDS[kind]):
            create(seen)
        seen.close()
    assert stranger.taken < 6 and time.monotonic() - began < 60
    stranger.socket.close()


def test_a_wrong_password_is_said_also_where_something_was_read_before(tmp_path, monkeypatch):
    server = shared_server()
    beads = str(tmp_path / ".beads")
    serve(beads, server, server.new_database())
    open_store(beads, prefix="gt").close()
    monkeypatch.setenv("BEADS_DOLT_PASSWORD", "wrong")
    with pytest.raises(StoreError, match="refuses root"):
        open_store(beads, prefix="gt")


def test_a_read_only_server_is_read_and_a_write_says_so(tmp_path):
    data = tempfile.mkdtemp(prefix="gt-dolt-")
    server = Server(data)
    try:
        beads = str(tmp_path / ".beads")
        serve(beads, server, server.new_database())
        store = open_store(beads, prefix="gt")
        create(store)
        store.close()
        server.stop()
        server.start("--readonly")
        store = open_store(beads, prefix="gt")
        assert store.count(EVERYTHING) == 1 and not store.trouble
        with pytest.raises(StoreError, match="is read-only"):
            create(store)
        assert store.count(EVERYTHING) == 1
        store.close()
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


def test_a_second_town_with_the_same_database_name_is_told_whose_it_is(tmp_path):
    server = shared_server()
    database = server.new_database()
    link = server.link(database)
    link.tell("INSERT INTO metadata VALUES ('_project_id', 'first')")
    link.close()
    for town, is_own in (("first", True), ("second", False)):
        beads = str(tmp_path / town / ".beads")
        serve(beads, server, database, project_id=town)
        if is_own:
            create(open_store(beads, prefix="gt"))
            continue
        with pytest.raises(StoreError, match="belongs to another town"):
            open_store(beads, prefix="gt")
