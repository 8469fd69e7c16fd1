"""What checks look at: the town, its agents with the runtimes they would get or run, and what programs will find."""

from __future__ import annotations

import itertools
import os

from gastown_core.errors import GastownError, NoTmuxError, TmuxError
from gastown_core.model.record import Record
from gastown_core.runtimes.presets import SCRIPTED
from gastown_core.runtimes.readiness import obstacles, readiness_of
from gastown_core.runtimes.readiness.obstacle import Surroundings
from gastown_core.town import runtime_choice, sessions
from gastown_core.town.hook_files import hook_files
from gastown_core.town.inventory import RosterEntry, survey
from gastown_core.town.names import free_names, pool_names
from gastown_core.town.polecat_pool import known_names, polecat_entry
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.readiness.obstacle import Obstacle


FORESEEN = 5
"""So many new polecats are thought of where their number has no limit."""


class Seat(Record):
    """An agent with one runtime: the one that the settings choose, or the one that runs now.

    ``to_come`` marks a polecat that the next slings would create.
    """

    entry: RosterEntry
    preset: Preset
    to_come: bool = False

    @property
    def label(self) -> str:
        """Its name in findings."""
        address = self.entry.address
        return f"the next polecats of {address.rig}" if self.to_come else address.path


class Place:
    """The town that is checked; expensive facts are determined once, on first use."""

    def __init__(self, root: str, *, runtime: str = "", rig: str = "", env: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.runtime = runtime
        self.rig = rig
        self.own_env = dict(os.environ if env is None else env)
        self.faults: list[str] = []
        self._server_env: dict[str, str] | None = None
        self._seats: list[Seat] | None = None
        self._starts: list[Seat] | None = None
        self._obstacles: list[tuple[Seat, Obstacle]] | None = None

    def covers(self, rig: str) -> bool:
        """Return whether the checks include the rig."""
        return self.rig in ("", rig)

    @property
    def server_env(self) -> dict[str, str]:
        """The variables that the town's tmux server gives to sessions; empty if it does not run."""
        if self._server_env is None:
            self._server_env = _global_environment(self.root)
        return self._server_env

    @property
    def agent_env(self) -> dict[str, str]:
        """The variables that an agent would get now."""
        return self.server_env or self.own_env

    def seats(self) -> list[Seat]:
        """Every agent of the town with each runtime that it would get or runs with; the scripted agent is left out.

        A ``runtime`` of the place, by its own name or by what it derives from, narrows them.
        """
        if self._seats is None:
            self._seats = self._find_seats()
        return self._seats

    def starts(self) -> list[Seat]:
        """The seats, and the polecats that the next slings would create."""
        if self._starts is None:
            self._starts = [*self.seats(), *self._to_come()]
        return self._starts

    def obstacles(self) -> list[tuple[Seat, Obstacle]]:
        """The obstacles of each start."""
        if self._obstacles is None:
            look = self._look()
            self._obstacles = [
                (seat, found) for seat in self.starts() for found in obstacles(seat.preset, seat.entry.work_dir, look)
            ]
        return self._obstacles

    def unknown(self) -> dict[str, list[str]]:
        """Kind of obstacle → the town's runtimes for which the checks cannot tell it: it shows only at their start."""
        found: dict[str, set[str]] = {}
        try:
            starts = self.starts()
        except (GastownError, OSError):
            # settings that cannot be read are a finding of the checks themselves
            return {}
        for seat in starts:
            for kind in readiness_of(seat.preset.screens).unknown:
                found.setdefault(kind, set()).add(seat.preset.name)
        return {kind: sorted(names) for kind, names in found.items()}

    def _to_come(self) -> list[Seat]:
        """Return the polecats that the next slings would create, as many as may be busy at once."""
        found = []
        most = load_settings(self.root).lenient("scheduler.max_polecats")
        for rig in survey(self.root).rigs:
            known = known_names(self.root, rig.name)
            pool = pool_names(self.root, load_settings(self.root, "rig", rig.name))
            count = max(0, (most if most >= 0 else FORESEEN) - len(known))
            for name in itertools.islice(free_names(pool, known), count):
                entry = polecat_entry(self.root, rig.name, rig.prefix, name)
                preset = self._preset(entry, "")
                if preset is not None:
                    found.append(Seat(entry, preset, to_come=True))
        return found

    def _look(self) -> Surroundings:
        """The files as agents would find them, with what a start writes before the program runs."""
        look = Surroundings(self.agent_env)
        for seat in self.starts():
            if seat.to_come:
                shared = os.path.join(self.root, seat.entry.address.rig, ".repo.git")
                look.plan_worktree(seat.entry.work_dir, shared)
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
                preset = self._preset(entry, alias)
                if preset is not None:
                    found[entry.session, preset.name] = Seat(entry, preset)
        return list(found.values())

    def _preset(self, entry: RosterEntry, alias: str) -> Preset | None:
        """Return an agent's runtime; None if it is the scripted one, unknown, or not asked for."""
        try:
            preset = runtime_choice.choose_runtime(self.root, entry.address, alias).preset
        except GastownError as error:
            fault = f"{entry.address.path}: {error}"
            self.faults += [fault] if fault not in self.faults else []
            return None
        return preset if preset.screens != SCRIPTED and self.runtime in ("", preset.name, preset.screens) else None


def _running(root: str) -> dict[str, str]:
    """Return session → the runtime that it was started with."""
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
