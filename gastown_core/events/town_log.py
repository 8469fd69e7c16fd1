"""The human-readable town log: ``logs/town.log``, one line per agent event."""

from __future__ import annotations

import os
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.log import LOCK_S, note_failure
from gastown_core.files.folders import private_folder
from gastown_core.files.jsonl import append_lines
from gastown_core.files.locks import FileLock
from gastown_core.model.plain_text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock


def log_line(town_root: str, kind: str, agent: str, detail: str, *, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Append ``2026-03-02 11:04:09 [kind] agent detail`` in local time (file mode 0600).

    Returns False, without raising, if it cannot be written; ``events.log.last_failure`` then says why.
    """
    folder = os.path.join(town_root, "logs")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(clock.now()))
    line = clean(f"{stamp} [{kind}] {agent} {detail}").rstrip()
    path = os.path.join(folder, "town.log")
    try:
        private_folder(folder)
        with FileLock(path + ".lock", timeout_s=LOCK_S):
            append_lines(path, [line.encode("utf-8", "replace")], mode=0o600)
    except (GastownError, OSError) as error:
        note_failure(f"a line is missing from {path}: {error}")
        return False
    return True
