"""What a command tells telemetry when it has ended: its name, how long it took, and its error's kind.

Of its words only options and the ids of beads are told, never a title or a text.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Told = tuple[str, dict[str, object]]

FAILED = {
    "sling": "sling",
    "nudge": "nudge",
    "done": "done",
    "convoy create": "convoy.create",
    "polecat add": "polecat.spawn",
    "polecat remove": "polecat.remove",
    "polecat nuke": "polecat.remove",
    "mol squash": "mol.squash",
    "mol burn": "mol.burn",
    "mol wisp": "mol.wisp",
    "cook": "mol.cook",
}
"""Commands whose success is an event or told by the write itself, and the note of their failure."""
SENT = ("mail send", "mail reply")
"""Their success is an event of the log."""
LONG = ("feed", "attach", "daemon", "dashboard", "demo", "mayor")
"""Commands that last as long as somebody looks."""
TEXTS = ("create", "q", "comment", "comments add", "search")
"""Commands of ``bd`` whose words may be anything."""


def notes_of(program: str, name: str, words: Sequence[str], took_ms: float, code: int, error: str) -> list[Told]:
    """Return the notes of a command that has ended."""
    failed = {"error": error} if error else {"error": f"exit code {code}"} if code else {}
    if program == "bd":
        told = {"subcommand": name.partition(" ")[0], "args": " ".join(_plain(name, words)), "duration_ms": took_ms}
        notes: list[Told] = [("bd.call", {**told, **failed})]
        if name == "cook" and not failed:
            notes.append(("mol.cook", {"formula_name": _first(words)}))
    else:
        told = {"program": program, "command": name, "code": code}
        took = {} if name in LONG else {"duration_ms": took_ms}
        parent = os.environ.get("TRACEPARENT", "")
        notes = [("command", {**told, **took, **failed, **({"traceparent": parent} if parent else {})})]
    if name == "prime":
        role = os.environ.get("GT_ROLE", "overseer")
        notes.append(("prime", {"role": role, "hook_mode": "--hook" in words, **failed}))
    if name.startswith("mail ") and (failed or name not in SENT):
        notes.append(("mail", {"operation": name.partition(" ")[2], **failed}))
    if failed and name in FAILED:
        notes.append((FAILED[name], {**failed}))
    return notes


def _plain(name: str, words: Sequence[str]) -> list[str]:
    """Return options without their values, and what can only be ids of beads."""
    told = []
    for word in words:
        if word.startswith("-"):
            told.append(word.partition("=")[0])
        elif name not in TEXTS and _is_id(word):
            told.append(word)
    return told


def _is_id(word: str) -> bool:
    prefix, dash, rest = word.partition("-")
    return bool(dash and prefix.isalnum() and rest) and rest.replace("-", "").replace(".", "").isalnum()


def _first(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")
