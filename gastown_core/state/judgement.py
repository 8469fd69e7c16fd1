"""THE judgement of an agent for those who account for work: what status and console show is what the scheduler says."""

from __future__ import annotations

from gastown_core.model.address import parse_address
from gastown_core.model.agent import HEALTH_SYMBOLS, Judged
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_core.model.snapshot import TownSnapshot


def judge_by(snapshot: TownSnapshot) -> Callable[[str, str], Judged | None]:
    """Asked for an assignee and a bead in its hands: how that agent is by this snapshot, None if it is not in it."""
    known = {view.address.mail: view for view in snapshot.agents}

    def judge(assignee: str, bead_id: str) -> Judged | None:
        view = known.get(parse_address(assignee).mail)
        if view is None:
            return None
        state = view.health.state
        if view.work is not None and view.work.bead_id != bead_id:
            return Judged(state, f"who has {view.work.bead_id} before it")
        reason = view.health.reason
        return Judged(state, f"{HEALTH_SYMBOLS[state][2]}: {reason}" if reason else HEALTH_SYMBOLS[state][2])

    return judge


class Account(Record):
    """What the scheduler says of one bead: ``state`` (next, in line, held, nobody, at work), the words, what helps."""

    bead_id: str
    state: str
    text: str
    hint: str = ""


def accounts_of(root: str, snapshot: TownSnapshot, bead_ids: Iterable[str]) -> tuple[Account, ...]:
    """What the scheduler says of each of these beads that is not done. Raises GastownError."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.explain import OVER, explain_all

    answers = explain_all(root, TownLedger(root), bead_ids, judge=judge_by(snapshot))
    return tuple(Account(one.bead, one.state, one.text, one.hint) for one in answers if one.state != OVER)
