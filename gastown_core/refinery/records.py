"""Finished batches: one line each in ``batches.jsonl``; the logs of old ones are deleted."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress

from gastown_core.files.jsonl import append_lines, lines_backward
from gastown_core.files.locks import FileLock
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.model.refinery import BATCHES_FILE, BatchRecord, batch_record
from gastown_core.refinery.place import slug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.refinery.place import Refinery

SELDOM = (
    "stopped",
    "rework",
    "notes",
    "lanes",
    "untested",
    "union",
    "met",
    "pair",
    "pushed",
    "found",
    "why",
    "gate_set",
    "times",
)
"""Fields that are written only if they say something."""
OWED = "owed-"
KEPT_LOGS = 50
"""How many batches keep their logs."""


class BatchResult(Record):
    """A finished batch; ``set_aside`` gave no verdict, ``hold`` is why the queue waits, ``runs`` counts gate runs."""

    id: str
    rig: str
    target: str
    base: str = ""
    mrs: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    culprits: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Withdrawn, rejected or superseded while claimed, or found to be blocked."""
    lanes: tuple[str, ...] = ()
    """Those that it affects, in a rig that has lanes."""
    untested: bool = False
    """Whether it landed on a commit on which it was not tested, apart from all that had landed since."""
    union: tuple[str, ...] = ()
    """The batches that landed so and were tested together: then it has no requests."""
    met: str = ""
    """Which landings do not go together, if the union is red and a search found them; ``pair`` names them, the later one first."""
    pair: tuple[str, ...] = ()
    pushed: tuple[str, ...] = ()
    """What was on its target already and was verified by it, by request or commit, and what it ``found``; then it has no requests."""
    found: str = ""
    why: tuple[str, ...] = ()
    """Why it was as it was: its size, its begin, its order (``decision``)."""
    gate_set: str = ""
    """The fingerprint of the rig's gates; ``times`` are those of its gate runs, in seconds."""
    times: tuple[float, ...] = ()
    flaky: bool = False
    probes: int = 0
    runs: int = 0
    head: str = ""
    secs: float = 0.0
    hold: str = ""
    stopped: bool = False
    rework: tuple[str, ...] = ()
    """Beads that need a worker again."""
    notes: tuple[str, ...] = ()
    """How dispatching them went, in a sentence each."""

    def as_json(self) -> dict[str, Any]:
        """The result as ``gt refinery process --json`` prints it and ``batches.jsonl`` keeps it."""
        out = {key: list(value) if isinstance(value, tuple) else value for key, value in self._asdict().items()}
        return {key: value for key, value in out.items() if key not in SELDOM or value}

    def words(self) -> str:
        """The result in one sentence."""
        parts = [
            f"{word} {', '.join(ids)}"
            for word, ids in (
                ("merged", self.merged),
                ("sent back", self.culprits),
                ("conflicts in", self.conflicts),
                ("left for later", self.held + self.set_aside),
                ("branch missing of", self.missing),
                ("nothing changes with", self.empty),
                ("left the batch", self.left),
            )
            if ids
        ]
        parts += [f"tested {', '.join(self.union)} together"] if self.union else []
        what = f"{self.pair[0]} of {', '.join(self.pushed)}" if self.pair else ", ".join(self.pushed)
        parts += [f"verified after the push, {self.found}: {what}"] if self.found else []
        parts += ["held: " + self.hold] if self.hold else []
        parts += ["stopped; claimed requests are back in the queue"] if self.stopped else []
        return "; ".join([f"{self.rig} {self.target}: {', '.join(parts) or 'nothing to merge'}", *self.notes])


def keep(place: Refinery, result: BatchResult) -> bool:
    """Append the result to the rig's batches, and delete the logs of old ones; True. Raises StoreError, OSError."""
    append(place, {**result.as_json(), "at": place.clock.now()})
    with suppress(FileNotFoundError):
        os.unlink(note_of(place, result.id))
    folders = sorted(name for name in os.listdir(place.folder) if name.startswith("b-"))
    for name in folders[:-KEPT_LOGS]:
        shutil.rmtree(os.path.join(place.folder, name), ignore_errors=True)
    return True


def append(place: Refinery, record: dict[str, Any]) -> None:
    """Append a batch to the rig's batches. Raises StoreError, OSError."""
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    with FileLock(place.file("batches.lock")):
        append_lines(os.path.join(place.path, BATCHES_FILE), [line.encode("utf-8", "replace")], mode=0o600)


def note_of(place: Refinery, batch_id: str) -> str:
    """The file that says what is owed of the record of a batch (``owed_records``)."""
    return place.file(f"{OWED}{slug(batch_id)}.json")


def owed_notes(place: Refinery) -> list[str]:
    """The files of all batches of which a record is owed."""
    names = os.listdir(place.folder) if os.path.isdir(place.folder) else []
    return [
        os.path.join(place.folder, name) for name in sorted(names) if name.startswith(OWED) and name.endswith(".json")
    ]


def recent(rig_path: str, most: int = 20) -> list[BatchRecord]:
    """The rig's last batches, the newest first; none where the file cannot be read: whoever adds to it says why."""
    found: list[BatchRecord] = []
    with suppress(OSError):
        for _, line in lines_backward(os.path.join(rig_path, BATCHES_FILE)):
            try:
                record = batch_record(decode_json(line))
            except ValueError:
                continue
            if record is not None:
                found.append(record)
            if len(found) >= most:
                break
    return found


def new_batch_id(place: Refinery) -> str:
    """``b-20260302-101900``, with a numeric suffix if that second already has one."""
    stem = "b-" + time.strftime("%Y%m%d-%H%M%S", time.gmtime(place.clock.now()))
    name, number = stem, 1
    while os.path.exists(os.path.join(place.folder, name)):
        number += 1
        name = f"{stem}.{number}"
    os.makedirs(place.file(name), mode=0o700)
    return name
