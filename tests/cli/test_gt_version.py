"""``gt version`` and ``gt upgrade``."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gastown_cli.gt import ROOT
from gastown_cli.lazy import run_root
from gastown_core import __version__


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network call")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_check_tells_what_it_runs_on_without_the_network(no_network: None, capsys) -> None:
    code = run_root(ROOT, ["version", "--check", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["version"], told["too_old_or_missing"]) == (0, __version__, [])
    assert set(told["extras"]) == {"web", "otel", "notify"} and "newest" not in told


def test_an_old_git_fails_the_check(tmp_path: Path, monkeypatch, capsys) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho git version 2.20.1\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_root(ROOT, ["version", "--check"]) == 1
    shown = capsys.readouterr().out
    assert "git 2.20.1: 2.30 or newer is needed" in shown and "tmux missing\n" in shown


class Index(BaseHTTPRequestHandler):
    """A package index with one answer for each path."""

    answers = {"/newer": b'{"info": {"version": "99.1"}}', "/odd": b"[]", "/text": b"<html>"}

    def do_GET(self) -> None:
        found = self.answers.get(self.path)
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index() -> str:
    server = HTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_index_is_asked_when_wanted(index: str, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GT_INDEX_URL", f"{index}/newer")
    assert run_root(ROOT, ["version", "--online"]) == 0
    assert "99.1 is out: gt upgrade says how to get it" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["/odd", "/text", "/none", "file:///etc/passwd"])
def test_an_answer_that_names_no_version_is_an_error(index: str, place: str, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GT_INDEX_URL", place if place.startswith("file") else index + place)
    assert run_root(ROOT, ["version", "--online", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]
