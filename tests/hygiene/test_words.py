"""What operators found hard to read stays away from what the program says; the better words stand where they stood."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

WORSE = {
    "gupp violation": "silent with work (the seeds' name stands in the help)",
    "beads are ready and nobody": "ready but nobody is on it",
    "Under way:": "In progress: 2 running, 1 in review",
    "is begun, so there is nothing": "Not started",
    "it has cost": "3 workers died on it",
    "nobody feeds it": "nobody dispatches it",
    "feed this mountain": "dispatch this mountain",
    "type a word to": "send a message and follow its delivery",
    "Typed into the session": "Sent only while the agent has the terminal",
    "leave a note, then": "restart with a note for the next session",
    "only in its head": "anything not written down",
    "may stay empty": "optional",
    "capital keys": "mark for N",
    "judge and draw": "recheck and redraw",
    "the town goes on;": "agents keep running",
    "others may have it": "unassign; back to ready",
    "to an earlier state, shown first": "roll back the worktree (previewed)",
    "hold the events still": "pause or resume events",
    "everything there is, by name": "all commands",
    "nothing fits": "no match",
    "No event passes": "no matching events",
    "nothing to go back from": "nothing to close; q quits",
    "Nothing changes by waiting": "It will not recover by itself",
    "holds up": "blocks",
    "the bare target": "the target alone",
    "Nobody is blamed": "No request is at fault",
    "is not to be removed": "cannot remove: its session is running",
    "look what happened": "check why, then",
    "told the handoff stands": "the note is in its first prompt",
}
"""A phrase → what is said instead."""
PACKAGES = ("gastown_core", "gastown_cli", "gastown_tui", "gastown_web")


def spoken(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts of a module that are no docstrings; an f-string as it is written, with ``{`` where a value stands."""
    silent = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(one.value) if isinstance(one, ast.Constant) else "{" for one in node.values)


def wrong_in(text: str) -> list[tuple[int, str]]:
    joined = re.sub(r'"\s*\n\s*f?"', "", text)
    if not any(phrase in joined or phrase[:1].swapcase() + phrase[1:] in joined for phrase in WORSE):
        # parsing the whole program takes a busy machine a minute
        return []
    found = {
        (line, f"{phrase!r}: rather {better!r}")
        for line, said in spoken(ast.parse(text))
        for phrase, better in WORSE.items()
        if phrase in said or phrase[:1].swapcase() + phrase[1:] in said
    }
    return sorted(found)


def test_no_text_of_the_program_uses_the_worse_words() -> None:
    found = [
        f"{path}:{line} {why}"
        for package in PACKAGES
        for path in sorted(Path(package).rglob("*.py"))
        for line, why in wrong_in(path.read_text())
    ]
    assert found == []


def test_a_worse_word_is_found_in_a_text_and_in_an_f_string_and_not_in_a_docstring() -> None:
    assert wrong_in('x = "No event passes the filter"')
    assert wrong_in('def f(n):\n    """Nobody feeds it."""\n    return f"nobody feeds it {n}"') == [
        (3, "'nobody feeds it': rather 'nobody dispatches it'")
    ]
