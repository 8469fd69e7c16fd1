"""What every module of one rig's refinery needs: its folder, ledger, repository, policy and clock."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, contextmanager, suppress

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock, holder_of
from gastown_core.files.points import point
from gastown_core.git.repo import ENGINE, Git
from gastown_core.model.sha256 import sha256
from gastown_core.refinery.policy import Policy, load_policy
from gastown_core.refinery.policy_watch import PolicyWatch
from gastown_core.town.rigs import bare_repo, default_branch, require_rig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock

NETWORK_S = 120.0
"""Time limit of one git command that talks to the remote."""
LONGEST_REASON = 500
LONGEST_SLUG = 200
"""A file name has at most 255 bytes, some of which say what the file is."""


class StoppedError(Exception):
    """The engine was asked to stop; claimed requests go back to the queue."""


class Refinery:
    """One rig's refinery; ``actor`` is the name under which it writes.

    ``at`` is called at the points between which a crash leaves work half done (fault drills end the process there).
    """

    def __init__(
        self,
        root: str,
        rig: str,
        *,
        ledger: TownLedger | None = None,
        policy: Policy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        stop: Callable[[], bool] | None = None,
        at: Callable[[str], None] | None = None,
    ) -> None:
        from gastown_core.beads.ledger import TownLedger

        self.root = root
        self.rig = rig
        self.prefix = require_rig(root, rig)
        self.path = os.path.join(root, rig)
        self.folder = os.path.join(self.path, ".runtime", "refinery")
        self.ledger = ledger or TownLedger(root, clock=clock)
        self._watch = None if policy else PolicyWatch(root, rig)
        self.policy = policy or load_policy(root, rig)
        self.clock = clock
        self.stop = stop or (lambda: False)
        self.at = at or point
        self.actor = f"{rig}/refinery"
        self.default = default_branch(root, rig)
        self._git: Git | None = None

    @property
    def git(self) -> Git:
        """The rig's shared repository, opened on first use. Raises TownError if there is none."""
        if self._git is None:
            self._git = Git(bare_repo(self.root, self.rig).path, identity=ENGINE, timeout_s=NETWORK_S)
        return self._git

    @property
    def store(self) -> BeadStore:
        """The rig's own store, where its requests are kept."""
        return self.ledger.store_for(f"{self.prefix}-x")

    def is_outdated(self) -> bool:
        """Whether the rig's settings have changed since ``policy`` was read from them; asked often, so a look costs two ``stat``."""
        return self._watch is not None and self._watch.differs_from(self.policy)

    def check_stop(self) -> None:
        """Raise StoppedError if the engine was asked to stop."""
        if self.stop():
            raise StoppedError

    def file(self, name: str) -> str:
        """A path in the refinery's own folder, which is created if necessary."""
        private_folder(self.folder)
        return os.path.join(self.folder, name)

    def relative(self, path: str) -> str:
        """``path`` relative to the rig's folder, as the state file gives it."""
        return os.path.relpath(path, self.path)


def noted_targets(place: Refinery, kind: str) -> list[str]:
    """The targets of which a note ``KIND-SLUG.json`` is in the folder; the default branch, too, if its own cannot be read."""
    try:
        names = sorted(os.listdir(place.folder))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if name.startswith(f"{kind}-") and name.endswith(".json"):
            target: object = None
            with suppress(SettingsError):
                target = (read_json(os.path.join(place.folder, name)) or {}).get("target")
            if isinstance(target, str) and name == note_name(kind, target):
                found.append(target)
            elif name == note_name(kind, place.default):
                found.append(place.default)
    return found


def note_name(kind: str, target: str) -> str:
    """The file name of a target's note."""
    return f"{kind}-{slug(target)}.json"


def slug(target: str) -> str:
    """A branch name as part of a file name, different for different branches; one that git would not take, too."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", target).lstrip(".")
    if plain == target and len(plain) <= LONGEST_SLUG:
        return plain
    return f"{plain[:60]}-{sha256(target.encode()).hex()[:6]}"


def in_brief(reason: str) -> str:
    """What a person gives as a reason, as one line that lists can show; what is beyond its length is cut off."""
    line = " ".join(reason.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def merge_lock(place: Refinery, target: str) -> FileLock:
    """The lock of a target's queue; it does not wait."""
    folder = os.path.join(place.path, ".runtime", "locks")
    private_folder(folder)
    return FileLock(os.path.join(folder, f"merge-{slug(target)}.lock"), timeout_s=0.0, name_holder=True)


def merge_locks(rig_path: str) -> list[str]:
    """The paths of the locks of all the rig's queues."""
    folder = os.path.join(rig_path, ".runtime", "locks")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, one) for one in sorted(names) if one.startswith("merge-") and one.endswith(".lock")]


@contextmanager
def all_merge_locks(rig_path: str) -> Iterator[None]:
    """The locks of all the rig's queues at once, for what belongs to none of them. Raises ConflictError if one is held."""
    with ExitStack() as held:
        for path in merge_locks(rig_path):
            held.enter_context(FileLock(path, timeout_s=0.0, name_holder=True))
        yield


def is_merging(place: Refinery) -> bool:
    """Whether a process merges into any target of the rig now."""
    return merges_in(place.path)


def merges_in(rig_path: str) -> bool:
    """The same of a rig's folder."""
    return any(holder_of(path) is not None for path in merge_locks(rig_path))


def merging_process(place: Refinery, target: str) -> int:
    """The pid of the process that merges into ``target`` now, 0 if none does, -1 if that is unknown."""
    holder = holder_of(merge_lock(place, target).path)
    return 0 if holder is None else holder or -1
