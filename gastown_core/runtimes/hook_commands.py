"""Our commands in runtimes' settings files, and how they are merged into a user's JSON files.

The commands are found again by their words, so they can be replaced and removed without touching anybody else's.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_GT = '"${GT_BIN:-gt}"'
"""The town's own ``gt`` in a session of the town, the one on PATH elsewhere."""

_OURS = ("signal ", "prime --hook", "handoff --auto", "heartbeat --state ", "mail check --inject")
"""What follows ``gt`` in a command of ours; the last two are of older versions."""


def signal_command(event: str, runtime: str) -> str:
    """The command of one event; outside a town's session it exits at once."""
    return f'[ -z "$GT_SESSION" ] || {_GT} signal {event} --runtime {runtime}'


def tool_command(event: str, runtime: str) -> str:
    """The command before each tool call: it runs ``gt`` only during an emergency stop, which refuses the call."""
    calm = '[ ! -e "$GT_TOWN_ROOT/ESTOP" ] && [ ! -e "$GT_TOWN_ROOT/ESTOP.$GT_RIG" ]'
    return f'[ -z "$GT_SESSION" ] || {{ {calm}; }} || {_GT} signal {event} --runtime {runtime}'


def prime_command() -> str:
    """The command that briefs an agent at the start of its session."""
    return f"{_GT} prime --hook"


def handoff_command() -> str:
    """The command that stores a note before the context is compacted; it never fails, as that could stop the program."""
    return f'[ -z "$GT_SESSION" ] || {_GT} handoff --auto >/dev/null || true'


def is_ours(command: object) -> bool:
    """Return whether a command in a runtime's settings is a Gas Town hook, of this version or an older one."""
    if not isinstance(command, str):
        return False
    words = command.replace(_GT, "gt").split()
    for number, word in enumerate(words):
        if word.strip("\"'").rpartition("/")[2] in ("gt", "gastown"):
            return f"{' '.join(words[number + 1 :])} ".startswith(_OURS)
    return False


def merged(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """``current`` with our hooks as wanted, everybody else's kept in place, and our other keys where they are missing.

    Hooks have the form ``{event: [{"matcher", "hooks": [{"command"}]}]}`` or ``{event: [{"bash" or "command"}]}``.
    """
    result = {**current, **{key: value for key, value in wanted.items() if key != "hooks" and key not in current}}
    hooks = without_ours(current.get("hooks"))
    for event, entries in (wanted.get("hooks") or {}).items():
        theirs = hooks.get(event)
        hooks[event] = [*(theirs if isinstance(theirs, list) else ()), *entries]
    if hooks or "hooks" in current:
        result["hooks"] = hooks
    return result


def without_ours(hooks: object) -> dict[str, object]:
    """The hooks of a settings file less ours; what has another form stays as it is."""
    kept: dict[str, object] = {}
    for event, entries in hooks.items() if isinstance(hooks, dict) else ():
        if not isinstance(entries, list):
            kept[event] = entries
            continue
        rest = [left for entry in entries if (left := _left(entry)) is not None]
        if rest or not entries:
            kept[event] = rest
    return kept


def ours_in(hooks: object) -> list[list[str]]:
    """Return [event, command] for each Gas Town hook in a settings file, in order."""
    found = []
    for event, entries in hooks.items() if isinstance(hooks, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            inner = entry.get("hooks") if isinstance(entry, dict) else None
            for one in (entry, *(inner if isinstance(inner, list) else ())):
                command = one.get("command") or one.get("bash") if isinstance(one, dict) else None
                if is_ours(command):
                    found.append([str(event), str(command)])
    return found


def _left(entry: object) -> object | None:
    """The rest of one entry without our commands, None if nothing is left."""
    if not isinstance(entry, dict):
        return entry
    if any(is_ours(entry.get(key)) for key in ("command", "bash")):
        return None
    inner = entry.get("hooks")
    if not isinstance(inner, list):
        return entry
    rest = [one for one in inner if not (isinstance(one, dict) and is_ours(one.get("command")))]
    if len(rest) == len(inner):
        return entry
    return {**entry, "hooks": rest} if rest else None
