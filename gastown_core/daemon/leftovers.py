"""Leftover run-time files and when they are removed: wake-ups, lock files, dead letters and remains of writes.

Nobody needs these files: a wake-up has done its work, a lock file without a holder locks nothing, a nudge that died a
week ago is no news, and a half-written file has no reader.
"""

from __future__ import annotations

import glob
import os
import re

from gastown_core.errors import GastownError
from gastown_core.files.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOUR_S, DAY_S, WEEK_S = 3600.0, 86400.0, 7 * 86400.0
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
    return gone + _sweep(_files(root, ".runtime/nudge_queue/*/dead"), now, WEEK_S, is_nudge, os.unlink)


def is_lock(name: str) -> bool:
    """Whether the file is a lock file."""
    return name.endswith((".lock", ".flock"))


def is_wake_up(name: str) -> bool:
    """Whether the file is a wake-up, or a half-written one."""
    return name.endswith(".event") or bool(_TEMPORARY.fullmatch(name))


def is_nudge(name: str) -> bool:
    """Whether the file is a nudge, waiting or dead."""
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
