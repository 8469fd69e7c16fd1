"""A patrol: a pure look at the town that returns findings, each with the order that would set it right.

``look`` has no clock, file or process: the same look and memory give the same findings, live, in a test's table, or over
yesterday's log.  What is done about a finding is an order that a person could give (``orders.registry``).
"""

from __future__ import annotations

from gastown_core.model.address import DEACON
from gastown_core.model.record import Record
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.patrols.memory import Memory
from gastown_core.town.deacon_pause import read_pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_core.model.order import Order

CODE, AGENT, BOTH, OFF = "code", "agent", "both", "off"
"""Who acts on findings: the code; the role's agent, who is told; both; or nobody looks at all."""


class Finding(Record):
    """One problem of one subject (an agent's path, a bead, a convoy, a rig).

    ``cause`` is the sentence that subjects share when they suffer from the same thing; ``remedy`` is due now, None while
    nothing is to be done; ``retired_by`` says what ends the finding.  ``held`` says why nothing more is tried: then a
    person is told.
    """

    kind: str
    subject: str
    cause: str
    evidence: tuple[str, ...] = ()
    bead: str = ""
    since: float = 0.0
    remedy: Order | None = None
    retired_by: str = ""
    held: str = ""
    saves: str = ""
    """The worktree whose state is kept under a ref before the remedy."""
    shares: str = ""
    """Names the cause that others suffer from too: all of them are one incident."""
    is_chore: bool = False
    """Housekeeping: nothing is wrong, so nobody is alarmed."""

    @property
    def key(self) -> str:
        """What identifies the finding from one look to the next."""
        return f"{self.kind}:{self.subject}"

    @property
    def incident_key(self) -> str:
        """The incident that it belongs to: its own, or that of the cause which it shares with others."""
        return f"{self.kind}:{self.shares}" if self.shares else self.key


class Limits(Record):
    """Spans in seconds and counts by which patrols judge (``patrols.*`` and ``operational.*`` of the settings)."""

    stopped_short_s: float = 60.0
    patience_s: float = 300.0
    """How long a remedy gets before the next rung."""
    ladder_s: float = 3600.0
    """Remedies older than this do not count for the rung."""
    idle_session_s: float = 900.0
    orphan_s: float = 120.0
    restart_first_s: float = 30.0
    restart_longest_s: float = 600.0
    restart_most: int = 5
    restart_window_s: float = 900.0
    half_open_s: float = 1800.0
    """A held agent is tried once more after this."""
    mass_count: int = 3
    mass_window_s: float = 30.0
    convoy_cooldown_s: float = 600.0
    untold_s: float = 600.0
    dam_escalate_s: float = 600.0
    dog_silent_s: float = 7200.0
    dog_idle_s: float = 3600.0
    dog_remove_s: float = 14400.0
    dog_pool: int = 4


class Look(Record):
    """What a patrol sees: the town, what was done before, the limits, the moment, and its rig (empty: all)."""

    town: TownSnapshot
    memory: Memory
    limits: Limits
    now: float
    rig: str = ""


class Patrol(Record):
    """One row of the table: name (``witness:shop``), the role whose settings it follows, its rig, what it looks for."""

    name: str
    role: str
    about: str
    look: Callable[[Look], Iterable[Finding]]
    rig: str = ""
    period_s: float = 15.0

    def why_paused(self, root: str) -> str:
        """Return why it looks at nothing now, in words; empty if it goes on. Only the deacon's can be paused."""
        found = read_pause(root) if self.role == DEACON else None
        return found.words() if found is not None else ""

    @property
    def actor(self) -> str:
        """The name under which it acts: ``patrol:witness:shop``.

        It is not the address of the role's agent: what the code does is no sign that this agent lives, or ever ran.
        """
        return f"patrol:{self.name}"

    @property
    def agent(self) -> str:
        """The path of the role's agent: ``shop/witness``, ``deacon``."""
        return f"{self.rig}/{self.role}" if self.rig else self.role
