"""A world for one test: a town with a rig, a home, a tmux server and a PATH of its own, and a model that answers.

Nothing of the person's environment comes in, nothing is written outside, and no program that was started in it
outlives it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from gastown_core.tmux.socket import socket_name
from tests.realagents.homes import READY, Seed, environment, seed_home
from tests.realagents.patience import comes_true, looks
from tests.realagents.place import Place
from tests.realagents.programs import Program, installed, node_folder
from tests.support.cli import Ran
from tests.support.repos import make_repo

RIG, PREFIX = "shop", "sh"
COMMAND_S = 300.0
"""A command that takes longer hangs."""
NAMES = ("diesel", "piston", "rust", "chrome", "nitro", "guzzle", "witness", "dag", "capable")
CAREFUL = {
    "claude": "--permission-mode default",
    "codex": "--ask-for-approval on-request --sandbox workspace-write -c sandbox_workspace_write.network_access=true",
    "gemini": "--approval-mode default",
}
"""Words that make a program ask before it acts."""
CAREFUL_ENV = {"opencode": """OPENCODE_PERMISSION='{"bash":"ask"}' """}
"""What stands before the program for the same, where words do not do it."""
WAIT = "150"
"""How long, in seconds, a nudge is followed to its end; a receipt that is final ends that at once."""
TYPE_TRIES = 4
"""How often a person types a line that does not show."""
MOVED_LOOKS = 50
"""So many looks a line that stood on the screen before is to be there once more."""
PAUSE_S = {"gemini": 0.6, "codex": 0.6, "claude": 0.2}
"""How long a program wants no key between a text and Enter."""
SHOWN_AGAIN = ("Stop hook blocking error", "<system-reminder>\nStop hook blocking error")
"""How Claude Code begins what it adds to the reason that a hook gave for going on: it holds that reason once more."""
MARK = "GT_TEST_WORLD"
"""The variable that every program of a world carries."""


_NUMBERS = itertools.count(1)


class World:
    """The town ``root`` with rig ``shop`` (prefix ``sh``); ``key`` names it to the stand-in server."""

    def __init__(self, base: Path, place: Place, programs: Iterable[str], seed: Seed = READY) -> None:
        self.base, self.place, self.seed = base, place, seed
        # of this test alone: another one's requests must not answer for it
        self.key = f"w{os.getpid()}-{next(_NUMBERS)}"
        self.home, self.root = base / "home", str(base / "gt")
        # unix sockets allow some 100 characters, so not below base
        self.sockets = tempfile.mkdtemp(prefix="gt", dir="/tmp")
        self.programs: list[Program] = [installed(name) for name in programs]
        self.env = self._environment()
        for folder in (self.home, base / "tmp"):
            folder.mkdir()
        self._make_town()
        self.seed_homes()

    @property
    def address(self) -> str:
        """Where this world's programs find the model."""
        return self.place.address(self.key)

    def _environment(self) -> dict[str, str]:
        own = os.path.dirname(sys.executable)
        node = node_folder()
        bins = [own, *(str(one.bin) for one in self.programs), *([str(node)] if node else [])]
        system = [one for one in os.environ["PATH"].split(":") if one != own]
        env = {
            "PATH": ":".join([*bins, *system]),
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "TMPDIR": str(self.base / "tmp"),
            "TMUX_TMPDIR": self.sockets,
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/bash",
            "USER": "ana",
            MARK: self.key,
        }
        for program in self.programs:
            env |= environment(program.name, self.home, self.address, self.seed)
        return env

    def _make_town(self) -> None:
        self._write(self.home / ".gitconfig", "[user]\n  name = Ana\n  email = ana@example.org\n")
        make_repo(str(self.base / "src"))
        self.run("git", "clone", "--quiet", "--bare", str(self.base / "src"), str(self.base / "origin.git"))
        self.run("gt", "install", self.root, "--git", cwd=str(self.base))
        self.gt("rig", "add", RIG, str(self.base / "origin.git"), "--prefix", PREFIX)
        self.gt("config", "default-agent", self.programs[0].command)

    def seed_homes(self, *more: str) -> None:
        """Write what the programs are to find; ``more`` are folders to trust beside those of the town."""
        polecats = [os.path.join(self.root, RIG, "polecats", name, RIG) for name in NAMES]
        folders = [
            self.root,
            os.path.join(self.root, "mayor"),
            os.path.join(self.root, RIG, ".repo.git"),
            *polecats,
            *more,
        ]
        for program in self.programs:
            seed_home(program.name, self.home, self.address, folders, self.seed)

    def run(self, *words: str, cwd: str = "", check: bool = True, env: Mapping[str, str] | None = None) -> Ran:
        """A command in this world, with ``env`` on top; the test fails if it does, unless ``check`` is False."""
        done = subprocess.run(
            [*self.place.enter, *words],
            cwd=cwd or (self.root if os.path.isdir(self.root) else str(self.base)),
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert not check or ran.code == 0, f"{' '.join(words)} ended with {ran.code}: {ran.err}{ran.out}"
        return ran

    def gt(self, *words: str, check: bool = True, **env: str) -> Ran:
        """``gt`` in the town, as its operator."""
        return self.run("gt", *words, check=check, env=env)

    def bd(self, *words: str, cwd: str = "", check: bool = True) -> Ran:
        """``bd`` in the rig, as its operator."""
        return self.run("bd", *words, cwd=cwd or os.path.join(self.root, RIG), check=check)

    def tmux(self, *words: str) -> str:
        """What the town's tmux server answers; empty if it does not."""
        tmux = ["tmux", "-u", "-L", socket_name(self.root, {}), *words]
        return subprocess.run(tmux, env=self.env, capture_output=True, text=True, timeout=COMMAND_S).stdout

    def mayor(self, runtime: str = "") -> Agent:
        """The mayor, started; whether it is ready is not waited for."""
        self.gt("mayor", "start", *(["--agent", runtime] if runtime else []))
        return Agent(self, "mayor", "hq-mayor", self._program(runtime))

    def crew(self, name: str, runtime: str = "") -> Agent:
        """A new crew member, started."""
        self.gt("crew", "add", name, "--rig", RIG)
        folder = os.path.join(self.root, RIG, "crew", name)
        self.seed_homes(folder)
        self.gt("session", "start", f"{RIG}/crew/{name}", *(["--agent", runtime] if runtime else []))
        return Agent(self, f"{RIG}/crew/{name}", f"{PREFIX}-crew-{name}", self._program(runtime))

    def polecat(self, bead_id: str, runtime: str = "") -> Agent:
        """The polecat that got that bead slung, started."""
        self.gt("sling", bead_id, RIG, *(["--agent", runtime] if runtime else []))
        row = next(row for row in self.agents() if row.get("hook_bead") == bead_id)
        return Agent(self, row["address"], row["session"], self._program(runtime))

    def file(self, title: str) -> str:
        """A new bead of the rig; its id."""
        return str(self.bd("create", title, "--json").json["id"])

    def careful(self, *words: str) -> str:
        """The alias of the first program as it starts with these words, or when it is to ask before it acts."""
        program = self.programs[0].command
        path = Path(self.root) / "settings" / "config.json"
        settings = json.loads(path.read_text()) if path.exists() else {}
        wrapper = self.base / "bin" / f"careful-{program}"
        self._write(
            wrapper,
            f'#!/bin/sh\n{CAREFUL_ENV.get(program, "")}exec {program} {" ".join(words) or CAREFUL.get(program, "")} "$@"\n',
        )
        wrapper.chmod(0o755)
        entry = {"provider": program, "command": str(wrapper), "args": []}
        settings.setdefault("agents", {})["careful"] = entry
        path.write_text(json.dumps(settings))
        return "careful"

    def _program(self, runtime: str) -> str:
        commands = [one.command for one in self.programs]
        return runtime if runtime in commands else commands[0]

    def agents(self) -> list[dict[str, Any]]:
        """``gt agents --all --json``."""
        told = self.gt("agents", "--all", "--json").json
        rows: list[dict[str, Any]] = told if isinstance(told, list) else told["agents"]
        return rows

    def asks(self) -> list[dict[str, Any]]:
        """The requests of conversations that reached the model, oldest first; titles and checks are left out."""
        return [record for record in self.place.log(self.key) if record["kind"] == "ask" and record["is_main"]]

    def delivered(self, text: str) -> int:
        """How often ``text`` has reached a model: its places in what it was told, each conversation counted once."""
        counts: dict[str, int] = {}
        for ask in self.asks():
            found = sum(said.count(text) for said in ask["said"] if not said.startswith(SHOWN_AGAIN))
            counts[ask["conversation"]] = max(found, counts.get(ask["conversation"], 0))
        return sum(counts.values())

    def asked(self, text: str, timeout_s: float = 30.0) -> None:
        """Wait until a turn with ``text`` has reached the model."""
        comes_true(lambda: any(text in ask["user"] for ask in self.asks()), f"{text!r} reaches the model", timeout_s)

    def answered(self, text: str, *, done: int = 0, timeout_s: float = 30.0) -> None:
        """Wait until the model has answered a turn that holds ``text``, at least ``done`` calls after it."""

        def is_answered() -> bool:
            answers = [one for one in self.place.log(self.key) if one["kind"] == "answered" and one["is_main"]]
            return any(text in one["user"] and one["done"] >= done for one in answers)

        comes_true(is_answered, f"an answer to {text!r}", timeout_s)

    def processes(self) -> list[psutil.Process]:
        """Everything that runs in this world."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.key:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def close(self) -> None:
        """End all that runs in it."""
        name = socket_name(self.root, {})
        subprocess.run(["tmux", "-L", name, "kill-server"], env=self.env, capture_output=True)
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        comes_true(lambda: not self.processes(), "everything in the world ends")
        for folder in (self.sockets, self.base):
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Agent:
    """A started agent of a world."""

    world: World
    address: str
    session: str
    program: str

    def screen(self) -> str:
        """What its pane shows."""
        return self.world.tmux("capture-pane", "-p", "-t", f"={self.session}:")

    def keys(self, *keys: str) -> None:
        """Press keys in its pane, as a person who is attached."""
        self.world.tmux("send-keys", "-t", f"={self.session}:", *keys)

    def say(self, text: str) -> None:
        """Type a line and send it, as a person who is attached; the pause keeps Enter apart from the text."""
        # a long one is broken anywhere and indented
        end = "".join(text.split())[-20:]

        def shown() -> int:
            return "".join(self.screen().split()).count(end)

        for _ in range(TYPE_TRIES):
            before = shown()
            self.keys("-l", text)
            # said before, it stands there already; where the screen moved on it is not there more often
            if any(shown() > (before if look < MOVED_LOOKS else 0) for look in looks(20.0)):
                break
            # a busy program drops keys that come behind Escape
            self.keys("C-u")
        else:
            pytest.fail(f"{text!r} is not in the input of {self.address}:\n{self.screen()}")
        # Gemini makes a newline of an Enter that follows sooner
        time.sleep(PAUSE_S.get(self.program, 0.0))
        self.keys("Enter")

    def shows(self, *words: str, timeout_s: float = 30.0) -> str:
        """Its screen once it shows one of ``words``; the test fails if it does not."""
        seen: list[str] = [""]

        def look() -> str:
            seen[0] = self.screen()
            return seen[0] if any(word in seen[0] for word in words) else ""

        try:
            shown: str = comes_true(look, f"{self.address} shows {' or '.join(words)}", timeout_s)
        except BaseException:
            print(seen[0])
            raise
        return shown

    def pane_pid(self) -> int:
        """The process of its pane; 0 once that has ended."""
        shown = self._shown("#{?pane_dead,0,#{pane_pid}}")
        return int(shown) if shown else 0

    def title(self) -> str:
        """The title that the program gave its window."""
        return self._shown("#{pane_title}")

    def work_dir(self) -> str:
        """Where its pane was started."""
        return self._shown("#{pane_start_path}")

    def _shown(self, what: str) -> str:
        return self.world.tmux("display-message", "-p", "-t", f"={self.session}:", what).strip()

    def told(self) -> dict[str, Any]:
        """Its row in ``gt agents --json``."""
        return next(row for row in self.world.agents() if row["session"] == self.session)

    def nudge(self, text: str, *options: str) -> list[dict[str, Any]]:
        """Nudge it; the receipts."""
        ran = self.world.gt("nudge", self.address, text, "--receipts", *options, check=False)
        return [json.loads(line) for line in ran.out.splitlines() if line.startswith("{")]
