"""Typed records for the named objects in a bead's ``metadata``; a write to one leaves the others unchanged.

Any tool may write metadata, so readers accept any value and never raise.  They distinguish an absent object from
junk (a value that is not an object); a write over junk keeps it under ``unread``.
"""

from __future__ import annotations

from gastown_core.clock import parse_moment
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.model.bead import Bead

DISPATCH, REWORK, CONFLICT, STEP, UNREAD = "dispatch", "rework", "conflict", "step", "unread"
REQUEST, MOLECULE, SLING_CONTEXT = "mr", "molecule", "sling_context"
"""Names of the objects; ``unread`` keeps junk that a write replaced."""
_OLDER = {"by": "dispatched_by", "at": "attached_at", "args": "attached_args", "formula": "attached_formula"}
"""Dispatch keys → the field lines that older tools write into the description."""


class Section(Record):
    """One object: the metadata itself or a named part of it.  ``kept`` is empty if it is absent or junk."""

    kept: dict[str, object]
    is_absent: bool = False
    is_junk: bool = False

    def section(self, name: str) -> Section:
        """Return the object under ``name``."""
        return section_of(self.kept.get(name))

    def sections(self, name: str) -> list[Section] | None:
        """Return the objects in the list under ``name``, other items skipped; None if there is no list."""
        value = self.kept.get(name)
        return [Section(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else None

    def text(self, name: str) -> str:
        """Return the text under ``name``; a number is converted, anything else is empty."""
        value = self.kept.get(name)
        if isinstance(value, str):
            return value
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts in the list under ``name``; other items are skipped."""
        value = self.kept.get(name)
        return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list | tuple) else ()

    def number(self, name: str) -> int:
        """Return the integer under ``name``, also one written as text; 0 for anything else."""
        value = self.kept.get(name)
        if isinstance(value, int):
            return 0 if isinstance(value, bool) else value
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else 0

    def moment(self, name: str) -> float:
        """Return the timestamp under ``name`` in Unix seconds; 0 if there is none."""
        return parse_moment(self.kept.get(name)) or 0.0

    def flag(self, name: str) -> bool:
        """Return whether ``name`` is set to true or the text ``true``."""
        value = self.kept.get(name)
        return value is True or value == "true"


def section_of(value: object) -> Section:
    """Return the Section for a JSON value; None and empty text count as absent."""
    if isinstance(value, dict):
        return Section(value)
    return Section({}, is_absent=True) if value is None or value == "" else Section({}, is_junk=True)


def metadata_of(bead: Bead) -> Section:
    """Return the bead's whole metadata."""
    return section_of(bead.raw.get("metadata"))


def writable(value: object) -> dict[str, object]:
    """Return a copy of an object for writing; junk is kept in it under ``unread``."""
    found = section_of(value)
    return {UNREAD: value} if found.is_junk else dict(found.kept)


def with_section(bead: Bead, name: str, kept: Mapping[str, object] | None) -> dict[str, object]:
    """Return the bead's metadata with the object under ``name`` replaced, or removed if None."""
    whole = writable(bead.raw.get("metadata"))
    if kept is None:
        whole.pop(name, None)
    else:
        whole[name] = dict(kept)
    return whole


def with_values(bead: Bead, values: Mapping[str, object]) -> dict[str, object]:
    """Return the bead's metadata with these values set beside its objects."""
    return writable(bead.raw.get("metadata")) | dict(values)


def with_words(bead: Bead, name: str, words: Mapping[str, object]) -> dict[str, object]:
    """The bead's metadata with ``words`` set in the object under ``name``; None removes a key, other keys stay."""
    inner = writable(metadata_of(bead).kept.get(name)) | dict(words)
    return with_section(
        bead, name, {word: value for word, value in inner.items() if value is not None or word not in words}
    )


class Dispatch(Record):
    """How a bead was dispatched: by whom, on which branch, with what arguments; ``order`` identifies its session."""

    by: str = ""
    at: str = ""
    args: str = ""
    branch: str = ""
    base: str = ""
    worker: str = ""
    agent: str = ""
    merge: str = ""
    formula: str = ""
    molecule: str = ""
    order: str = ""
    start: str = ""
    no_merge: bool = False
    review_only: bool = False


def read_dispatch(bead: Bead) -> Dispatch:
    """Return how the bead was dispatched; read from the description's older field lines if there is no object."""
    found = metadata_of(bead).section(DISPATCH)
    if found.is_absent:
        found = Section({word: bead.fields[line] for word, line in _OLDER.items() if line in bead.fields})
    texts = {word: found.text(word) for word in Dispatch._fields[:-2]}
    return Dispatch(**texts, no_merge=found.flag("no_merge"), review_only=found.flag("review_only"))


def dispatch_words(bead: Bead) -> dict[str, str]:
    """Return all dispatch keys, including unknown ones, as text for display."""
    found = metadata_of(bead).section(DISPATCH)
    if not found.is_absent:
        return {word: _shown(value) for word, value in found.kept.items()}
    return {word: bead.fields[line] for word, line in _OLDER.items() if line in bead.fields}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, dict):
        return "\n".join(f"{key}={word}" for key, word in value.items())
    return "" if value is None else str(value)


class Rework(Record):
    """Why and how often work came back from the refinery; ``branch`` holds the work, ``worker`` is its author.

    ``onto`` is the target's commit at that time; ``peers`` are the requests without which the work passes.
    """

    mr: str
    branch: str
    attempt: int
    failure: str
    worker: str = ""
    log: str = ""
    gate: str = ""
    peers: tuple[str, ...] = ()
    target: str = ""
    onto: str = ""
    at: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the object to store; empty values are omitted, except those every reader needs."""
        always = ("mr", "branch", "worker", "attempt", "failure")
        found = self._asdict() | {"peers": list(self.peers)}
        return {word: value for word, value in found.items() if value or word in always}


def read_rework(bead: Bead) -> Rework | None:
    """Return the refinery's rework object; None if the bead has none or it names no branch."""
    found = metadata_of(bead).section(REWORK)
    branch = found.text("branch")
    if not branch:
        return None
    worker = found.text("worker")
    if not worker and branch.startswith("polecat/"):
        worker = branch.split("/")[1].partition("@")[0]
    rest = {word: found.text(word) for word in ("log", "gate", "target", "onto", "at")}
    return Rework(
        found.text("mr"),
        branch,
        found.number("attempt"),
        found.text("failure"),
        worker,
        peers=found.texts("peers"),
        **rest,
    )


class Conflict(Record):
    """The conflict that a task resolves: the request, its work bead and branch, and the target at commit ``at``."""

    mr: str = ""
    issue: str = ""
    branch: str = ""
    target: str = ""
    at: str = ""
    files: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the object to store."""
        return self._asdict() | {"files": list(self.files)}


def read_conflict(bead: Bead) -> Conflict | None:
    """Return the conflict of a conflict task; None if the bead has no such object, an empty Conflict if it is junk."""
    found = metadata_of(bead).section(CONFLICT)
    if found.is_absent:
        return None
    texts = {word: found.text(word) for word in ("mr", "issue", "branch", "target", "at")}
    return Conflict(**texts, files=found.texts("files"))


class StepMark(Record):
    """Marks a bead as a step of a molecule: the molecule, the step's name, and its index (None if it has none)."""

    molecule: str
    name: str
    place: int | None = None


def read_step(bead: Bead) -> StepMark | None:
    """Return the step mark of a bead; None if it has none, an empty one if it is junk."""
    found = metadata_of(bead).section(STEP)
    if found.is_absent:
        return None
    return StepMark(found.text("molecule"), found.text("id"), found.number("index") if "index" in found.kept else None)


def order_of(bead: Bead | None) -> str:
    """Return the order under which a bead was slung, empty if a person or another tool hooked it."""
    return metadata_of(bead).section(DISPATCH).text("order") if bead is not None else ""
