"""Workers: whether an assignee lives, and how many polecats may work at once.

One count and one limit serve direct slings, batches, convoys and the queue.  A polecat counts as working while it holds
a bead (hooked or started), while a sling is about to give it one, or while its session lives and its record names work
(a closed bead whose worker has not ended).
"""

from __future__ import annotations

from gastown_core.beads.ledger import TOWN
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.model.address import POLECAT, Address, parse_address, parse_bead_id
from gastown_core.model.bead import CLOSED, OPEN
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.town import accounts
from gastown_core.town.discover import read_rigs
from gastown_core.town.host_load import refusal
from gastown_core.town.liveness import works_on
from gastown_core.town.settings import load_settings
from gastown_core.town.settings_table import RIG_KEY, SCHEDULER_KEY, TOWN_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.town.settings import Settings
LIVE, DEAD, UNKNOWN, PERSON = "live", "dead", "unknown", "person"
"""States of an assignee; a ``person`` is anyone but a polecat: their work is never taken away automatically."""


def worker_state(assignee: str, live: frozenset[str] | None, rigs: Mapping[str, str], order: str = "") -> str:
    """Return LIVE, DEAD, UNKNOWN or PERSON; ``rigs`` maps rig names to prefixes.

    With the ``order`` of a sling, a worker is alive only if its session was started for it.
    """
    who = polecat_of(assignee)
    if who is None:
        return PERSON
    if live is None or who.rig not in rigs:
        return UNKNOWN
    return LIVE if works_on(live, who.session(rigs[who.rig]), order) else DEAD


def polecat_of(assignee: str) -> Address | None:
    """Return the polecat that an assignee names, None for anyone else."""
    who = parse_address(assignee) if assignee else None
    return who if who is not None and who.role == POLECAT else None


class Capacity(Record):
    """How many polecats work, how many may, and how many more fit; ``key`` is the limiting setting."""

    working: int
    limit: int
    room: int
    key: str = TOWN_KEY
    workers: tuple[str, ...] = ()
    per_rig: Mapping[str, int] = {}
    rig_limit: int = 30
    host: str = ""
    """Why the machine or the accounts' limits take no more agents now, empty if they do; then there is no room."""

    def room_in(self, rig: str) -> int:
        """Return how many more polecats may start in this rig."""
        return max(0, min(self.room, self.rig_limit - self.per_rig.get(rig, 0)))

    def refusal(self, rig: str = "") -> str:
        """Return why no more polecat may start, else empty: ``5 of 5 polecats at work (scheduler.max_polecats)``."""
        if self.host:
            return f"no new agent: {self.host}"
        if self.room <= 0:
            return f"{self.working} of {self.limit} polecats at work ({self.key})"
        if rig and self.room_in(rig) <= 0:
            return f"{self.per_rig.get(rig, 0)} of {self.rig_limit} polecats of {rig} at work ({RIG_KEY})"
        return ""

    def taken(self, rig: str) -> Capacity:
        """Return the capacity after one more polecat of ``rig`` starts."""
        per_rig = {**self.per_rig, rig: self.per_rig.get(rig, 0) + 1}
        return self._replace(working=self.working + 1, room=max(0, self.room - 1), per_rig=per_rig)


def read_capacity(
    root: str, ledger: TownLedger, *, live: frozenset[str] | None = None, clock: Clock = SYSTEM_CLOCK
) -> Capacity:
    """Count the working polecats. ``live`` are the running sessions; without them a record counts only while fresh."""
    settings = load_settings(root)
    rigs = read_rigs(root)
    working = {who.path: who.rig for store in ledger.stores().values() for who in _holders(store)}
    grace_s = settings.seconds("operational.session.spawn_grace")
    town = ledger.store(TOWN)
    for bead in town.find(BeadQuery(types=("agent",), exclude_statuses=(CLOSED,))) if town is not None else ():
        fields = bead.fields
        who = _polecat_of_bead(bead.id, rigs) if fields.get("hook_bead") else None
        if who is None or who.path in working:
            continue
        work = ledger.excerpt(fields["hook_bead"]) if fields.get("agent_state") == AgentState.SPAWNING else None
        is_live = live is not None and who.session(rigs[who.rig]) in live
        is_fresh = clock.now() - bead.updated_at < grace_s
        if keeps_place(fields, work.status if work is not None else "", is_live=is_live, is_fresh=is_fresh):
            working[who.path] = who.rig
    return _capacity(settings, working, refusal(root) or accounts.refusal(root, clock.now()))


def keeps_place(fields: Mapping[str, str], work: str, *, is_live: bool, is_fresh: bool) -> bool:
    """Whether a polecat that holds no bead counts as working: its record names work, and it lives or is about to start.

    ``work`` is the status of that work (empty: no ledger has it); ``is_fresh``: the record was written a moment ago.
    """
    state = fields.get("agent_state")
    if fields.get("role_type") != "polecat" or not fields.get("hook_bead"):
        return False
    if state in (AgentState.IDLE, AgentState.DONE, AgentState.NUKED):
        return False
    return is_live or (state == AgentState.SPAWNING and is_fresh and work == OPEN)


def _holders(store: BeadStore) -> list[Address]:
    return [who for held in store.held_work() if (who := polecat_of(held.assignee)) is not None]


def _polecat_of_bead(bead_id: str, rigs: Mapping[str, str]) -> Address | None:
    who = parse_bead_id(bead_id, rigs)
    return who if who.role == POLECAT else None


def _capacity(settings: Settings, working: Mapping[str, str], host: str) -> Capacity:
    most, key = int(settings.lenient(TOWN_KEY)), TOWN_KEY
    scheduled = int(settings.lenient(SCHEDULER_KEY))
    if 0 < scheduled < most:
        most, key = scheduled, SCHEDULER_KEY
    per_rig: dict[str, int] = {}
    for rig in working.values():
        per_rig[rig] = per_rig.get(rig, 0) + 1
    return Capacity(
        len(working),
        most,
        0 if host else max(0, most - len(working)),
        key,
        tuple(sorted(working)),
        per_rig,
        int(settings.lenient(RIG_KEY)),
        host,
    )


def check_room(root: str, ledger: TownLedger, rig: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Refuse to start one more polecat of ``rig`` above the limit. Raises ConflictError naming the setting."""
    refusal = read_capacity(root, ledger, clock=clock).refusal(rig)
    if refusal:
        raise ConflictError("no capacity for one more polecat", refusal, "wait until one is done, or raise the setting")
