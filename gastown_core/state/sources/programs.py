"""What agents' programs say of themselves, as a source: their own records, logs and window titles.

Only programs whose runtime has an adapter are asked, and only files that changed are read.  A program's variables, which
say where its records lie, are read once for each process.
"""

from __future__ import annotations

from gastown_core.process_table import environment_of, start_of
from gastown_core.runtimes.adapter import Program
from gastown_core.runtimes.adapters import MODULES, adapter_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.adapter import Records, Said
    from gastown_core.state.facts import TownFacts
    from gastown_core.tmux.panes import Pane


class ProgramSource:
    """Keeps ``facts.said`` true."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self._records: dict[str, Records] = {}
        self._env: dict[str, tuple[tuple[int, float], dict[str, str]]] = {}

    def folders(self) -> set[str]:
        """Where a change may tell something new."""
        return {folder for records in self._records.values() for folder in records.folders()}

    def poll(self, now: float) -> bool:
        """Ask every program's records; returns whether any says something else than before."""
        by_runtime: dict[str, list[Program]] = {}
        for session, pane in (self.facts.panes or {}).items():
            if self.facts.alive.get(session) and pane.runtime in MODULES:
                by_runtime.setdefault(pane.runtime, []).append(self._program(session, pane))
        said: dict[str, Said] = {}
        for runtime, programs in by_runtime.items():
            said.update(self._reader(runtime).look(programs, now))
        for session in self._env.keys() - said.keys():
            del self._env[session]
        changed = said != self.facts.said
        self.facts.said = said
        return changed

    def _reader(self, runtime: str) -> Records:
        reader = self._records.get(runtime)
        if reader is None:
            adapter = adapter_for(runtime)
            assert adapter is not None, runtime
            reader = self._records[runtime] = adapter.records()
        return reader

    def _program(self, session: str, pane: Pane) -> Program:
        mark = (pane.pid, start_of(pane.pid))
        known = self._env.get(session)
        if known is None or known[0] != mark:
            known = self._env[session] = (mark, environment_of(pane.pid))
        work_dir = next((one.work_dir for one in self.facts.inventory.agents if one.session == session), "")
        return Program(session, pane.pid, work_dir, known[1], pane.title, pane.activity)
