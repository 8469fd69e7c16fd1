"""Real tmux on a private socket, and agents in it: fixtures and polling.

``server`` is a server of its own per test (socket folder, HOME and configuration too), always killed afterwards.
``town_root`` is a bare folder that serves as a town for rooms below ``town``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from gastown_core.runtimes.launch import command_line, session_env
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.tmux import sessions
from gastown_core.tmux.panes import Pane, capture_pane, find_pane
from gastown_core.tmux.server import NoServerError, TmuxServer, exact
from gastown_core.tmux.socket import has_tmux
from tests.support.patience import until

SCRIPTED = BUILT_IN["scripted"]

needs_tmux = pytest.mark.skipif(not has_tmux(), reason="there is no tmux here")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TmuxServer]:
    """A tmux server of its own; nothing runs on it yet."""
    if not has_tmux():
        pytest.skip("there is no tmux here")
    # unix sockets allow some 100 characters, so not below tmp_path
    folder = tempfile.mkdtemp(prefix="gt", dir="/tmp")
    monkeypatch.setenv("TMUX_TMPDIR", folder)
    monkeypatch.setenv("HOME", folder)
    monkeypatch.setenv("SHELL", "/bin/sh")
    for key in ("TMUX", "TMUX_PANE", "GT_TMUX_SOCKET", "GT_SESSION", "GT_ROLE", "GT_MOOD"):
        monkeypatch.delenv(key, raising=False)
    server = TmuxServer(f"t{os.getpid()}")
    yield server
    server.kill_server()
    until(lambda: not server.is_running(), "the server ends")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def town_root(tmp_path: Any) -> str:
    """A folder with what rooms below ``town`` expect of a town."""
    root = str(tmp_path / "town")
    for name in ("mayor", ".runtime", "logs"):
        os.makedirs(os.path.join(root, name))
    with open(os.path.join(root, "mayor", "town.json"), "w") as handle:
        json.dump({"type": "town", "version": 2, "name": "town"}, handle)
    return root


def start_plain(server: TmuxServer, session: str, *argv: str, cwd: str = "/tmp", **env: str) -> Pane:
    """A session that runs a plain program."""
    return sessions.create_session(server, session, cwd, env, argv or ("cat",), watch_s=0.0)


def kill_session(server: TmuxServer, session: str) -> None:
    """End a session as a person does; where it is the last one, the server may be gone before it has answered."""
    with suppress(NoServerError):
        server.run("kill-session", "-t", exact(session))


def start_agent(
    server: TmuxServer, town_root: str, session: str = "hq-mayor", *, prompt: str = "", cwd: str = "", **env: str
) -> Pane:
    """A scripted agent at its prompt (role mayor unless GT_ROLE says otherwise)."""
    settings = {
        "GT_ROLE": "mayor",
        "GT_SESSION": session,
        "GT_ROOT": town_root,
        "GT_TOWN_ROOT": town_root,
        "GT_SCRIPT_PACE": "0.05",
        "PATH": os.environ["PATH"],
        **session_env(SCRIPTED),
        **env,
    }
    cwd = cwd or os.path.join(town_root, "mayor")
    pane = sessions.create_session(server, session, cwd, settings, command_line(SCRIPTED, prompt), watch_s=0.0)
    until(lambda: "❯" in screen(server, pane), f"{session} shows its prompt")
    return pane


def screen(server: TmuxServer, pane: Pane) -> str:
    """The pane's screen as one text."""
    return "\n".join(capture_pane(server, pane.pane_id))


def transcript(cwd: str, kind: str = "user") -> list[str]:
    """What a scripted agent took down under its work dir."""
    path = os.path.join(cwd, ".runtime", "transcript.jsonl")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as handle:
        records = [json.loads(line) for line in handle if line.endswith("\n")]
    return [record["text"] for record in records if record["kind"] == kind]


def events(town_root: str, kind: str = "") -> list[dict[str, Any]]:
    """The town's events, of one type if named."""
    path = os.path.join(town_root, ".events.jsonl")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as handle:
        found = [json.loads(line) for line in handle]
    return [event for event in found if not kind or event["type"] == kind]


def pane_of(server: TmuxServer, session: str) -> Pane:
    """The session's pane; the test fails if there is none."""
    pane = find_pane(server, session)
    assert pane is not None, session
    return pane


def dead_pane(server: TmuxServer, session: str) -> Pane:
    """The session's pane once it is dead and tmux knows how it ended."""
    pane: Pane = until(lambda: (p := pane_of(server, session)).dead and p.dead_since and p, f"{session} ends")
    return pane


def run_python(code: str, *argv: str) -> subprocess.Popen[str]:
    """A Python process of its own, running ``code``."""
    return subprocess.Popen([sys.executable, "-c", code, *argv], stdout=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> None:
    """Kill it and take it away."""
    process.kill()
    with suppress(ValueError):
        process.communicate()
