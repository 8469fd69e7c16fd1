"""Brings what is new in the commons by itself, where the town wants it (``wasteland.fetch_every``): nothing is sent.

A commons that cannot be reached is tried at growing intervals; meanwhile everything works on the clone as it is.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK, format_age
from gastown_core.errors import GastownError
from gastown_core.wasteland.board import commons_of
from gastown_core.wasteland.contact import read_contact
from gastown_core.wasteland.errands import rest_lost
from gastown_core.wasteland.exchange import bring
from gastown_core.wasteland.membership import read_membership

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.wasteland.membership import Membership


def bring_news(root: str, every_s: float, actor: str, clock: Clock = SYSTEM_CLOCK) -> str:
    """Bring what the commons has if it is due; what came, in words.

    An exchange by anybody counts as a look.  A commons that cannot be reached is no error: it is noted, and ``why_resting`` tells
    it.  Raises GastownError if the clone cannot take in what came.
    """
    member = _member(root)
    if member is None or not read_contact(member).is_due(every_s, clock.now()):
        return ""
    try:
        with member.clone().lock():
            found = bring(member, clock)
    except GastownError:
        if read_contact(member).error:
            return ""
        raise
    rest_lost(root, member, found.lost, actor)
    # what waits for this town is attention from now on, before a face asks for it
    commons_of(root)
    told = [f"{found.came} commits came"] if found.came else []
    told += [f"others claimed {item} first" for item in found.lost]
    return "; ".join(told)


def why_resting(root: str, every_s: float, clock: Clock = SYSTEM_CLOCK) -> str:
    """Return why the commons is not looked at now: it could not be reached, and its next turn is later; empty otherwise."""
    member = _member(root)
    if member is None:
        return ""
    known, now = read_contact(member), clock.now()
    if not known.error or known.is_due(every_s, now):
        return ""
    return f"the commons is unreachable ({known.error}); after {known.failures} tries it rests for {format_age(known.due_at(every_s) - known.failed_at)}"


def _member(root: str) -> Membership | None:
    member = read_membership(root)
    return member if member is not None and member.clone().exists else None
