"""git's merge driver for ``issues.jsonl``, and resolution of files with conflict markers."""

from __future__ import annotations

import json

from gastown_core.beads import ledger_line
from gastown_core.beads.bead_merge import merge
from gastown_core.beads.twins import Twin, by_age, is_other_bead, new_id, parted_as, renamed, sentence_of, with_new_id
from gastown_core.beads.unfolding import unfolded
from gastown_core.errors import StoreError
from gastown_core.files.atomic import write_atomic
from gastown_core.model.bead import CLOSED
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class Version(Record):
    """One version of the ledger: records and their lines by id, header lines, and lines that are not beads."""

    beads: dict[str, dict[str, Any]]
    lines: dict[str, bytes]
    heads: list[bytes]
    others: list[bytes]


class MergeReport(Record):
    """The result of a merge: beads in it, beads that both sides changed, and beads with new ids."""

    total: int
    both_changed: int
    parted: tuple[Twin, ...]

    def sentences(self) -> list[str]:
        """Return the report as sentences; empty if there is nothing to report."""
        said = [f"merged {self.both_changed} beads that both sides had changed"] if self.both_changed else []
        said += map(sentence_of, self.parted)
        return said


def merge_files(base: str, ours: str, theirs: str, output: str = "") -> MergeReport:
    """Merge three files into ``output`` (default: ``ours``); a missing ``base`` counts as empty.

    A side with git conflict markers is first merged in itself.  Raises StoreError; the output file is then unchanged.
    """
    sides = (_bytes(base, may_miss=True), _bytes(ours), _bytes(theirs))
    data, report = merge_versions(*(read_version(_without_markers(side).splitlines()) for side in sides))
    write_atomic(output or ours, data)
    return report


def _without_markers(data: bytes) -> bytes:
    resolved = resolve_conflicts(data)
    return data if resolved is None else resolved[0]


def _bytes(path: str, *, may_miss: bool = False) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError as error:
        if may_miss and isinstance(error, FileNotFoundError):
            return b""
        raise StoreError(f"cannot read {path}", error.strerror or str(error)) from error


def read_version(lines: Iterable[bytes]) -> Version:
    """Return a version of the ledger from its lines; the last line of an id wins."""
    version = Version({}, {}, [], [])
    for _, line in unfolded((0, line) for line in lines):
        kind, value = ledger_line.classify(line)
        if kind in (ledger_line.BEAD, ledger_line.STONE):
            version.beads[value.id], version.lines[value.id] = value.raw, ledger_line.line_of(line, value)
        elif kind == ledger_line.HEADER:
            version.heads.append(line)
        elif kind != ledger_line.BLANK:
            version.others.append(line)
    return version


def merge_versions(
    base: Version, ours: Version, theirs: Version, *, knows_base: bool = True
) -> tuple[bytes, MergeReport]:
    """Return the merged ledger as bytes, and the report; the result does not depend on which side is ``ours``.

    Beads are sorted by id, and a bead that only one side changed keeps that line's bytes.  Without a known base
    (``knows_base`` False), a bead with two titles counts as one edited bead.
    """
    base, ours, theirs = _follow_partings(base, ours, theirs)
    ours, theirs, parted = _part_twins(base, ours, theirs, by_title=knows_base)
    merged: dict[str, bytes] = {}
    both = 0
    for bead_id in {**ours.beads, **theirs.beads}:
        before, one, other = base.beads.get(bead_id), ours.beads.get(bead_id), theirs.beads.get(bead_id)
        both += one is not None and other is not None and before not in (one, other) and one != other
        result = merge(before, one, other)
        if result is not None:
            merged[bead_id] = _line_of(bead_id, result, base, ours, theirs)
    lines = [*_pick(base.heads, ours.heads, theirs.heads), *(merged[bead_id] for bead_id in sorted(merged))]
    lines += _merge_lines(base.others, ours.others, theirs.others)
    return b"".join(line + b"\n" for line in lines), MergeReport(len(merged), both, parted)


def _line_of(bead_id: str, result: dict[str, object], base: Version, ours: Version, theirs: Version) -> bytes:
    """Return the line of a merged record: a side's line if it equals the result, otherwise a new one."""
    standing = {version.lines[bead_id] for version in (ours, theirs) if version.beads.get(bead_id) == result}
    if standing:
        # if both sides have equal records in different lines, take the line that was changed
        return max(standing - {base.lines.get(bead_id, b"")} or standing)
    return ledger_line.encode(_repaired(result))


def _follow_partings(base: Version, ours: Version, theirs: Version) -> tuple[Version, Version, Version]:
    """Apply new ids that an earlier merge on one side gave to beads to the base and the other side."""
    sides = [ours, theirs]
    for place, side in enumerate(sides):
        other = sides[1 - place]
        names = {
            bead_id: new
            for bead_id, before in base.beads.items()
            if bead_id in side.beads
            and side.beads[bead_id] is not before
            and is_other_bead(before, side.beads[bead_id])
            and (new := parted_as(before, side.beads))
            and new not in base.beads
        }
        if names:
            base = _renamed(base, names)
            behind = {old: new for old, new in names.items() if new not in other.beads}
            sides[1 - place] = _renamed(other, behind)
    return base, sides[0], sides[1]


def _part_twins(
    base: Version, ours: Version, theirs: Version, *, by_title: bool
) -> tuple[Version, Version, tuple[Twin, ...]]:
    """Give the younger of two beads with one id a new id, and update references on its side."""
    places = (base.beads, ours.beads, theirs.beads)
    names: tuple[dict[str, str], dict[str, str]] = ({}, {})
    parted = []
    for bead_id in sorted(ours.beads.keys() & theirs.beads.keys()):
        one, other = ours.beads[bead_id], theirs.beads[bead_id]
        before = base.beads.get(bead_id)
        if (
            (before is not None and not ledger_line.is_stone(before))
            or ledger_line.is_stone(one)
            or ledger_line.is_stone(other)
        ):
            continue
        if is_other_bead(one, other, by_title=by_title):
            older, younger = by_age(one, other)
            new = new_id(younger, *places)
            names[0 if younger is one else 1][bead_id] = new
            parted.append(Twin(bead_id, new, str(older.get("title")), str(younger.get("title"))))
    return _renamed(ours, names[0], base), _renamed(theirs, names[1], base), tuple(parted)


def _renamed(version: Version, names: dict[str, str], base: Version | None = None) -> Version:
    """The version with beads and references renamed, except in records equal to ``base``, which mean other beads."""
    if not names:
        return version
    out = version._replace(beads={}, lines={})
    words = [old.encode() for old in names]
    for bead_id, raw in version.beads.items():
        line = version.lines[bead_id]
        if bead_id in names:
            raw = with_new_id(renamed(raw, names), names[bead_id])
        elif (base is None or base.beads.get(bead_id) != raw) and any(word in line for word in words):
            raw = renamed(raw, names)
        new = names.get(bead_id, bead_id)
        out.lines[new] = (
            line if raw is version.beads[bead_id] or raw == version.beads[bead_id] else ledger_line.encode(raw)
        )
        out.beads[new] = raw
    return out


def _repaired(raw: dict[str, object]) -> dict[str, object]:
    """Give a closed record a closing time if it lacks one."""
    if raw.get("status") == CLOSED and not raw.get("closed_at"):
        return {**raw, "closed_at": raw.get("updated_at")}
    return raw


def _pick(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> list[bytes]:
    """The lines of the side that changed them; of two changes the greater, so that both sides choose the same."""
    if ours in (base, theirs):
        return theirs
    return ours if theirs == base else max(ours, theirs)


def _merge_lines(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> list[bytes]:
    """Merge lines that are not beads, those of the base first: memories by key, others as a set; removals count."""
    before, left, right = map(_by_key, (base, ours, theirs))
    out = []
    for key in dict.fromkeys([*before, *sorted({*left, *right})]):
        old, one, other = before.get(key), left.get(key), right.get(key)
        if one == other or other == old:
            found = one
        elif one == old:
            found = other
        elif one is None or other is None:
            found = one or other
        else:
            found = _both_memories(one, other)
        if found is not None:
            out.append(found)
    return out


def _by_key(lines: list[bytes]) -> dict[bytes, bytes]:
    """Return the lines by identity: the key of a memory, the whole of any other line."""
    out = {}
    for line in lines:
        kind, value = ledger_line.classify(line)
        key = json.dumps(value.get("key")).encode() if kind == ledger_line.MEMORY else line
        out[key] = line
    return out


def _both_memories(one: bytes, other: bytes) -> bytes:
    """Return a memory that both sides changed: both texts, unless one contains the other."""
    first, second = sorted((one, other))
    (_, a), (_, b) = ledger_line.classify(first), ledger_line.classify(second)
    left, right = str(a.get("value") or ""), str(b.get("value") or "")
    if right in left:
        return first
    return second if left in right else ledger_line.encode({**a, **b, "value": f"{left}\n{right}"})


def resolve_conflicts(data: bytes) -> tuple[bytes, MergeReport] | None:
    """Return a file with git conflict markers, merged, and the report; None if it has no markers."""
    sides: dict[str, list[bytes]] = {"base": [], "ours": [], "theirs": []}
    section = ""
    found = has_base = False
    for line in data.splitlines():
        kind, marker = ledger_line.classify(line) if line[:7] in ledger_line.CONFLICT_MARKERS else ("", "")
        if kind == ledger_line.CONFLICT:
            found = True
            has_base = has_base or marker == "|||||||"
            section = {"<<<<<<<": "ours", "|||||||": "base", "=======": "theirs", ">>>>>>>": ""}[marker]
            continue
        for name in (section,) if section else sides:
            sides[name].append(line)
    if not found:
        return None
    versions = [read_version(sides[name]) for name in ("base", "ours", "theirs")]
    return merge_versions(*versions, knows_base=has_base)
