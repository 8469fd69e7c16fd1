"""Beads as text and as JSON, in the same form for all commands."""

from __future__ import annotations

import os
import sys

from gastown_cli.output import cells, clean, note, say, say_json, shorten, style, write_json
from gastown_core.beads.ledger_line import modern, parse_line
from gastown_core.clock import format_age
from gastown_core.model.bead import (
    BLOCKED,
    CLOSED,
    DEFERRED,
    DERIVED_KEYS,
    HOOKED,
    IN_PROGRESS,
    IN_REVIEW,
    KEY_ORDER,
    NO_PRIORITY,
    OPEN,
    PINNED,
    PRIORITY_NAMES,
    USUAL_PRIORITY,
    priority_word,
)
from gastown_core.model.json_text import encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gastown_core.beads.query import Excerpt, Tally
    from gastown_core.model.bead import Bead

GLYPHS = {
    OPEN: ("○", "bold"),
    IN_PROGRESS: ("◐", "yellow"),
    HOOKED: ("◑", "yellow"),
    IN_REVIEW: ("◕", "cyan"),
    BLOCKED: ("⊘", "red"),
    DEFERRED: ("◌", "dim"),
    PINNED: ("◆", "magenta"),
    CLOSED: ("●", "green"),
}
_CANONICAL = b'{"_type":"issue","id":'
_PRIORITY_STYLES = ("red", "yellow", "", "dim", "dim")


def glyph(status: str) -> str:
    """Return the coloured symbol of a status."""
    sign, colour = GLYPHS.get(status, ("◇", "cyan"))
    return style(sign, colour)


def priority_text(priority: int) -> str:
    """Return ``P0`` to ``P4``, urgent ones in colour; ``P?`` if the record's priority is invalid."""
    word = priority_word(priority)
    return style(word, _PRIORITY_STYLES[priority] if word != "P?" else "red") if priority != USUAL_PRIORITY else word


def priority_words(priority: int) -> str:
    """Return a text such as ``P1 high``."""
    name = PRIORITY_NAMES[priority] if priority < NO_PRIORITY else ""
    return f"{priority_text(priority)} {name}".rstrip()


def width() -> int:
    """Return the width of the terminal in cells; 0 (no limit) if stdout is not a terminal."""
    if not sys.stdout.isatty():
        return 0
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return 80


def bead_lines(
    beads: Sequence[Excerpt], *, notes: dict[str, str] | None = None, indents: dict[str, str] | None = None
) -> list[str]:
    """Return one aligned line per bead: symbol, id, priority, type, title, assignee, labels, and its entry in ``notes``."""
    indents, notes = indents or {}, notes or {}
    id_width = max((len(indents.get(b.id, "")) + len(b.id) for b in beads), default=0)
    type_width = max((len(b.issue_type) for b in beads), default=0)
    limit = width()
    signs = {status: glyph(status) for status in {b.status for b in beads}}
    priorities = {number: priority_text(number) for number in {b.priority for b in beads}}
    lines = []
    for bead in beads:
        indent = indents.get(bead.id, "")
        pad = " " * (id_width - len(indent) - len(bead.id))
        kind = clean(bead.issue_type).ljust(type_width)
        head = f"{indent}{signs[bead.status]} {clean(bead.id)}{pad}  {priorities[bead.priority]}  {kind}  "
        tail = _tail(bead, notes.get(bead.id, ""))
        title = one_line(bead.title)
        if limit:
            title = shorten(title, max(20, limit - cells(head) - cells(tail)))
        lines.append(head + (style(title, "dim") if bead.status == CLOSED else title) + tail)
    return lines


def one_line(text: str) -> str:
    """Return a title that is safe for the terminal: no control characters, no line breaks."""
    return clean(text if text.isprintable() else " ".join(text.split()))


def _tail(bead: Excerpt, remark: str) -> str:
    tail = ""
    if bead.assignee:
        tail += "  " + style(f"@{clean(bead.assignee)}", "cyan")
    if bead.labels:
        tail += "  " + style(" ".join([f"#{one_line(label)}" for label in bead.labels[:4]]), "dim")
    if remark:
        tail += "  " + style(one_line(remark), "dim")
    return tail


def say_beads(
    beads: Sequence[Excerpt], *, empty: str, shown_of: int | None = None, notes: dict[str, str] | None = None
) -> None:
    """Print a list of beads, and their total number if not all are shown."""
    if not beads:
        say(empty)
        return
    for line in bead_lines(beads, notes=notes):
        say(line)
    if shown_of is not None and shown_of > len(beads):
        say(style(f"showing first {len(beads)} of {shown_of}; -n 0 shows all", "dim"))


def note_cut(shown: int, total: int) -> None:
    """Print on stderr that a limit cut a JSON list."""
    if total > shown:
        note(f"showing first {shown} of {total}; -n 0 shows all")


def issue_object(bead: Bead, tally: Tally | None = None, **more: object) -> dict[str, object]:
    """Return the bead as ``--json`` prints it: its record in key order, derived counts and parent."""
    raw = modern(bead.raw)
    out: dict[str, object] = {key: raw[key] for key in KEY_ORDER if key in raw and key != "_type"}
    for key in sorted(raw):
        if key not in out and key not in DERIVED_KEYS and key != "_type":
            out[key] = raw[key]
    if tally is not None:
        out["dependency_count"] = tally.dependency_count
        out["dependent_count"] = tally.dependent_count
        out["comment_count"] = tally.comment_count
        if tally.parent:
            out["parent"] = tally.parent
    out.update(more)
    return out


def json_lines(lines: Iterable[tuple[str, bytes]], tallies: dict[str, Tally]) -> Iterator[str]:
    """Yield records of the ledger as JSON with the derived keys; canonical lines are not parsed, to save time."""
    for bead_id, line in lines:
        tally = tallies[bead_id]
        if line.startswith(_CANONICAL) and b'"dependency_count"' not in line and b'"wisp":' not in line:
            parent = f',"parent":{encode_json(tally.parent, ascii_only=True)}' if tally.parent else ""
            text = line.rstrip().decode("utf-8", "surrogatepass")
            yield (
                f'{{"id":{text[len(_CANONICAL) : -1]},"dependency_count":{tally.dependency_count},'
                f'"dependent_count":{tally.dependent_count},"comment_count":{tally.comment_count}{parent}}}'
            )
        else:
            bead = parse_line(line)
            if bead is not None:
                yield encode_json(issue_object(bead, tally))


def say_object(value: dict[str, object]) -> None:
    """Print one object with its schema version, in an envelope if BD_JSON_ENVELOPE=1."""
    if os.environ.get("BD_JSON_ENVELOPE") == "1":
        value = {"schema_version": 1, "data": value}
    else:
        value = {**value, "schema_version": 1}
    say_json(value)


def say_array(values: Iterable[object]) -> None:
    """Print an array with one element per line; indenting thousands of beads would be slow."""
    say_json_texts(map(encode_json, values))


def say_json_texts(texts: Iterable[str]) -> None:
    """Print elements that are JSON already, as ``say_array`` does."""
    body = ",\n  ".join(texts)
    text = f"[\n  {body}\n]" if body else "[]"
    if os.environ.get("BD_JSON_ENVELOPE") == "1":
        text = f'{{"schema_version": 1, "data": {text}}}'
    write_json(text)


def age(moment: float, now: float) -> str:
    """Return how long ago ``moment`` was, such as ``3m``; "" if it is unknown."""
    return format_age(now - moment) if moment else ""
