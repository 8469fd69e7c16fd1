"""How each runtime's screen looks, as patterns: the table behind ``screen.py``.

A question is tried first, then log-in, limits and errors of the last answer, a turn under way, and the input row.  What
stands higher than the rows near the input is history, and may quote anything.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern

RULED, FOOTED, BOXED, ROUNDED, MARKED, NO_INPUT = "ruled", "footed", "boxed", "rounded", "marked", ""
"""Shapes of an input row: between two rules; above a footer that a blank row sets apart; in a box that ends in a thick
rule; in a box with round corners whose last row it is; any row that begins with the mark; a shape that nobody has described, so that it is never seen."""


class ScreenTable(Record):
    """What tells one runtime's states apart.

    ``dialogs`` and ``permissions`` are (pattern of the question, what it is called).  ``shape`` and ``mark`` describe
    the input row, ``placeholders`` what an empty one says.  ``working`` is matched in the rows just above the input,
    ``hints`` in those below it, ``titles`` on the window's title; each means a turn under way.  ``limits`` and
    ``errors`` are matched at the start of the last answer.  ``answered`` is what the last row says below a question that
    was answered and stays on the screen.
    """

    dialogs: tuple[tuple[Pattern[str], str], ...]
    permissions: tuple[tuple[Pattern[str], str], ...]
    shape: str
    mark: Pattern[str]
    placeholders: tuple[Pattern[str], ...]
    working: tuple[Pattern[str], ...]
    hints: tuple[Pattern[str], ...]
    titles: tuple[Pattern[str], ...] = ()
    answered: tuple[Pattern[str], ...] = ()


def _all(*patterns: str) -> tuple[Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _asked(*pairs: tuple[str, str]) -> tuple[tuple[Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in pairs)


_TRUST = (r"do you trust|one you trust|trust (this|the files in this) folder|workspace trust", "trust this folder?")
_KEY = (r"use this api key", "use this API key?")
_PROCEED = (r"do you want to (proceed|make this edit|create|allow|run|overwrite)|requires approval", "permission")
_DOTS = r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]"

LOGINS = _all(
    r"sign in with|select login method|select (a )?provider|log ?in to\b|login to continue|how would you like to auth",
    r"paste (the )?code here|open(ing)? your browser|browser didn.?t open|press any key to (log|sign) in|device code",
)
"""What a log-in screen says, whatever the runtime."""

LOGGED_OUT = _all(r"not logged in", r"please run /login", r"invalid (x-)?api[- ]key", r"please log ?in")
"""What an agent at its prompt says when nobody is logged in, or its key is refused."""

LIMITS = _all(
    r"(api error|error)?.*\b(429|529)\b",
    r".*rate.?limit(ed)?\b",
    r".*overloaded",
    r".*(usage|session|weekly) limit reached",
    r".*you'?ve hit your .*limit",
    r".*quota exceeded",
    r".*exceeded retry limit",
)
"""What a limit is called, at the start of an answer or of what stands there instead."""

ERRORS = _all(r"api error\b", r"error:", r"request failed", r"stream error")
"""How the words of a failure begin."""

SCREENS: dict[str, ScreenTable] = {
    "claude": ScreenTable(
        _asked(
            _KEY,
            _TRUST,
            (r"bypass permissions mode", "accept bypass-permissions mode?"),
            (r"choose the text style", "choose a theme"),
        ),
        _asked(_PROCEED),
        RULED,
        re.compile(r"^❯( |$)"),
        _all(r"^press up to edit queued", r"^once fixed, resend", r'^try "'),
        _all(r"^[✻✢✽✶✳·∗*◐◓◑◒] \S.*…"),
        _all(r"esc to interrupt"),
        _all(r"^[◐◓◑◒] "),
    ),
    "codex": ScreenTable(
        _asked(_TRUST, (r"hooks need review", "review hooks?")),
        _asked((r"allow command|would you like to (run|make)|approve", "permission"), _PROCEED),
        FOOTED,
        re.compile(r"^›( |$)"),
        _all(r"^ask codex", r"^(explain this codebase|summarize recent commits|find and fix a bug|write tests for)"),
        _all(r"^[•◦] .*esc to interrupt\)"),
        _all(r"esc to interrupt"),
        _all("^" + _DOTS),
    ),
    "gemini": ScreenTable(
        _asked(_TRUST),
        _asked(
            (r"allow execution|apply this change|waiting for user confirmation|do you want to proceed", "permission")
        ),
        FOOTED,
        re.compile(r"^ [>*]( |$)"),
        _all(r"^type your message"),
        # a hook that runs before a turn holds the text that was typed
        _all(rf"^\s*{_DOTS}.*\(esc to cancel", r"\(esc to cancel, \d", r"^\s*executing hooks?:"),
        (),
        answered=_all(r"^\s*gemini cli is restarting"),
    ),
    "copilot": ScreenTable(
        _asked((r"confirm folder trust", "trust this folder?"), _TRUST),
        _asked((r"do you want to (run|allow|proceed|edit|create)|allow this", "permission"), _PROCEED),
        RULED,
        re.compile(r"^[❯>]( |$)"),
        (),
        (),
        _all(r"^\s*[◎○◉●] \w+.*\besc\b", r"esc interrupt|esc to (interrupt|cancel)"),
    ),
    "opencode": ScreenTable(
        (),
        _asked((r"permission required|allow once", "permission"), _PROCEED),
        BOXED,
        re.compile(r"^"),
        _all(r"^ask anything"),
        (),
        _all(r"esc (to )?(again to )?interrupt"),
    ),
    "pi": ScreenTable(
        (),
        _asked(_PROCEED),
        RULED,
        re.compile(r"^"),
        (),
        _all(rf"^\s*{_DOTS} \w+"),
        (),
    ),
    "omp": ScreenTable(
        (),
        _asked(_PROCEED),
        ROUNDED,
        re.compile(r"^╭── π "),
        (),
        _all(rf"^\s*{_DOTS} \S.*⟦esc⟧"),
        (),
    ),
    "cursor": ScreenTable(
        _asked(_TRUST),
        _asked((r"run this command\?|allow", "permission"), _PROCEED),
        MARKED,
        re.compile(r"^→( |$)"),
        _all(r"^add a follow-up", r"^plan, search, build"),
        (),
        _all(r"esc to (stop|interrupt)|ctrl\+c to stop"),
    ),
    "scripted": ScreenTable(
        _asked((r"trust this folder\?", "trust this folder?")),
        _asked((r"^\s*allow .+\?", "permission")),
        RULED,
        re.compile(r"^❯( |$)"),
        (),
        (),
        _all(r"esc to interrupt"),
    ),
}
"""Preset → table; a preset that is in neither this nor CLOSED is read with GENERIC."""

GENERIC = ScreenTable(
    _asked(_KEY, _TRUST),
    _asked(_PROCEED),
    MARKED,
    re.compile(r"^[❯›]( |$)"),
    (),
    _all(r"^[✻✢✽✶✳·∗*◐◓◑◒] \S.*…", r"\(esc to (cancel|interrupt|stop)"),
    _all(r"esc to (interrupt|cancel|stop)|ctrl\+c to (interrupt|cancel|stop)"),
)

CLOSED = GENERIC._replace(shape=NO_INPUT)
"""For programs whose input row nobody has described: questions and log-in are seen, *ready* never."""

for _name in ("amp", "auggie"):
    SCREENS[_name] = CLOSED

SHELL_PROMPT = re.compile(r"^(\S+@\S+[:\s].*|\S*\s?)?[$#%] ?$")
"""The last row of a shell that waits: ``$``, ``%``, ``#``, maybe after ``user@host:path``."""
