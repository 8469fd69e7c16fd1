"""Exchange with the commons: bring what others did, send what was done here. Offline nothing is lost; it waits in the clone.

What reached the commons first stays: where both sides changed an item, the commons wins, and a claim that was lost thereby is
told.  With a fork, changes go to a branch of it and a pull request asks for them; without one they go to the commons itself.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError
from gastown_core.model.record import Record
from gastown_core.wasteland import dolthub
from gastown_core.wasteland.clone import MAIN, BehindError
from gastown_core.wasteland.contact import note_contact
from gastown_core.wasteland.membership import FORK, UPSTREAM
from gastown_core.wasteland.schema import MERGED, examine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.wasteland.clone import Clone
    from gastown_core.wasteland.membership import Membership

MOST_ROUNDS = 4
"""How often a push is tried again because others were faster."""
COMMONS = f"{UPSTREAM}/{MAIN}"
WAITING = f"SELECT message FROM DOLT_LOG('{COMMONS}..HEAD')"
"""The question for commits that the commons lacks, newest first."""


class Exchange(Record):
    """What an exchange brought and sent.

    ``came`` and ``to_send``: commits; ``changed`` rows by table that came; ``lost`` ids of items whose claim others had first;
    ``sent`` where the changes are now (``commons``, ``pull request N``, ``branch NAME``, empty: nothing to send); ``error`` why it
    did not end.
    """

    came: int = 0
    changed: dict[str, int] = {}  # noqa: RUF012  a record's default; nobody writes into it
    to_send: int = 0
    sent: str = ""
    lost: tuple[str, ...] = ()
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {**self._asdict(), "lost": list(self.lost)}


def waiting(clone: Clone) -> list[str]:
    """Return the messages of commits that the commons lacks, oldest first."""
    if not clone.head(COMMONS):
        return []
    return unmerged(clone.read(WAITING))


def unmerged(rows: list[dict[str, Any]]) -> list[str]:
    """Return the messages of rows of ``WAITING``, oldest first, without merges."""
    return [str(row["message"]) for row in reversed(rows) if not str(row["message"]).startswith("Merge ")]


def bring(member: Membership, clock: Clock = SYSTEM_CLOCK) -> Exchange:
    """Fetch and merge what the commons has; notes whether it was reached. Raises GastownError if it was not."""
    clone = member.clone()
    try:
        clone.fetch(UPSTREAM)
    except GastownError as error:
        note_contact(member, clock.now(), str(error))
        raise
    note_contact(member, clock.now())
    # against what the clone holds: a look at what would come has fetched it already
    asked = f"SELECT DOLT_MERGE_BASE('HEAD', '{COMMONS}') AS base, DOLT_HASHOF('{COMMONS}') AS tip"
    found = clone.read(asked)[0]
    base, tip = str(found.get("base") or ""), str(found.get("tip") or "")
    if base == tip:
        return Exchange(to_send=len(waiting(clone)))
    came, changed = _difference(clone, base, tip)
    lost = _merge(member, clone)
    return Exchange(came, changed, len(waiting(clone)), "", lost)


def send(member: Membership) -> str:
    """Push what the commons lacks; where it is now. Raises GastownError, BehindError if others are ahead."""
    clone = member.clone()
    told = waiting(clone)
    if not told:
        return ""
    if member.is_direct:
        clone.push(UPSTREAM, MAIN)
        clone.fetch(UPSTREAM)
        return "commons"
    clone.push(FORK, MAIN, member.branch)
    if not member.fork:
        return f"branch {member.branch}"
    pull = dolthub.open_pull(member.upstream, member.fork, member.branch, told[-1])
    return f"pull request {pull}" if pull else "the open pull request"


def sync(member: Membership) -> Exchange:
    """Bring, then send, again while others are faster. The error of either is told in the result, nothing is lost by it."""
    with member.clone().lock():
        total = Exchange()
        for _ in range(MOST_ROUNDS):
            try:
                found = bring(member)
                total = _sum(total, found)
                if total.to_send and examine(member.clone()).is_newer:
                    raise ConflictError("the commons has a newer schema", "this program only reads it", "gt upgrade")
                sent = send(member) if total.to_send else ""
                return total._replace(sent=sent, to_send=0 if member.is_direct else total.to_send, error="")
            except BehindError as error:
                total = total._replace(error=str(error))
            except GastownError as error:
                return total._replace(to_send=len(waiting(member.clone())), error=str(error))
        return total._replace(to_send=len(waiting(member.clone())))


def _sum(total: Exchange, found: Exchange) -> Exchange:
    changed = dict(total.changed)
    for table, count in found.changed.items():
        changed[table] = changed.get(table, 0) + count
    lost = tuple(dict.fromkeys((*total.lost, *found.lost)))
    return Exchange(total.came + found.came, changed, found.to_send, "", lost)


def _difference(clone: Clone, before: str, after: str) -> tuple[int, dict[str, int]]:
    if not before:
        return 0, {}
    rows = clone.read(f"SELECT COUNT(*) AS n FROM DOLT_LOG('{before}..{after}')")
    tables = clone.read(
        f"SELECT to_table_name AS t, from_table_name AS f FROM DOLT_DIFF_SUMMARY('{before}', '{after}')"
    )
    changed = {}
    for row in tables:
        table = str(row.get("t") or row.get("f") or "")
        if table in MERGED:
            counted = clone.read(f"SELECT COUNT(*) AS n FROM DOLT_DIFF('{before}', '{after}', '{table}')")
            changed[table] = int(counted[0]["n"])
    return int(rows[0]["n"]), changed


def _merge(member: Membership, clone: Clone) -> tuple[str, ...]:
    tables = tuple(table for table in MERGED if table not in examine(clone).tables)
    rows = clone.merge(COMMONS, tables)
    return tuple(
        str(row["our_id"])
        for row in rows
        if row["of_table"] == "wanted"
        and row.get("our_claimed_by") == member.handle
        and row.get("their_claimed_by") not in (member.handle, None)
    )
