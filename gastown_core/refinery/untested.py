"""What landed without a common test, since its lanes have nothing to do with one another, until it has been tested together.

Such a landing is noted before its push, so a killed engine knows of it.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.record import Record
from gastown_core.refinery.place import slug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.place import Refinery


class Untested(Record):
    """The batches that landed on a target without a test of all of them together, oldest first; on ``base`` first of all."""

    target: str
    base: str
    batches: tuple[str, ...] = ()


def note_untested(place: Refinery, target: str, base: str, batch: str) -> None:
    """Note that a batch is about to land on ``base`` without having been tested there."""
    before = read_untested(place, target) or Untested(target, base)
    made = before._replace(batches=(*before.batches, batch))
    write_json(_path(place, target), {**made._asdict(), "batches": list(made.batches)}, mode=0o600)


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
    return Untested(target, str(found.get("base") or ""), ids or ("?",))


def are_tested(place: Refinery, target: str, batches: tuple[str, ...], base: str) -> None:
    """All gates were green on ``base``, which has these first batches of the note; the others still have to be tested."""
    now = read_untested(place, target)
    if now is None or now.batches[: len(batches)] != batches:
        return
    if now.batches == batches:
        is_tested(place, target)
    else:
        left = list(now.batches[len(batches) :])
        write_json(_path(place, target), {"target": target, "base": base, "batches": left}, mode=0o600)


def is_tested(place: Refinery, target: str) -> None:
    """All gates were green on what the target is now."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, target))


def untested_targets(place: Refinery) -> list[str]:
    """The targets of which something was not tested together; the default branch, too, if its note cannot be read."""
    try:
        names = sorted(os.listdir(place.folder))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if name.startswith("union-") and name.endswith(".json"):
            target: object = None
            with contextlib.suppress(SettingsError):
                target = (read_json(os.path.join(place.folder, name)) or {}).get("target")
            if isinstance(target, str) and target:
                found.append(target)
            elif name == os.path.basename(_path(place, place.default)):
                found.append(place.default)
    return found


def _path(place: Refinery, target: str) -> str:
    return place.file(f"union-{slug(target)}.json")
