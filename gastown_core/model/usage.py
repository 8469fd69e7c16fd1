"""What was used today, by whom, and what a budget says of it; plain records for the console and for dispatch."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

TOKENS, COST = "tokens", "cost"
UNITS = (TOKENS, COST)
WARN, HOLD = "warn", "hold"


class Spent(Record):
    """Tokens, and the cost as far as it is known (None: not at all); ``is_partial`` if a part is not, ``is_estimated`` by prices."""

    tokens: int = 0
    cost: float | None = None
    is_partial: bool = False
    is_estimated: bool = False

    def of(self, unit: str) -> float:
        """How much that is in tokens or dollars; a cost that is unknown is 0."""
        return self.tokens if unit == TOKENS else self.cost or 0.0


class AgentUsage(Record):
    """One agent's use today, and how full its conversation is: ``window`` 0 if its program does not tell it."""

    spent: Spent = Spent()
    context: int = 0
    window: int = 0

    @property
    def share(self) -> float | None:
        """How much of the context is used, from 0 to 1; None if that is unknown."""
        return min(self.context / self.window, 1.0) if self.window and self.context else None


class BudgetNotice(Record):
    """A budget that is nearly or wholly used: of the day (empty ``bead``) or of a bead; ``unit`` tokens or cost."""

    bead: str
    unit: str
    used: float
    limit: float
    is_over: bool
    holds: bool = False

    def words(self) -> str:
        """``the day's budget is used up: 1.2M of 1M tokens``."""
        whose = f"the budget of {self.bead}" if self.bead else "the day's budget"
        state = "is used up" if self.is_over else f"is used to {int(100 * self.used / self.limit)} %"
        return f"{whose} {state}: {amount(self.used, self.unit)} of {amount(self.limit, self.unit)}" + (
            " tokens" if self.unit == TOKENS else ""
        )

    @property
    def setting(self) -> str:
        """The setting that is its limit."""
        return f"budget.{'bead' if self.bead else 'day'}_{self.unit}"


class UsageToday(Record):
    """What is known of a local day's usage; ``beads`` are those worked on lately, with all that they ever used."""

    day: str = ""
    spent: Spent = Spent()
    agents: Mapping[str, AgentUsage] = {}
    beads: Mapping[str, Spent] = {}


def amount(value: float, unit: str) -> str:
    """Tokens or dollars in few letters."""
    return f"${value:,.2f}" if unit == COST else short_tokens(value)


def short_tokens(count: float) -> str:
    """A number of tokens in at most five letters: ``950``, ``12.3k``, ``4.5M``."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size * 0.9995:
            scaled = count / size
            return f"{scaled:.0f}{unit}" if scaled >= 99.95 else f"{scaled:.1f}".removesuffix(".0") + unit
    return f"{count:.0f}"


def spent_words(spent: Spent) -> str:
    """A cost for people: ``unknown``, ``$1.23``, ``≥ $1.23`` if a part is unknown, ``≈ $1.23`` if it is estimated."""
    if spent.cost is None:
        return "unknown" if spent.tokens else "-"
    sign = "≥ " if spent.is_partial else "≈ " if spent.is_estimated else ""
    return f"{sign}${spent.cost:,.2f}"


class Limits(Record):
    """Limits by unit (absent: none), the share from which to warn, and whether dispatch waits when a limit is exceeded."""

    day: Mapping[str, float] = {}
    bead: Mapping[str, float] = {}
    share: float = 0.8
    holds: bool = False

    @property
    def are_set(self) -> bool:
        """Whether any limit is set."""
        return bool(self.day or self.bead)
