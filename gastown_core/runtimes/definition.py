"""A preset out of a settings file: an ``agents`` entry, a ``runtime`` object, or a command as text.

What an entry leaves out comes from the built-in that it reuses: by ``provider``, by its own name, or by the
program it runs.  The autonomy arguments of that built-in stay, also when the entry has arguments of its own.
"""

from __future__ import annotations

import os
import shlex

from gastown_core.errors import SettingsError
from gastown_core.runtimes.preset import (
    PROMPT_ARG,
    PROMPT_FLAG,
    PROMPT_NONE,
    HookFiles,
    NonInteractive,
    Preset,
)
from gastown_core.runtimes.presets import BUILT_IN, SCRIPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PLAIN = {
    "session_id_env": "session_id_env",
    "continue_flag": "continue_flag",
    "supports_fork_session": "supports_fork",
    "prompt_flag": "prompt_flag",
    "initial_prompt": "initial_prompt",
    "ready_prompt_prefix": "ready_prefix",
    "instructions_file": "instructions_file",
    "config_dir_env": "config_dir_env",
    "escape_cancels_request": "escape_cancels",
    "has_turn_boundary_drain": "drains_at_turn_end",
    "resume_style": "resume_style",
    "submit_key": "submit_key",
}
"""Key of a definition → field of a Preset, where the value is taken as it is."""

_NESTED = (
    ("session", "session_id_env", "session_id_env"),
    ("session", "config_dir_env", "config_dir_env"),
    ("tmux", "process_names", "process_names"),
    ("tmux", "ready_prompt_prefix", "ready_prompt_prefix"),
    ("tmux", "ready_delay_ms", "ready_delay_ms"),
    ("instructions", "file", "instructions_file"),
    ("hooks", "provider", "hooks_provider"),
    ("hooks", "dir", "hooks_dir"),
    ("hooks", "settings_file", "hooks_settings_file"),
    ("hooks", "informational", "hooks_informational"),
)
"""(object, key in it, the flat key that means the same)."""

PROMPT_MODES = (PROMPT_ARG, PROMPT_FLAG, PROMPT_NONE)


def preset_from(name: str, definition: object) -> Preset:
    """The preset that a settings entry called ``name`` describes. Raises SettingsError naming the key."""
    if isinstance(definition, str):
        definition = _from_command(name, definition)
    if not isinstance(definition, dict):
        raise SettingsError(f"agents.{name} is no definition", f"found {type(definition).__name__}", "give an object")
    flat = _flatten(definition)
    base = _base(name, flat)
    changes = _changes(name, flat, base)
    start = base or Preset(name, name)
    return start.with_changes(name=name, base=start.screens if base else "", is_custom=True, **changes)


def _from_command(name: str, command: str) -> dict[str, object]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingsError(f"agents.{name} cannot be read", str(error), "check its quotes") from error
    if not words:
        raise SettingsError(f"agents.{name} is empty", "", "name a program")
    return {"command": words[0], "args": words[1:]}


def _flatten(definition: Mapping[str, object]) -> dict[str, object]:
    flat = dict(definition)
    for outer, inner, key in _NESTED:
        table = definition.get(outer)
        if isinstance(table, dict) and inner in table:
            flat.setdefault(key, table[inner])
    return flat


def _base(name: str, flat: Mapping[str, object]) -> Preset | None:
    """Return the built-in that it derives from, None if it is another program."""
    for key in (flat.get("provider"), name):
        if isinstance(key, str) and key in BUILT_IN:
            return BUILT_IN[key]
    program = os.path.basename(str(flat.get("command") or "")).removeprefix("gt-")
    for preset in BUILT_IN.values():
        if program == preset.command and preset.name != SCRIPTED:
            return preset
    return BUILT_IN.get(program)


def _changes(name: str, flat: Mapping[str, Any], base: Preset | None) -> dict[str, object]:
    changes: dict[str, Any] = {field: flat[key] for key, field in _PLAIN.items() if key in flat}
    command = flat.get("command")
    if command:
        if not isinstance(command, str):
            raise SettingsError(f"agents.{name}.command is no text", f"found {command!r}")
        changes["command"] = command
        if base is None or os.path.basename(command).removeprefix("gt-") != base.command:
            changes["process_names"] = _names_for(command, base)
    if flat.get("args") is not None:
        own = _texts(name, "args", flat["args"])
        changes["args"] = _without(own, (*base.identity_args, *base.autonomy_args) if base else ())
        if not own and "provider" in flat:
            # ``"args": []`` beside a provider says "none at all"; what keeps agents apart stays
            changes["autonomy_args"] = ()
    for key, field in (("process_names", "process_names"), ("exec_wrapper", "exec_wrapper")):
        if flat.get(key):
            changes[field] = _texts(name, key, flat[key])
    if isinstance(flat.get("env"), dict):
        changes["env"] = {**(base.env if base else {}), **{str(k): str(v) for k, v in flat["env"].items()}}
    changes |= _start_changes(name, flat)
    return changes | _hook_changes(flat, base)


def _start_changes(name: str, flat: Mapping[str, Any]) -> dict[str, object]:
    """How it takes its first prompt, when it is ready, how it resumes and answers without a screen."""
    changes: dict[str, Any] = {}
    mode = flat.get("prompt_mode")
    if mode:
        if mode not in PROMPT_MODES:
            raise SettingsError(f"agents.{name}.prompt_mode is {mode!r}", "", f"allowed: {', '.join(PROMPT_MODES)}")
        changes["prompt_mode"] = mode
    delay = flat.get("ready_delay_ms")
    if isinstance(delay, int | float):
        changes["ready_delay_s"] = delay / 1000
    if isinstance(flat.get("resume_flag"), str) and flat["resume_flag"]:
        changes["resume_words"] = tuple(flat["resume_flag"].split())
        changes.setdefault("resume_style", flat.get("resume_style") or "flag")
    once = flat.get("non_interactive")
    if isinstance(once, dict):
        flags = tuple(str(once.get("output_flag") or "").split())
        changes["non_interactive"] = NonInteractive(
            str(once.get("subcommand") or ""), str(once.get("prompt_flag") or ""), flags
        )
    return changes


def _hook_changes(flat: Mapping[str, object], base: Preset | None) -> dict[str, object]:
    if flat.get("supports_hooks") is False:
        return {"hooks": HookFiles()}
    if not any(key.startswith("hooks_") for key in flat):
        return {}
    old = base.hooks if base else HookFiles()
    return {
        "hooks": HookFiles(
            str(flat.get("hooks_provider", old.provider)),
            str(flat.get("hooks_dir", old.dir)),
            str(flat.get("hooks_settings_file", old.settings_file)),
            bool(flat.get("hooks_informational", old.informational)),
        )
    }


def _names_for(command: str, base: Preset | None) -> tuple[str, ...]:
    """Process names of a program that is not the built-in's own: its file name, and what the built-in runs in."""
    program = os.path.basename(command)
    return tuple(dict.fromkeys((program, *(base.process_names if base else ()))))


def _without(own: tuple[str, ...], kept: tuple[str, ...]) -> tuple[str, ...]:
    """``own`` less the autonomy arguments it repeats, so that they are not given twice."""
    for start in range(len(own) - len(kept) + 1):
        if kept and own[start : start + len(kept)] == kept:
            return own[:start] + own[start + len(kept) :]
    # a switch that stands by itself there; of an option with a value nobody can tell which words belong together
    alone = {word for word, after in zip(kept, (*kept[1:], "-"), strict=False) if word[:2] == "--" and after[:1] == "-"}
    return tuple(word for word in own if word not in alone)


def _texts(name: str, key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(shlex.split(value))
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"agents.{name}.{key} is no list of texts", f"found {value!r}")
    return tuple(value)
