"""Which runtime an agent gets: names looked up in the settings, first hit in the documented order.

Everything here is a pure function of the settings objects that the caller read; nothing is kept between calls, so
one rig's definitions never leak into another.
"""

from __future__ import annotations

import os
import shlex

from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.record import Record
from gastown_core.runtimes.definition import preset_from
from gastown_core.runtimes.preset import Preset
from gastown_core.runtimes.presets import BUILT_IN, DEFAULT_PRESET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any


class Resolution(Record):
    """What was chosen: ``alias`` as named in the settings, the preset, where it was named, and warnings on the way."""

    alias: str
    preset: Preset
    source: str
    warnings: tuple[str, ...]


def find_preset(name: str, registries: Sequence[Mapping[str, Any]]) -> Preset | None:
    """The preset called ``name``: the first of ``registries`` that defines it, else the built-in, else None.

    A registry maps names to definitions (the ``agents`` object of a settings file), nearest first.  Raises
    SettingsError for a definition that makes no sense.
    """
    for registry in registries:
        definition = registry.get(name)
        if definition is not None:
            return preset_from(name, definition)
    return BUILT_IN.get(name)


def resolve(
    role: str,
    worker_name: str = "",
    override: str = "",
    rig_settings: Mapping[str, Any] | None = None,
    town_settings: Mapping[str, Any] | None = None,
    rig_agents: Mapping[str, Any] | None = None,
    town_agents: Mapping[str, Any] | None = None,
) -> Resolution:
    """The runtime of an agent: override, worker, role, rig, town default, claude.

    ``rig_settings``/``town_settings`` are the two ``settings/config.json`` objects, ``rig_agents``/``town_agents`` the
    two ``settings/agents.json`` objects.  A name that nobody defines becomes a warning and the next in line is
    taken; an unknown ``override`` raises NotFoundError with near matches.  Raises SettingsError for a bad definition.
    """
    rig, town = rig_settings or {}, town_settings or {}
    registries = _registries(rig, town, rig_agents, town_agents)
    if override:
        preset = find_preset(override, registries)
        if preset is None:
            raise _unknown(override, registries)
        return Resolution(override, preset, "--agent", ())
    warnings: list[str] = []
    for source, choice in _choices(role, worker_name, rig, town):
        if isinstance(choice, dict):
            preset = preset_from(_runtime_name(choice), choice)
            return Resolution(preset.name, preset, source, tuple(warnings))
        preset = find_preset(choice, registries)
        if preset is not None:
            return Resolution(choice, preset, source, tuple(warnings))
        warnings.append(f"{source} names the runtime {choice!r}, which is not defined; the next setting is used")
    return Resolution(DEFAULT_PRESET, BUILT_IN[DEFAULT_PRESET], "built-in", tuple(warnings))


def all_presets(
    rig_settings: Mapping[str, object] | None = None,
    town_settings: Mapping[str, object] | None = None,
    rig_agents: Mapping[str, object] | None = None,
    town_agents: Mapping[str, object] | None = None,
) -> list[Preset]:
    """Every preset known there, built-ins first, each name once (an override replaces its built-in)."""
    registries = _registries(rig_settings or {}, town_settings or {}, rig_agents, town_agents)
    names = dict.fromkeys(BUILT_IN)
    for registry in registries:
        names.update(dict.fromkeys(registry))
    found = (find_preset(name, registries) for name in names)
    return [preset for preset in found if preset is not None]


def parse_command(command: str, name: str) -> dict[str, object]:
    """The ``agents`` entry for ``gt config agent set NAME "COMMAND"``: command and args split as a shell would.

    Raises UsageError for an empty command or an unclosed quote.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"the command of {name} cannot be read", str(error), "check its quotes") from error
    if not words:
        raise UsageError(f"the command of {name} is empty", "", 'gt config agent set NAME "program --option value"')
    return {"command": words[0], "args": words[1:]}


def _registries(
    rig: Mapping[str, object],
    town: Mapping[str, object],
    rig_agents: Mapping[str, object] | None,
    town_agents: Mapping[str, object] | None,
) -> list[Mapping[str, Any]]:
    """Definitions in the order they are looked up: rig settings, town settings, rig file, town file."""
    objects = (rig, town, rig_agents or {}, town_agents or {})
    found = [value.get("agents") for value in objects]
    return [value for value in found if isinstance(value, dict)]


def _choices(
    role: str, worker: str, rig: Mapping[str, object], town: Mapping[str, object]
) -> Iterator[tuple[str, Any]]:
    """(where it is said, name or runtime object) in order of precedence."""
    if worker:
        yield from _named("rig worker_agents", rig.get("worker_agents"), worker)
        if role == "crew":
            yield from _named("town crew_agents", town.get("crew_agents"), worker)
    for place, settings in (("rig", rig), ("town", town)):
        yield from _named(f"{place} role_agents", settings.get("role_agents"), role)
        yield from _named(f"{place} roles", settings.get("roles"), role)
    runtime = rig.get("runtime")
    if (isinstance(runtime, dict) and (runtime.get("command") or runtime.get("provider"))) or (
        isinstance(runtime, str) and runtime
    ):
        yield "rig runtime", runtime
    for source, value in (("rig agent", rig.get("agent")), ("town default_agent", town.get("default_agent"))):
        if isinstance(value, str) and value:
            yield source, value


def _named(source: str, table: object, key: str) -> Iterator[tuple[str, str]]:
    """The entry of a table of names; an entry may be ``{"agent": NAME}``, as in ``roles``."""
    entry = table.get(key) if isinstance(table, dict) else None
    if isinstance(entry, dict):
        entry = entry.get("agent")
    if isinstance(entry, str) and entry:
        yield f"{source}.{key}", entry


def _runtime_name(runtime: Mapping[str, object]) -> str:
    provider = runtime.get("provider")
    return str(provider) if provider else os.path.basename(str(runtime["command"]))


def _unknown(name: str, registries: Sequence[Mapping[str, object]]) -> NotFoundError:
    known = [*dict.fromkeys([*BUILT_IN, *(key for registry in registries for key in registry)])]
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    return NotFoundError(f"there is no runtime {name!r}", "", hint)
