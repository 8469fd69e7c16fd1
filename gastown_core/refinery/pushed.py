"""What was pushed and is not verified yet: a note for each target, written before the push, so a killed engine verifies it later."""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.record import Record
from gastown_core.refinery.place import slug
from gastown_core.refinery.policy import POST_PUSH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.place import Refinery


class PushNote(Record):
    """What waits to be verified: from ``base``, which was verified, to ``head``; ``revert`` is pushed next."""

    target: str
    base: str
    head: str
    revert: str = ""
    request: str = ""
    why: str = ""


def note_push(place: Refinery, target: str, base: str, head: str) -> None:
    """Note that the target is going from ``base`` to ``head``; with what is not verified yet it counts as one push."""
    if any(gate.phase == POST_PUSH for gate in place.policy.gates):
        before = read_push(place, target)
        write_push(place, PushNote(target, before.base if before else base, head))


def write_push(place: Refinery, note: PushNote) -> None:
    """Replace the note of a target."""
    write_json(_path(place, note.target), note._asdict(), mode=0o600)


def read_push(place: Refinery, target: str) -> PushNote | None:
    """What waits to be verified on a target, None if nothing does or its file cannot be read."""
    try:
        found = read_json(_path(place, target)) or {}
        made = PushNote(**{key: found[key] for key in PushNote._fields}) if found else None
    except (SettingsError, KeyError):
        return None
    return made if made is not None and all(isinstance(one, str) for one in made) else None


def is_verified(place: Refinery, note: PushNote) -> None:
    """Nothing more is to be found out up to the note's head; what was pushed on top of it meanwhile is still to be verified."""
    now = read_push(place, note.target)
    if now is not None and now.head != note.head:
        write_push(place, now._replace(base=note.head))
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, note.target))


def unverified(place: Refinery) -> list[str]:
    """The targets on which something waits to be verified."""
    try:
        names = sorted(os.listdir(place.folder))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if name.startswith("pushed-") and name.endswith(".json"):
            with contextlib.suppress(SettingsError):
                target = (read_json(os.path.join(place.folder, name)) or {}).get("target")
                found += [target] if isinstance(target, str) and read_push(place, target) is not None else []
    return found


def _path(place: Refinery, target: str) -> str:
    return place.file(f"pushed-{slug(target)}.json")
