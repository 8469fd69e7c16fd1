"""The hook lifecycle: Created, Active, Suspended, Completed, Archived; pure functions.

A hook here is an agent's worktree with its work.  Created: worktree and work exist, no session has run yet.
Active: work on the hook and a session running.  Suspended: work on the hook, session gone or paused.  Completed:
the work was handed in or merged.  Archived: the worktree is gone, the branch saved or merged.

Work that is slung again makes the hook Created; returned work continues where it was, so its hook is Suspended.
Without a worktree nothing runs and nothing is handed in: an Archived hook must first be recreated.
"""

from __future__ import annotations

from gastown_core.errors import ConflictError

CREATED, ACTIVE, SUSPENDED, COMPLETED, ARCHIVED = "created active suspended completed archived".split()
STATES = (CREATED, ACTIVE, SUSPENDED, COMPLETED, ARCHIVED)

_NEXT = {
    # an agent that other tools made, or that never had work, has no recorded state
    "": (CREATED, ACTIVE, SUSPENDED, COMPLETED, ARCHIVED),
    # suspended: the work was taken back before a session ran; completed: somebody did it there by hand
    CREATED: (ACTIVE, SUSPENDED, COMPLETED, ARCHIVED),
    ACTIVE: (SUSPENDED, COMPLETED),
    # created: the worker lost its work and gets other work, for which no session has run
    SUSPENDED: (CREATED, ACTIVE, COMPLETED, ARCHIVED),
    # created: the next work; suspended: the same work came back, and its sessions have run, so it is not created
    COMPLETED: (CREATED, SUSPENDED, ARCHIVED),
    # the same two, once the sling has built the worktree anew
    ARCHIVED: (CREATED, SUSPENDED),
}
"""State → what a hook may be next.  One record follows a worker through all its work, so no state is the last."""


def may_become(now: str, then: str) -> bool:
    """Whether a hook may go from state ``now`` (empty: no hook yet) to ``then``; staying in one state is allowed."""
    return now == then or then in _NEXT.get(now, ())


def way(now: str, then: str) -> tuple[str, ...]:
    """Return the states that a hook passes through from ``now`` to ``then``, empty if they are equal.

    An Active hook whose session ended unrecorded is first Suspended.  Raises ConflictError if no transition exists.
    """
    if now == then:
        return ()
    if may_become(now, then):
        return (then,)
    if now == ACTIVE and may_become(SUSPENDED, then):
        return (SUSPENDED, then)
    raise ConflictError(
        f"a hook that is {now} cannot become {then}",
        f"from {now} it can become {' or '.join(_NEXT.get(now, ())) or 'nothing'}",
        "gt hook show lists what is on the hook; gt sling assigns the work again",
    )


def hook_state(*, recorded: str, has_work: bool, is_running: bool | None, has_worktree: bool) -> str:
    """The actual state, from the recorded one and what is observed; empty if the agent has no work and no worktree.

    ``is_running`` None means that liveness is unknown: the recorded state then stands.
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
