"""A Dolt server of the tests' own, on a free port of the loopback interface, with its data in a temporary folder."""

from __future__ import annotations

import atexit
import ctypes
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gastown_core.beads.dolt.address import Address
from gastown_core.beads.dolt.link import Link
from gastown_core.beads.dolt.schema import create_schema
from gastown_core.files.atomic import write_json

HERE = Path(__file__).resolve().parents[2]
CACHE = "GT_TEST_DOLT_CACHE"
_names = itertools.count(1)


def program() -> str:
    """The dolt command: the one that ``make dolt`` built, or one on PATH; empty if there is neither."""
    cache = Path(os.environ.get(CACHE) or HERE / ".cache" / "dolt")
    built = next(iter(sorted(cache.glob("v*/dolt"))), None)
    return str(built) if built is not None else shutil.which("dolt") or ""


needs_dolt = pytest.mark.skipif(not program(), reason="there is no dolt; make dolt builds it with Go")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _end_with_parent() -> None:
    """Have the kernel end the server with the test process, which may be killed and then runs nothing at its end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    """A running server; ``stop`` and ``start`` keep port and data."""

    def __init__(self, data: str, *, tls: tuple[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.tls = tls
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except AssertionError:
            # somebody else took the port meanwhile
            self.port = free_port()
            self.start()

    def start(self, *words: str) -> None:
        env = {**os.environ, "DOLT_ROOT_PATH": self.data}
        if self.tls:
            listener = {"host": "127.0.0.1", "port": self.port, "tls_key": self.tls[0], "tls_cert": self.tls[1]}
            Path(self.data, "tls.yaml").write_text(json.dumps({"listener": listener, "data_dir": self.data}))
            words = ("--config", os.path.join(self.data, "tls.yaml"))
        with open(os.path.join(self.data, "server.log"), "ab") as log:
            self.process = subprocess.Popen(
                [program(), "sql-server", *(words if self.tls else (*self._place(), *words))],
                cwd=self.data,
                env=env,
                preexec_fn=_end_with_parent,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < until, Path(
                    self.data, "server.log"
                ).read_text()
                time.sleep(0.02)

    def _place(self) -> tuple[str, ...]:
        return "--host", "127.0.0.1", "--port", str(self.port), "--data-dir", self.data

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def address(self, database: str = "") -> Address:
        return Address("127.0.0.1", self.port, "root", "", database)

    def link(self, database: str = "") -> Link:
        return Link(self.address(database))

    def new_database(self, *, schema: bool = True, **options: object) -> str:
        name = f"d{os.getpid()}_{next(_names)}"
        link = self.link()
        link.tell(f"CREATE DATABASE {name}")
        link.close()
        if schema:
            link = self.link(name)
            create_schema(link, **options)  # type: ignore[arg-type]
            link.close()
        return name


_shared: list[Server] = []


def shared_server() -> Server:
    """The one server of this test process."""
    if not _shared:
        data = tempfile.mkdtemp(prefix="gt-dolt-")
        _shared.append(Server(data))
        atexit.register(shutil.rmtree, data, ignore_errors=True)
        atexit.register(_shared[0].stop)
    return _shared[0]


def serve(beads_dir: str, server: Server, database: str, **more: object) -> None:
    """Say in the folder's files that its beads are in this database, as the Go tools do."""
    os.makedirs(beads_dir, exist_ok=True)
    write_json(
        os.path.join(beads_dir, "metadata.json"),
        {
            "database": "dolt",
            "backend": "dolt",
            "dolt_mode": "server",
            "dolt_server_host": "127.0.0.1",
            "dolt_server_port": server.port,
            "dolt_database": database,
            **more,
        },
    )
