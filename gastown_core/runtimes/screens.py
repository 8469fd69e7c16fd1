"""How each runtime's screen looks, as patterns: the table behind ``screen.py``.

Patterns are tried in the order dialog, permission, busy, limited, ready.  ``bottom`` patterns look at the last rows
only; what stands higher is history, and may quote anything.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern


class ScreenTable(Record):
    """What tells one runtime's states apart.

    ``dialogs`` and ``permissions`` are (pattern of the question, what it is called); ``busy`` and ``ready`` are
    matched per row at the bottom; ``limits`` are matched in the last answer only.
    """

    dialogs: tuple[tuple[Pattern[str], str], ...]
    permissions: tuple[tuple[Pattern[str], str], ...]
    busy: tuple[Pattern[str], ...]
    ready: tuple[Pattern[str], ...]
    limits: tuple[Pattern[str], ...]


def _all(*patterns: str) -> tuple[Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _asked(*pairs: tuple[str, str]) -> tuple[tuple[Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in pairs)


_TRUST = (r"do you trust|one you trust|trust (this|the files in this) folder", "trust this folder?")
_LIMITS = _all(
    r"(api error|error).*\b429\b.*",
    r".*rate limit(ed)?\b.*",
    r".*(usage|session|weekly) limit reached.*",
    r".*you'?ve hit your .*limit.*",
    r".*quota exceeded.*",
)
_PROCEED = (r"do you want to (proceed|make this edit|create|allow)|allow .*\?|requires approval", "permission")

SCREENS: dict[str, ScreenTable] = {
    "claude": ScreenTable(
        _asked(
            (r"use this api key", "use this API key?"),
            _TRUST,
            (r"bypass permissions mode", "accept bypass-permissions mode?"),
            (r"select login method|log ?in to|paste code here", "log in"),
            (r"choose the text style", "choose a theme"),
        ),
        _asked(_PROCEED),
        _all(r"esc to interrupt"),
        _all(r"^❯( |$)"),
        _LIMITS,
    ),
    "codex": ScreenTable(
        _asked((r"sign in with|choose how you want to use", "log in"), _TRUST),
        _asked((r"allow command|would you like to run|approve", "permission"), _PROCEED),
        _all(r"esc to interrupt"),
        _all(r"^›( |$)"),
        _LIMITS,
    ),
    "gemini": ScreenTable(
        _asked(_TRUST, (r"how would you like to authenticate|get started", "log in")),
        _asked((r"allow execution|apply this change|waiting for user confirmation", "permission"), _PROCEED),
        _all(r"esc to cancel, |\(esc to cancel"),
        _all(r"type your message", r"^>( |$)"),
        _LIMITS,
    ),
    "copilot": ScreenTable(
        _asked((r"confirm folder trust", "trust this folder?"), _TRUST, (r"/login", "log in")),
        _asked((r"do you want to (run|allow|proceed)|allow this", "permission"), _PROCEED),
        _all(r"esc to (interrupt|cancel) ·|thinking.*esc"),
        _all(r"^[❯>]( |$)"),
        _LIMITS,
    ),
    "opencode": ScreenTable(
        _asked((r"select (a )?provider|log ?in", "log in")),
        _asked((r"permission required|allow once", "permission"), _PROCEED),
        _all(r"esc (to )?interrupt"),
        _all(r"ask anything", r"ctrl\+p commands"),
        _LIMITS,
    ),
    "cursor": ScreenTable(
        _asked((r"workspace trust", "trust this folder?"), _TRUST, (r"press any key to (log|sign) in", "log in")),
        _asked((r"run this command\?|allow", "permission"), _PROCEED),
        _all(r"esc to (stop|interrupt)|ctrl\+c to stop"),
        _all(r"^→( |$)|add a follow-up|plan, search, build"),
        _LIMITS,
    ),
    "scripted": ScreenTable(
        _asked((r"trust this folder\?", "trust this folder?")),
        _asked((r"^\s*allow .+\?", "permission")),
        _all(r"esc to interrupt"),
        _all(r"^❯( |$)"),
        _all(r".*rate limited until.*"),
    ),
}
"""Preset → table; a preset that is not here is read with GENERIC."""

GENERIC = ScreenTable(
    _asked(_TRUST, (r"log ?in to|sign in with", "log in")),
    _asked(_PROCEED),
    _all(r"esc to (interrupt|cancel|stop)|ctrl\+c to (interrupt|cancel|stop)"),
    _all(r"^[❯›]( |$)"),
    _LIMITS,
)

SHELL_PROMPT = re.compile(r"^(\S+@\S+[:\s].*|\S*\s?)?[$#%] ?$")
"""The last row of a shell that waits: ``$``, ``%``, ``#``, maybe after ``user@host:path``."""
