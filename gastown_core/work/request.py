"""Sling requests: the flags of ``gt sling`` as data, stored as JSON while deferred; and running slings."""

from __future__ import annotations

import os

from gastown_core.errors import ConflictError
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.record import Record

DIRECT, MR, LOCAL = "direct", "mr", "local"
STRATEGIES = (DIRECT, MR, LOCAL)
"""Merge strategies: merged alone, merged in a batch, not pushed."""


class SlingRequest(Record):
    """What to sling where; ``agent`` overrides the runtime, ``args`` are instructions for the worker.

    An empty ``formula`` means the target's default, ``raw`` none at all.  ``variables`` are ``name=value``.
    ``convoy_id`` is a convoy that already tracks the bead, ``convoy`` False creates none.  ``session`` False leaves the
    agent to be started by hand, ``boot`` False does not wake the rig's witness.
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
    """Whether a process is slinging the bead now."""
    path = lock_path(root, bead_id)
    if not os.path.exists(path):
        return False
    try:
        with FileLock(path, timeout_s=0.0, shared=True):
            return False
    except ConflictError:
        return True


def lock_path(root: str, name: str) -> str:
    """Return the lock file for slinging a bead, or for another lock by its name."""
    folder = os.path.join(root, ".runtime", "locks", "sling")
    private_folder(folder)
    return os.path.join(folder, f"{name}.flock")
