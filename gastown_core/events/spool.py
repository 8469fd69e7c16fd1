"""The spool ``<town>/.runtime/telemetry/spool.jsonl``: what commands tell telemetry beyond the event log.

Telemetry is on while the file exists: the daemon makes it and takes it away.  A command appends a line and waits for no
collector; while telemetry is off that costs one failed look.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.clock import Clock

MOST_BYTES = 16 << 20
"""A spool that nobody reads grows no further; what is lost is told as ``gastown.telemetry.lost.total``."""


def spool_path(root: str) -> str:
    """Return the path of a town's spool."""
    return os.path.join(root, ".runtime", "telemetry", "spool.jsonl")


def is_on(root: str) -> bool:
    """Return whether telemetry is on in this town."""
    return bool(root) and os.access(spool_path(root), os.W_OK)


def spool(
    root: str,
    kind: str,
    attributes: Mapping[str, object],
    *,
    error: str = "",
    actor: str = "",
    clock: Clock | None = None,
) -> bool:
    """Append a note while telemetry is on; return whether it was kept. Never raises: what it tells of has happened."""
    if not is_on(root):
        return False
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.errors import GastownError
    from gastown_core.events.log import encode_event
    from gastown_core.files.jsonl import append_lines
    from gastown_core.files.locks import FileLock

    told = {**attributes, **({"error": error} if error else {})}
    path = spool_path(root)
    who = actor or os.environ.get("GT_ROLE") or "overseer"
    try:
        line = encode_event(kind, who, told, "audit", (clock or SYSTEM_CLOCK).now())
        with FileLock(path + ".lock", timeout_s=1.0):
            # it may have been taken away meanwhile
            status = os.stat(path)
            if status.st_size + len(line) > MOST_BYTES:
                return False
            append_lines(path, [line], mode=0o600)
    except (GastownError, OSError, ValueError, TypeError, OverflowError, RecursionError):
        return False
    return True


def open_spool(root: str) -> None:
    """Turn telemetry on: make the spool. Raises OSError, StoreError."""
    from gastown_core.files.folders import private_folder

    private_folder(os.path.dirname(spool_path(root)))
    os.close(os.open(spool_path(root), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def close_spool(root: str) -> None:
    """Turn telemetry off: take the spool away."""
    try:
        os.unlink(spool_path(root))
    except FileNotFoundError:
        pass
