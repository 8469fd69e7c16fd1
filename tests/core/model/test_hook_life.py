"""Which states a hook may take one after the other."""

from __future__ import annotations

import pytest

from gastown_core.errors import ConflictError
from gastown_core.model.hook_life import ACTIVE, ARCHIVED, COMPLETED, CREATED, STATES, SUSPENDED, may_become, way

LIVES = {
    "work done by one session": ("", CREATED, ACTIVE, COMPLETED),
    "work done by two sessions": ("", CREATED, ACTIVE, SUSPENDED, ACTIVE, COMPLETED),
    "the next work of a worker": (COMPLETED, CREATED, ACTIVE),
    "work that is sent back": (COMPLETED, SUSPENDED, ACTIVE, COMPLETED),
    "work that is sent back to a removed worktree": (COMPLETED, ARCHIVED, SUSPENDED, ACTIVE),
    "other work for a worker that lost its own": (ACTIVE, SUSPENDED, CREATED, ACTIVE),
    "work that is done by hand": (CREATED, COMPLETED, ARCHIVED),
    "a removed worker that is used again": (ARCHIVED, CREATED),
}


@pytest.mark.parametrize("states", LIVES.values(), ids=LIVES)
def test_a_hook_lives_so(states: tuple[str, ...]) -> None:
    assert [way(now, then) for now, then in zip(states, states[1:])] == [(then,) for then in states[1:]]


@pytest.mark.parametrize(
    ("now", "then"),
    [(COMPLETED, ACTIVE), (ARCHIVED, ACTIVE), (ARCHIVED, COMPLETED), (ACTIVE, CREATED), *[(one, "") for one in STATES]],
)
def test_no_step_is_left_out(now: str, then: str) -> None:
    assert not may_become(now, then)


def test_a_session_whose_end_nobody_recorded_ends_first() -> None:
    assert way(ACTIVE, ARCHIVED) == (SUSPENDED, ARCHIVED)
    assert way(ACTIVE, CREATED) == (SUSPENDED, CREATED)


def test_what_no_life_knows_is_refused_with_what_may_be_instead() -> None:
    with pytest.raises(ConflictError, match="archived cannot become completed") as refused:
        way(ARCHIVED, COMPLETED)
    assert "created or suspended" in str(refused.value.why)
