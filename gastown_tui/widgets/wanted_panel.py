"""The panel of the wasteland: the wanted board, what is claimed here, what waits for judgement, and reputations."""

from __future__ import annotations

from functools import partial

from gastown_core.model.record import Record
from gastown_core.model.wanted import WantedFilter
from gastown_tui.text import clean, clean_lines, fit, fit_right, wrap
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_core.model.wanted import Completion, Wanted
    from gastown_core.wasteland.board import Board
    from gastown_core.wasteland.reputation import Sheet, Step
    from gastown_tui.text import Pieces

ID, PRIORITY, STATE, WHO, PROJECT = 14, 4, 11, 16, 16
REPUTATION = "reputation"
MOST_LINES = 40
"""So many lines of an open item's text are shown."""
TONES = {"open": "text", "claimed": "working", "in_review": "waiting", "completed": "good", "withdrawn": "faint"}


class Page(Record):
    """A page of the panel: its word, what it shows when it has nothing, and the rows that it makes of a board."""

    word: str
    empty: str
    rows: Callable[[WantedPanel, Board], list[Row]]


class WantedPanel(Rows):
    """A list of one page; ``opened`` are the ids and handles whose details are shown below their rows."""

    def __init__(self) -> None:
        super().__init__(id="wanted", title="Wasteland")
        self.board: Board | None = None
        self.number_of_page = 0
        self.fits = WantedFilter()
        self.opened: set[str] = set()
        self._made_of: tuple[object, ...] | None = None

    def show_board(self, board: Board | None, page: int, fits: WantedFilter, empty: str, now: float) -> None:
        """Take a board; ``empty`` says why there is none."""
        self.board, self.number_of_page, self.fits = board, page, fits
        here = PAGES[page]
        self.note = "  ".join(f"[{one.word}]" if one is here else one.word for one in PAGES)
        self.title_text = "Wasteland" if board is None else f"{clean(board.upstream)} as {clean(board.handle)}"
        if board is not None and board.to_send:
            self.title_text += f", {len(board.to_send)} to send"
        if board is not None and (age := board.contact.words(now, is_short=True)):
            self.title_text += f"; {age}"
        self.empty_text = empty if board is None else here.empty.format(fits=fits.words)
        if here is PAGES[0] and fits != WantedFilter():
            self.note = f"{clean(fits.words)}  {self.note}"
        made_of = (board, page, fits, frozenset(self.opened), self.size.width)
        if self._made_of is None or any(
            one is not other and one != other for one, other in zip(made_of, self._made_of, strict=True)
        ):
            # thousands of rows are not made again for each tick of the clock
            self._made_of = made_of
            self.remake()
        self.show_rows(self.rows)

    @property
    def item(self) -> Wanted | None:
        """The item under the cursor, None on the page of reputations."""
        is_item = self.board is not None and PAGES[self.number_of_page].word != REPUTATION
        return self.board.item(self.key) if is_item and self.board is not None and isinstance(self.key, str) else None

    @property
    def town(self) -> str:
        """The town under the cursor, empty on other pages than that of reputations."""
        return self.key if PAGES[self.number_of_page].word == REPUTATION and isinstance(self.key, str) else ""

    def remake(self) -> None:
        """Make the rows for the width."""
        self.rows = PAGES[self.number_of_page].rows(self, self.board) if self.board is not None else []

    @property
    def inner_width(self) -> int:
        """The cells that a row has."""
        return max(20, self.size.width - 4)

    def items(self, board: Board, items: Iterable[Wanted]) -> list[Row]:
        """Return the rows of items, each with its details if it is open."""
        rows = []
        for one in items:
            rows.append(Row(one.id, partial(_item, one, self.inner_width)))
            if one.id in self.opened:
                rows += _details(_words(one, board.handed_in(one.id)), self.inner_width)
        return rows if not rows else [Row(None, _head(self.inner_width), False), *rows]

    def wanted(self, board: Board) -> list[Row]:
        """Return the rows of the items that the filter lets through."""
        return self.items(board, self.fits.of(board.wanted))

    def judged(self, board: Board) -> list[Row]:
        """Return the rows of what waits for judgement, each with its evidence."""
        rows = []
        for item, handed in board.to_judge:
            by = f"{fit(clean(item.id), ID)}{fit(clean(handed.completed_by), WHO)}"
            rows.append(Row(item.id, ((by, "text"), (clean(item.title), "title"))))
            rows.append(Row(None, ((f"{'':{ID}}{clean(handed.evidence)}", "info"),), False))
            if item.id in self.opened:
                rows += _details(_words(item, board.handed_in(item.id)), self.inner_width)
        return rows

    def reputations(self, board: Board) -> list[Row]:
        """Return the rows of all that have stamps, each with its history if it is open."""
        # with the view, not with the console
        from gastown_core.wasteland.reputation import history_of

        rows = []
        for sheet in board.sheets():
            rows.append(Row(sheet.handle, partial(_sheet, sheet, is_own=sheet.handle == board.handle)))
            if sheet.handle in self.opened:
                rows += [Row(None, partial(_step, step), False) for step in history_of(sheet)]
                rows += _details(_doubts(sheet), self.inner_width)
        return rows


PAGES = (
    Page(
        "wanted",
        "Nothing on the board is {fits}. gt wl sync brings what is new.",
        lambda panel, board: panel.wanted(board),
    ),
    Page(
        "mine",
        "This town has claimed nothing. gt wl claim ITEM --rig RIG makes a bead of an item.",
        lambda panel, board: panel.items(board, board.mine),
    ),
    Page("to judge", "Nothing that was handed in waits for this town.", lambda panel, board: panel.judged(board)),
    Page(REPUTATION, "Nobody has stamps yet.", lambda panel, board: panel.reputations(board)),
)
"""THE table of pages, in the order of the keys."""


def _head(width: int) -> Pieces:
    words = fit("", ID) + fit("", PRIORITY) + fit("status", STATE) + fit("posted by", WHO) + fit("project", PROJECT)
    return ((words if width > 70 else words[: ID + PRIORITY + STATE], "dim"),)


def _item(one: Wanted, width: int) -> Pieces:
    claimed = f" ({clean(one.claimed_by)})" if one.claimed_by else ""
    pieces = [
        (fit(clean(one.id), ID), "text"),
        (fit(f"P{one.priority}", PRIORITY), "warn" if one.priority <= 1 else "dim"),
        (fit(clean(one.status), STATE), TONES.get(one.status, "text")),
    ]
    if width > 70:
        pieces += [(fit(clean(one.posted_by), WHO), "dim"), (fit(clean(one.project), PROJECT), "dim")]
    return (*pieces, (clean(one.title), "title"), (claimed, "dim"))


def _words(one: Wanted, handed: Iterable[Completion]) -> list[str]:
    """Return the details of an item, as lines that are clean."""
    told = {"type": one.type, "effort": one.effort, "tags": ", ".join(one.tags), "claimed by": one.claimed_by}
    lines = [" · ".join(f"{name} {clean(value)}" for name, value in told.items() if value)]
    lines += clean_lines(one.description)
    for each in handed:
        judged = f", judged by {clean(each.validated_by)}" if each.validated_by else ""
        lines.append(f"{clean(each.id)} by {clean(each.completed_by)}: {clean(each.evidence)}{judged}")
    return [line for line in lines if line]


def _details(lines: Iterable[str], width: int) -> list[Row]:
    shown = [part for line in lines for part in wrap(line, width - 2)]
    rows = [Row(None, ((f"  {line}", "dim"),), False) for line in shown[:MOST_LINES]]
    if len(shown) > MOST_LINES:
        rows.append(Row(None, (("  … gt wl show prints all of it", "faint"),), False))
    return rows


def _sheet(sheet: Sheet, *, is_own: bool) -> Pieces:
    quality = f"{sheet.averages['quality']:.1f}" if "quality" in sheet.averages else "-"
    counted = f"{len(sheet.from_)} stamps by {sheet.breadth}"
    refused = f", {len(sheet.refused)} do not count" if sheet.refused else ""
    return (
        (fit(clean(sheet.handle), WHO), "title" if is_own else "text"),
        (fit(sheet.tier, STATE + 2), "good" if sheet.tier != "newcomer" else "dim"),
        (fit_right(quality, 5), "text"),
        (f"  {counted}{refused}", "warn" if refused else "dim"),
        (f"  {len(sheet.warnings)} warnings" if sheet.warnings else "", "error"),
    )


def _step(step: Step) -> Pieces:
    one = step.stamp
    figures = " ".join(f"{clean(name)} {value:g}" for name, value in one.valence.items())
    stood = f"→ {step.quality:.1f} {step.tier}" if step.quality is not None else ""
    message = f"  {clean(one.message)}" if one.message else ""
    return (
        (f"  {clean(one.created_at)}  {fit(clean(one.author), WHO)}{figures} ", "dim"),
        (stood, "text"),
        (message, "dim"),
    )


def _doubts(sheet: Sheet) -> list[str]:
    """Return what does not count, and what looks like fraud."""
    told = [f"{clean(one.id)} by {clean(one.author)} does not count: {clean(one.wrong)}" for one in sheet.refused]
    return told + [f"look closer: {clean(signal)}" for signal in sheet.signals]
