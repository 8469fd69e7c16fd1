"""THE table of panels and pages, and how each panel is drawn.

A page is a title and the panels on it; a panel is a template in ``templates/panels`` and a function that returns what the
template shows.  To add a panel, add a row and a template.
"""

from __future__ import annotations

import os
import time
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gastown_core.attention.look import calm_words, count_of
from gastown_core.clock import format_seconds
from gastown_core.model.agent import HEALTH_SYMBOLS
from gastown_core.model.landing import STEPS
from gastown_core.model.plain_text import clean
from gastown_core.model.record import Record
from gastown_core.orders.registry import BY_ID, disabled_reason, subject_of
from gastown_core.state.rows import EventFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from markupsafe import Markup

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_web.desk import Desk
    from gastown_web.guard import Guard

    Values = dict[str, object]

HERE = os.path.dirname(os.path.abspath(__file__))
HOME_EVENTS, ALL_EVENTS = 15, 200


class Page(Record):
    """A page of the dashboard: its path, title, panels, the key that opens it, and the panels of its second column."""

    path: str
    title: str
    panels: tuple[str, ...]
    key: str = ""
    beside: tuple[str, ...] = ()

    @property
    def all_panels(self) -> tuple[str, ...]:
        """The panels of both columns, and the head that every page has."""
        return ("head", *self.panels, *self.beside)


PAGES = (
    Page("/", "Home", ("inbox", "agents"), "h", ("convoys", "queue", "events")),
    Page("/agents", "Agents", ("agents",), "a"),
    Page("/convoys", "Convoys", ("convoys",), "c"),
    Page("/queue", "Merge queue", ("queue", "batches"), "q"),
    Page("/events", "Events", ("log",), "e"),
    Page("/health", "Health", ("sources",), "t"),
)
"""The pages in the order of the menu."""


def _inbox(desk: Desk) -> Values:
    found = desk.inbox()
    return {
        "items": found.shown,
        "hidden": found.hidden,
        "count": count_of(found.shown),
        "calm": calm_words(desk.town),
        "marks_error": desk.marks.error,
    }


def _nothing(_: Desk) -> Values:
    return {}


PANELS: dict[str, Callable[[Desk], Values]] = {
    "head": lambda desk: {"count": count_of(desk.inbox().shown)},
    "inbox": _inbox,
    "agents": _nothing,
    "convoys": _nothing,
    "queue": _nothing,
    "batches": _nothing,
    "events": lambda desk: {"rows": desk.events(EventFilter(), HOME_EVENTS)},
    "log": lambda desk: {"rows": desk.events(EventFilter(), ALL_EVENTS)},
    "sources": _nothing,
    "agent": _nothing,
    "convoy": _nothing,
}
"""Panel → what its template shows besides the town.  ``agent:KEY`` and ``convoy:ID`` are panels about one thing."""


class Painter:
    """Draws pages and panels from templates; every value passes the sanitiser, then HTML's escapes."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self.env = Environment(
            loader=FileSystemLoader(os.path.join(HERE, "templates")),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_finalized,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.env.globals.update(
            pages=PAGES,
            steps=STEPS,
            symbols=HEALTH_SYMBOLS,
            readonly=guard.is_readonly,
            csrf=guard.csrf,
            orders=BY_ID,
            why_not=self._why_not,
        )
        self.env.filters.update(moment=moment, address=address, span=span, pane=_pane)

    def panel(self, name: str) -> str:
        """Return the HTML of a panel; one that cannot be drawn says so in its place."""
        kind, _, about = name.partition(":")
        try:
            values = PANELS[kind](self._desk)
            return self.env.get_template(f"panels/{kind}.html").render(
                name=name, about=about, town=self._desk.town, trouble=self._desk.trouble, **values
            )
        except Exception as error:  # noqa: BLE001  a fault of one panel must not take the page
            return self.env.get_template("panels/fault.html").render(
                name=name, error=f"{type(error).__name__}: {error}"
            )

    def page(self, page: Page, **values: object) -> str:
        """Return a whole page with its panels."""
        names = page.all_panels
        drawn = {name: self._desk.panel(name, self.panel).html for name in names}
        return self.env.get_template("page.html").render(
            page=page,
            drawn=drawn,
            names=names,
            town=self._desk.town,
            edition=self._desk.edition(self._desk.revision),
            **values,
        )

    def show(self, template: str, **values: object) -> str:
        """Return another template with the town."""
        return self.env.get_template(template).render(town=self._desk.town, **values)

    def _why_not(self, order: str, target: str) -> str:
        """Why an order is not possible now, empty if it is."""
        town: TownSnapshot = self._desk.town
        kind = BY_ID[order]
        subject = subject_of(kind, town, target)
        return "it is not there any more" if subject is None else disabled_reason(kind, town, subject)


def _finalized(value: object) -> object:
    return clean(value) if type(value) is str else "" if value is None else value


def moment(at: float | None) -> Markup:
    """Return a moment (Unix seconds) as a ``time`` element that the page may turn into an age; empty for none."""
    from markupsafe import Markup

    if not at:
        return Markup("")
    try:
        shown = time.strftime("%d %b %H:%M", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return Markup("an impossible time")
    return Markup('<time datetime="{}">{}</time>').format(format_seconds(at), shown)


def address(name: str) -> str:
    """Return a name as a part of an address, whatever it contains; slashes stay."""
    return quote(name, safe="/", errors="replace")


def span(seconds: float) -> str:
    """Return a duration such as ``1m 20s``."""
    whole = round(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m {whole % 60:02d}s"


def _pane(lines: list[str]) -> Markup:
    from markupsafe import Markup

    # as markup, because a plain value is made one line
    return Markup("\n").join(clean(line) for line in lines)
