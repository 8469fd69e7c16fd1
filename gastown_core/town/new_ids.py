"""New ids that a merge gave to beads: references in the town's other stores and in its event log are updated."""

from __future__ import annotations

import json
import os

from gastown_core.beads import partings
from gastown_core.beads.twins import renamed
from gastown_core.events.log import append_event
from gastown_core.events.retention import reword
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.json_text import decode_json, encode_text
from gastown_core.town.discover import find_town

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.ledger import TownLedger


def follow_after_a_write(actor: str) -> list[str]:
    """Run ``follow_new_ids`` in the town of every store in which this process found new ids. Raises GastownError."""
    from gastown_core.beads.ledger import TownLedger

    roots = {find_town(folder) for folder in partings.untold}
    partings.untold.clear()
    return [
        line for root in sorted(filter(None, roots)) for line in follow_new_ids(root, TownLedger(root), actor=actor)
    ]


def follow_new_ids(root: str, ledger: TownLedger, *, actor: str) -> list[str]:
    """Update every store and the event log to the new ids, with an event for each; return them as ``old → new``.

    Under a lock: a second process must find nothing left, since the old id then means the other bead.
    """
    private_folder(os.path.join(root, ".runtime"))
    with FileLock(os.path.join(root, ".runtime", "new-ids.lock")):
        return _follow(root, ledger, actor)


def _follow(root: str, ledger: TownLedger, actor: str) -> list[str]:
    told = []
    for store in ledger.stores().values():
        names = store.new_ids()
        if not names:
            continue
        # an empty write: it updates the store's wisps first
        with store.write(actor):
            pass
        for other in ledger.stores().values():
            if other is not store:
                partings.follow(other, names, actor)
        reword(root, lambda line, names=names: _reworded(line, names))  # type: ignore[misc]
        store.settle_new_ids(names)
        for old, new in names.items():
            told.append(f"{old} → {new}")
            bead = store.get(new)
            append_event(root, "renumber", actor, {"bead": new, "former": old, "title": bead.title if bead else ""})
    return told


def _reworded(line: bytes, names: Mapping[str, str]) -> bytes:
    """Return an event's line with the new ids; unchanged if it is not an event or has none of the old ones."""
    if not any(old.encode() in line for old in names):
        return line
    try:
        event = decode_json(line)
    except ValueError:
        return line
    changed = renamed(event, names) if isinstance(event, dict) else event
    return (
        line
        if changed == event
        else encode_text(json.dumps(changed, ensure_ascii=False, separators=(",", ":"))) + b"\n"
    )
