"""What a bead keeps in its ``metadata``: objects by name, each read into a typed record; a write changes nothing else.

Anybody may write metadata, so anything may stand there.  Readers never raise.  They tell what is absent from junk, which
is anything that is no object where one belongs; a write over junk keeps it under ``unread``.
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
"""Names of the objects; ``unread`` holds what stood in the way of one."""
_OLDER = {"by": "dispatched_by", "at": "attached_at", "args": "attached_args", "formula": "attached_formula"}
"""Words of a dispatch that older tools write as field lines of the description."""


class Section(Record):
    """One object: the metadata itself, or what it keeps by a name. Absent and junk ones are empty."""

    kept: dict[str, object]
    is_absent: bool = False
    is_junk: bool = False

    def section(self, name: str) -> Section:
        """The object within it of that name."""
        return section_of(self.kept.get(name))

    def sections(self, name: str) -> list[Section] | None:
        """A list of objects, without what is none in it; None if no list stands there."""
        value = self.kept.get(name)
        return [Section(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else None

    def text(self, name: str) -> str:
        """A text; numbers count as text, anything else is empty."""
        value = self.kept.get(name)
        if isinstance(value, str):
            return value
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; what is none is left out."""
        value = self.kept.get(name)
        return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list | tuple) else ()

    def number(self, name: str) -> int:
        """A whole number, also one written as text; 0 for anything else."""
        value = self.kept.get(name)
        if isinstance(value, int):
            return 0 if isinstance(value, bool) else value
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else 0

    def moment(self, name: str) -> float:
        """A moment in Unix seconds, 0 if it is none."""
        return parse_moment(self.kept.get(name)) or 0.0

    def flag(self, name: str) -> bool:
        """Whether it is set: true, or the text ``true``."""
        value = self.kept.get(name)
        return value is True or value == "true"


def section_of(value: object) -> Section:
    """A value as an object; nothing and the empty text count as absent."""
    if isinstance(value, dict):
        return Section(value)
    return Section({}, is_absent=True) if value is None or value == "" else Section({}, is_junk=True)


def metadata_of(bead: Bead) -> Section:
    """The bead's whole metadata."""
    return section_of(bead.raw.get("metadata"))


def writable(value: object) -> dict[str, object]:
    """A copy of an object to write into; junk is kept in it under ``unread``."""
    found = section_of(value)
    return {UNREAD: value} if found.is_junk else dict(found.kept)


def with_section(bead: Bead, name: str, kept: Mapping[str, object] | None) -> dict[str, object]:
    """The metadata with another object of that name, without it if None."""
    whole = writable(bead.raw.get("metadata"))
    if kept is None:
        whole.pop(name, None)
    else:
        whole[name] = dict(kept)
    return whole


def with_words(bead: Bead, name: str, words: Mapping[str, object]) -> dict[str, object]:
    """The metadata with ``words`` set in the object of that name; None removes one, all others stay."""
    inner = writable(metadata_of(bead).kept.get(name)) | dict(words)
    return with_section(
        bead, name, {word: value for word, value in inner.items() if value is not None or word not in words}
    )


class Dispatch(Record):
    """How a piece of work was handed out: by whom, on which branch, with what to do; ``order`` names its session."""

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
    """How the work was handed out; where nothing is kept, by the older field lines of its description."""
    found = metadata_of(bead).section(DISPATCH)
    if found.is_absent:
        found = Section({word: bead.fields[line] for word, line in _OLDER.items() if line in bead.fields})
    texts = {word: found.text(word) for word in Dispatch._fields[:-2]}
    return Dispatch(**texts, no_merge=found.flag("no_merge"), review_only=found.flag("review_only"))


def dispatch_words(bead: Bead) -> dict[str, str]:
    """All that is kept of how the work was handed out, unknown words too, as texts to be shown."""
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
    """Why and how often work came back from the refinery; ``branch`` holds what there is, ``worker`` who made it.

    ``onto`` is where the target stood then, ``peers`` are the requests without which it passes.
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
        """As it is kept; what was left empty is left out, but for what every reader asks."""
        always = ("mr", "branch", "worker", "attempt", "failure")
        found = self._asdict() | {"peers": list(self.peers)}
        return {word: value for word, value in found.items() if value or word in always}


def read_rework(bead: Bead) -> Rework | None:
    """What the refinery wrote, None if the work never came back or no branch is named."""
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
    """Whose conflict a task resolves: the request and its work, its branch, and the target ``at`` a commit."""

    mr: str = ""
    issue: str = ""
    branch: str = ""
    target: str = ""
    at: str = ""
    files: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """As it is kept."""
        return self._asdict() | {"files": list(self.files)}


def read_conflict(bead: Bead) -> Conflict | None:
    """The conflict that a task is to resolve, None if it is no such task; an empty one where junk stands."""
    found = metadata_of(bead).section(CONFLICT)
    if found.is_absent:
        return None
    texts = {word: found.text(word) for word in ("mr", "issue", "branch", "target", "at")}
    return Conflict(**texts, files=found.texts("files"))


class StepMark(Record):
    """That a bead is a step of a molecule: of which one, by what name, at what place (None: it has none)."""

    molecule: str
    name: str
    place: int | None = None


def read_step(bead: Bead) -> StepMark | None:
    """The step that a bead is, None if it is none; an empty one where junk stands."""
    found = metadata_of(bead).section(STEP)
    if found.is_absent:
        return None
    return StepMark(found.text("molecule"), found.text("id"), found.number("index") if "index" in found.kept else None)
