"""Rotation: agents that their account's limit holds up are restarted under an account that is free.

Only the folder changes in which the program finds its account; no key is read or copied.  The file of the conversation is
copied there, so that the program goes on with it.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, UsageError, words_of
from gastown_core.model.order import Order
from gastown_core.model.record import Record
from gastown_core.orders.perform import perform
from gastown_core.town.accounts import RUNTIME, longest_rested, read_accounts, read_limits
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.clock import Clock
    from gastown_core.state.quota import QuotaSession


class Move(Record):
    """One agent that changes its account: from ``old`` to ``new``, whether that was done, and why not."""

    session: str
    agent: str
    old: str
    new: str
    done: bool = False
    error: str = ""


def rotate(
    root: str,
    sessions: Iterable[QuotaSession],
    *,
    by: str,
    source: str = "",
    idle: bool = False,
    dry_run: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> list[Move]:
    """Restart the limited agents (or all of the account ``source``) under the account that their start chooses.

    ``idle`` leaves out those that hold work.  Raises UsageError if fewer than two accounts are named.
    """
    named = read_accounts(root)
    if len(named) < 2:
        raise UsageError(
            "there is no other account",
            f"mayor/accounts.json names {len(named)}",
            'give it two: {"accounts": {"NAME": {"config_dir": "FOLDER"}}}',
        )
    if source and source not in named:
        raise UsageError(f"there is no account {source}", f"there are: {', '.join(named)}")
    held = _holders(root) if idle else frozenset[str]()
    wanted = [
        one
        for one in sessions
        if one.runtime == RUNTIME
        and one.agent not in held
        and (one.account == source if source else one.is_limited and one.account in named)
    ]
    return [_move(root, one, by=by, dry_run=dry_run, clock=clock) for one in wanted]


def _holders(root: str) -> frozenset[str]:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.address import parse_address

    stores = TownLedger(root).stores().values()
    names = {parse_address(held.assignee).mail for store in stores for held in store.held_work()}
    return frozenset(one.address.path for one in read_inventory(root).agents if one.address.mail in names)


def _move(root: str, one: QuotaSession, *, by: str, dry_run: bool, clock: Clock) -> Move:
    limited = read_limits(root, clock.now())
    free = [name for name in read_accounts(root) if name not in limited and name != one.account]
    move = Move(one.session, one.agent, one.account, longest_rested(root, free) if free else "")
    if not free:
        return move._replace(error="every other account is limited too")
    if dry_run:
        return move
    said: list[str] = []
    order = Order("agent.restart", one.agent, {"resume": "--resume", "account": move.new})
    try:
        done = perform(root, order, lambda told: said.append(told.detail), clock=clock, by=by)
    except (GastownError, OSError) as error:
        return move._replace(error=words_of(error))
    return move._replace(done=done, error="" if done else said[-1] if said else "its restart failed")
