"""The header line: agents per state, merge queue, age of the data, time."""

from __future__ import annotations

import time

from textual.message import Message

from gastown_core.clock import format_age
from gastown_core.model.agent import Health
from gastown_core.model.daemon import FAILS, STOPPED
from gastown_tui.rowtext import SHORT_STATES, state_glyph
from gastown_tui.text import clean, cut, glyph, width_of
from gastown_tui.widgets.sheet import Sheet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from gastown_core.attention.count import Count
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_tui.text import Piece, Pieces
    from gastown_tui.widgets.sheet import Line

SHOWN = (Health.WORKING, Health.WAITING, Health.STOPPED_SHORT, Health.STALLED, Health.GUPP, Health.ZOMBIE, Health.LIMITED, Health.UNKNOWN, Health.IDLE)  # fmt: skip
ALWAYS = (Health.WORKING, Health.WAITING, Health.IDLE)
STALE_S = 12.0
"""The sources are read at least every five seconds, whether or not a change was reported."""
VIEW_WORDS = {
    "problems": ("  PROBLEMS", "gupp"),
    "inbox": ("  INBOX", "waiting"),
    "queue": ("  MERGE QUEUE", "info"),
    "diff": ("  DIFF", "info"),
    # the counts beside it are not of then
    "past": ("  TIME MACHINE, and now:", "warn"),
    "costs": ("  COSTS", "info"),
    "graph": ("  GRAPHS", "info"),
    "wasteland": ("  WASTELAND", "info"),
}


def counts_pieces(snapshot: TownSnapshot, *, words: bool, ascii_only: bool, need: int) -> list[Pieces]:
    """Return one group per state: glyph, number, and word if wanted; zeros only for a few states, with words.

    ``need`` is how many rows of the inbox wait on a person, which takes the place of the agents that wait.
    """
    groups: list[Pieces] = []
    for state in SHOWN:
        count = need if state is Health.WAITING else snapshot.counts.get(state, 0)
        if not count and (state not in ALWAYS or not words):
            continue
        tone = state.value if count else "faint"
        word = f" {SHORT_STATES[state]}" if words else ""
        if words and state is Health.WAITING and count != 1:
            word = " need you"
        groups.append(((f"{state_glyph(state, ascii_only).rstrip()} {count}{word}", tone),))
    return groups


def chip_pieces(snapshot: TownSnapshot, now: float, ascii_only: bool) -> list[Pieces]:
    """Return how much work is escalated and how much cannot go on, where there is any: ``⬆ 2 escalated``, ``⊘ 2 stuck``."""
    found = (("escalated", len(snapshot.escalated), "bad"), ("stuck", len(snapshot.stuck(now)), "stalled"))
    return [((f"{glyph(word, ascii_only)} {count} {word}", tone),) for word, count, tone in found if count]


def slings_pieces(snapshot: TownSnapshot, *, is_short: bool = False) -> Pieces:
    """Return the deferred slings, if there are any or dispatch is paused: ``4 waiting for a polecat``, ``dispatch paused: 4``."""
    scheduler = snapshot.scheduler
    if not scheduler.queued and not scheduler.is_paused:
        return ()
    if not scheduler.is_paused:
        return ((f"{scheduler.queued} {'to dispatch' if is_short else 'waiting for a polecat'}", "text"),)
    return ((f"dispatch paused: {scheduler.queued}" if scheduler.queued else "dispatch paused", "warn"),)


def places_pieces(snapshot: TownSnapshot) -> Pieces:
    """Return how many polecats are at work of how many may be: ``3/12 polecats``; a full town stands out while work waits."""
    scheduler = snapshot.scheduler
    if not scheduler.limit:
        return ()
    is_full = scheduler.working >= scheduler.limit
    tone = "warn" if is_full and scheduler.queued else "text" if scheduler.working else "faint"
    return ((f"{scheduler.working}/{scheduler.limit} polecats", tone),)


def daemon_pieces(snapshot: TownSnapshot, now: float) -> Pieces:
    """Return the emergency stop, else the daemon's trouble and its age (``daemon died 5m ago``), else that work is dammed."""
    daemon = snapshot.daemon
    if snapshot.stops:
        stop = snapshot.stops[0]
        age = f" {format_age(max(1.0, now - stop.at))}" if stop.at else ""
        return ((f"EMERGENCY STOP{f' of {clean(stop.rig)}' if stop.rig else ''}{age}", "error"),)
    told = clean(daemon.short(now))
    if not told and snapshot.dam is not None and not snapshot.scheduler.is_paused:
        return (("work is dammed", "error"),)
    return ((told, "warn" if daemon.state in (FAILS, STOPPED) else "error"),) if told else ()


def freshness(snapshot: TownSnapshot, now: float, moved_at: float, ascii_only: bool) -> Piece:
    """Return ``live`` with the age of the last change, or what is stale and why."""
    failed = next((source for source in snapshot.sources if source.error), None)
    if failed is not None:
        age = f" {format_age(max(0.0, now - failed.good_at))}" if failed.good_at is not None else ""
        return (f"stale{age}: {failed.name}", "error")
    age_s = now - snapshot.taken_at
    if age_s > STALE_S:
        return (f"stale {format_age(age_s)}", "error")
    moved = format_age(max(0.0, now - moved_at)) if moved_at else ""
    if not moved:
        return ("live", "working")
    told = f"quiet {moved}" if now - moved_at >= 60 else f"changed {'now' if moved == 'now' else moved + ' ago'}"
    return (f"live {glyph('dot', ascii_only)} {told}", "working")


def header_pieces(
    snapshot: TownSnapshot,
    width: int,
    now: float,
    *,
    moved_at: float,
    view: str,
    ascii_only: bool,
    need: int = 0,
    is_live: bool = True,
    is_readonly: bool = False,
) -> Pieces:
    """Return the header in ``width`` cells, without what does not fit. A saved picture is not live and has no clock."""
    clock = time.strftime("%H:%M:%S", time.localtime(now)) if is_live else " " * 8
    brand: list[Piece] = [
        (f" {glyph('brand', ascii_only)} ", "accent"),
        (cut(clean(snapshot.name) or "gt", 16), "title"),
    ]
    if view in VIEW_WORDS:
        brand.append(VIEW_WORDS[view])
    if is_readonly:
        brand.append(("  READ-ONLY", "warn"))
    fresh = freshness(snapshot, now, moved_at, ascii_only) if is_live else ("", "text")
    daemon = daemon_pieces(snapshot, now) if is_live else ()
    for words in (True, False):
        groups = counts_pieces(snapshot, words=words, ascii_only=ascii_only, need=need)
        tails = _tails(snapshot, fresh, clock, words=words)
        if daemon:
            # without a daemon nothing is dispatched or merged: only the counts outlast this
            tails = [[daemon, *tail] for tail in tails] + ([[daemon], []] if not words else [])
        chips = chip_pieces(snapshot, now, ascii_only) if words else []
        # places, queue and the age of the data give way for the chips, words of the counts do not
        choices = [([*groups, *chips], tail) for tail in tails] if chips else []
        for shown, tail in (*choices, *((groups, tail) for tail in tails)):
            for gap in (4, 2) if width >= 130 and words else (2,):
                line = _assemble(brand, shown, tail, width, gap)
                if line:
                    return line
    return _trimmed(brand, counts_pieces(snapshot, words=False, ascii_only=ascii_only, need=need), width)


def _tails(snapshot: TownSnapshot, fresh: Piece, clock: str, *, words: bool) -> list[list[tuple[Piece, ...]]]:
    """Return what may stand on the right, the fullest first: what waits for polecats and merges, places, age of the data, time."""
    queue = sum(request.is_to_merge for request in snapshot.requests)
    merges = ((f"{queue} to merge", "text" if queue else "faint"),)
    end: list[tuple[Piece, ...]] = [(fresh,), ((clock, "dim"),)]
    places = places_pieces(snapshot)
    short: list[tuple[Piece, ...]] = [((fresh[0].partition(" ")[0], fresh[1]),), end[1]]
    bare = [short[:1], []] if not words else []
    tails: list[list[tuple[Piece, ...]]] = [[merges, *end], end, short, *bare]
    full = [[merges, places, *end], [merges, places, *short]] if places else []
    slings = slings_pieces(snapshot)
    if not slings:
        return full + tails
    if snapshot.scheduler.is_paused:
        # a pause is easily forgotten, so it is dropped last
        told = [[slings, *tail] for tail in full + tails]
        return told + tails if not words else told
    brief = slings_pieces(snapshot, is_short=True)
    told = [[form, *tail] for tail in full or tails[:1] for form in (slings, brief)]
    return [*told, [brief, *tails[0]], [brief, merges, *short], *full, *tails]


def _assemble(brand: list[Piece], groups: list[Pieces], tail: list[tuple[Piece, ...]], width: int, gap: int) -> Pieces:
    left: list[Piece] = [*brand, ("  " + " " * gap, "text")]
    for number, group in enumerate(groups):
        left += [*group] if not number else [(" " * (3 if gap > 2 else 2), "text"), *group]
    right: list[Piece] = []
    for number, part in enumerate(tail):
        right += [*part] if not number else [(" " * (gap + 1), "text"), *part]
    need = width_of(left) + width_of(right) + 4
    if need > width:
        return ()
    return (*left, (" " * (width - width_of(left) - width_of(right) - 1), "text"), *right, (" ", "text"))


def _trimmed(brand: list[Piece], groups: list[Pieces], width: int) -> Pieces:
    """Return the smallest header: as many whole counts as fit."""
    out = [*brand, ("  ", "text")]
    for group in groups:
        if width_of(out) + width_of(group) + 1 > width:
            break
        out += [*group, ("  ", "text")]
    return tuple(out)


def view_at(pieces: Pieces, x: int, ascii_only: bool) -> str:
    """Return the view or panel that has what the header counts at a cell: inbox, problems, queue, agents, convoys; or nothing."""
    start = 0
    for text, _ in pieces:
        end = start + width_of([(text, "")])
        if start <= x < end:
            break
        start = end
    else:
        return ""
    for state in SHOWN:
        head = f"{state_glyph(state, ascii_only).rstrip()} "
        if text.startswith(head) and text[len(head) :][:1].isdigit():
            return "inbox" if state is Health.WAITING else "agents" if state in ALWAYS else "problems"
    if text.endswith(" to merge"):
        return "queue"
    if text.endswith((" escalated", " stuck")):
        return "problems"
    if text.endswith(" polecats"):
        return "agents"
    return "convoys" if text.endswith((" to dispatch", " for a polecat")) or text.startswith("dispatch paused") else ""


class HeaderBar(Sheet):
    """The header line; a click on a count asks for the view that has what it counts."""

    class CountPressed(Message):
        """A count was clicked: the view or panel that has what it counts."""

        def __init__(self, view: str) -> None:
            super().__init__()
            self.view = view

    def __init__(self) -> None:
        super().__init__(id="header")
        self.snapshot: TownSnapshot | None = None
        self.now = 0.0
        self.moved_at = 0.0
        self.view = "feed"
        self.need = 0
        self.is_readonly = False

    def show(self, snapshot: TownSnapshot, now: float, *, moved_at: float, view: str, count: Count) -> None:
        """Take a snapshot, or only a later time."""
        self.snapshot, self.now, self.moved_at, self.view, self.need = snapshot, now, moved_at, view, count.you
        self.redraw()

    def picture_line(self, width: int) -> str:
        """Return the header for a saved picture as text, without freshness and clock."""
        if self.snapshot is None:
            return ""
        pieces = header_pieces(
            self.snapshot,
            width,
            self.now,
            moved_at=0.0,
            view=self.view,
            ascii_only=self.look.ascii_only,
            need=self.need,
            is_live=False,
        )
        return "".join(text for text, _ in pieces)

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Draw one line on the bar's background."""
        return [(self._pieces(width), "bar")]

    def _pieces(self, width: int) -> Pieces:
        if self.snapshot is None:
            return ()
        return header_pieces(
            self.snapshot,
            width,
            self.now,
            moved_at=self.moved_at,
            view=self.view,
            ascii_only=self.look.ascii_only,
            need=self.need,
            is_readonly=self.is_readonly,
        )

    def on_click(self, event: events.Click) -> None:
        """Ask for the view of the clicked count."""
        event.stop()
        view = view_at(self._pieces(self.size.width), event.x, self.look.ascii_only)
        if view:
            self.post_message(self.CountPressed(view))
