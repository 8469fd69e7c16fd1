"""The kennel master: dogs that died, hang or have nothing to do, and the chores of the town that are due; pure."""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.address import DOG
from gastown_core.model.agent import Health
from gastown_core.model.order import Order
from gastown_core.patrols.patrol import Finding, Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.snapshot import AgentView

DEAD, SILENT, IDLE, SPARE, CHORE = "dog-dead", "dog-silent", "dog-idle", "dog-spare", "chore"
"""Kinds of findings."""
CLEAR, STOP, REMOVE = "dog.clear", "agent.stop", "dog.remove"
CHORES = {"town.backup": 6 * 3600.0, "town.tidy": 24 * 3600.0}
"""Chore (an order) → how long after its last run it is due again."""
SETTLED_S = 600.0
"""The first run of a chore waits until the daemon is so old: what just starts has other things to do."""
RETRY_S = 3600.0
"""A chore that failed is tried again after this."""


def look(at: Look) -> Iterator[Finding]:
    """Return the findings about dogs, and the chores that are due."""
    pack = [agent for agent in at.town.agents if agent.address.role == DOG]
    for dog in pack:
        yield from _dog(at, dog, len(pack))
    yield from _chores(at)


def _dog(at: Look, dog: AgentView, pack: int) -> Iterator[Finding]:
    subject, limits = dog.address.path, at.limits
    if at.memory.acts_on(subject, at.now - limits.patience_s):
        return
    seen = max(dog.last_output_at or 0.0, dog.health.since or 0.0, dog.work.updated_at if dog.work else 0.0)
    silent_s = at.now - seen if seen else 0.0
    clear, evidence = Order(CLEAR, subject), tuple(f"{one.text} ({one.source})" for one in dog.health.reasons)
    bead = dog.work.bead_id if dog.work is not None else ""
    if dog.work is not None and dog.health.state is Health.ZOMBIE:
        cause = f"its session is gone, and {bead} is on its hook"
        yield Finding(DEAD, subject, cause, evidence, bead, seen, clear, "its work is ready again", saves=dog.work_dir)
    elif dog.work is not None and dog.pane_id and not dog.attached and silent_s >= limits.dog_silent_s:
        cause = f"no sign of work on {bead} for {format_span(limits.dog_silent_s)}"
        yield Finding(
            SILENT, subject, cause, evidence, bead, seen, clear, "its work is ready again", saves=dog.work_dir
        )
    elif dog.work is None and dog.pane_id and not dog.attached and silent_s >= limits.dog_idle_s:
        cause = f"nothing on its hook for {format_span(limits.dog_idle_s)}"
        yield Finding(IDLE, subject, cause, evidence, "", seen, Order(STOP, subject), "its session ends", is_chore=True)
    elif dog.work is None and not dog.pane_id and pack > limits.dog_pool and silent_s >= limits.dog_remove_s:
        cause = f"{pack} dogs, {limits.dog_pool} are wanted"
        order = Order(REMOVE, subject)
        yield Finding(SPARE, subject, cause, evidence, "", seen, order, "there are no more than wanted", is_chore=True)


def _chores(at: Look) -> Iterator[Finding]:
    daemon = at.town.daemon
    for name, every_s in CHORES.items():
        acts = at.memory.acts_on("town", at.now - every_s, orders=(name,))
        if any(one.ok for one in acts) or (acts and at.now - acts[-1].at < RETRY_S):
            continue
        ran = at.memory.acts_on("town", 0.0, orders=(name,))
        if not ran and (not daemon.is_at_work or at.now - daemon.since < SETTLED_S):
            continue
        last = f"last done {format_span(at.now - ran[-1].at)} ago" if ran else "never done yet"
        yield Finding(
            CHORE,
            "town",
            f"due every {format_span(every_s)}",
            (f"{last} (event log)",),
            remedy=Order(name, ""),
            retired_by="it is done",
            is_chore=True,
        )
