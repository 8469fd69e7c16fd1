"""The commands of a document: its ``sh`` blocks as one script, and its words of code as commands to check.

``<!-- until: COMMAND -->`` between two blocks waits until the command ends with 0; ``<!-- run: COMMAND -->`` runs one that a
reader need not see.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PART = re.compile(r"^```sh\n(?P<sh>.*?)^```$|^<!-- (?P<kind>until|run): (?P<word>.*?) -->$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
WAIT_S = 120


def script_of(page: Path) -> str:
    """Return the page's commands as one bash script that ends with the first that fails; empty if it has none."""
    lines = []
    for part in PART.finditer(page.read_text(encoding="utf-8")):
        if part["sh"] is not None:
            lines.append(part["sh"])
        elif part["kind"] == "run":
            lines.append(part["word"])
        else:
            word = part["word"]
            lines.append(
                f"for i in $(seq {WAIT_S * 5}); do ({word}) > /dev/null 2>&1 && break; sleep 0.2; done; {word}\n"
            )
    return "set -euo pipefail\n" + "\n".join(lines) if lines else ""


def commands_of(page: Path, programs: tuple[str, ...] = ("gt", "bd")) -> list[list[str]]:
    """Return the words of every command of these programs that the page names, in text and in blocks.

    What is no whole command line is left out: an ellipsis, words with a pipe or a redirection are cut there.
    """
    text = page.read_text(encoding="utf-8")
    blocks = [line for kind, body in FENCE.findall(text) if kind in ("sh", "text", "") for line in body.splitlines()]
    found = [*SPAN.findall(FENCE.sub("", text)), *(line.strip() for line in blocks)]
    found += [inner for line in found for inner in re.findall(r"\$\(([^()]*)\)", line)]
    return [words for line in found if line.split(" ")[0] in programs and (words := _words(line))]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set("|&;<>") or word in ("…", "..."):
                break
            words.append(word)
    except ValueError:
        return line.split()
    return words
