"""Leftover run-time files and when they are removed: wake-ups, lock files, remains of queues and of writes.

Nobody needs these files: a wake-up has done its work, a lock file without a holder locks nothing, a half-written file
has no reader.  A nudge whose taker died is put back into its queue.
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
"""Folders of a town or a rig in which files are replaced; a person's or project's files have no such names there."""
AT_THE_TOP = ".events.jsonl .feed.jsonl .gitignore CLAUDE.md config.json".split()
"""Files at the top of a town or a rig, where a person may have files of any name."""
STORES = (".beads", "mayor/rig/.beads")
_TEMPORARY = re.compile(r".*\.tmp\d+")
_COMPACTED = re.compile(r"\..*\.jsonl\.tmp")
_TOP_TEMPORARY = re.compile(rf"({'|'.join(map(re.escape, AT_THE_TOP))})\.tmp\d+")
_TAKEN = re.compile(r"(.+\.json)\.claimed\.[0-9a-f]+")


def sweep_leftovers(root: str, rigs: Sequence[str], now: float) -> int:
    """Remove what is old enough in the town and its ``rigs``; return how many files were removed.

    A file that cannot be examined or removed stays for the next time.
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
    """Whether the file is a lock file."""
    return name.endswith((".lock", ".flock"))


def is_wake_up(name: str) -> bool:
    """Whether the file is a wake-up, or a half-written one."""
    return name.endswith(".event") or bool(_TEMPORARY.fullmatch(name))


def is_nudge(name: str) -> bool:
    """Whether the file is a waiting nudge."""
    return name.endswith(".json")


def _files(place: str, *folders: str) -> list[str]:
    """Return the files directly in these folders; deeper ones may belong to a project's checkout."""
    pattern = (os.path.join(glob.escape(place), folder, name) for folder in folders for name in ("*", ".*"))
    return [path for one in pattern for path in glob.glob(one) if os.path.isfile(path) and not os.path.islink(path)]


def _beside_links(place: str, folder: str) -> list[str]:
    """Return temporary files beside the targets of a person's links in the folder."""
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
    """Put back a nudge whose taker died before it was read; remove it if it has expired."""
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
    """Whether the nudge has expired; False if it cannot be read."""
    try:
        value = decode_json(read_plain(path))
    except ValueError:
        return False
    until = parse_moment(value.get("expires_at")) if isinstance(value, dict) else None
    return until is not None and until < now
