"""The inbox: what waits on a person, a row each, the most needed first."""

from __future__ import annotations

from gastown_core.attention.count import calm_words, count_of
from gastown_core.attention.item import (
    APPROVAL,
    BUDGET,
    DAM,
    DEAD,
    DIALOG,
    ESCALATION,
    GATE,
    HELP,
    INCIDENT,
    JUDGE,
    LOGIN,
    MAIL,
    NEEDS,
    OUTAGE,
    PERMISSION,
    QUEUE,
    READ,
    SILENT,
    STALLED,
    STOPPED_SHORT,
    YOU,
)
from gastown_core.clock import format_age
from gastown_core.model.agent import Health
from gastown_core.model.choice import bare_option
from gastown_tui.rowtext import state_glyph, trouble_text
from gastown_tui.selection import ITEM, point_at
from gastown_tui.text import clean, cut, fit, fit_right, glyph, two_ends
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.attention.item import Item
    from gastown_core.attention.marks import Sorted
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_tui.text import Piece

WIDE = 100
_TONES = {YOU: "waiting", HELP: "stalled", READ: "info"}
_GLYPHS = {
    STOPPED_SHORT: Health.STOPPED_SHORT,
    SILENT: Health.GUPP,
    STALLED: Health.STALLED,
    DEAD: Health.ZOMBIE,
}
_WORDS = {
    PERMISSION: "permission",
    DIALOG: "dialog",
    LOGIN: "log in",
    ESCALATION: "escalation",
    QUEUE: "held queue",
    GATE: "gate",
    APPROVAL: "to approve",
    BUDGET: "budget",
    DAM: "dam",
    MAIL: "mail",
    JUDGE: "to judge",
    INCIDENT: "incident",
    OUTAGE: "incident",
    STOPPED_SHORT: "stopped",
}


def kind_word(item: Item) -> str:
    """Return the kind in a word or two."""
    return _WORDS.get(item.kind, item.kind)


def tone_of(item: Item) -> str:
    """Return the colour of a row's state."""
    if item.kind in _GLYPHS:
        return _GLYPHS[item.kind].value
    if item.asked is not None or item.kind == "asks":
        return "waiting"
    return (
        "bad"
        if item.urgency == 0 or item.kind in (ESCALATION, QUEUE, OUTAGE)
        else "info"
        if item.kind in (MAIL, JUDGE)
        else "stalled"
    )


def sign_of(item: Item, ascii_only: bool) -> str:
    """Return the row's glyph in two cells."""
    if item.kind in _GLYPHS:
        return state_glyph(_GLYPHS[item.kind], ascii_only)
    if item.asked is not None or item.kind == "asks":
        return state_glyph(Health.WAITING, ascii_only)
    if item.kind == ESCALATION:
        return fit("^" if ascii_only else "⬆", 2)
    return fit(glyph("mail" if item.kind == MAIL else "warn", ascii_only), 2)


def held_words(item: Item) -> str:
    """Return what the row holds up: ``holds 3``, ``convoy hq-cv-1``; empty if nothing."""
    if item.holds:
        return f"holds {len(item.holds)}"
    return f"{len(item.convoys)} convoy{'s' if len(item.convoys) > 1 else ''}" if item.convoys else ""


def answer_pieces(item: Item, room: int) -> list[Piece]:
    """Return the choices with their digits, as many as fit."""
    out: list[Piece] = []
    for number, option in enumerate(item.choices[:9], 1):
        words = cut(clean(bare_option(option)), 16)
        if sum(len(text) for text, _ in out) + len(words) + 4 > room:
            break
        out += [(str(number), "key"), (f" {words}  ", "dim")]
    return out


def item_rows(item: Item, width: int, now: float, *, ascii_only: bool, is_marked: bool) -> list[Row]:
    """Return a row of the inbox: one line if wide, else two."""
    key = point_at(ITEM, "", item.key)
    tone = tone_of(item)
    age = format_age(max(0.0, now - item.since)) if item.since else ""
    pin = glyph("mark", ascii_only) if is_marked else "*" if item.is_pinned else " "
    head: list[Piece] = [
        (pin + " ", "accent"),
        (sign_of(item, ascii_only) + " ", tone),
    ]
    question: Piece = (clean(item.question), "bright")
    if width >= WIDE:
        left = [
            *head,
            (fit(kind_word(item), 10) + " ", tone),
            (fit(clean(item.subject.name), 17) + " ", "text"),
            (fit_right(age, 4) + "  ", tone),
            question,
        ]
        right = [*answer_pieces(item, 40), (fit_right(held_words(item), 9), "dim")]
        return [Row(key, two_ends(left, right, width, 2))]
    left = [*head, (clean(item.subject.name) + "  ", "text"), question]
    below: list[Piece] = [("     ", "text"), (kind_word(item) + "  ", "dim")]
    below += answer_pieces(item, width - 24) or [(held_words(item), "dim")]
    return [Row(key, two_ends(left, [(age, tone)], width, 2)), Row(key, tuple(below), False)]


class InboxList(Rows):
    """The inbox panel."""

    def __init__(self) -> None:
        super().__init__(id="inbox", title="Inbox")
        self.items: tuple[Item, ...] = ()
        self.calm = ""
        self.hidden = 0
        self.now = 0.0
        self.marked: set[str] = set()

    def show(self, found: Sorted, snapshot: TownSnapshot, now: float) -> None:
        """Take the list, or only a later time."""
        self.items, self.hidden, self.now = found.shown, len(found.hidden), now
        self.trouble = trouble_text(snapshot.source_error("tmux", "heartbeats", "roster", "beads"), now)
        count = count_of(self.items)
        is_blind = any(source.error for source in snapshot.sources)
        told = count.words or ["not all seen" if is_blind else "all clear"]
        told += [f"{count.to_read} to read"] if count.to_read else []
        told += [f"{self.hidden} snoozed"] if self.hidden else []
        self.note = ", ".join(told)
        self.note_tone = "waiting" if count.you else "stalled" if count.trouble or is_blind else "good"
        self.summary = ((self.note, self.note_tone),)
        self.calm = calm_words(snapshot) + (f" {self.hidden} snoozed: gt inbox --all" if self.hidden else "")
        # a town that cannot be seen is not calm
        self.empty_text = "What waits cannot be seen now." if self.trouble else self.calm
        self.show_rows(self._rows_now())

    @property
    def item(self) -> Item | None:
        """The selected row, None without one."""
        selection = self.selection
        key = selection.id if selection is not None else ""
        return next((one for one in self.items if one.key == key), None)

    def wanted_height(self) -> int:
        """The lines that all its rows and the frame take."""
        return len(self.rows) + 2

    def _rows_now(self) -> list[Row]:
        width = max(24, self.size.width - 4)
        rows: list[Row] = []
        ascii_only = self.look.ascii_only
        if self.items and count_of(self.items).is_calm and not self.trouble:
            rows.append(Row(None, ((self.calm, self.note_tone),), False))
        for need, title in NEEDS.items():
            found = [one for one in self.items if one.needs == need]
            if found:
                rows.append(Row(None, ((f"{title} {len(found)}", _TONES[need]),), False))
            for one in found:
                is_marked = one.subject.id in self.marked
                rows += item_rows(one, width, self.now, ascii_only=ascii_only, is_marked=is_marked)
        return rows

    def remake(self) -> None:
        """Make the rows again for a new width."""
        self.rows = self._rows_now()
        self.cursor = self.find_key(self.key)
