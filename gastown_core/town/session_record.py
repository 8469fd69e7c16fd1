"""What is known of an agent's last session after it has ended: ``<town>/.runtime/sessions/<session>.json``.

The heartbeat goes with its session; this stays, so that a restart can resume what the program itself kept.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.model.record import Record
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.runtimes.heartbeat import heartbeat_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.town.inventory import RosterEntry

RESUMABLE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class LastSession(Record):
    """The program's own id of its session, its runtime, and its transcript's path (empty if unknown)."""

    agent_session: str
    runtime: str
    transcript: str = ""


def record_path(root: str, session: str) -> str:
    """Return the path of the session's record."""
    return os.path.join(root, ".runtime", "sessions", f"{session}.json")


def keep(root: str, session: str) -> None:
    """Record what the program's hooks reported of the session that ends now; if they reported nothing, the old record stays.

    Raises StoreError.
    """
    found = _told_by_hooks(root, session)
    if found is None:
        return
    from json import dumps

    path = record_path(root, session)
    private_folder(os.path.dirname(path))
    write_atomic(path, (dumps(found._asdict(), ensure_ascii=False) + "\n").encode(), mode=0o600, sync=False)


def last_session(root: str, entry: RosterEntry, runtime: str) -> LastSession | None:
    """The last session of that runtime which the agent had, running or ended; None if none is known, or it left nothing."""
    for found in (_told_by_hooks(root, entry.session), _kept(root, entry.session), _in_its_files(entry, runtime)):
        if found is not None and found.runtime == runtime and is_id(found.agent_session):
            # a program that wrote nothing down has nothing to go on with
            return found if not found.transcript or os.path.exists(found.transcript) else None
    return None


def _told_by_hooks(root: str, session: str) -> LastSession | None:
    return _read(heartbeat_path(root, session), "agent_runtime")


def _kept(root: str, session: str) -> LastSession | None:
    return _read(record_path(root, session), "runtime")


def _read(path: str, runtime_key: str) -> LastSession | None:
    try:
        value = read_json(path) or {}
    except GastownError:
        return None
    told = [value.get(key) for key in ("agent_session", runtime_key, "transcript")]
    found = LastSession(*(one if isinstance(one, str) else "" for one in told))
    return found if found.agent_session else None


def _in_its_files(entry: RosterEntry, runtime: str) -> LastSession | None:
    adapter = adapter_for(runtime)
    told = adapter.last_session(entry.work_dir, os.environ) if adapter is not None else ""
    return LastSession(told, runtime) if told else None


def is_id(text: str) -> bool:
    """Whether it may stand in a command line: it came from outside."""
    return bool(text) and not text.startswith("-") and RESUMABLE.issuperset(text)
