"""Opens the store of a folder whose beads are on a Dolt server; without the server, what was last read of it."""

from __future__ import annotations

import os

from gastown_core.beads.discovery import holds_records, ledger_name
from gastown_core.beads.dolt.address import address_of
from gastown_core.beads.dolt.link import UnreachableError
from gastown_core.beads.dolt.settings import own_prefix, own_words
from gastown_core.beads.dolt.store import DoltStore, LastExport
from gastown_core.beads.ids import default_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from gastown_core.beads.jsonl_store import StoreOptions
    from gastown_core.beads.store import BeadStore


def open_served(beads_dir: str, prefix: str, **options: Unpack[StoreOptions]) -> BeadStore:
    """Return the store; if its server does not answer and nothing was ever read of it, that of the last export.

    Raises StoreError if there is neither, or if the server is not that of these beads.
    """
    store = DoltStore(beads_dir, prefix, address_of(beads_dir), **options)
    try:
        store.index.refresh()
    except UnreachableError as error:
        if not holds_records(beads_dir):
            raise
        return LastExport(
            beads_dir,
            prefix or default_prefix(os.path.basename(os.path.dirname(beads_dir))),
            f"{error}; shown is the last export, {ledger_name(beads_dir)}",
            **options,
        )
    store.prefix = prefix or own_prefix(store) or default_prefix(os.path.basename(os.path.dirname(beads_dir)))
    store.words = own_words(store, store.words)
    return store
