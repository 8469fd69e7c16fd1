"""The spool ``<town>/.runtime/telemetry/spool.jsonl``: what commands tell telemetry beyond the event log.

Telemetry is on while the file exists: the daemon makes it and takes it away.  A command appends a line and waits for no
collector; while telemetry is off that costs one failed look.
"""

from __future__ import annotations

import os

from gastown_core.files import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.clock import Clock

    Told = tuple[str, Mapping[str, object]]
    """The kind and the attributes of a note; its ``error`` says why it failed."""

MOST_BYTES = 16 << 20
"""A spool that nobody reads grows no further."""
SPOOL = os.path.join(".runtime", "telemetry", "spool.jsonl")
CONTENT = os.path.join(".runtime", "telemetry", "content")
LOCK_S = 1.0

is_tracker = False
"""Whether this process is ``bd``, whose calls are told as such; other programs tell their writes to the ledger."""


def spool_path(root: str) -> str:
    """Return the path of a town's spool."""
    return os.path.join(root, SPOOL)


def is_on(root: str) -> bool:
    """Return whether telemetry is on in this town."""
    return bool(root) and os.access(os.path.join(root, SPOOL), os.W_OK)


def town_with_spool(folder: str) -> str:
    """Return the town at or above ``folder`` in which telemetry is on; empty if there is none."""
    while folder:
        if os.access(f"{folder}/{SPOOL}", os.W_OK):
            return folder
        above = folder.rpartition("/")[0]
        if above == folder:
            break
        folder = above
    return ""


def allows(root: str, opt_in: str) -> bool:
    """Return whether content of this kind may be told: by this process's environment, or by the town's settings."""
    if os.environ.get(opt_in, "").strip().lower() == "true":
        return True
    try:
        with open(os.path.join(root, CONTENT), encoding="ascii") as handle:
            return opt_in in handle.read().split()
    except (OSError, ValueError):
        return False


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
    told = {**attributes, **({"error": error} if error else {})}
    return is_on(root) and spool_all(root, ((kind, told),), actor=actor, clock=clock)


def spool_all(root: str, notes: Iterable[Told], *, actor: str = "", clock: Clock | None = None) -> bool:
    """Append notes at once, as ``spool`` does one; telemetry must be on."""
    from gastown_core.clock import SYSTEM_CLOCK, format_seconds
    from gastown_core.errors import GastownError
    from gastown_core.files.jsonl import append_lines
    from gastown_core.files.locks import FileLock
    from gastown_core.model.json_text import encode_json, encode_text

    now, path = (clock or SYSTEM_CLOCK).now(), spool_path(root)
    who, run = actor or os.environ.get("GT_ROLE") or "overseer", os.environ.get("GT_RUN")
    head = {"ts": format_seconds(now), "ms": int(now * 1000) % 1000, "actor": who, "pid": os.getpid()}
    try:
        lines = [
            encode_text(encode_json({**head, "type": kind, "payload": {**told, **({"run.id": run} if run else {})}}))
            for kind, told in notes
        ]
        with FileLock(path + ".lock", timeout_s=LOCK_S):
            # it may have been taken away meanwhile
            if os.stat(path).st_size + sum(map(len, lines)) > MOST_BYTES:
                return False
            append_lines(path, lines, mode=0o600)
    except (GastownError, OSError, ValueError, TypeError, OverflowError, RecursionError):
        return False
    return True


def open_spool(root: str, content: Iterable[str] = ()) -> None:
    """Turn telemetry on: make the spool, and note what content may be told. Raises OSError, StoreError."""
    from gastown_core.files.atomic import write_atomic
    from gastown_core.files.folders import private_folder

    private_folder(os.path.dirname(spool_path(root)))
    write_atomic(os.path.join(root, CONTENT), " ".join(sorted(content)).encode("ascii"), mode=0o600, sync=False)
    os.close(os.open(spool_path(root), os.O_WRONLY | os.O_CREAT | system.EXACT, 0o600))


def close_spool(root: str) -> None:
    """Turn telemetry off: take the spool away."""
    try:
        os.unlink(spool_path(root))
    except FileNotFoundError:
        pass
