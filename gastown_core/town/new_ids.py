"""Beads that a merge gave another id: what means them in the town's other stores and its event log follows."""

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
    """As ``follow_new_ids`` in the town of every store in which this process met new ids. Raises GastownError."""
    from gastown_core.beads.ledger import TownLedger

    roots = {find_town(folder) for folder in partings.untold}
    partings.untold.clear()
    return [
        line for root in sorted(filter(None, roots)) for line in follow_new_ids(root, TownLedger(root), actor=actor)
    ]


def follow_new_ids(root: str, ledger: TownLedger, *, actor: str) -> list[str]:
    """Bring every store and the event log up to the new ids, each told by an event; returns them, ``old → new``.

    One at a time: who comes second finds nothing left, for the old id means the other bead from then on.
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
        # a write of its own: the store's wisps follow first
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
    """An event's line with the new ids in it; one that is no event, or names none of them, as it is."""
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
