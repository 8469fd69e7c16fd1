"""The life of a hook: Created, Active, Suspended, Completed, Archived (the seeds' hook lifecycle); pure.

A hook is an agent's worktree with the work that hangs on it.  Created: worktree and work stand, no session has run
yet.  Active: the work is on the hook and a session runs.  Suspended: work on the hook, session gone or paused.
Completed: the work was handed in or merged.  Archived: the worktree is gone, the branch saved or merged.

Work that is given out anew makes a hook Created again; work that came back goes on where it was, so its hook is
Suspended.  Nothing runs, and nothing is handed in, where there is no worktree: an Archived hook is first made again.
"""

from __future__ import annotations

from gastown_core.errors import ConflictError

CREATED, ACTIVE, SUSPENDED, COMPLETED, ARCHIVED = "created active suspended completed archived".split()
STATES = (CREATED, ACTIVE, SUSPENDED, COMPLETED, ARCHIVED)
PAUSED = "paused"
"""The ``agent_state`` of one whom a person stopped."""

_NEXT = {
    "": (CREATED, ACTIVE, SUSPENDED, COMPLETED, ARCHIVED),
    CREATED: (ACTIVE, SUSPENDED, COMPLETED, ARCHIVED),
    ACTIVE: (SUSPENDED, COMPLETED),
    SUSPENDED: (CREATED, ACTIVE, COMPLETED, ARCHIVED),
    COMPLETED: (CREATED, ACTIVE, SUSPENDED, ARCHIVED),
    ARCHIVED: (CREATED, SUSPENDED),
}


def may_become(now: str, then: str) -> bool:
    """Whether a hook in state ``now`` (empty: none yet) may become ``then``; staying as it is is fine."""
    return now == then or then in _NEXT.get(now, ())


def way(now: str, then: str) -> tuple[str, ...]:
    """The states that a hook in state ``now`` takes on its way to ``then``, none if it is there already.

    A session whose end nobody noted has ended first.  Raises ConflictError if no way leads there.
    """
    if now == then:
        return ()
    if may_become(now, then):
        return (then,)
    if now == ACTIVE and may_become(SUSPENDED, then):
        return (SUSPENDED, then)
    raise ConflictError(
        f"a hook that is {now} cannot become {then}",
        f"from {now} it becomes {' or '.join(_NEXT.get(now, ())) or 'nothing'}",
        "gt hook show tells what hangs there; gt sling gives the work out anew",
    )


def hook_state(*, recorded: str, has_work: bool, is_running: bool | None, has_worktree: bool) -> str:
    """The state as it is, from the recorded word and what is seen; empty if the agent has neither work nor worktree.

    ``is_running`` None means that liveness is unknown: the recorded word then stands.
    """
    if not has_worktree:
        return ARCHIVED if recorded else ""
    if has_work:
        if is_running is None:
            return recorded if recorded in (CREATED, ACTIVE, SUSPENDED) else SUSPENDED
        if is_running:
            return ACTIVE
        return CREATED if recorded == CREATED else SUSPENDED
    return COMPLETED if recorded == COMPLETED else ""
