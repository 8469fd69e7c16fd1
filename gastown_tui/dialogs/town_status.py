"""The status page: the daemon's duties, every source with its age, and what daemon and console use of a core."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_core.clock import format_age, format_span
from gastown_core.model.daemon import LATE, RUNS
from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.text import clean, fit, fit_right, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.model.source_status import SourceStatus
    from gastown_core.state.detail import DutyNote, WatchNote
    from gastown_tui.text import Piece, Pieces

NAME = 20
STALE_S = 60.0
"""A source that has not answered for so long is shown as old; all but git, which is read when refs move, are asked often."""


def status_lines(
    snapshot: TownSnapshot,
    told: WatchNote | None,
    ages: Sequence[SourceStatus],
    own: tuple[float, float],
    now: float,
    width: int,
) -> list[Pieces]:
    """Return the page; ``own`` is the console's share of a core, and for how many seconds it runs."""
    daemon = snapshot.daemon
    tone = "good" if daemon.state == RUNS else "error" if daemon.state == LATE or not daemon.is_at_work else "warn"
    lines: list[Pieces] = [((part, tone),) for part in wrap(clean(daemon.words(now)), width)]
    lines += [((clean(stop.words(now)), "error"), (f"; {stop.command} ends it", "dim")) for stop in snapshot.stops]
    load = f"uses {told.load:.1%} of a core" if told is not None else "runs not"
    if told is not None and told.slower > 1:
        load += f"; over its budget, so it looks {told.slower:g} times as rarely"
    share, up_s = own
    lines.append((("daemon ", "dim"), (load, "text"), ("   console ", "dim"), (_share(share, up_s), "text")))
    if told is not None and told.duties:
        lines += [(), ((fit("DUTY", NAME) + "   RUNS   LAST     TOOK   NEXT  DID", "heading"),)]
        lines += [_duty(one, now, width) for one in told.duties]
    theirs = {name: (at, error) for name, at, error in told.sources} if told is not None else {}
    lines += [(), ((fit("SOURCE", NAME) + "   HERE  DAEMON  ERROR", "heading"),)]
    for name in sorted({one.name for one in ages} | set(theirs)):
        here = next((one for one in ages if one.name == name), None)
        lines.append(_source(name, here, theirs.get(name), now))
    return lines


def _share(share: float, up_s: float) -> str:
    return f"uses {share:.1%} of a core in the {format_span(up_s)} since its start"


def _duty(one: DutyNote, now: float, width: int) -> Pieces:
    times = f" ({one.failures} times in a row)" if one.failures > 1 else ""
    did, tone = (f"failed{times}: {one.error}", "bad") if one.error else (one.did, "dim")
    if one.busy_since:
        did, tone = f"busy for {format_span(max(0.0, now - one.busy_since))}", "info"
    if one.paused:
        did, tone = one.paused, "warn"
    if one.late:
        did, tone = f"LATE: {one.late} {did}".rstrip(), "error"
    last = format_age(max(0.0, now - one.last_run)) if one.last_run else "-"
    ahead = format_span(max(0.0, one.next_at - now)) if one.next_at else "-"
    return (
        (fit(clean(one.name), NAME) + " ", "bright" if tone == "dim" else tone),
        (fit_right(str(one.runs), 6) + " ", "dim"),
        (fit_right(last, 6) + " ", "text"),
        (fit_right(f"{one.took_s:.2f}s", 8) + " ", "dim"),
        (fit_right(ahead, 6) + "  ", "dim"),
        (clean(did)[: max(10, width - NAME - 32)], tone),
    )


def _source(name: str, here: SourceStatus | None, theirs: tuple[float, str] | None, now: float) -> Pieces:
    at = here.good_at if here is not None else None
    error = (here.error if here is not None else "") or (theirs[1] if theirs is not None else "")
    return (
        (fit(clean(name), NAME) + " ", "bad" if error else "bright"),
        _age(name, at, now),
        (" ", "text"),
        _age(name, theirs[0] if theirs is not None else None, now),
        ("  ", "text"),
        (clean(error), "bad"),
    )


def _age(name: str, at: float | None, now: float) -> Piece:
    if not at:
        return (fit_right("-", 7), "dim")
    age_s = max(0.0, now - at)
    return (fit_right(format_age(age_s), 7), "warn" if age_s > STALE_S and not name.startswith("git:") else "text")


class TownStatus(Dialog[None]):
    """The page; ``lines`` makes it anew, and it is asked again every second while the page is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, "cancel", show=False) for key in ("S", "q", "question_mark")),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, lines: Callable[[int], list[Pieces]]) -> None:
        page = Page("Status of the town")
        page.keys = (("j k", "key"), (" scroll  ", "dim"), ("Esc", "key"), (" back", "dim"))
        super().__init__(page)
        self._lines = lines

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """Wide, and as high as the lines."""
        columns = min(120, width - 2)
        return columns, max(6, len(self._lines(columns - 4)) + 2)

    def fill(self) -> None:
        """Show the lines."""
        self.page.show_lines(self._lines(self.wanted(*self.app.size)[0] - 4))
