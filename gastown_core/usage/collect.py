"""Collects usage: reads what was added to the transcripts of the town's agents, and counts it in the usage ledger.

A pass costs a listing of the programs' folders and what is new in them.  One process collects at a time; a transcript
that was truncated or replaced is read from its beginning, and its messages are known by their ids.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, today
from gastown_core.errors import GastownError
from gastown_core.events.log import log_path, parse_event
from gastown_core.files.atomic import read_json
from gastown_core.files.locks import FileLock
from gastown_core.files.spool import allows, is_on
from gastown_core.model.hook_life import ARCHIVED, COMPLETED
from gastown_core.model.record import Record
from gastown_core.runtimes.adapters import MODULES, adapter_for, tells_usage
from gastown_core.town.inventory import read_inventory
from gastown_core.town.runtime_settings import list_agents
from gastown_core.town.settings import load_settings, settings_path
from gastown_core.usage import budget
from gastown_core.usage.cost_facts import settle
from gastown_core.usage.telling import CONTENT, fresh_in, tell_entries, tell_usage
from gastown_core.usage.today import read_today, sum_up, today_path, write_today
from gastown_core.usage.usage_file import UsageFile, news
from gastown_core.usage.usage_ledger import UsageLedger, ledger_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.model.town_event import TownEvent
    from gastown_core.runtimes.usage import Usage, UsageReader
    from gastown_core.town.inventory import Inventory
    from gastown_core.usage.telling import Fresh
    from gastown_core.usage.usage_file import News

LATEST_S = 86400.0
"""A message from further ahead than this is taken as one of now: a clock was wrong."""
EVENTS = "events"
OVERSEER = "overseer"


class Collected(Record):
    """The result of a pass: files with new lines, messages read, junk lines.

    ``faults`` are unreadable files, ``said`` the budget warnings that it logged.
    """

    files: int = 0
    messages: int = 0
    junk: int = 0
    faults: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def collect(
    root: str, *, env: Mapping[str, str] | None = None, clock: Clock = SYSTEM_CLOCK, wait_s: float = 30.0
) -> Collected:
    """Count everything that is new. Raises ConflictError if another process collects for longer than ``wait_s``."""
    root = os.path.realpath(root)
    with UsageLedger(root) as ledger, FileLock(f"{ledger_path(root)}.lock", timeout_s=wait_s, name_holder=True):
        collector = _Pass(root, ledger, clock.now())
        collector.read_events()
        for path, (runtime, agent) in collector.found(os.environ if env is None else env).items():
            collector.read(path, runtime, agent)
        collector.is_changed |= settle(ledger, clock.now()) > 0
        tell_usage(root, ledger, collector.fresh, collector.sessions)
        said: list[str] = []
        if collector.is_changed or _is_outdated(root, clock.now()):
            write_today(root, sum_up(ledger, load_settings(root).lenient("prices"), clock.now()))
            said = budget.announce(root, ledger, budget.notices(root, clock.now()), clock=clock)
        return Collected(collector.files, collector.messages, collector.junk, tuple(collector.faults), tuple(said))


def _is_outdated(root: str, now: float) -> bool:
    """Return whether the day's sums belong to another day or to other settings."""
    written = _written(today_path(root))
    return not written or _written(settings_path(root)) >= written or read_today(root).day != today(now)


class _Pass:
    """One pass over all transcripts."""

    def __init__(self, root: str, ledger: UsageLedger, now: float) -> None:
        self.root, self.ledger, self.now = root, ledger, now
        self.inventory = read_inventory(root)
        self.sources = ledger.sources()
        self.files = self.messages = self.junk = 0
        self.is_changed = False
        self.faults: list[str] = []
        self.fresh: Fresh = {}
        self._tells = is_on(root)
        self._tells_entries = self._tells and allows(root, CONTENT)
        self.sessions = {one.address.path: one.session for one in self.inventory.agents}

    def read_events(self) -> None:
        """Read from the event log what was on whose hook, and which agents were started."""
        path = log_path(self.root)
        try:
            for new in news(self.sources.get(path) or UsageFile(path, EVENTS, EVENTS)):
                with self.ledger.transaction():
                    for event in filter(None, map(parse_event, new.lines)):
                        self._take_event(event)
                    self.ledger.keep_source(new.source)
                self.is_changed = True
        except OSError as error:
            self.faults.append(f"cannot read {path}: {error.strerror or error}")

    def _take_event(self, event: TownEvent) -> None:
        held = hook_of(event)
        if held is not None:
            self.ledger.note_hook(held[0], event.ts, held[1])
        if event.type == "session_start":
            self.ledger.note_start(event.actor, event.ts, str(event.payload.get("runtime") or ""))

    def found(self, env: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Return path → (runtime, agent) of every transcript that may have new lines, the oldest first.

        The agent is empty if only the transcript itself can tell it.
        """
        found = dict(self._told_by_hooks())
        for runtime in filter(tells_usage, MODULES):
            adapter = adapter_for(runtime)
            assert adapter is not None, runtime
            for own in self._environments(env, runtime):
                for one in adapter.transcripts(self.root, own):
                    agent = agent_of(self.inventory, one.folder) if one.folder else ""
                    found.setdefault(one.path, (runtime, agent))
        found = {path: one for path, one in found.items() if one[1] or not self._is_foreign(path)}
        return dict(sorted(found.items(), key=lambda one: _written(one[0])))

    def _is_foreign(self, path: str) -> bool:
        """Return whether its first lines showed that it belongs to nobody in the town."""
        known = self.sources.get(path)
        return known is not None and not known.agent

    def _told_by_hooks(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield the transcripts that hooks named, of running sessions and of each agent's last ones."""
        for entry in self.inventory.agents:
            for folder, key in (("heartbeats", "agent_runtime"), ("sessions", "runtime")):
                try:
                    told = read_json(os.path.join(self.root, ".runtime", folder, f"{entry.session}.json")) or {}
                except GastownError:
                    continue
                path, runtime = told.get("transcript"), told.get(key)
                if isinstance(path, str) and path and isinstance(runtime, str) and tells_usage(runtime):
                    yield path, (runtime, entry.address.path)

    def _environments(self, env: Mapping[str, str], runtime: str) -> list[Mapping[str, str]]:
        """Return the environments that locate the runtime's files: our own, and those that the settings give to agents."""
        found = [env]
        for rig in ("", *(rig.name for rig in self.inventory.rigs)):
            try:
                presets = list_agents(self.root, rig)
            except GastownError as error:
                self.faults.append(str(error))
                continue
            more = [{**env, **one.env} for one in presets if one.screens == runtime and one.env]
            found += [one for one in more if one not in found]
        return found

    def read(self, path: str, runtime: str, agent: str) -> None:
        """Count what is new in a transcript; an unreadable one is recorded as a fault."""
        known = self.sources.get(path) or UsageFile(path, runtime, agent)
        known = known._replace(agent=agent or known.agent)
        try:
            if self._read_whole(known):
                return
            for new in news(known):
                known = self._count(new, {} if new.is_anew else known.memory)
        except OSError as error:
            self.faults.append(f"cannot read {path}: {error.strerror or error}")

    def _read_whole(self, known: UsageFile) -> bool:
        """Count what is new in a transcript that is not made of lines; return whether it is one. Raises OSError."""
        reader = _reader(known.runtime, known.memory)
        used = reader.read_whole(known.path)
        if used is None:
            return False
        if reader.memory != known.memory:
            used = [self._placed(one) for one in used]
            self._note_fresh(known, used)
            with self.ledger.transaction():
                self.ledger.count(known, used)
                self.ledger.keep_source(known._replace(memory=reader.memory))
            self.files += 1
            self.is_changed = True
            self.messages += len(used)
        return True

    def _count(self, new: News, memory: dict[str, Any]) -> UsageFile:
        """Count the messages of new lines and store the position; return the stored source."""
        reader = _reader(new.source.runtime, memory)
        used: list[Usage] = []
        junk = int(new.is_too_long)
        for line in new.lines:
            try:
                used += reader.read(line)
            except ValueError:
                junk += 1
        agent = new.source.agent or agent_of(self.inventory, reader.memory.get("cwd", ""))
        source = new.source._replace(agent=agent, memory=reader.memory, junk=new.source.junk + junk)
        used = [self._placed(one) for one in used] if agent else []
        self._note_fresh(source, used)
        with self.ledger.transaction():
            self.ledger.count(source, used)
            self.ledger.keep_source(source)
        adapter = adapter_for(source.runtime)
        if self._tells_entries and agent and adapter is not None:
            tell_entries(self.root, source, new.lines, adapter, self.sessions.get(agent, ""))
        self.files += 1
        self.is_changed = True
        self.messages += len(used)
        self.junk += junk
        return source

    def _note_fresh(self, source: UsageFile, used: list[Usage]) -> None:
        """Note the messages that the ledger does not know yet, for telemetry."""
        if self._tells:
            self.fresh |= fresh_in(self.ledger, source, used)

    def _placed(self, one: Usage) -> Usage:
        """Return the message with a plausible time: one without a time, or from the future, gets the present."""
        return one if 0 < one.at <= self.now + LATEST_S else one._replace(at=self.now)


def _reader(runtime: str, memory: Mapping[str, object]) -> UsageReader:
    """Return a reader of the runtime's transcripts, with a copy of the memory of an earlier one."""
    adapter = adapter_for(runtime)
    reader = adapter.usage_reader(dict(memory)) if adapter is not None else None
    assert reader is not None, runtime
    return reader


def hook_of(event: TownEvent) -> tuple[str, str] | None:
    """Return the (agent, bead) that an event puts on a hook; None if it is about something else."""
    payload = event.payload
    bead = payload.get("bead")
    if event.type == "hook_state" and isinstance(payload.get("agent"), str):
        if payload.get("to") in (COMPLETED, ARCHIVED):
            return payload["agent"], ""
        return (payload["agent"], bead) if isinstance(bead, str) and bead else None
    if event.type == "hook" and isinstance(bead, str):
        return event.actor, bead
    return (event.actor, "") if event.type in ("unhook", "done") else None


def agent_of(inventory: Inventory, folder: str) -> str:
    """Return the agent of a folder, also of a removed worktree; empty if it is outside the town."""
    root = os.path.realpath(inventory.root)
    folder = os.path.realpath(folder) if folder else ""
    if folder != root and not folder.startswith(root + os.sep):
        return ""
    match folder[len(root) + 1 :].split(os.sep):
        case [rig, "polecats" | "crew" as kind, name, *_]:
            return f"{rig}/{kind}/{name}"
        case ["deacon", "dogs", name, *_]:
            return f"deacon/dogs/{name}"
        case [rig, "witness" | "refinery" as role, *_]:
            return f"{rig}/{role}"
    inside = [one for one in inventory.agents if _is_below(folder, os.path.realpath(one.work_dir))]
    if inside:
        return max(inside, key=lambda one: len(one.work_dir)).address.path
    return OVERSEER


def _is_below(folder: str, other: str) -> bool:
    return folder == other or folder.startswith(other + os.sep)


def _written(path: str) -> float:
    """Return when the file was last written, 0 if it does not exist."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
