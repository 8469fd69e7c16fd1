"""What was pushed and is not verified yet: a note for each target, written before the push, so a killed engine verifies it later."""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.record import Record
from gastown_core.refinery.place import note_name, noted_targets
from gastown_core.refinery.policy import POST_PUSH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.place import Refinery


KIND = "pushed"


class PushNote(Record):
    """What waits to be verified: from ``base``, which was verified, to ``head``; ``revert`` is pushed next.

    Without commits it says that something waits, and no more.
    """

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
        write_push(place, PushNote(target, before.base if before and before.base else base, head))


def write_push(place: Refinery, note: PushNote) -> None:
    """Replace the note of a target."""
    write_json(_path(place, note.target), note._asdict(), mode=0o600)


def read_push(place: Refinery, target: str) -> PushNote | None:
    """What waits to be verified on a target, None if nothing does; a note that cannot be read names no commits, and is owed."""
    try:
        found = read_json(_path(place, target))
        if found is None:
            return None
        made = PushNote(**{key: found[key] for key in PushNote._fields})
    except (SettingsError, KeyError):
        return PushNote(target, "", "")
    return made if made.target == target and all(isinstance(one, str) for one in made) else PushNote(target, "", "")


def is_verified(place: Refinery, note: PushNote) -> None:
    """Nothing more is to be found out up to the note's head; what was pushed on top of it meanwhile is still to be verified."""
    now = read_push(place, note.target)
    if now is not None and now.head != note.head:
        write_push(place, now._replace(base=note.head))
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, note.target))


def unverified(place: Refinery) -> list[str]:
    """The targets on which something waits to be verified; the default branch, too, if its note cannot be read."""
    return noted_targets(place, KIND)


def _path(place: Refinery, target: str) -> str:
    return place.file(note_name(KIND, target))
