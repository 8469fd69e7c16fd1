"""A plugin: its text, its gate, how it runs; and the plugins of a town and its rigs.

``plugin.md`` is TOML between two lines ``+++``, then instructions in Markdown (daemon-and-health.md section 12).  The
folders are ``plugins/NAME`` of the town and of each rig; a rig's plugin replaces the town's of the same name there.
"""

from __future__ import annotations

import os
import re
import shlex
import tomllib

from gastown_core.clock import parse_duration
from gastown_core.errors import GastownError, NotFoundError, StoreError, UsageError
from gastown_core.files.plain import read_plain
from gastown_core.model.record import Record
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FILE, SCRIPT = "plugin.md", "run.sh"
FENCE = "+++"
COOLDOWN, CRON, CONDITION, EVENT, MANUAL = "cooldown", "cron", "condition", "event", "manual"
GATES = (COOLDOWN, CRON, CONDITION, EVENT, MANUAL)
BY_SCRIPT, BY_AGENT = "script", "agent"
STARTUP = "startup"
"""The event of a daemon's start; all others are types of the event log, written with ``.`` or ``_``."""
DEFAULT_COOLDOWN_S, DEFAULT_TIMEOUT_S = 3600.0, 300.0
SEVERITIES = ("low", "medium", "high", "critical")
MOST_BYTES = 1 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


class PluginGate(Record):
    """When a plugin runs by itself: by its type; a condition is asked at most once in ``duration_s`` after a run.

    ``check`` is a command as separate words: no shell reads it.  ``event`` is a type of the event log, or ``startup``.
    """

    type: str = MANUAL
    duration_s: float = DEFAULT_COOLDOWN_S
    schedule: str = ""
    check: tuple[str, ...] = ()
    event: str = ""

    @property
    def words(self) -> str:
        """The gate as a person reads it."""
        from gastown_core.clock import format_span

        return {
            COOLDOWN: f"at most every {format_span(self.duration_s)}",
            CRON: f"at {self.schedule}",
            CONDITION: f"when {shlex.join(self.check)} ends with 0",
            EVENT: f"on {self.event}",
        }.get(self.type, "by hand only")


class Plugin(Record):
    """One plugin; ``rig`` is empty for the town's own.

    ``execution`` is ``script`` (``run.sh`` beside the text) or ``agent`` (the instructions go to a dog).  A failed run is
    escalated with ``severity`` if ``notifies``.
    """

    name: str
    path: str
    rig: str = ""
    description: str = ""
    version: str = ""
    gate: PluginGate = PluginGate()
    labels: tuple[str, ...] = ()
    execution: str = BY_AGENT
    timeout_s: float = DEFAULT_TIMEOUT_S
    notifies: bool = True
    severity: str = "low"
    instructions: str = ""

    @property
    def full_name(self) -> str:
        """``NAME``, or ``RIG/NAME`` for a rig's own."""
        return f"{self.rig}/{self.name}" if self.rig else self.name

    @property
    def script(self) -> str:
        """The path of its script."""
        return os.path.join(self.path, SCRIPT)

    def as_json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        where = "rig" if self.rig else "town"
        told = {"name": self.name, "description": self.description, "location": where, "rig_name": self.rig}
        told |= {"gate_type": self.gate.type, "gate": self.gate.words, "execution_type": self.execution}
        return told | {"path": self.path, "version": self.version}


def find_plugins(root: str) -> tuple[list[Plugin], dict[str, str]]:
    """Return the plugins of the town and its rigs, by name; and of those that cannot be used, path → why."""
    found: dict[tuple[str, str], Plugin] = {}
    wrong: dict[str, str] = {}
    places = [("", os.path.join(root, "plugins"))]
    places += [(rig.name, os.path.join(rig.path, "plugins")) for rig in read_inventory(root).rigs]
    for rig, folder in places:
        for name in _folders(folder, wrong):
            path = os.path.join(folder, name)
            try:
                plugin = read_plugin(path, rig)
            except GastownError as error:
                wrong[path] = str(error)
                continue
            if (rig, plugin.name) in found:
                wrong[path] = f"another folder here has a plugin {plugin.name}"
            else:
                found[rig, plugin.name] = plugin
    return sorted(found.values(), key=lambda one: (one.name, one.rig)), wrong


def _folders(folder: str, wrong: dict[str, str]) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        wrong[folder] = error.strerror or str(error)
        return []
    return [name for name in names if not name.startswith(".") and os.path.isdir(os.path.join(folder, name))]


def get_plugin(root: str, name: str) -> Plugin:
    """Return the plugin ``NAME`` or ``RIG/NAME``. Raises NotFoundError, UsageError if several rigs have one."""
    plugins, wrong = find_plugins(root)
    rig, _, bare = name.rpartition("/")
    found = [one for one in plugins if one.name == bare and (one.rig == rig if rig else True)]
    own = [one for one in found if not one.rig]
    if len(found) == 1 or own:
        return (own or found)[0]
    if found:
        raise UsageError(
            f"several rigs have a plugin {name}", "", "one of " + ", ".join(one.full_name for one in found)
        )
    broken = next((why for path, why in wrong.items() if os.path.basename(path) == bare), "")
    raise NotFoundError(f"no plugin {name}", broken, "gt plugin list shows them")


def read_plugin(path: str, rig: str = "") -> Plugin:
    """Return the plugin of a folder. Raises UsageError with what is wrong, StoreError if it cannot be read."""
    try:
        text = read_plain(os.path.join(path, FILE))[:MOST_BYTES].decode("utf-8", "replace")
    except OSError as error:
        raise StoreError(f"cannot read {FILE}", error.strerror or str(error)) from error
    head, body = _parted(text)
    try:
        value = tomllib.loads(head)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{FILE}: the part between {FENCE} is not TOML: {error}") from None
    name = _text(value, "name", os.path.basename(path))
    if not _NAME.match(name):
        raise UsageError(f"{FILE}: {name!r} is no name", "small letters, digits, dots, dashes; at most 64")
    execution = _table(value, "execution")
    plugin = Plugin(
        name=name,
        path=path,
        rig=rig,
        description=_text(value, "description"),
        version=str(value.get("version", "")),
        gate=_gate(_table(value, "gate")),
        labels=tuple(str(one) for one in _list(_table(value, "tracking"), "labels")),
        timeout_s=_seconds(execution, "timeout", DEFAULT_TIMEOUT_S),
        notifies=execution.get("notify_on_failure", True) is not False,
        severity=_one_of(execution, "severity", SEVERITIES, "low"),
        instructions=body.strip(),
    )
    has_script = os.path.isfile(plugin.script)
    kind = _one_of(execution, "type", (BY_AGENT, BY_SCRIPT), BY_SCRIPT if has_script else BY_AGENT)
    if kind == BY_SCRIPT and not has_script:
        raise UsageError(f"{FILE}: it runs a script, and there is no {SCRIPT}")
    if kind == BY_AGENT and not plugin.instructions:
        raise UsageError(f"{FILE}: it has no instructions for an agent")
    # a script beside the text is run as it is, also where an agent was meant to run it
    return plugin._replace(execution=BY_SCRIPT if has_script else BY_AGENT)


def _parted(text: str) -> tuple[str, str]:
    lines = text.removeprefix("\ufeff").lstrip().splitlines()
    if not lines or lines[0].strip() != FENCE:
        raise UsageError(f"{FILE}: it does not begin with a line {FENCE}")
    for number, line in enumerate(lines[1:], 1):
        if line.strip() == FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :])
    raise UsageError(f"{FILE}: the line {FENCE} that ends its settings is missing")


def _gate(value: Mapping[str, object]) -> PluginGate:
    kind = _one_of(value, "type", GATES, MANUAL)
    if kind == COOLDOWN:
        return PluginGate(kind, _seconds(value, "duration", DEFAULT_COOLDOWN_S))
    if kind == CRON:
        schedule = _needed(value, "schedule", kind)
        next_time(schedule, 0.0)
        return PluginGate(kind, schedule=schedule)
    if kind == CONDITION:
        try:
            words = tuple(shlex.split(_needed(value, "check", kind)))
        except ValueError as error:
            raise UsageError(f"{FILE}: gate.check cannot be read: {error}") from None
        return PluginGate(kind, _seconds(value, "duration", DEFAULT_COOLDOWN_S), check=words)
    if kind == EVENT:
        return PluginGate(kind, event=_needed(value, "on", kind).replace(".", "_"))
    return PluginGate()


def next_time(schedule: str, after: float) -> float:
    """Return the first moment after ``after`` that a cron schedule names, in local time. Raises UsageError."""
    from datetime import datetime

    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(schedule, datetime.fromtimestamp(after))).timestamp()
    except (CronSimError, StopIteration) as error:
        raise UsageError(f"{FILE}: {schedule!r} is no cron schedule", str(error)) from None


def _table(value: Mapping[str, object], key: str) -> Mapping[str, Any]:
    found = value.get(key, {})
    if not isinstance(found, dict):
        raise UsageError(f"{FILE}: {key} is no table")
    return found


def _list(value: Mapping[str, object], key: str) -> list[Any]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise UsageError(f"{FILE}: {key} is no list")
    return found


def _text(value: Mapping[str, object], key: str, default: str = "") -> str:
    found = value.get(key, default)
    if not isinstance(found, str):
        raise UsageError(f"{FILE}: {key} is no text")
    return found


def _needed(value: Mapping[str, object], key: str, kind: str) -> str:
    found = _text(value, key)
    if not found.strip():
        raise UsageError(f"{FILE}: a gate of type {kind} needs {key}")
    return found


def _seconds(value: Mapping[str, object], key: str, default: float) -> float:
    if key not in value:
        return default
    found = parse_duration(str(value[key]))
    if not found:
        raise UsageError(f"{FILE}: {key} = {value[key]!r} is no duration", "", "such as 90s, 30m, 12h")
    return found


def _one_of(value: Mapping[str, object], key: str, words: tuple[str, ...], default: str) -> str:
    found = value.get(key, default)
    if found not in words:
        raise UsageError(f"{FILE}: {key} = {found!r} is not known", "", "one of " + ", ".join(words))
    return str(found)
