"""THE table of panels and pages, and how each panel is drawn.

A page is a title and the panels on it; a panel is a template in ``templates/panels`` and a function that returns what the
template shows besides the town.  To add a panel, add a row and a template; what it reads from disk is a row in ``readers``.
"""

from __future__ import annotations

import os
from urllib.parse import unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gastown_core.attention.count import calm_words, count_of
from gastown_core.model.agent import HEALTH_SYMBOLS
from gastown_core.model.landing import STEPS
from gastown_core.model.record import Record
from gastown_core.model.wanted import ALL, STATUSES
from gastown_core.orders.registry import BY_ID, disabled_reason, subject_of
from gastown_core.state.rows import EventFilter
from gastown_web import filters
from gastown_web.event_link import event_id, filter_of
from gastown_web.reads import wanted_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_web.desk import Desk
    from gastown_web.guard import Guard

    Values = dict[str, object]

HERE = os.path.dirname(os.path.abspath(__file__))
HOME_EVENTS, ALL_EVENTS, MOST_ITEMS = 15, 200, 200
NOW, WORK, WORDS, RECORD = "Now", "Work", "Words", "Record"


class Page(Record):
    """A page: its path, title, panels, the key that opens it, the panels of its second column, its place in the menu.

    ``tabs`` are (title, path) of pages about the same thing.
    """

    path: str
    title: str
    panels: tuple[str, ...]
    key: str = ""
    beside: tuple[str, ...] = ()
    group: str = ""
    tabs: tuple[tuple[str, str], ...] = ()

    @property
    def all_panels(self) -> tuple[str, ...]:
        """The panels of both columns, and the head that every page has."""
        return ("head", *self.panels, *self.beside)


PAGES = (
    Page("/", "Home", ("stats", "inbox", "agents"), "h", ("convoys", "queue", "events"), NOW),
    Page("/agents", "Agents", ("agents",), "a", (), NOW),
    Page("/convoys", "Convoys", ("convoys",), "c", (), NOW),
    Page("/queue", "Merge queue", ("queue", "batches"), "m", ("gatelog",), NOW),
    Page("/beads", "Beads", ("board",), "b", (), WORK),
    Page("/hooks", "Hooks", ("hooks",), "o", (), WORK),
    Page("/scheduler", "Scheduler", ("scheduler",), "w", (), WORK),
    Page("/wasteland", "Wasteland", ("wanted:open",), "W", ("handedin", "reputation"), WORK),
    Page("/mail", "Mail", ("mailbox:overseer",), "I", (), WORDS),
    Page("/escalations", "Escalations", ("escalations",), "x", ("incidents",), WORDS),
    Page("/costs", "Costs", ("costs:agent.day",), "$", (), RECORD),
    Page("/events", "Events", ("log",), "e", (), RECORD),
    Page("/health", "Health", ("sources",), "S", ("duties",), RECORD),
    Page("/audit", "Done here", ("audit",), "L", (), RECORD),
)
"""The pages in the order of the menu."""


def _inbox(desk: Desk, _: str) -> Values:
    found = desk.inbox()
    return {
        "items": found.shown,
        "hidden": found.hidden,
        "count": count_of(found.shown),
        "calm": calm_words(desk.town),
        "marks_error": desk.marks.error,
    }


def _head(desk: Desk, _: str) -> Values:
    return {"count": count_of(desk.inbox().shown), "failing": desk.reads.failing()}


def _nothing(_: Desk, __: str) -> Values:
    return {}


def _event(desk: Desk, about: str) -> Values:
    rows = desk.events_near(about)
    return {"rows": rows, "chosen": next((row for row in rows if event_id(row) == about), None)}


def _found(desk: Desk, about: str) -> Values:
    text = unquote(about)
    return {"text": text, "rows": desk.events(EventFilter(text=text), HOME_EVENTS) if text else []}


def _wanted(_: Desk, about: str) -> Values:
    return {"fits": wanted_filter(about), "statuses": (*STATUSES, ALL), "most": MOST_ITEMS}


PANELS: dict[str, Callable[[Desk, str], Values]] = {
    "head": _head,
    "stats": lambda desk, _: {"count": count_of(desk.inbox().shown)},
    "inbox": _inbox,
    "agents": _nothing,
    "convoys": _nothing,
    "queue": _nothing,
    "batches": _nothing,
    "events": lambda desk, _: {"rows": desk.events(EventFilter(), HOME_EVENTS)},
    "log": lambda desk, about: {"rows": desk.events(filter_of(about), ALL_EVENTS), "wanted": filter_of(about)},
    "event": _event,
    "sources": _nothing,
    "agent": _nothing,
    "convoy": _nothing,
    "request": _nothing,
    "hooks": _nothing,
    "incidents": _nothing,
    "audit": _nothing,
    "board": _nothing,
    "bead": _nothing,
    "members": _nothing,
    "scheduler": _nothing,
    "escalations": _nothing,
    "mailbox": _nothing,
    "thread": _nothing,
    "costs": _nothing,
    "transcript": _nothing,
    "work": _nothing,
    "diff": _nothing,
    "changes": _nothing,
    "gatelog": _nothing,
    "wanted": _wanted,
    "handedin": _nothing,
    "reputation": _nothing,
    "found": _found,
    "duties": _nothing,
}
"""Panel → what its template shows besides the town and what is read from disk.  ``agent:KEY`` is a panel about one thing."""


class Painter:
    """Draws pages and panels from templates; every value passes the sanitiser, then HTML's escapes."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self.env = Environment(
            loader=FileSystemLoader(os.path.join(HERE, "templates")),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=filters.finalized,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.env.globals.update(
            pages=PAGES,
            groups=(NOW, WORK, WORDS, RECORD),
            steps=STEPS,
            symbols=HEALTH_SYMBOLS,
            readonly=guard.is_readonly,
            csrf=guard.csrf,
            orders=BY_ID,
            why_not=self._why_not,
            event_id=event_id,
            is_bead=filters.is_bead,
        )
        self.env.filters.update(filters.FILTERS)

    def panel(self, name: str) -> str:
        """Return the HTML of a panel; one that cannot be drawn says so in its place."""
        kind, _, about = name.partition(":")
        try:
            values = PANELS[kind](self._desk, about)
            return self.env.get_template(f"panels/{kind}.html").render(
                name=name,
                about=about,
                town=self._desk.town,
                trouble=self._desk.trouble,
                read=self._desk.reads.of(name),
                **values,
            )
        except Exception as error:  # noqa: BLE001  a fault of one panel must not take the page
            return self.env.get_template("panels/fault.html").render(
                name=name, error=f"{type(error).__name__}: {error}"
            )

    async def page(self, page: Page, **values: object) -> str:
        """Return a whole page with its panels."""
        names = page.all_panels
        await self._desk.ready(names)
        # the head last: it tells what the others could not read
        drawn = {name: self._desk.panel(name, self.panel).html for name in reversed(names)}
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

    def missing(self, words: str) -> str:
        """Return a page that says that something is not there."""
        return self.show("missing.html", words=words)

    def _why_not(self, order: str, target: str) -> str:
        """Why an order is not possible now, empty if it is."""
        town: TownSnapshot = self._desk.town
        kind = BY_ID[order]
        subject = subject_of(kind, town, target)
        return "it is not there any more" if subject is None else disabled_reason(kind, town, subject)
