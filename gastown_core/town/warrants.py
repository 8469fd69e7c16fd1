"""Warrants: requests to end an agent's session, kept until triage or a person executes them (``warrants/*.warrant.json``)."""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, GastownError, NotFoundError, words_of
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.model.record import Record
from gastown_core.town import sessions
from gastown_core.town.hook_record import record_pause
from gastown_core.town.identity import resolve_agent
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock

SUFFIX = ".warrant.json"


class Warrant(Record):
    """One warrant against ``target`` (an agent's path); times are texts as in the file."""

    id: str
    target: str
    reason: str
    filed_by: str
    filed_at: str
    executed: bool = False
    executed_at: str = ""


def _path(root: str, target: str) -> str:
    return os.path.join(root, "warrants", target.replace("/", "_") + SUFFIX)


def file_warrant(root: str, target: str, reason: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> Warrant:
    """File a warrant; one that is executed already is replaced. Raises ConflictError if one is pending, StoreError."""
    known = read_warrant(root, target)
    if known is not None and not known.executed:
        raise ConflictError(f"a warrant against {target} is pending", known.reason, f"gt warrant execute {target}")
    made = Warrant(f"warrant-{int(clock.now() * 1000)}", target, reason, actor, format_seconds(clock.now()))
    private_folder(os.path.join(root, "warrants"))
    write_json(_path(root, target), made._asdict(), mode=0o600)
    return made


def read_warrant(root: str, target: str) -> Warrant | None:
    """Return the warrant against this agent, None if there is none or its file is unreadable."""
    return _read(_path(root, target))


def _read(path: str) -> Warrant | None:
    try:
        told = read_json(path) or {}
    except GastownError:
        return None
    if not told.get("target"):
        return None
    texts = {key: str(told.get(key) or "") for key in ("id", "target", "reason", "filed_by", "filed_at", "executed_at")}
    return Warrant(executed=told.get("executed") is True, **texts)


def all_warrants(root: str) -> list[Warrant]:
    """Return every warrant that can be read, by target."""
    folder = os.path.join(root, "warrants")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = (_read(os.path.join(folder, name)) for name in names if name.endswith(SUFFIX))
    return [one for one in found if one is not None]


def execute(root: str, target: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """End the session that a pending warrant names, its work kept on its hook; return whether there was one.

    Raises NotFoundError if no warrant is pending or the agent is none, NoTmuxError, TmuxError.
    """
    known = read_warrant(root, target)
    if known is None or known.executed:
        raise NotFoundError(f"no warrant against {target} is pending", "", "gt warrant list -a shows all")
    entry = resolve_agent(read_inventory(root), known.target)
    # noted first: the daemon must not take the end for a death
    record_pause(root, entry)
    ended = sessions.stop_agent(root, entry, caller=actor, reason=f"{known.id}: {known.reason}", clock=clock)
    done = known._replace(executed=True, executed_at=format_seconds(clock.now()))
    write_json(_path(root, target), done._asdict(), mode=0o600)
    return ended


def execute_pending(root: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Execute every pending warrant; one that fails is tried again next time. Returns what was done, in words."""
    told = []
    for one in all_warrants(root):
        if one.executed:
            continue
        try:
            ended = execute(root, one.target, actor=actor, clock=clock)
            told.append(f"{'ended' if ended else 'found no session of'} {one.target}")
        except GastownError as error:
            told.append(f"could not end {one.target}: {words_of(error)}")
    return told
