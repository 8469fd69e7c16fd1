"""Whether a hook need look for new mail at all: not while the town's ledger is as it was at the last look."""

from __future__ import annotations

import os
from contextlib import suppress

from gastown_core.beads.discovery import is_served
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder

LEDGERS = ("issues.jsonl", "wisps.jsonl")


class MailMark:
    """The state of the town's ledger at the last look for a session, so that the next hook need not open it.

    Any writer's change shows in the files' size or time; a town whose ledger is elsewhere is always looked at.
    """

    def __init__(self, root: str, session: str) -> None:
        self._path = os.path.join(root, ".runtime", "mail_looks", session)
        beads = os.path.join(root, ".beads")
        self.is_absent = not os.path.isdir(beads)
        """Whether the town has no ledger."""
        self._now = _state(beads)

    def is_current(self) -> bool:
        """Return whether nothing was written to the ledger since the last look."""
        try:
            with open(self._path, encoding="ascii") as handle:
                return bool(self._now) and handle.read(400) == self._now
        except (OSError, ValueError):
            return False

    def keep(self) -> None:
        """Note that the ledger was looked at in the state from before the look."""
        with suppress(OSError):
            private_folder(os.path.dirname(self._path))
            write_atomic(self._path, self._now.encode(), mode=0o600, sync=False)


def _state(beads_dir: str) -> str:
    parts: list[str] = []
    if is_served(beads_dir):
        return ""
    for name in LEDGERS:
        with suppress(OSError):
            found = os.stat(os.path.join(beads_dir, name))
            parts.append(f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}")
    return " ".join(parts)
