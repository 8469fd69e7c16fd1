"""One act for all who suffer from one incident: nudge, restart with their work saved, stop, or answer."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, NotFoundError, words_of
from gastown_core.events.log import append_event
from gastown_core.model.incident import ANSWER, NUDGE, RESTART, STOP
from gastown_core.model.order import Order
from gastown_core.model.record import Record
from gastown_core.orders.perform import perform
from gastown_core.patrols.memory import ACTED, read_memory
from gastown_core.patrols.round import keep_work
from gastown_core.state.collect import collect
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock
    from gastown_core.model.incident import Incident
    from gastown_core.model.order import Receipt

ACTS = {NUDGE: "agent.nudge", RESTART: "agent.restart", STOP: "agent.stop", ANSWER: "agent.answer"}
"""Act → the order that it gives for each agent."""
_ENDS = (RESTART, STOP)


class Outcome(Record):
    """What came of the act for one subject; ``saved`` is the ref that holds its worktree's state."""

    subject: str
    ok: bool
    words: str
    saved: str = ""


def find_incident(root: str, name: str, now: float) -> Incident:
    """Return an incident by its name or key: one that the log knows, open or over, else one that shows now.

    Raises NotFoundError, OSError.
    """
    memory = read_memory(root, now)
    for known in (memory.open, memory.over):
        for one in known.values():
            if name in (one.name, one.key):
                return one
    for one in collect(root).incidents:
        # no patrol has looked since it began
        if name in (one.name, one.key):
            return one
    raise NotFoundError(f"there is no incident {name}", "", "gt incident list shows those that are open")


def act_for_all(
    root: str,
    incident: Incident,
    act: str,
    tell: Callable[[Outcome], None],
    *,
    choice: str = "",
    actor: str,
    clock: Clock = SYSTEM_CLOCK,
) -> list[Outcome]:
    """Give the order for each agent of the incident, in turn; ``tell`` hears of each.

    Before a session is ended, its worktree's state is kept under a ref; an agent whose work cannot be kept is left alone.
    """
    folders = {one.address.path: one.work_dir for one in read_inventory(root).agents}
    done = []
    for subject in incident.subjects:
        outcome = (
            _one(root, subject, folders[subject], act, choice, actor, clock)
            if subject in folders
            else Outcome(subject, False, "it is no agent of this town")
        )
        payload: dict[str, object] = {"patrol": incident.patrol, "kind": incident.kind, "target": subject}
        payload |= {"order": ACTS[act], "reason": f"{act} all: {incident.cause}", "ok": outcome.ok}
        payload |= {"saved": outcome.saved} if outcome.saved else {}
        payload |= {} if outcome.ok else {"error": outcome.words}
        append_event(root, ACTED, actor, payload, clock=clock)
        tell(outcome)
        done.append(outcome)
    return done


def _one(root: str, subject: str, folder: str, act: str, choice: str, actor: str, clock: Clock) -> Outcome:
    said: list[str] = []
    saved = ""

    def notify(receipt: Receipt) -> None:
        said.append(receipt.detail or receipt.stage)

    try:
        if act in _ENDS:
            saved = keep_work(folder, subject, f"before {act} of all in an incident", clock.now())
        arguments = {"choice": choice} if act == ANSWER else {"wait": "0"} if act == NUDGE else {}
        ok = perform(root, Order(ACTS[act], subject, arguments), notify, clock=clock, by=actor)
    except (GastownError, OSError) as error:
        return Outcome(subject, False, words_of(error), saved)
    return Outcome(subject, ok, said[-1] if said else "", saved)
