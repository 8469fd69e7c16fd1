"""The states of agent beads and rig records.

The members are plain strings, as in the files: a ``StrEnum`` of eight members costs every command that imports it
twenty times as much as a class.
"""

from __future__ import annotations


class AgentState:
    """The ``agent_state`` of an agent bead."""

    SPAWNING = "spawning"
    """Work is on the hook and the session is being started."""
    WORKING = "working"
    RUNNING = "running"
    """As ``working``; found in records of other tools, never written here."""
    IDLE = "idle"
    DONE = "done"
    STUCK = "stuck"
    """The agent gave up and asked for help."""
    ESCALATED = "escalated"
    AWAITING_GATE = "awaiting-gate"
    """The agent's step waits for a gate, so silence is expected."""
    PAUSED = "paused"
    """A person paused the agent."""
    NUKED = "nuked"
    """The worker was removed together with its worktree."""

    ALIVE = frozenset((SPAWNING, WORKING, RUNNING))
    """States in which a session should be running."""
    FREE = frozenset(("", "null", IDLE, DONE, NUKED))
    """States in which a worker may get new work."""
    HELD_BACK = frozenset((STUCK, ESCALATED, AWAITING_GATE, PAUSED))
    """States in which a worker stopped on purpose and waits: its work is not given to another."""


class RigState:
    """The state of a registered rig."""

    OPERATIONAL = "operational"
    PARKED = "parked"
    DOCKED = "docked"
    HALTED = "halted"
