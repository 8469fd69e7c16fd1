"""The record of a batch whose engine is killed after it has landed something: noted before the push, written by the next engine.

The note goes when the record is kept.  What of it has landed is what the ledger says then, after the recovery.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.merge_request import MERGED, read_request
from gastown_core.model.refinery import batch_record
from gastown_core.refinery.records import append, note_of, owed_notes, recent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.records import BatchResult

LOOK_BACK = 200
"""Among how many of the rig's last batches a record is looked for that a killed engine has written."""


def note_landing(place: Refinery, result: BatchResult) -> None:
    """Note a batch as it is to be recorded when what it pushes now has landed. Raises StoreError."""
    write_json(note_of(place, result.id), result.as_json(), mode=0o600)


def owed_targets(place: Refinery) -> list[str]:
    """The targets of the batches that a killed engine has not recorded."""
    return list(dict.fromkeys(str(found["target"]) for _, found in _notes(place)))


def keep_owed(place: Refinery, target: str) -> int:
    """Record the batches of a target that a killed engine has landed something of; the caller holds its lock. How many."""
    mine = [(path, found) for path, found in _notes(place) if found["target"] == target]
    if not mine:
        return 0
    known = {one.id for one in recent(place.path, LOOK_BACK)}
    count = 0
    for path, found in mine:
        beads = place.store.get_many(found["merged"])
        landed = [one for one in found["merged"] if one in beads and read_request(beads[one]).close_reason == MERGED]
        if landed and found["id"] not in known:
            append(place, {**found, "merged": landed, "at": place.clock.now()})
            count += 1
        place.at(f"recorded {found['id']}")
        _drop(path)
    return count


def _notes(place: Refinery) -> list[tuple[str, dict[str, Any]]]:
    """The notes and their files; one that cannot be read names no batch, and is dropped."""
    out: list[tuple[str, dict[str, Any]]] = []
    for path in owed_notes(place):
        found = None
        with contextlib.suppress(SettingsError):
            found = read_json(path)
        record = batch_record(found)
        if found is None or record is None or not record.target or path != note_of(place, record.id):
            _drop(path)
        else:
            out.append((path, {**found, "mrs": list(record.mrs), "merged": list(record.merged)}))
    return out


def _drop(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
