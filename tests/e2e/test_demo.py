"""The demonstration from a new user's seat: built, watched, acted on, reopened, stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gastown_core.model.order import Order, Receipt
from gastown_core.orders.act_log import command_log
from gastown_core.orders.perform import perform
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name
from tests.support.cli import gt as run_gt
from tests.support.patience import PATIENCE_S, until
from tests.support.tmux import needs_tmux

pytestmark = pytest.mark.e2e


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # a tmux socket's path may have about a hundred characters, pytest's own folders are too long
    folder = Path(tempfile.mkdtemp(prefix="gtd", dir="/tmp"))
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = op\n\temail = op@example.org\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMUX_TMPDIR", str(folder))
    monkeypatch.delenv("TMUX", raising=False)
    yield folder
    for socket in folder.glob("tmux-*/*"):
        if socket.is_socket():
            subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def gt(*words: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gastown_cli", *words], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, f"gt {words}: {done.stderr}"
    return done.stdout


def agents(town: Path) -> dict[str, dict[str, object]]:
    return {f"{a['rig']}/{a['name']}": a for a in json.loads(gt("agents", "--all", "--json", cwd=town))}


def sessions_left(folder: Path) -> list[str]:
    found: list[str] = []
    for socket in folder.glob("tmux-*/*"):
        if socket.is_socket():
            listed = subprocess.run(["tmux", "-S", str(socket), "ls"], capture_output=True, text=True)
            found += listed.stdout.splitlines()
    return found


def do(town: Path, order: Order) -> list[Receipt]:
    told: list[Receipt] = []
    perform(str(town), order, told.append)
    return told


@pytest.mark.timeout(600)
@needs_tmux
def test_a_town_is_built_watched_acted_on_reopened_and_stopped(place: Path) -> None:
    town = place / "town"
    out = gt("demo", str(town), "--plain", "--for", "1s", "--agents", "4", cwd=place)
    assert "slung" in out
    assert "convoys" in out

    # every mood shows its state
    wanted = {"waiting", "limited", "working"}
    until(lambda: wanted <= {str(a["health"]) for a in agents(town).values()}, f"{wanted} among the states")

    # the one that asks for permission is not answered by a nudge, but by the choice that a person types
    asking = next(a for a in agents(town).values() if a["health"] == "waiting")
    stages = do(town, Order("agent.nudge", str(asking["address"]), {"text": "No! Do not install"}))
    assert (stages[-1].stage, stages[-1].ok, stages[-1].final) == ("not typed", False, True), stages
    assert "it asks: Bash: npm install left-pad" in stages[-1].detail
    server = TmuxServer(socket_name(str(town)))
    server.run("send-keys", "-t", f"={asking['session']}:", "2")
    until(lambda: agents(town)[f"{asking['rig']}/{asking['name']}"]["health"] != "waiting", "it goes on")

    # a handoff stores its note before it ends the session
    stages = do(town, Order("agent.handoff", str(asking["address"]), {"note": "look at the cart", "subject": "fresh"}))
    assert [r.stage for r in stages] == ["stored", "respawned", "told"], stages
    assert command_log[-1].ok
    assert command_log[-1].command.startswith("gt handoff ")

    # a bead is slung by order
    bead = json.loads(gt_bd("create", "A thing to do", "--json", cwd=town / "shop"))["id"]
    stages = do(town, Order("bead.sling", "shop", {"bead": bead}))
    assert stages[-1].stage in ("started", "queued"), stages
    until(lambda: any(a.get("hook_bead") == bead for a in agents(town).values()), "the bead is on a hook")

    # a second run finds the town and does not build another
    before = (town / "mayor" / "town.json").read_bytes()
    gt("demo", str(town), "--plain", "--for", "1s", cwd=place)
    assert (town / "mayor" / "town.json").read_bytes() == before

    ended = gt("demo", str(town), "--stop", cwd=place)
    assert "mayor" in ended
    assert "daemon" in ended
    until(lambda: not sessions_left(place), "no session is left")
    assert "nothing was running" in gt("demo", str(town), "--stop", cwd=place)


def gt_bd(*words: str, cwd: Path) -> str:
    program = "import sys; sys.argv[0] = 'bd'; from gastown_cli.main import bd; sys.exit(bd())"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_real_town_and_a_full_folder_are_refused(place: Path) -> None:
    gt("install", str(place / "real"), cwd=place)
    (place / "full").mkdir()
    (place / "full" / "file").write_text("x")
    for folder, word in (("real", "not a demo town"), ("full", "in use")):
        for more in ([], ["--stop"] if folder == "real" else []):
            done = subprocess.run(
                [sys.executable, "-m", "gastown_cli", "demo", str(place / folder), "--plain", *more],
                cwd=place,
                capture_output=True,
                text=True,
                env=dict(os.environ),
            )
            assert done.returncode == 1
            assert word in done.stderr or "no demo" in done.stderr
    assert (place / "full" / "file").read_text() == "x"


def test_without_tmux_the_demo_stops_with_what_to_install(place: Path, without_tmux: None) -> None:
    done = run_gt("demo", str(place / "town"), "--plain", "--for", "1s", "--agents", "1", cwd=str(place))
    assert done.code == 1
    assert "tmux is not installed" in done.err and "install tmux" in done.err
    assert not (place / "town").exists()


def test_a_tmux_that_is_too_old_is_named_with_its_version(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = place / "bin" / "tmux"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho tmux 3.1c\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    done = run_gt("demo", str(place / "town"), "--plain", "--for", "1s", cwd=str(place))
    assert done.code == 1
    assert "tmux 3.1 is too old" in done.err and "3.2 or newer" in done.err
