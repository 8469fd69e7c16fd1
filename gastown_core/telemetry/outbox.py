"""What of event log and spool was told to collectors of logs and traces, in ``<town>/.runtime/telemetry/told.json``.

Each signal has its own places.  They move when a collector has taken the records, so a killed process sends the last ones
again (each has an id by which a backend knows it), and a collector that was away gets what the logs still have.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.events.log import log_path
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.locks import FileLock
from gastown_core.files.spool import spool_path
from gastown_core.model.json_text import encode_json, encode_text
from gastown_core.telemetry.notes import of_event, of_spooled
from gastown_core.telemetry.place import Place, end_of, place_of, read_on
from gastown_core.telemetry.tally import EVENTS, SPOOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from gastown_core.telemetry.notes import Note

PORTION = 512 << 10
"""About so many bytes of a log are told at once."""
EMPTY_FROM = 1 << 20
"""A spool of this size is emptied once everybody has read it."""


class Outbox:
    """The places of all signals of one town, as they were written last."""

    def __init__(self, root: str) -> None:
        self.root = root
        try:
            kept = read_json(outbox_path(root)) or {}
        except GastownError:
            kept = {}
        self._kept: dict[str, dict[str, Any]] = {name: one for name, one in kept.items() if isinstance(one, dict)}

    def places(self, signal: str) -> dict[str, Place]:
        """Return the places of a signal; a new one begins with what comes."""
        kept = self._kept.get(signal, {})
        found = {name: place_of(kept.get(name)) for name in (EVENTS, SPOOL)}
        paths = {EVENTS: log_path(self.root), SPOOL: spool_path(self.root)}
        return {
            name: place if place is not None else end_of(paths[name], is_spool=name == SPOOL)
            for name, place in found.items()
        }

    def memory(self, signal: str) -> dict[str, Any]:
        """Return what the signal keeps between two portions."""
        memory = self._kept.get(signal, {}).get("memory")
        return dict(memory) if isinstance(memory, dict) else {}

    def portion(self, signal: str) -> tuple[list[Note], dict[str, Place]]:
        """Return the next notes of both logs, and the places behind them; the same places if there are none."""
        places = self.places(signal)
        events, places[EVENTS] = read_on(log_path(self.root), places[EVENTS], limit=PORTION)
        spooled, places[SPOOL] = read_on(spool_path(self.root), places[SPOOL], is_spool=True, limit=PORTION)
        notes = [note for event in events for note in of_event(event)]
        notes += [note for event in spooled for note in of_spooled(event)]
        return notes, places

    def settle(self, signal: str, places: Mapping[str, Place], memory: Mapping[str, Any] | None = None) -> None:
        """Note that a signal was told up to these places. Raises StoreError."""
        self._kept[signal] = {name: place.as_json() for name, place in places.items()}
        if memory:
            self._kept[signal]["memory"] = memory
        write_atomic(outbox_path(self.root), encode_text(encode_json(self._kept)), mode=0o600)

    def keep_only(self, signals: Collection[str]) -> None:
        """Forget signals that have no collector any more, so that the spool does not wait for them. Raises StoreError."""
        if not self._kept.keys() <= {*signals}:
            self._kept = {name: one for name, one in self._kept.items() if name in signals}
            write_atomic(outbox_path(self.root), encode_text(encode_json(self._kept)), mode=0o600)


def outbox_path(root: str) -> str:
    """Return the path of the places."""
    return os.path.join(root, ".runtime", "telemetry", "told.json")


def empty_spool(root: str, readers: list[Place]) -> bool:
    """Empty a spool of some size that all ``readers`` have read to its end; return whether it was."""
    path = spool_path(root)
    try:
        if os.stat(path).st_size < EMPTY_FROM:
            return False
        with FileLock(path + ".lock", timeout_s=1.0):
            size = os.stat(path).st_size
            if any(place.offset != size for place in readers):
                return False
            os.truncate(path, 0)
    except FileNotFoundError:
        return False
    return True
