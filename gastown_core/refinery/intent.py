"""What the engine is about to push, written down before it does, so that after a crash the rest can be done or dropped."""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.record import Record
from gastown_core.refinery.place import slug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.refinery.place import Refinery


class Intent(Record):
    """A push in progress: ``requests`` maps each request to the commit that it handed in."""

    batch: str
    target: str
    base: str
    head: str
    requests: dict[str, str]


def write_intent(place: Refinery, intent: Intent) -> None:
    """Keep the intent, safely on disk, before the push."""
    write_json(_path(place, intent.target), intent._asdict(), mode=0o600)


def read_intent(place: Refinery, target: str) -> Intent | None:
    """The intent that a run left behind, None if there is none; one that cannot be read is dropped.

    What was pushed is then still found by the commits that the ledger records.
    """
    path = _path(place, target)
    try:
        found: dict[str, Any] = read_json(path) or {}
        if found:
            return Intent(**{key: found[key] for key in Intent._fields})
    except (SettingsError, KeyError):
        drop_intent(place, target)
    return None


def drop_intent(place: Refinery, target: str) -> None:
    """Forget the intent: all it was about has been done, or never came to pass."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, target))


def _path(place: Refinery, target: str) -> str:
    return place.file(f"intent-{slug(target)}.json")
