"""A BeadStore whose truth is a Dolt database: questions are answered from its mirror, brought up to date first.

If the server does not answer, the mirror (or the last export beside it) is shown as it is; ``trouble`` says so, and
writes are refused.
"""

from __future__ import annotations

import os

from gastown_core.beads import ledger_line
from gastown_core.beads.dolt.link import Link
from gastown_core.beads.dolt.mirror import FOLDER, Mirror
from gastown_core.beads.dolt.mirror_index import MirrorIndex
from gastown_core.beads.jsonl_store import JsonlStore
from gastown_core.beads.settings import read_settings
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import StoreError
from gastown_core.files.folders import cache_folder
from gastown_core.model.json_text import encode_json, encode_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.dolt.address import Address
    from gastown_core.beads.dolt.writer import DoltWriter
    from gastown_core.beads.jsonl_store import StoreOptions
    from gastown_core.beads.twins import Twin

MEMORIES = "kv.memory."
"""What the keys of memories in the table ``config`` begin with."""


class LastExport(JsonlStore):
    """The last export of a database whose server does not answer: read-only, and ``why`` says so."""

    def __init__(self, beads_dir: str, prefix: str, why: str, **options: Unpack[StoreOptions]) -> None:
        options["read_only"] = True
        super().__init__(beads_dir, prefix, **options)
        self._why = why

    @property
    def trouble(self) -> str:
        """That this is an export."""
        return self._why


class DoltStore(JsonlStore):
    """The store of ``beads_dir`` in the database at ``address``."""

    def __init__(self, beads_dir: str, prefix: str, address: Address, **options: Unpack[StoreOptions]) -> None:
        try:
            folder = cache_folder(os.path.join(beads_dir, FOLDER))
        except OSError as error:
            raise StoreError(
                f"cannot keep a mirror of {address.name}",
                f"{os.path.join(beads_dir, FOLDER)}: {error.strerror or error}",
                "questions are answered from that folder: make it writable",
            ) from error
        super().__init__(folder, prefix, **options)
        self.beads_dir = beads_dir
        self._follows = False
        self.link = Link(address)
        self.mirror = Mirror(folder, self.link)
        self.index: MirrorIndex = MirrorIndex(self.mirror, SYSTEM_CLOCK, options.get("progress"))

    @property
    def files_dir(self) -> str:
        """The folder of the mirror's files."""
        return self.mirror.folder

    @property
    def trouble(self) -> str:
        """Why what is shown may be out of date; empty if it is not."""
        return self.index.trouble

    def close(self) -> None:
        """Close the connection, files and index; the store can be used again afterwards."""
        self.link.close()
        super().close()

    def follow_mirror(self) -> None:
        """Answer from the mirror alone, without a connection, from now on: a pulse of this process keeps it up to date."""
        if not self._follows:
            self._follows = True
            self.index.hold(on=True)
            self.link.close()

    def path(self, code: int = 0) -> str:
        """Return the name of the database, for messages."""
        return self.link.address.name

    def other_lines(self, kind: str) -> list[bytes]:
        """Return the memories, which the database keeps among its settings; there are no other lines."""
        if kind != ledger_line.MEMORY:
            return []
        self.index.refresh()
        kept = self.mirror.words("config")
        return [
            encode_text(encode_json({"_type": "memory", "key": key.removeprefix(MEMORIES), "value": value}))
            for key, value in kept.items()
            if key.startswith(MEMORIES)
        ]

    @property
    def commits_each(self) -> bool:
        """Whether each write becomes a commit of the database's history: ``dolt.auto-commit`` is not off or batch."""
        return read_settings(self.beads_dir).get("dolt.auto-commit", "on") not in ("off", "batch")

    def writer(self, actor: str = "") -> DoltWriter:
        """Return the writer of the database; its history names ``actor``."""
        from gastown_core.beads.dolt.writer import DoltWriter

        return DoltWriter(self, self.index, actor=actor, in_history=self.commits_each, read_only=self.read_only)

    def write(self, actor: str) -> RuleBatch:
        """Return a batch by ``actor``; entering it waits for the lock."""
        from gastown_core.beads.batch import RuleBatch

        return RuleBatch(self.writer(actor), actor)

    def compact(self, parted: list[Twin] | None = None) -> bool:
        """Do nothing: the database has one record for each id."""
        return False
