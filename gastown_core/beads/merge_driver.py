"""Git's merge driver for ``issues.jsonl``, and the resolver for files with conflict markers in them."""

from __future__ import annotations

from collections import namedtuple

from gastown_core.beads import record
from gastown_core.beads.merging import is_other_bead, merge
from gastown_core.beads.unfolding import unfolded
from gastown_core.errors import StoreError
from gastown_core.files.atomic import write_atomic
from gastown_core.model.bead import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NamedTuple

    class Version(NamedTuple):
        """One version of the ledger: records by id, header lines, and the lines that are no bead."""

        beads: dict[str, dict[str, Any]]
        heads: list[bytes]
        others: list[bytes]

    class MergeReport(NamedTuple):
        """What a merge did: beads in the result, those both sides had changed, and ids that two beads had drawn."""

        total: int
        both_changed: int
        renamed: tuple[str, ...]
else:
    Version = namedtuple("Version", "beads heads others")
    MergeReport = namedtuple("MergeReport", "total both_changed renamed")


def merge_files(base: str, ours: str, theirs: str) -> MergeReport:
    """Merge three files and write the result into ``ours``. Raises StoreError; ``ours`` is then as it was."""
    data, report = merge_versions(*(read_version(_bytes(path).splitlines()) for path in (base, ours, theirs)))
    write_atomic(ours, data)
    return report


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(f"cannot read {path}", error.strerror or str(error)) from error


def read_version(lines: Iterable[bytes]) -> Version:
    """A version of the ledger from its lines; the last line of an id wins."""
    version = Version({}, [], [])
    for _, line in unfolded((0, line) for line in lines):
        kind, value = record.classify(line)
        if kind in (record.BEAD, record.TOMBSTONE):
            version.beads[value.id] = value.raw
        elif kind == record.HEADER:
            version.heads.append(line)
        elif kind != record.BLANK:
            version.others.append(line)
    return version


def merge_versions(base: Version, ours: Version, theirs: Version) -> tuple[bytes, MergeReport]:
    """The canonical bytes of the merged ledger."""
    merged: dict[str, dict[str, Any]] = {}
    renamed: list[str] = []
    both = 0
    for bead_id in dict.fromkeys([*ours.beads, *theirs.beads]):
        before, one, other = base.beads.get(bead_id), ours.beads.get(bead_id), theirs.beads.get(bead_id)
        if before is None and one is not None and other is not None and is_other_bead(one, other):
            for raw in _apart(one, other):
                merged[str(raw["id"])] = raw
            renamed.append(bead_id)
            continue
        both += one is not None and other is not None and before not in (one, other) and one != other
        result = merge(before, one, other)
        if result is not None:
            merged[bead_id] = _repaired(result)
    lines = ours.heads or theirs.heads
    lines = [*lines, *(record.encode(merged[bead_id]) for bead_id in sorted(merged))]
    lines += _merge_lines(base.others, ours.others, theirs.others)
    data = b"".join(line + b"\n" for line in lines)
    return data, MergeReport(len(merged), both, tuple(renamed))


def _apart(one: dict[str, Any], other: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two beads that drew the same id: the younger one gets another, the same whoever merges."""
    older, younger = sorted((one, other), key=lambda raw: (str(raw.get("created_at")), record.encode(raw)))
    new_id = f"{younger['id']}x"
    edges = [{**edge, "issue_id": new_id} for edge in younger.get("dependencies") or () if isinstance(edge, dict)]
    return older, {**younger, "id": new_id, "dependencies": edges}


def _repaired(raw: dict[str, Any]) -> dict[str, Any]:
    """A closed record has the moment of its closing."""
    if raw.get("status") == CLOSED and not raw.get("closed_at"):
        return {**raw, "closed_at": raw.get("updated_at")}
    return raw


def _merge_lines(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> list[bytes]:
    """Lines that are no bead, as a set with removals honoured."""
    before, left, right = set(base), set(ours), set(theirs)
    return [line for line in dict.fromkeys([*ours, *theirs]) if line not in before or (line in left and line in right)]


def resolve_conflicts(data: bytes) -> tuple[bytes, MergeReport] | None:
    """A file with git's conflict markers, merged; None where it has none."""
    sides: dict[str, list[bytes]] = {"base": [], "ours": [], "theirs": []}
    section = ""
    found = False
    for line in data.splitlines():
        kind, marker = record.classify(line) if line[:7] in record.CONFLICT_MARKERS else ("", "")
        if kind == record.CONFLICT:
            found = True
            section = {"<<<<<<<": "ours", "|||||||": "base", "=======": "theirs", ">>>>>>>": ""}[marker]
            continue
        for name in (section,) if section else sides:
            sides[name].append(line)
    if not found:
        return None
    return merge_versions(*(read_version(sides[name]) for name in ("base", "ours", "theirs")))
