"""What a sling asks for: the flags of ``gt sling`` as data, kept as JSON while a sling is deferred; and whether one runs now."""

from __future__ import annotations

import os

from gastown_core.errors import ConflictError
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass
DIRECT, MR, LOCAL = "direct", "mr", "local"
STRATEGIES = (DIRECT, MR, LOCAL)
"""Merge strategies: a request that the engine takes alone, one that may be batched, no push at all."""


class SlingRequest(Record):
    """What to sling where; ``agent`` overrides the runtime, ``args`` are words for the worker.

    ``formula`` empty means the usual one of the target, ``raw`` none at all.  ``variables`` are ``name=value``.
    ``convoy_id`` names a convoy that tracks the bead already, ``convoy`` False makes none.  ``session`` False leaves
    the agent to be started by hand, ``boot`` False wakes nobody else.
    """

    bead: str
    target: str = ""
    agent: str = ""
    subject: str = ""
    message: str = ""
    args: str = ""
    formula: str = ""
    raw: bool = False
    variables: tuple[str, ...] = ()
    base_branch: str = ""
    merge: str = ""
    no_merge: bool = False
    review_only: bool = False
    mode: str = ""
    account: str = ""
    force: bool = False
    create: bool = False
    convoy: bool = True
    convoy_id: str = ""
    owned: bool = False
    session: bool = True
    boot: bool = True


def is_being_slung(root: str, bead_id: str) -> bool:
    """Whether some process slings the bead at this moment."""
    path = lock_path(root, bead_id)
    if not os.path.exists(path):
        return False
    try:
        with FileLock(path, timeout_s=0.0, shared=True):
            return False
    except ConflictError:
        return True


def lock_path(root: str, name: str) -> str:
    """The lock file that a sling of a bead (or of all, by its name) holds."""
    folder = os.path.join(root, ".runtime", "locks", "sling")
    private_folder(folder)
    return os.path.join(folder, f"{name}.flock")
