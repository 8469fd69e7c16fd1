"""The program on macOS and Windows, as far as Linux can show it: without the calls, modules and files that these lack.

``tests/support/other_system`` hides them from this project's modules.  What it cannot show is the other system itself: its
terminal, its file system, its tmux.
"""

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

from tests.support.patience import until
from tests.support.repos import commit_files, make_bare, make_repo
from tests.support.tmux import needs_tmux

pytestmark = pytest.mark.e2e
OTHER = str(Path(__file__).parents[1] / "support" / "other_system")


class System:
    """Another system, and a folder on it."""

    def __init__(self, name: str, folder: Path, home: Path, path: str = "") -> None:
        self.folder = folder
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_"))},
            "SIMULATED_SYSTEM": name,
            "PYTHONPATH": OTHER,
            "HOME": str(home),
            "PATH": path or os.environ["PATH"],
        }

    def run(self, program: str, *words: str, cwd: str = "", code: int = 0) -> str:
        main = (
            f"import sys; sys.argv[0] = {program!r}; from gastown_cli.main import {program} as main; sys.exit(main())"
        )
        done = subprocess.run(
            [sys.executable, "-c", main, *words],
            cwd=cwd or self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{program} {words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def gt(self, *words: str, cwd: str = "", code: int = 0) -> str:
        return self.run("gt", *words, cwd=cwd, code=code)

    def bd(self, *words: str, cwd: str = "", code: int = 0) -> str:
        return self.run("bd", *words, cwd=cwd, code=code)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="gts", dir="/tmp"))
    monkeypatch.setenv("TMUX_TMPDIR", str(place))
    monkeypatch.delenv("TMUX", raising=False)
    (place / "home").mkdir()
    (place / "home" / ".gitconfig").write_text("[user]\n\tname = op\n\temail = op@example.org\n")
    yield place
    for socket in place.glob("tmux-*/*"):
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def windows(folder: Path) -> System:
    """Windows in its minimal mode: git is there, tmux is not."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("git", "sh", "true", "false", "cat", "grep", "sed", "env", "uname", "basename", "dirname", "rm"):
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    return System("windows", folder, folder / "home", str(programs))


def test_the_simulation_hides_what_the_other_systems_lack(folder: Path) -> None:
    looks = "import gastown_core.files.system as s, os; print(s.HAS_FLOCK, hasattr(s.os, 'fdatasync'), hasattr(os, 'fdatasync'))"
    told = {}
    for name in ("", "macos", "windows"):
        env = System(name, folder, folder / "home").env
        done = subprocess.run([sys.executable, "-c", looks], env=env, capture_output=True, text=True, check=True)
        told[name] = done.stdout.split()
    assert told[""] == ["True", "True", "True"]
    assert told["macos"] == ["True", "False", "True"] and told["windows"] == ["False", "False", "True"]


def test_two_processes_exclude_each_other_without_flock(folder: Path, windows: System) -> None:
    code = (
        "import os, sys, time\nfrom gastown_core.files.locks import FileLock, holder_of\n"
        "lock = FileLock(sys.argv[1], timeout_s=0, name_holder=True)\n"
        "with lock:\n print(holder_of(sys.argv[1]) == os.getpid(), flush=True)\n sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", code, str(folder / "a.lock")]
    first = subprocess.Popen(words, env=windows.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdin is not None and first.stdout.readline() == "True\n"
    second = subprocess.run(words, env=windows.env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert second.returncode == 1 and f"process {first.pid}" in second.stderr and "ConflictError" in second.stderr
    first.stdin.close()
    assert first.wait(60) == 0
    assert subprocess.run(words, env=windows.env, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def test_windows_keeps_a_ledger_mail_convoys_and_a_daemon(folder: Path, windows: System) -> None:
    make_repo(str(folder / "source"))
    make_bare(str(folder / "origin.git"), str(folder / "source"))
    town = str(folder / "town")
    windows.gt("install", town)
    windows.gt("rig", "add", "shop", str(folder / "origin.git"), cwd=town)
    one, two = (
        json.loads(windows.bd("create", title, "--rig", "shop", "--json", cwd=town))["id"] for title in ("A", "B")
    )
    windows.bd("dep", "add", two, one, cwd=town)
    windows.bd("update", one, "--status", "in_progress", "-d", "what is to be done", cwd=town)
    windows.bd("comments", "add", one, "begun", cwd=town)
    assert "begun" in windows.bd("show", one, cwd=town)
    windows.gt("convoy", "create", "both", one, two, cwd=town)
    windows.gt("mail", "send", "shop/witness", "-s", "hello", "-m", "you", cwd=town)
    assert "hello" in windows.gt("mail", "inbox", "shop/witness", cwd=town)
    assert "both" in windows.gt("convoy", "list", cwd=town)
    assert json.loads(windows.gt("status", "--json", cwd=town))["agents"]
    assert "tmux is not installed" in windows.gt("status", cwd=town)
    try:
        windows.gt("daemon", "start", cwd=town)
        assert "dispatch" in windows.gt("daemon", "status", cwd=town)
    finally:
        assert "stopped daemon" in windows.gt("down", cwd=town)
    windows.bd("close", one, "--reason", "done", cwd=town)
    assert two in windows.gt("ready", cwd=town)
    assert "tmux" in windows.gt("doctor", cwd=town, code=1)
    assert "both" in windows.gt("feed", "--plain", cwd=town)


def test_a_branch_lands_on_windows(folder: Path, windows: System) -> None:
    make_repo(str(folder / "source"))
    make_bare(str(folder / "origin.git"), str(folder / "source"))
    town = str(folder / "town")
    windows.gt("install", town)
    windows.gt("rig", "add", "shop", str(folder / "origin.git"), cwd=town)
    windows.gt("crew", "add", "anna", "--rig", "shop", cwd=town)
    bead = json.loads(windows.bd("create", "Say more", "--rig", "shop", "--json", cwd=town))["id"]
    from gastown_core.git.repo import Git
    from tests.support.repos import PERSON

    clone = os.path.join(town, "shop", "crew", "anna")
    git = Git(clone, identity=PERSON)
    git.run("switch", "--quiet", "-c", f"work/{bead}")
    commit_files(git, {"more.txt": "more\n"}, "more")
    git.run("push", "--quiet", "origin", f"work/{bead}")
    windows.gt("mq", "submit", "--branch", f"work/{bead}", "--issue", bead, cwd=clone)
    windows.gt("config", "set", "merge_queue.test_command", "cat more.txt", "--rig", "shop", cwd=town)
    windows.gt("refinery", "process", "shop", "--once", cwd=town)
    shown = subprocess.run(
        ["git", "-C", str(folder / "origin.git"), "show", "main:more.txt"], capture_output=True, text=True
    )
    assert shown.stdout == "more\n"


@needs_tmux
def test_agents_work_and_their_branches_land_on_macos(folder: Path) -> None:
    macos = System("macos", folder, folder / "home")
    town = str(folder / "demo")
    try:
        macos.gt("demo", town, "--plain", "--for", "1s", "--agents", "2")

        def landed() -> bool:
            with open(os.path.join(town, ".events.jsonl"), encoding="utf-8") as handle:
                return any(json.loads(line)["type"] == "merged" for line in handle)

        until(landed, timeout_s=120)
        agents = json.loads(macos.gt("agents", "--json", cwd=town))
        assert {"working", "waiting"} & {agent["state"] for agent in agents}
    finally:
        macos.gt("demo", town, "--stop")
    assert not [one for one in folder.glob("tmux-*/*") if _answers(one)]


def _answers(socket: Path) -> bool:
    return subprocess.run(["tmux", "-S", str(socket), "ls"], capture_output=True).returncode == 0
