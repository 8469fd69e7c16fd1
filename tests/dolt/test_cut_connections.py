"""A connection that is cut at any packet of a write: the write is in once, or is told as not in; never twice, never in silence."""

from __future__ import annotations

import socket
import threading

import pytest

from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import GastownError
from tests.support.dolt import needs_dolt, serve, shared_server

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
MOST_PACKETS = 200


class Proxy:
    """Stands before the server and passes every packet on, but for one: there it cuts that connection, both ways.

    ``cut_at`` counts packets of both directions from when it is set; ``is_lasting``: every connection after it is cut too.
    """

    def __init__(self, port: int) -> None:
        self.to = port
        self.cut_at, self.is_lasting, self.seen = 0, False, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut_at: int, *, is_lasting: bool = False) -> None:
        with self.lock:
            self.cut_at, self.is_lasting, self.seen = cut_at, is_lasting, 0

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                with self.lock:
                    self.seen += 1
                    is_cut = bool(self.cut_at) and (
                        self.seen >= self.cut_at if self.is_lasting else self.seen == self.cut_at
                    )
                if is_cut:
                    break
                other.sendall(data)
        except OSError:
            pass
        for each in (one, other):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()


@pytest.fixture
def proxied(tmp_path):
    server = shared_server()
    database = server.new_database()
    proxy = Proxy(server.port)
    serve(str(tmp_path / ".beads"), server, database, dolt_server_port=proxy.port)
    store = open_store(str(tmp_path / ".beads"), prefix="gt")
    link = server.link(database)
    yield proxy, store, lambda title: int(link.ask("SELECT COUNT(*) FROM issues WHERE title=%s", (title,))[0][0])
    proxy.arm(0)
    proxy.listener.close()
    store.close()
    link.close()


def create(store, title: str) -> None:
    with store.write("ana") as batch:
        batch.create({"title": title, "labels": ["api"]})


def test_a_write_that_is_cut_at_any_packet_is_in_once(proxied):
    proxy, store, count = proxied
    create(store, "warm")
    told = 0
    for at in range(1, MOST_PACKETS):
        title = f"cut at {at}"
        proxy.arm(at)
        try:
            create(store, title)
        except GastownError as error:
            told += 1
            assert str(error) and count(title) <= 1, (at, error)
        else:
            assert count(title) == 1, at
        if proxy.seen < at:
            break
    else:
        raise AssertionError("a write never ended")
    assert at > 10
    proxy.arm(0)
    create(store, "after")
    assert count("after") == 1 and {bead.title for bead in store.find(BeadQuery())} >= {"warm", "after"}


def test_a_server_that_is_gone_from_some_packet_on_is_told_and_nothing_is_doubled(proxied):
    proxy, store, count = proxied
    create(store, "warm")
    for at in (1, 3, 6, 9, 12, 15, 18):
        title = f"gone at {at}"
        proxy.arm(at, is_lasting=True)
        with pytest.raises(GastownError) as raised:
            create(store, title)
        assert "unknown whether" in str(raised.value) or count(title) == 0, (at, raised.value)
        assert count(title) <= 1
        proxy.arm(0)
        store.index.trouble = ""
    create(store, "after")
    assert count("after") == 1
