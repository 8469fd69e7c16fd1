"""Runtimes in the town's settings: listed, defined, removed."""

from __future__ import annotations

from gastown_core.errors import NotFoundError, UsageError
from gastown_core.files.atomic import edit_json
from gastown_core.runtimes.preset import Preset
from gastown_core.runtimes.registry import all_presets, parse_command
from gastown_core.town.settings import load_agents, load_settings, settings_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def list_agents(root: str, rig: str = "") -> list[Preset]:
    """Return every runtime that the town (and the rig) knows, built-in ones first."""
    return all_presets(
        rig_settings=load_settings(root, "rig", rig).value if rig else None,
        town_settings=load_settings(root).value,
        rig_agents=load_agents(root, rig) if rig else None,
        town_agents=load_agents(root),
    )


def require_agent(root: str, name: str, rig: str = "") -> Preset:
    """Return the runtime of that name. Raises NotFoundError with near matches."""
    known = {preset.name: preset for preset in list_agents(root, rig)}
    if name in known:
        return known[name]
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
    raise NotFoundError(f"no runtime {name}", "", hint)


def set_agent(root: str, name: str, command: str, *, provider: str = "") -> Preset:
    """Define (or change) a runtime of the town from a command line; other keys of its entry are kept.

    Raises UsageError for a bad name or command, NotFoundError for an unknown provider.
    """
    if not name or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise UsageError(f"{name!r} cannot be a runtime's name", "", "letters, digits, -, _ and . are allowed")
    entry = parse_command(command, name)
    if provider:
        require_agent(root, provider)
        entry["provider"] = provider

    def change(settings: dict[str, Any]) -> None:
        settings.setdefault("type", "town-settings")
        settings.setdefault("version", 1)
        agents = settings.setdefault("agents", {})
        known = agents.get(name)
        agents[name] = {**(known if isinstance(known, dict) else {}), **entry}

    edit_json(settings_path(root), change)
    return require_agent(root, name)


def remove_agent(root: str, name: str) -> None:
    """Remove a runtime of the town. Raises UsageError if it is built in or the default, NotFoundError if unknown."""
    settings = load_settings(root).value
    if name not in (settings.get("agents") or {}):
        preset = require_agent(root, name)
        where = "it is built in" if not preset.is_custom else "it is defined in settings/agents.json"
        raise UsageError(f"{name} cannot be removed here", where)
    if settings.get("default_agent") == name:
        raise UsageError(f"{name} is the default runtime", "", "gt config default-agent NAME chooses another one first")
    edit_json(settings_path(root), lambda value: value["agents"].pop(name, None))
