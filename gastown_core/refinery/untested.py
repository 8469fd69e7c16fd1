"""What landed without a common test, since its lanes have nothing to do with one another, until it has been tested together.

Such a landing is noted before its push, so a killed engine knows of it.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.record import Record
from gastown_core.refinery.place import note_name, noted_targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.refinery.place import Refinery


KIND = "union"


class Untested(Record):
    """The batches that landed on a target without a test of all of them together, oldest first; on ``base`` first of all.

    ``tested`` says on which commit each was tested, where that is known.
    """

    target: str
    base: str
    batches: tuple[str, ...] = ()
    tested: Mapping[str, str] = {}


def note_untested(place: Refinery, target: str, base: str, batch: str, *, tested: str = "") -> None:
    """Note that a batch is about to land on ``base`` without having been tested there, but on an older commit (``tested``)."""
    before = read_untested(place, target) or Untested(target, base)
    _write(place, before._replace(batches=(*before.batches, batch), tested={**before.tested, batch: tested}))


def _write(place: Refinery, noted: Untested) -> None:
    tested = {batch: commit for batch, commit in noted.tested.items() if batch in noted.batches}
    kept = {**noted._asdict(), "batches": list(noted.batches), "tested": tested}
    write_json(_path(place, noted.target), kept, mode=0o600)


def read_untested(place: Refinery, target: str) -> Untested | None:
    """What of a target was not tested together yet, None if all was; an unreadable note counts as one landing."""
    try:
        found = read_json(_path(place, target))
    except SettingsError:
        return Untested(target, "", ("?",))
    if found is None:
        return None
    batches = found.get("batches")
    ids = tuple(str(one) for one in batches) if isinstance(batches, list) else ()
    tested = found.get("tested")
    known = {str(key): str(value) for key, value in tested.items()} if isinstance(tested, dict) else {}
    return Untested(target, str(found.get("base") or ""), ids or ("?",), known)


def are_tested(place: Refinery, target: str, batches: tuple[str, ...], base: str) -> None:
    """All gates were green on ``base``, which has these first batches of the note; the others still have to be tested."""
    now = read_untested(place, target)
    if now is None or now.batches[: len(batches)] != batches:
        return
    if now.batches == batches:
        is_tested(place, target)
    else:
        _write(place, Untested(target, base, now.batches[len(batches) :], now.tested))


def is_tested(place: Refinery, target: str) -> None:
    """All gates were green on what the target is now."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, target))


def untested_targets(place: Refinery) -> list[str]:
    """The targets of which something was not tested together; the default branch, too, if its note cannot be read."""
    return noted_targets(place, KIND)


def _path(place: Refinery, target: str) -> str:
    return place.file(note_name(KIND, target))
