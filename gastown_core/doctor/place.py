"""What checks look at: the town, its agents with the runtimes they would get or run, and what programs will find."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, NoTmuxError, TmuxError
from gastown_core.model.record import Record
from gastown_core.runtimes.presets import SCRIPTED
from gastown_core.runtimes.readiness import obstacles
from gastown_core.runtimes.readiness.obstacle import Look
from gastown_core.town import sessions
from gastown_core.town.hook_files import hook_files
from gastown_core.town.inventory import RosterEntry, survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.readiness.obstacle import Obstacle


class Seat(Record):
    """An agent with one runtime: the one that the settings choose for it, or the one that it runs with now."""

    entry: RosterEntry
    preset: Preset


class Place:
    """A town for the checks. What costs a process or many files is looked up once, when a check first asks."""

    def __init__(self, root: str, *, runtime: str = "", env: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.runtime = runtime
        self.own_env = dict(os.environ if env is None else env)
        self.faults: list[str] = []
        self._server_env: dict[str, str] | None = None
        self._seats: list[Seat] | None = None
        self._obstacles: list[tuple[Seat, Obstacle]] | None = None

    @property
    def server_env(self) -> dict[str, str]:
        """The variables that the town's tmux server gives its sessions; empty where none runs."""
        if self._server_env is None:
            self._server_env = _global_environment(self.root)
        return self._server_env

    @property
    def agent_env(self) -> dict[str, str]:
        """The variables that an agent gets if it is started now."""
        return self.server_env or self.own_env

    def seats(self) -> list[Seat]:
        """Every agent of the town with each runtime that it would get or runs with; the scripted agent is left out.

        A ``runtime`` of the place, by its own name or by what it derives from, narrows them.
        """
        if self._seats is None:
            self._seats = self._find_seats()
        return self._seats

    def obstacles(self) -> list[tuple[Seat, Obstacle]]:
        """What stands in the way of each seat's start."""
        if self._obstacles is None:
            look = self._look()
            self._obstacles = [
                (seat, found) for seat in self.seats() for found in obstacles(seat.preset, seat.entry.work_dir, look)
            ]
        return self._obstacles

    def _look(self) -> Look:
        """The files as agents would find them, with what a start writes before the program runs."""
        look = Look(self.agent_env)
        for seat in self.seats():
            for file in hook_files(self.root, seat.entry, seat.preset):
                if not file.problem and file.content:
                    look.plan(os.path.join(seat.entry.work_dir, file.path), file.content)
        return look

    def _find_seats(self) -> list[Seat]:
        found: dict[tuple[str, str], Seat] = {}
        running = _running(self.root)
        inventory = survey(self.root)
        self.faults += inventory.faults
        for entry in inventory.agents:
            for alias in dict.fromkeys(("", running.get(entry.session, ""))):
                try:
                    preset = sessions.choose_runtime(self.root, entry.address, alias).preset
                except GastownError as error:
                    self.faults.append(f"{entry.address.path}: {error}")
                    continue
                if preset.screens != SCRIPTED and self.runtime in ("", preset.name, preset.screens):
                    found[entry.session, preset.name] = Seat(entry, preset)
        return list(found.values())


def _running(root: str) -> dict[str, str]:
    """Session → the runtime that it was started with."""
    from gastown_core.tmux.panes import list_panes

    try:
        return {pane.session: pane.agent for pane in list_panes(sessions.server_of(root)).values() if pane.agent}
    except TmuxError:
        return {}


def _global_environment(root: str) -> dict[str, str]:
    try:
        server = sessions.server_of(root)
        if server.is_absent():
            return {}
        told = server.run("show-environment", "-g")
    except (NoTmuxError, TmuxError):
        return {}
    pairs = (line.partition("=") for line in told.splitlines() if "=" in line and not line.startswith("-"))
    return {name: value for name, _, value in pairs}
