"""What the town sees and moves by: sources that cannot be read, and duties of the daemon that fail or do not run; pure.

A light that is green because nobody looks is the worst fault of all, so the patrols also watch what they look with.  What
the dam names already is not told twice, and duties that fail because a source fails are part of that.
"""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model import dam
from gastown_core.model.daemon import STEADY_S
from gastown_core.patrols.patrol import Finding, Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

UNREADABLE, DUTY = "unreadable", "duty"
"""Kinds of findings."""
FLUKE_S = 30.0
"""A source that fails for less than this may be read again at the next look."""
LATE, FAILS = "late", "fails"
NAMED_BY_DAM = {"tmux": dam.TMUX, "daemon": dam.DAEMON}


def look(at: Look) -> Iterator[Finding]:
    """Return the sources that cannot be read, and the duties that do not do their work."""
    broken = list(_sources(at))
    yield from broken
    yield from _duties(at, late=True)
    if not broken and not _dam_names(at, dam.STORE):
        yield from _duties(at, late=False)


def _sources(at: Look) -> Iterator[Finding]:
    for source in at.town.sources:
        if not source.error or source.name.startswith("beads:") or _dam_names(at, NAMED_BY_DAM.get(source.name, "")):
            continue
        first = at.memory.open.get(f"{UNREADABLE}:{source.name}")
        since = first.since if first is not None else source.good_at or 0.0
        if first is not None or at.now - since >= FLUKE_S:
            cause = f"{source.name} cannot be read: {source.error}"
            yield Finding(
                UNREADABLE,
                source.name,
                cause,
                (f"{source.error} ({source.name})",),
                since=since,
                retired_by="it can be read again",
                held=_held(at, UNREADABLE, source.name, cause),
            )


def _duties(at: Look, *, late: bool) -> Iterator[Finding]:
    """Duties that are late, or those that fail, as one incident: one cause may hit all of them."""
    if _dam_names(at, dam.DUTY):
        return
    daemon, word = at.town.daemon, LATE if late else FAILS
    rows = daemon.late if late else [one for one in daemon.failing if one[2] and at.now - one[2] >= STEADY_S / 2]
    told = [
        (name, f"the daemon's duty {name} {what if late else f'fails: {what}'}", since) for name, what, since in rows
    ]
    for name, cause, since in told:
        yield Finding(
            DUTY,
            name,
            cause,
            (f"since {format_span(max(0.0, at.now - since))} (the daemon's state)",),
            since=since,
            retired_by="it runs again" if late else "a run of it succeeds",
            held=_held(at, DUTY, word, told[0][1]),
            shares=word,
        )


def _held(at: Look, kind: str, share: str, cause: str) -> str:
    """Why a person is told, empty while it may still be a matter of minutes."""
    first = at.memory.open.get(f"{kind}:{share}")
    if first is None or (not first.escalated and at.now - first.since < at.limits.dam_escalate_s):
        return ""
    return f"{cause}; for more than {format_span(at.limits.dam_escalate_s)}"


def _dam_names(at: Look, *links: str) -> bool:
    named = {one.link for one in at.town.dam.links} if at.town.dam is not None else set()
    return not named.isdisjoint(links)
