"""Field lines: the ``key: value`` lines in a bead's description, read and changed without touching its prose."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def canonical_key(key: str) -> str:
    """Return the key in comparable form: lower case, with ``_`` for ``-`` and blanks."""
    return key.strip().lower().replace("-", "_").replace(" ", "_")


def _field_of(line: str) -> tuple[str, str] | None:
    key, colon, value = line.partition(":")
    if not colon or not key or len(key) > 40 or not key.replace("_", "").replace("-", "").replace(" ", "").isalnum():
        return None
    if key.count(" ") > 1 or value.startswith("//"):
        return None
    return canonical_key(key), value.strip()


def _field_blocks(lines: list[str]) -> list[range]:
    """Line ranges that may hold fields: in the first two paragraphs and the last; only unbroken runs count."""
    blocks: list[range] = []
    paragraphs: list[range] = []
    start: int | None = None
    for number, line in enumerate([*lines, ""]):
        if line.strip():
            start = number if start is None else start
        elif start is not None:
            paragraphs.append(range(start, number))
            start = None
    for index, paragraph in enumerate(paragraphs):
        if index > 1 and index != len(paragraphs) - 1:
            continue
        run = [n for n in paragraph if _field_of(lines[n]) is not None]
        if run and run == list(range(run[0], paragraph.stop)) and run[0] - paragraph.start <= 1:
            blocks.append(range(run[0], paragraph.stop))
        elif run and run[0] == paragraph.start:
            stop = run[0]
            while stop in run:
                stop += 1
            blocks.append(range(run[0], stop))
    return blocks


def read_fields(description: str) -> dict[str, str]:
    """Return the ``key: value`` lines of a description, from its first two paragraphs and its last.

    ``null`` and empty values count as unset; prose elsewhere that looks like a field is ignored.
    """
    lines = description.split("\n")
    out: dict[str, str] = {}
    for block in _field_blocks(lines):
        for number in block:
            field = _field_of(lines[number])
            if field is not None and field[1] and field[1].lower() != "null":
                out.setdefault(*field)
    return out


def set_fields(description: str, changes: Mapping[str, str | None]) -> str:
    """Return the description with these field lines set (None removes); other lines keep their place and spelling.

    Line breaks in a value become blanks, since what follows them would be read as further fields.  Where removing a
    line would turn prose into a field, the line is set to ``null`` instead.
    """
    wanted = {canonical_key(key): (key, _on_one_line(value)) for key, value in changes.items()}
    meant = {key: value for key, value in read_fields(description).items() if key not in wanted}
    meant |= {key: value for key, (_, value) in wanted.items() if value and value.lower() != "null"}
    changed = _with_fields(description, wanted, None)
    left = {key for key in _field_keys(description) if key not in wanted}
    left |= {key for key, (_, value) in wanted.items() if value is not None}
    if read_fields(changed) == meant and left.issuperset(_field_keys(changed)):
        return changed
    return _with_fields(description, wanted, "null")


def _field_keys(description: str) -> set[str]:
    """Return the keys of all field lines, including unset ones."""
    lines = description.split("\n")
    fields = (_field_of(lines[number]) for block in _field_blocks(lines) for number in block)
    return {field[0] for field in fields if field is not None}


def is_field_key(key: str) -> bool:
    """Return whether a field line with this key can be read back."""
    return _field_of(f"{key}: x") == (canonical_key(key), "x") and key == key.strip()


def _on_one_line(value: str | None) -> str | None:
    return value if value is None else " ".join(value.splitlines()).strip()


def _with_fields(description: str, wanted: dict[str, tuple[str, str | None]], gone: str | None) -> str:
    """The description with the lines of ``wanted`` (canonical key → key, value); ``gone`` replaces removed values."""
    lines: list[str | None] = [*description.split("\n")] if description else []
    blocks = _field_blocks(description.split("\n"))
    ending = "\r" if "\r\n" in description else ""
    done: set[str] = set()
    for number in (number for block in blocks for number in block):
        line = lines[number] or ""
        field = _field_of(line)
        if field is None or field[0] not in wanted:
            continue
        value = wanted[field[0]][1]
        if field[0] in done:
            if value and value.lower() != "null":
                continue
            # a second line with this key would take effect once the first is unset
            value = None
        lines[number] = _with_value(line, gone if value is None else value)
        done.add(field[0])
    fresh = [
        f"{key}: {value}{ending}" for plain, (key, value) in wanted.items() if value is not None and plain not in done
    ]
    if fresh and blocks:
        lines[blocks[0].stop : blocks[0].stop] = fresh
    elif fresh:
        lines = [*fresh, ending, *lines] if lines else [*fresh]
    return "\n".join(_without_gaps(lines))


def _with_value(line: str, value: str | None) -> str | None:
    """The field line with another value, key spelling kept; None removes it, an equal value leaves it unchanged."""
    key, _, old = line.partition(":")
    if value is None or old.strip() == value:
        return None if value is None else line
    return f"{key}: {value}" + ("\r" if line.endswith("\r") else "")


def _without_gaps(lines: list[str | None]) -> list[str]:
    """Return the lines without the dropped ones (None); a paragraph dropped whole takes one blank line with it."""
    out: list[str] = []
    gap = False
    for line in lines:
        if line is None:
            gap = gap or not out or not out[-1].strip()
        elif gap and not line.strip():
            gap = False
        else:
            out.append(line)
            gap = False
    while gap and out and not out[-1].strip():
        out.pop()
    return out
