"""Records that span several lines: pretty-printed objects, and arrays with one record per line.

Some tools and editors write ledgers like that.  They are read correctly, and the next compaction writes one line each.
"""

from __future__ import annotations

from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Line = tuple[int, bytes]

MOST_LINES = 100_000
"""The most lines of one object; more are not treated as an object."""
_BRACKETS = (b"[", b"]", b"],", b",")


def unfolded(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield ``(offset, line)`` pairs with every record in one piece, from its first brace to its last.

    Surrounding brackets, commas and indentation become blank lines, so that offsets have no gaps.  Lines that do not
    form a record are yielded unchanged.
    """
    held: list[Line] = []
    closing = b""
    for at, line in lines:
        if held:
            held.append((at, line))
            if line.rstrip().rstrip(b",]") == closing:
                yield from _joined(held)
                held = []
            elif len(held) > MOST_LINES:
                yield from held
                held = []
            continue
        if line[:1] == b"{" and line[-1:] == b"}":
            yield at, line
            continue
        text = line.strip()
        if text in _BRACKETS:
            yield at, b" " * len(line)
        elif text in (b"{", b"[{"):
            closing = line[: len(line) - len(line.lstrip())] + b"}"
            held = [(at, line)]
        else:
            yield from _bare(at, line)
    yield from held


def _joined(held: list[Line]) -> list[Line]:
    """Return the lines of one object as one piece if they form JSON, otherwise unchanged."""
    at, whole = held[0][0], b"\n".join(line for _, line in held)
    pieces = list(_bare(at, whole))
    return held if pieces == [(at, whole)] and not _is_object(whole) else pieces


def _bare(at: int, line: bytes) -> Iterator[Line]:
    """A record without surrounding brackets and commas, which become blank pieces before and after it."""
    inner = line.strip().removeprefix(b"[").strip()
    start = line.find(inner) if inner else 0
    inner = inner.rstrip(b",] \t\r\n")
    if inner == line or not inner.startswith(b"{") or not _is_object(inner):
        yield at, line
        return
    if start:
        yield at, b" " * (start - 1)
    yield at + start, inner
    rest = len(line) - start - len(inner)
    if rest:
        yield at + start + len(inner), b" " * rest


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(decode_json(text), dict)
    except ValueError:
        return False
