"""What acts leave behind in the run-time folders, and when it goes: wake-ups, lock files, remains of queues and of writes.

Nothing here is waited for by anybody: a wake-up has woken whoever slept, a lock file that nobody holds locks nothing,
a nudge whose taker died is given back, and a half-written file has no reader.
"""

from __future__ import annotations

import glob
import os
import re

from gastown_core.clock import parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import read_plain
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOUR_S, DAY_S = 3600.0, 86400.0
AT_ONCE = float("-inf")
LOCKS = (".runtime/locks", ".runtime/locks/sling")
WRITTEN = (
    ".runtime",
    ".runtime/heartbeats",
    ".runtime/await",
    ".runtime/console",
    ".runtime/refinery",
    ".runtime/restarts",
    ".runtime/nudge_queue/*",
    ".beads",
    ".repo.git/hooks",
    ".repo.git/gastown-hooks",
    ".repo.git/info",
    "daemon",
    "formula-overlays",
    "mayor",
    "settings",
    "settings/themes",
)
"""Folders of a town or a rig in which files are replaced, and which hold nothing of a person's or a project's of such a name."""
AT_THE_TOP = ".events.jsonl .feed.jsonl .gitignore CLAUDE.md config.json".split()
"""Files at the top of a town or a rig, where a person may keep files of any name."""
STORES = (".beads", "mayor/rig/.beads")
_TEMPORARY = re.compile(r".*\.tmp\d+")
_COMPACTED = re.compile(r"\..*\.jsonl\.tmp")
_TOP_TEMPORARY = re.compile(rf"({'|'.join(map(re.escape, AT_THE_TOP))})\.tmp\d+")
_TAKEN = re.compile(r"(.+\.json)\.claimed\.[0-9a-f]+")


def sweep_leftovers(root: str, rigs: Sequence[str], now: float) -> int:
    """Take away what is old enough in the town and the folders of its ``rigs``; returns how many files went.

    What cannot be looked at or removed stays for the next time.
    """
    gone = 0
    for place in (root, *rigs):
        gone += _sweep(_files(place, *LOCKS), now, DAY_S, is_lock, _unlock)
        gone += _sweep(_files(place, *WRITTEN), now, HOUR_S, _TEMPORARY.fullmatch, os.unlink)
        gone += _sweep(_files(place, ""), now, HOUR_S, _TOP_TEMPORARY.fullmatch, os.unlink)
        gone += _sweep(_files(place, *STORES), now, HOUR_S, _COMPACTED.fullmatch, os.unlink)
        gone += _sweep(_beside_links(place, "settings"), now, HOUR_S, _TEMPORARY.fullmatch, os.unlink)
    gone += _sweep(_files(root, "events/*"), now, DAY_S, is_wake_up, os.unlink)
    queues = _files(root, ".runtime/nudge_queue/*")
    gone += _sweep(queues, now, HOUR_S, _TAKEN.fullmatch, lambda path: _give_back(path, now))
    return gone + _sweep(queues, now, AT_ONCE, is_nudge, lambda path: _drop_expired(path, now))


def is_lock(name: str) -> bool:
    """Whether the file is one that is locked and holds nothing."""
    return name.endswith((".lock", ".flock"))


def is_wake_up(name: str) -> bool:
    """Whether the file woke somebody once, or is half of one."""
    return name.endswith(".event") or bool(_TEMPORARY.fullmatch(name))


def is_nudge(name: str) -> bool:
    """Whether the file is a nudge that waits."""
    return name.endswith(".json")


def _files(place: str, *folders: str) -> list[str]:
    """The files right in these folders, and not deeper: below them may lie checkouts of a project."""
    pattern = (os.path.join(glob.escape(place), folder, name) for folder in folders for name in ("*", ".*"))
    return [path for one in pattern for path in glob.glob(one) if os.path.isfile(path) and not os.path.islink(path)]


def _beside_links(place: str, folder: str) -> list[str]:
    """What stands beside the files that a person's links in the folder lead to, and is named after those."""
    links = filter(os.path.islink, glob.glob(os.path.join(glob.escape(place), folder, "*")))
    return [path for link in links for path in glob.glob(glob.escape(os.path.realpath(link)) + ".tmp*")]


def _sweep(
    paths: Sequence[str],
    now: float,
    age_s: float,
    wanted: Callable[[str], object],
    remove: Callable[[str], object],
) -> int:
    gone = 0
    for path in paths:
        try:
            if wanted(os.path.basename(path)) and now - os.lstat(path).st_mtime >= age_s:
                gone += remove(path) is not False
        except (OSError, GastownError):
            continue
    return gone


def _unlock(path: str) -> None:
    """Remove a lock file that nobody holds. Raises ConflictError if somebody does."""
    with FileLock(path, timeout_s=0.0):
        os.unlink(path)


def _give_back(path: str, now: float) -> bool:
    """A nudge whose taker died before it was read waits again, unless its time is over."""
    match = _TAKEN.fullmatch(path)
    if match is None or _is_over(path, now):
        os.unlink(path)
        return True
    os.rename(path, match[1])
    return False


def _drop_expired(path: str, now: float) -> bool:
    if not _is_over(path, now):
        return False
    os.unlink(path)
    return True


def _is_over(path: str, now: float) -> bool:
    """Whether the nudge says that its time is over; one that cannot be read says nothing."""
    try:
        value = decode_json(read_plain(path))
    except ValueError:
        return False
    until = parse_moment(value.get("expires_at")) if isinstance(value, dict) else None
    return until is not None and until < now
