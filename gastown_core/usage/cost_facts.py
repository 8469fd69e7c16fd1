"""What agents' programs tell of their requests by themselves: facts that are counted once, beside the transcripts.

A fact waits until the transcript tells of the same message: then that message gets its cost, and nothing is counted anew.
A request that is in no transcript (a title, a session that keeps none) counts as a message of its own when it has waited
for ``PATIENCE_S``.  Each fact has a key, so one that is sent twice is known again.
"""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.runtimes.usage import Usage
from gastown_core.usage.usage_file import UsageFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.usage.usage_ledger import UsageLedger

PATIENCE_S = 120.0
"""How long a transcript may lag behind."""
NEAR_S = 900.0
"""A message with the same figures that is further away is another one."""
KEPT_S = 30 * 86400.0
"""How long the key of a fact is known."""
MARK = "otlp:"
"""How the name of a message begins that only a fact tells of."""
_TABLE = """
CREATE TABLE IF NOT EXISTS cost_fact (
  key TEXT PRIMARY KEY, at REAL NOT NULL, agent TEXT NOT NULL, runtime TEXT NOT NULL, model TEXT NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cost REAL,
  came REAL NOT NULL, message TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cost_fact_message ON cost_fact (message)
"""
"""``message`` is the one that has the fact, empty while it waits."""
# the name of the model is left out: transcripts leave out a suffix that programs tell
_SAME = """
SELECT id FROM message WHERE agent = ? AND at BETWEEN ? AND ? AND runtime = ?
  AND input = ? AND output = ? AND cache_read = ? AND cache_write = ? AND id NOT LIKE ?
  AND NOT EXISTS (SELECT 1 FROM cost_fact WHERE cost_fact.message = message.id) ORDER BY abs(at - ?), id LIMIT 1
"""
_LESS = """
UPDATE total SET messages = messages - 1 WHERE (day, agent, bead, model) =
  (SELECT day, agent, bead, model FROM message WHERE id = ?)
"""


class CostFact(Record):
    """One request to a model, as the program told it; ``key`` is the same when it is told again."""

    key: str
    at: float
    agent: str
    runtime: str
    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    cost: float | None

    @property
    def own_message(self) -> str:
        """The id of the message that only this fact tells of."""
        return f"{self.runtime}:{MARK}{self.key}"


def keep(ledger: UsageLedger, facts: Iterable[CostFact], now: float) -> int:
    """Store facts; return how many are new. They are on disk when this returns."""
    new = 0
    with ledger.transaction():
        for statement in _TABLE.split(";"):
            ledger.db.execute(statement)
        for one in facts:
            row = (*one, now, "")
            new += ledger.db.execute(f"INSERT OR IGNORE INTO cost_fact VALUES ({', '.join('?' * 12)})", row).rowcount
    return new


def settle(ledger: UsageLedger, now: float) -> int:
    """Give waiting facts to the messages that they are about, or count them; return how many changed."""
    if ledger.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'cost_fact'").fetchone() is None:
        return 0
    recent = "SELECT * FROM cost_fact WHERE message = '' OR (message = runtime || ? || key AND at > ?) ORDER BY at"
    changed = 0
    with ledger.transaction():
        for *row, came, message in ledger.db.execute(recent, (f":{MARK}", now - NEAR_S)).fetchall():
            fact = CostFact._make(row)
            if _give(ledger, fact, message):
                changed += 1
            elif not message and now - came >= PATIENCE_S:
                _count(ledger, fact)
                changed += 1
        ledger.db.execute("DELETE FROM cost_fact WHERE message != '' AND came < ?", (now - KEPT_S,))
    return changed


def _give(ledger: UsageLedger, fact: CostFact, before: str) -> bool:
    """Give the fact's cost to the nearest message of a transcript with its figures; return whether there is one.

    ``before`` is the message of its own that it had until now: the transcript came late.
    """
    figures = (fact.input, fact.output, fact.cache_read, fact.cache_write)
    when = (fact.at - NEAR_S, fact.at + NEAR_S)
    wanted = (fact.agent, *when, fact.runtime, *figures, f"{fact.runtime}:{MARK}%", fact.at)
    found = ledger.db.execute(_SAME, wanted).fetchone()
    if found is None:
        return False
    ledger.db.execute("UPDATE message SET cost = coalesce(cost, ?) WHERE id = ?", (fact.cost, found[0]))
    if before:
        # the triggers of the ledger subtract what a message no longer has; the message itself is subtracted here
        bare = "UPDATE message SET input = 0, output = 0, cache_read = 0, cache_write = 0, cost = NULL WHERE id = ?"
        for statement in (bare, _LESS, "DELETE FROM message WHERE id = ?"):
            ledger.db.execute(statement, (before,))
    ledger.db.execute("UPDATE cost_fact SET message = ? WHERE key = ?", (found[0], fact.key))
    return True


def _count(ledger: UsageLedger, fact: CostFact) -> None:
    """Count the fact as a message of its own."""
    figures = (fact.input, fact.output, fact.cache_read, fact.cache_write)
    used = Usage(f"{MARK}{fact.key}", fact.at, fact.model, *figures, cost=fact.cost)
    ledger.count(UsageFile("", fact.runtime, fact.agent), [used])
    ledger.db.execute("UPDATE cost_fact SET message = ? WHERE key = ?", (fact.own_message, fact.key))
