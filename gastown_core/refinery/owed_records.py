"""The record of a batch whose engine is killed: noted before the push or by the next engine, and written by that.

The note goes when the record is kept.  What of it has landed is what the ledger says then, after the recovery.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.flights import flights_of, state_of
from gastown_core.model.merge_request import MERGED, read_request
from gastown_core.model.refinery import CACHED, RUNNING, SKIPPED, EntryState, batch_record, places_used
from gastown_core.refinery.records import append, note_of, owed_notes, recent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.refinery import FlightLine, RefineryState
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.records import BatchResult

RECORD = "the record of a batch"
LOOK_BACK = 200
"""Among how many of the rig's last batches a record is looked for that a killed engine has written."""
_JUDGED = {"merged": EntryState.MERGED, "culprits": EntryState.CULPRIT, "conflicts": EntryState.CONFLICT}


def note_landing(place: Refinery, result: BatchResult) -> None:
    """Note a batch as it is to be recorded when what it pushes now has landed. Raises StoreError."""
    write_json(note_of(place, result.id), result.as_json(), mode=0o600)


def note_killed(place: Refinery, state: RefineryState) -> None:
    """Note the batches that an engine had in flight when it died, by its last word. Raises StoreError."""
    known = {one.id for one in recent(place.path, LOOK_BACK)}
    for flight in flights_of(state):
        if flight.batch and flight.batch not in known:
            before = _note_in(place, note_of(place, flight.batch)) or {}
            ours = _last_word(place.rig, flight, state_of(state, flight.batch))
            merged = list(dict.fromkeys([*before.get("merged", ()), *ours["merged"]]))
            write_json(note_of(place, flight.batch), {**before, **ours, "merged": merged}, mode=0o600)


def _last_word(rig: str, flight: FlightLine, state: RefineryState) -> dict[str, Any]:
    """The record of a batch of which the state of its engine is left; a run that was cut off counts, too."""
    ended = sum(one.result not in (RUNNING, CACHED, SKIPPED) for one in state.probes)
    return {
        "id": flight.batch,
        "rig": rig,
        "target": state.target,
        "base": state.base,
        "mrs": list(flight.requests),
        **{key: [one.id for one in state.requests if one.state == word] for key, word in _JUDGED.items()},
        "probes": len(state.probes),
        "runs": ended + places_used(state.probes),
        "secs": round(max(0.0, state.updated_at - state.started_at), 3),
        **{key: list(getattr(flight, key)) for key in ("lanes", "union", "pushed", "why") if getattr(flight, key)},
        "at": state.updated_at,
        "killed": True,
    }


def owed_targets(place: Refinery) -> list[str]:
    """The targets of the batches that a killed engine has not recorded."""
    return list(dict.fromkeys(str(found["target"]) for _, found in _notes(place)))


def keep_owed(place: Refinery, target: str) -> int:
    """Record the batches of a target in which an engine died, or of which it landed something; the caller holds its lock.

    Returns how many.
    """
    mine = [(path, found) for path, found in _notes(place) if found["target"] == target]
    if not mine:
        return 0
    known = {one.id for one in recent(place.path, LOOK_BACK)}
    count = 0
    for path, found in mine:
        beads = place.store.get_many(found["merged"])
        landed = [one for one in found["merged"] if one in beads and read_request(beads[one]).close_reason == MERGED]
        if (landed or found.get("killed") is True) and found["id"] not in known:
            record = {"at": place.clock.now(), **found, "merged": landed}
            append(place, record)
            _tell(place, record)
            count += 1
        place.at(f"recorded {found['id']}")
        _drop(path)
    return count


def _tell(place: Refinery, record: dict[str, Any]) -> None:
    known = batch_record(record)
    if known is not None and known.killed:
        payload = {"batch": known.id, "mrs": list(known.mrs), "merged": list(known.merged), "runs": known.runs}
        payload |= {"rig": place.rig, "target": known.target}
        append_event(place.root, "batch_killed", place.actor, payload, clock=place.clock)


def _notes(place: Refinery) -> list[tuple[str, dict[str, Any]]]:
    """The notes and their files; one that cannot be read names no batch, and is dropped."""
    out: list[tuple[str, dict[str, Any]]] = []
    for path in owed_notes(place):
        found = _note_in(place, path)
        if found is None:
            _drop(path)
        else:
            out.append((path, found))
    return out


def _note_in(place: Refinery, path: str) -> dict[str, Any] | None:
    """The note in a file, None if there is none that can be read."""
    found = None
    with contextlib.suppress(SettingsError):
        found = read_json(path)
    record = batch_record(found)
    if found is None or record is None or not record.target or path != note_of(place, record.id):
        return None
    return {**found, "mrs": list(record.mrs), "merged": list(record.merged)}


def _drop(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
