"""A freeze: nothing is merged until it ends, whatever is green. A person starts it, or the hours in the rig's settings.

No request is at fault and nothing is escalated.  A push that was begun is finished; what is tested meanwhile is given
back, and its green verdict is kept.  A freeze that breaks off ends the gates that run; what they had not said is tested
again after it.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import format_local, format_micros, format_seconds, parse_moment
from gastown_core.errors import ConflictError, SettingsError, StoreError
from gastown_core.events.channels import emit
from gastown_core.events.log import append_event
from gastown_core.events.told import was_told
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.locks import FileLock
from gastown_core.model.record import Record
from gastown_core.model.refinery import FROZEN
from gastown_core.refinery.freeze_windows import last_end
from gastown_core.refinery.place import in_brief

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.refinery.place import Refinery

FILE = "freeze.json"
BREAKS_OFF = "breaks_off"
UNTOLD = "untold"
"""What the file says while no event tells of it: a run that finds it after a kill tells it."""
FROZEN_EVENT, THAWED_EVENT = "queue_frozen", "queue_thawed"


class Freeze(Record):
    """Why nothing is merged, and until when; 0: until ``gt mq thaw``."""

    why: str
    until: float = 0.0
    by: str = ""
    """Who froze it by hand; empty for the hours of the settings."""

    @property
    def reason(self) -> str:
        """It in a sentence."""
        until = f"until {format_local(self.until)}" if self.until else "until gt mq thaw"
        who = f" by {self.by}" if self.by else ""
        return f"{FROZEN}{who} {until}" + (f": {self.why}" if self.why else "")


def frozen(place: Refinery) -> Freeze | None:
    """The freeze that holds now, None if there is none.

    A freeze file that cannot be read holds: nothing is merged that a person may have wanted to keep back.
    """
    now = place.clock.now()
    try:
        kept = read_json(_path(place)) or {}
    except SettingsError:
        return Freeze(f"{_path(place)} cannot be read; gt mq thaw {place.rig} removes it", by="an unreadable file")
    until = parse_moment(kept.get("until")) or 0.0
    if kept.get("by") and (not until or until > now):
        return Freeze(str(kept.get("why") or ""), until, str(kept["by"]))
    end, text = last_end(place.policy.freeze, now)
    open_until = parse_moment(kept.get("open_until")) or 0.0
    return Freeze(f"merge_queue.freeze {text}", end) if end > max(now, open_until) else None


def freeze(place: Refinery, why: str, *, actor: str, until: float = 0.0, breaks_off: bool = False) -> Freeze:
    """Freeze the rig's queue now, until a moment or until ``thaw``; a second freeze takes the place of the first.

    ``breaks_off``: the batches that are tested now do not go on to their end.
    """
    made = Freeze(in_brief(why), until, actor)
    kept = {"by": actor, "why": made.why, "since": format_seconds(place.clock.now()), BREAKS_OFF: breaks_off}
    kept["until"] = format_seconds(until) if until else ""
    rig = place.rig
    with _in_words(f"merging in {rig} was not frozen anew", f"gt mq freeze {rig}"), _lock(place):
        _tell_untold(place)
        _set(place, kept, FROZEN_EVENT, actor, made)
    return made


def thaw(place: Refinery, *, actor: str) -> Freeze:
    """End the freeze; inside the hours of the settings, until those end.

    Raises ConflictError if nothing is frozen, StoreError if that cannot be written.
    """
    rig = place.rig
    with _in_words(f"merging in {rig} stays frozen", f"gt mq thaw {rig}"), _lock(place):
        _tell_untold(place)
        before = frozen(place)
        if before is None:
            raise ConflictError(f"merging in {place.rig} is not frozen", "", f"gt mq freeze {place.rig} freezes it")
        end, _ = last_end(place.policy.freeze, place.clock.now())
        _set(place, {"open_until": format_seconds(end)} if end else {}, THAWED_EVENT, actor, before)
    return before


def tell_untold(place: Refinery) -> None:
    """Tell of the freeze or thaw whose process was killed before it told; nothing where that process still lives."""
    if UNTOLD in _kept(place):
        # what cannot be written now is told by a later look
        with contextlib.suppress(ConflictError, StoreError), _lock(place, wait_s=0.0):
            _tell_untold(place)


class BreakOff:
    """Whether a freeze that began after this was made breaks off what is tested; asked often, so a look costs one ``stat``."""

    def __init__(self, path: str) -> None:
        """``path`` is the rig's folder."""
        self._path = os.path.join(path, ".runtime", "refinery", FILE)
        self._mark = self._mark_now()
        self._is_wanted = False

    def __call__(self) -> bool:
        """Look; what was once broken off stays so, also when the freeze ends at once."""
        if self._is_wanted:
            return True
        mark = self._mark_now()
        if mark != self._mark:
            self._mark = mark
            with contextlib.suppress(SettingsError):
                # one that cannot be read freezes, and what is tested is given back at its end
                self._is_wanted = (read_json(self._path) or {}).get(BREAKS_OFF) is True
        return self._is_wanted

    def _mark_now(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _set(place: Refinery, kept: dict[str, object], kind: str, actor: str, freeze: Freeze) -> None:
    """Write the file and tell of it; the caller holds the lock."""
    until = format_seconds(freeze.until) if freeze.until else ""
    told = {"kind": kind, "actor": actor, "reason": freeze.reason, "until": until}
    write_json(_path(place), {**kept, UNTOLD: {**told, "at": format_micros(place.clock.now())}}, mode=0o600)
    _tell_untold(place)
    # the engine looks at once, so that the console shows it
    emit(place.root, "refinery", "MQ_SUBMIT", {"rig": place.rig}, clock=place.clock)


def _tell_untold(place: Refinery) -> None:
    """Write the event that is missing, then the file without it; the caller holds the lock."""
    kept = _kept(place)
    told = kept.pop(UNTOLD, None)
    if told is None:
        return
    if isinstance(told, dict) and told.get("kind") in (FROZEN_EVENT, THAWED_EVENT):
        kind, since = str(told["kind"]), parse_moment(told.get("at")) or 0.0
        payload = {"rig": place.rig, "reason": str(told.get("reason") or "")}
        if told.get("until"):
            payload["until"] = str(told["until"])
        if not was_told(place.root, kind, place.rig, since) and not append_event(
            place.root, kind, str(told.get("actor") or ""), payload, clock=place.clock
        ):
            return  # the log cannot be written now; the next look tells it
    if kept:
        write_json(_path(place), kept, mode=0o600)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_path(place))


@contextlib.contextmanager
def _in_words(what: str, again: str) -> Iterator[None]:
    """Say of a file that cannot be written what that means, and what to do."""
    try:
        yield
    except StoreError as error:
        raise StoreError(what, str(error), f"make room on that disk, or mend what is named, then {again}") from error


def _kept(place: Refinery) -> dict[str, object]:
    """What the file says, nothing where it cannot be read."""
    with contextlib.suppress(SettingsError):
        return dict(read_json(_path(place)) or {})
    return {}


def _lock(place: Refinery, wait_s: float = 30.0) -> FileLock:
    return FileLock(place.file("freeze.lock"), timeout_s=wait_s)


def _path(place: Refinery) -> str:
    return place.file(FILE)
