"""Imports beads from JSON lines of every dialect or a raw table dump, and exports them as bd reads them."""

from __future__ import annotations

import json
import os
import sys
from bisect import bisect_right

from gastown_core.beads import ledger_line
from gastown_core.beads.bead_merge import comment_age, comment_key
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.rules import entries_of, oddities
from gastown_core.beads.twins import Twin, candidates, is_other_bead, is_same_bead, renamed, with_new_id
from gastown_core.beads.unfolding import unfolded
from gastown_core.clock import format_micros, has_zone, local_moment, parse_moment
from gastown_core.errors import StoreError
from gastown_core.model.bead import CLOSED, DERIVED_KEYS, OPEN, Bead
from gastown_core.model.json_text import decode_json, encode_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.index_intake import Progress
    from gastown_core.beads.query import Tally
    from gastown_core.beads.settings import Vocabulary
    from gastown_core.beads.store import BeadStore
MAX_LINE = 64 << 20


class ImportReport:
    """The outcome for each imported record; ids in input order."""

    def __init__(self, source: str, dry_run: bool) -> None:
        self.source = source
        self.dry_run = dry_run
        self.created: list[str] = []
        self.updated: list[str] = []
        self.stale: list[str] = []
        self.junk: list[str] = []
        self.odd: list[str] = []
        self.misread = 0
        self.skipped_dependencies: list[str] = []
        self.parted: list[Twin] = []
        self.unchanged = 0
        self.dedup_skipped = 0
        self.memories = 0

    @property
    def is_whole(self) -> bool:
        """Whether every line was understood; a status that only this store does not know does not count."""
        return not (self.junk or self.misread or self.skipped_dependencies)

    @property
    def first_id(self) -> str:
        """The first bead that was created or changed, empty if none."""
        return next(iter([*self.created, *self.updated]), "")

    def as_json(self) -> dict[str, object]:
        """Return the object that ``--json`` prints."""
        return {
            "source": self.source,
            "created": len(self.created),
            "updated": len(self.updated),
            "unchanged": self.unchanged,
            "skipped": len(self.stale) + len(self.junk),
            "dedup_skipped": self.dedup_skipped,
            "memories": self.memories,
            "ids": [*self.created, *self.updated],
            "stale_skipped_ids": self.stale,
            "skipped_dependencies": self.skipped_dependencies,
            "junk": self.junk,
            "odd": self.odd,
            "renumbered": {twin.old: twin.new for twin in self.parted},
            "dry_run": self.dry_run,
        }


def import_file(
    store: BeadStore,
    source: str,
    *,
    actor: str,
    dedup: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file, a folder with a table dump, or stdin (``-``). Raises StoreError if it cannot be read.

    A bead whose id belongs to another bead here gets a new id, and imported references to it are updated.
    """
    report = ImportReport(source, dry_run)
    if source != "-" and os.path.isdir(source):
        from gastown_core.beads.table_dump import read_dump

        found: Iterable[tuple[str, Any, int]] = (
            (ledger_line.BEAD, bead, number) for number, bead in enumerate(read_dump(source), 1)
        )
    else:
        found = _read_lines(_bytes(source), report, progress)
    memories: list[bytes] = []
    titles = _open_titles(store) if dedup else None
    batch = store.write(actor)
    with batch:
        for kind, value, number in _parted(batch, found, report):
            if kind == ledger_line.MEMORY:
                memories.append(value)
            elif titles is not None and kind == ledger_line.BEAD and value.title in titles:
                report.dedup_skipped += 1
            else:
                if kind == ledger_line.BEAD:
                    _judge(value, f"line {number}: {value.id or 'a record without id'}", store.words, report)
                _take(batch, value, report, store.clock.now())
        fresh = [line for line in memories if line not in set(store.other_lines("memory"))] if memories else []
        report.memories = len(fresh)
        if dry_run:
            batch.discard()
        elif fresh:
            batch.keep_lines(fresh)
    return report


def _parted(
    batch: RuleBatch, found: Iterable[tuple[str, Any, int]], report: ImportReport
) -> Iterable[tuple[str, Any, int]]:
    """Yield the records; one that only shares its id with a bead here gets another id."""
    everything = list(found)
    names: dict[str, str] = {}
    for kind, value, _ in everything:
        standing = batch.get(value.id) if kind == ledger_line.BEAD and value.id else None
        if (
            standing is None
            or standing.title == value.title
            or not is_other_bead(standing.raw, value.raw, by_title=False)
        ):
            continue
        for candidate in candidates(value.raw):
            known = batch.get(candidate)
            if known is None or is_same_bead(known.raw, value.raw):
                break
        if value.id not in names:
            report.parted.append(Twin(value.id, candidate, standing.title, value.title))
        names[value.id] = candidate
    for kind, value, number in everything:
        if names and kind in (ledger_line.BEAD, ledger_line.STONE):
            raw = renamed(value.raw, names)
            value = Bead(with_new_id(raw, names[value.id]) if value.id in names and kind == ledger_line.BEAD else raw)
        yield kind, value, number


def _bytes(source: str) -> bytes:
    try:
        if source == "-":
            return sys.stdin.buffer.read()
        with open(source, "rb") as handle:
            return handle.read()
    except OSError as error:
        raise StoreError(
            f"cannot read {source}", error.strerror or str(error), "use bd import FILE, or - for stdin"
        ) from error


def _read_lines(data: bytes, report: ImportReport, progress: Progress | None) -> Iterable[tuple[str, Any, int]]:
    """Yield records and memory lines with their line numbers; unreadable lines go to the report."""
    if data[:1] == b"[":
        data = _unpacked(data)
    for count, (number, line) in enumerate(_numbered(data), 1):
        kind, value = ledger_line.classify(line) if len(line) <= MAX_LINE else (ledger_line.JUNK, "longer than 64 MB")
        if kind == ledger_line.JUNK and value in ("no id", "no title"):
            # a record without id or title can still be imported
            raw = decode_json(line)
            if value == "no title" or ("id" not in raw and isinstance(raw.get("title"), str)):
                kind, value = ledger_line.BEAD, Bead(raw)
        if kind in (ledger_line.BEAD, ledger_line.STONE):
            yield kind, value, number
        elif kind == ledger_line.MEMORY:
            yield kind, line, number
        elif kind in (ledger_line.JUNK, ledger_line.CONFLICT):
            report.junk.append(f"line {number}: {value if kind == ledger_line.JUNK else 'conflict marker ' + value}")
        if progress is not None and count % 2000 == 0:
            progress("importing", min(number, len(data)), len(data))
    if progress is not None:
        progress("importing", len(data), len(data))


def _numbered(data: bytes) -> Iterable[tuple[int, bytes]]:
    """Yield every record in one piece, with the number of its first line."""
    starts: list[int] = []

    def pieces() -> Iterable[tuple[int, bytes]]:
        at = 0
        for line in data.splitlines(keepends=True):
            starts.append(at)
            yield at, line.rstrip(b"\r\n")
            at += len(line)

    for at, line in unfolded(pieces()):
        yield bisect_right(starts, at), line


def _judge(bead: Bead, where: str, words: Vocabulary, report: ImportReport) -> None:
    """Report values of a record that have no meaning here."""
    found = oddities(bead.raw)
    report.misread += len(found)
    report.odd += [f"{where}: {what}" for what in found]
    if bead.status not in words.statuses:
        report.odd.append(f"{where}: unknown status {bead.status!r}")


def _unpacked(data: bytes) -> bytes:
    """Return a JSON array of records (``bd list --json``) as lines; other data is unchanged."""
    import json

    try:
        values = decode_json(data)
    except ValueError:
        return data
    return b"\n".join(encode_text(json.dumps(value, ensure_ascii=False)) for value in values)


def _open_titles(store: BeadStore) -> set[str]:
    return {bead.title for bead in store.excerpts(BeadQuery(exclude_statuses=(CLOSED,), include_wisps=True))}


def _take(batch: RuleBatch, bead: Bead, report: ImportReport, now: float) -> None:
    """Add one record to the batch."""
    raw = _completed(ledger_line.pruned(bead.raw), now)
    if isinstance(raw.get("dependencies"), list):
        raw["dependencies"] = _good_edges(raw, report)
        if not raw["dependencies"]:
            del raw["dependencies"]
    if not bead.id:
        made = batch.create({"title": bead.title[:100]})
        batch.put(Bead({**raw, "id": made.id}))
        report.created.append(made.id)
        return
    standing = batch.get(bead.id)
    if standing is None:
        if not bead.is_tombstone:
            report.created.append(bead.id)
        batch.put(Bead(raw))
        return
    if _moment(raw) < _moment(standing.raw):
        report.stale.append(bead.id)
        return
    _join_comments(raw, standing)
    if raw == ledger_line.pruned(standing.raw):
        report.unchanged += 1
        return
    report.updated.append(bead.id)
    batch.put(Bead(raw))


def _moment(raw: dict[str, Any]) -> float:
    return parse_moment(raw.get("updated_at")) or 0.0


SET_BY_PEOPLE = ("due_at", "defer_until")


def _completed(raw: dict[str, object], now: float) -> dict[str, object]:
    """The record with the keys that every record has; priority gets no other default than 0, which is meaningful.

    Times that people set (SET_BY_PEOPLE) are local if they name no zone; other times are UTC.
    """
    for key in SET_BY_PEOPLE:
        value = raw.get(key)
        if isinstance(value, str) and parse_moment(value) is not None and not has_zone(value):
            raw[key] = format_micros(local_moment(value, ends_day=key == "due_at") or 0.0)
    raw.setdefault("status", OPEN)
    raw.setdefault("priority", 0)
    raw.setdefault("issue_type", "task")
    for key, other in (("created_at", "updated_at"), ("updated_at", "created_at")):
        if raw.get(key) in (None, ""):
            raw[key] = raw[other] if parse_moment(raw.get(other)) is not None else format_micros(now)
    if raw["status"] == CLOSED and not raw.get("closed_at"):
        latest = max(parse_moment(raw["created_at"]) or 0.0, _moment(raw))
        raw["closed_at"] = format_micros(latest + 1)
    return raw


def _good_edges(raw: dict[str, Any], report: ImportReport) -> list[dict[str, object]]:
    good = []
    for edge in raw["dependencies"]:
        target = edge.get("depends_on_id") if isinstance(edge, dict) else None
        if isinstance(target, str) and target and target != raw.get("id"):
            good.append(edge)
        else:
            report.skipped_dependencies.append(f"{raw.get('id')} → {target}")
    return good


def _join_comments(raw: dict[str, object], standing: Bead) -> None:
    """Add the comments that only the stored bead has, if the record's comments are a list."""
    if not isinstance(raw.get("comments", []), list):
        return
    mine = entries_of(raw, "comments")
    known = {comment_key(comment) for comment in mine if isinstance(comment, dict)}
    extra = [comment for comment in standing.comments if comment_key(comment) not in known]
    if extra:
        raw["comments"] = sorted([*mine, *extra], key=comment_age)


def export_lines(store: BeadStore, query: BeadQuery, *, with_memories: bool = False) -> Iterator[bytes]:
    """Yield the lines, without newlines, in the query's order, then memory lines if requested."""
    beads = store.find(query)
    tallies = store.tallies([bead.id for bead in beads])
    for bead in beads:
        yield export_line(bead, tallies[bead.id])
    if with_memories:
        yield from store.other_lines("memory")


def export_line(bead: Bead, tally: Tally) -> bytes:
    """Return the export line of a bead."""
    counts = {
        "dependency_count": tally.dependency_count,
        "dependent_count": tally.dependent_count,
        "comment_count": tally.comment_count,
        **({"parent": tally.parent} if tally.parent else {}),
    }
    tail = json.dumps(counts, ensure_ascii=False, separators=(",", ":"))
    plain = {key: value for key, value in bead.raw.items() if key not in DERIVED_KEYS}
    return ledger_line.encode({"_type": "issue", **plain})[:-1] + b"," + tail[1:].encode()
