"""Tells the two agents, and the console, of a conflict before either is merged; once for each pair of branches.

A look costs some file times; git is started only after a branch has moved (``heads_mark``).
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError, SettingsError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.messaging.mail import send_mail
from gastown_core.model.ahead import AHEAD_FILE, LONGEST, MOST, read_ahead
from gastown_core.model.plain_text import clean
from gastown_core.refinery.collisions import foreseen
from gastown_core.refinery.merge_queue import open_requests
from gastown_core.refinery.state_file import conflicts_ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.collisions import Collision, Strand
    from gastown_core.refinery.place import Refinery

FILE = os.path.basename(AHEAD_FILE)
MOST_FILES = 8
"""How many files in conflict an event names."""
_HEADS = ("refs/heads/polecat", "refs/heads/crew", "refs/remotes/origin")
Mark = tuple[tuple[str, int, int], ...]


def heads_mark(place: Refinery) -> Mark:
    """What changes when a branch in work or at the remote moves; files are looked at, no process is started."""
    top = place.git.path
    found = [_state(os.path.join(top, "packed-refs"))]
    for name in _HEADS:
        for folder, _, files in os.walk(os.path.join(top, name)):
            found += [_state(os.path.join(folder, one)) for one in (".", *files)]
    return tuple(sorted(found))


def _state(path: str) -> tuple[str, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return path, 0, 0
    return path, status.st_ino, status.st_mtime_ns


def forewarn(place: Refinery) -> list[Collision]:
    """Tell what conflicts and was not told yet; what no longer conflicts is forgotten. Returns what was told.

    Raises GitError, StoreError.
    """
    targets = [
        place.default,
        *(one.target for one in open_requests(place.ledger, place.prefix, place.rig) if one.target),
    ]
    known, since = _read(place), place.clock.now()
    now: dict[tuple[str, str], Collision] = {}
    for target in dict.fromkeys(targets):
        now.update((_pair(one), one) for one in foreseen(place, target))
    new = [one for pair, one in now.items() if pair not in known]
    rows = [_row(one, known.get(pair) or since) for pair, one in now.items()][:MOST]
    if known.keys() != now.keys() or conflicts_ahead(place.path) != read_ahead({"ahead": rows}):
        # kept first: a pair that is told twice is worse than one that a kill leaves untold
        pairs = [list(pair) for pair in sorted(now)]
        write_json(place.file(FILE), {"version": 1, "pairs": pairs, "ahead": rows}, mode=0o600)
    for one in new:
        _tell(place, one)
    return new


def forget(place: Refinery) -> None:
    """Show no pair any more: nobody looks where they are not to be told."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place.file(FILE))


def words_of(found: Collision) -> str:
    """A conflict in a sentence: ``opal and jade both change cart.py: 2 hunks``."""
    files = ", ".join(found.files[:4]) + (f" and {len(found.files) - 4} more" if found.files[4:] else "")
    places = f": {found.hunks} hunk{'s' if found.hunks != 1 else ''}" if found.hunks else ""
    names = [part.worker or part.branch for part in (found.one, found.other)]
    return clean(f"{names[0]} and {names[1]} both change {files}{places}")


def _row(found: Collision, since: float) -> dict[str, object]:
    """A pair as the file keeps it for the faces."""
    parts = (found.one, found.other)
    return {
        "reason": words_of(found)[:LONGEST],
        "branches": [one.branch for one in parts],
        "beads": [one.issue for one in parts],
        "requests": [one.request for one in parts],
        "since": format_seconds(since),
    }


def _tell(place: Refinery, found: Collision) -> None:
    payload = {
        "rig": place.rig,
        "one": found.one.worker or found.one.branch,
        "other": found.other.worker or found.other.branch,
        "branches": [found.one.branch, found.other.branch],
        "beads": [found.one.issue, found.other.issue],
        "files": list(found.files[:MOST_FILES]),
        "hunks": found.hunks,
        "reason": words_of(found),
    }
    append_event(place.root, "conflict_ahead", place.actor, payload, clock=place.clock)
    for mine, other in ((found.one, found.other), (found.other, found.one)):
        if mine.worker and mine.worker != other.worker:
            _write_to(place, mine, other, found)


def _write_to(place: Refinery, mine: Strand, other: Strand, found: Collision) -> None:
    subject = f"Conflict ahead: {words_of(found)}"[:200]
    stands = f"in the merge queue ({other.request})" if other.request else "in work"
    lines = [
        f"{mine.branch} does not merge with {other.branch} ({other.issue or 'no bead'}), which is {stands}:",
        *(f"- {clean(name)}" for name in found.files[:MOST_FILES]),
        "",
        f"Whoever lands second has to resolve it. Agree with {other.worker or 'its owner'} who changes what, or take its",
        f"change into your branch before you hand in: git merge {other.branch}",
    ]
    with contextlib.suppress(GastownError):
        send_mail(
            place.root,
            place.ledger,
            f"{place.rig}/{mine.worker}",
            subject,
            "\n".join(lines),
            sender=place.actor,
            clock=place.clock,
        )


def _pair(found: Collision) -> tuple[str, str]:
    one, other = sorted((found.one.branch, found.other.branch))
    return one, other


def _read(place: Refinery) -> dict[tuple[str, str], float]:
    """The pairs that were told, and since when; of a file that cannot be read none, so that they are told once more."""
    try:
        kept = read_json(place.file(FILE)) or {}
    except SettingsError:
        return {}
    since = {frozenset(one.branches): one.since for one in read_ahead(kept)}
    rows, found = kept.get("pairs"), dict[tuple[str, str], float]()
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [str(one), str(other)]:
                found[one, other] = since.get(frozenset((one, other)), 0.0)
    return found
