"""The closer look: the selected row's question, evidence, commits and live pane, beside or under a list; no key needed."""

from __future__ import annotations

from gastown_core.clock import format_age, format_ago
from gastown_core.model.choice import bare_option
from gastown_tui.rowtext import unsaid
from gastown_tui.text import clean, clean_lines, clip, cut, fit, glyph, width_of, wrap
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from gastown_core.attention.item import Item
    from gastown_core.state.detail import WorkDetail
    from gastown_tui.text import Pieces

LABEL = 10
MOST_QUESTION_ROWS = 8
MOST_COMMITS = 3
BESIDE = 116
"""The width from which on the pane stands beside the facts."""


def question_lines(item: Item, width: int, ascii_only: bool, *, digits: bool) -> list[Pieces]:
    """Return the whole question and its choices, where ``digits`` answer with their keys; a long question is cut."""
    asked = item.asked
    text = asked.text if asked is not None and asked.text else item.question
    rows = [line for row in clean_lines(text) for line in wrap(row, max(20, width - 2))]
    lines: list[Pieces] = [((line, "bright"),) for line in rows[:MOST_QUESTION_ROWS]]
    if len(rows) > MOST_QUESTION_ROWS:
        lines.append(((f"… {len(rows) - MOST_QUESTION_ROWS} more lines: a attaches", "warn"),))
    if asked is None or not asked.options:
        return lines
    by_digit = digits and not {"agent.answer", "incident.answer"}.isdisjoint(item.orders)
    for place, option in enumerate(asked.options):
        mark = glyph("cursor", ascii_only) if place == asked.cursor else " "
        number = f"{place + 1}" if place < 9 and by_digit else glyph("dot", ascii_only)
        words = cut(clean(bare_option(option)), max(10, width - 6))
        lines.append(((f"{mark} ", "accent"), (f"{number} ", "key" if digits else "dim"), (words, "text")))
    if not digits and "agent.answer" in item.orders:
        lines.append((("y", "key"), (" answers", "dim")))
    return lines


def fact_lines(item: Item, now: float, width: int) -> list[Pieces]:
    """Return since when, the evidence, what the row holds up and what settles it."""

    def fact(label: str, text: str, tone: str = "text") -> list[Pieces]:
        rows = wrap(clean(text), max(20, width - LABEL - 1))
        return [((fit(label if not n else "", LABEL) + " ", "dim"), (row, tone)) for n, row in enumerate(rows)]

    lines: list[Pieces] = []
    if item.since:
        lines += fact("came" if item.informs else "waits", format_age(max(0.0, now - item.since)))
    if item.work:
        lines += fact("work", item.work, "accent")
    asked = item.asked.text if item.asked is not None and item.asked.text else item.question
    for number, words in enumerate(unsaid(item.evidence, asked)[:3]):
        lines += fact("because" if not number else "", words)
    if item.holds:
        more = f" and {len(item.holds) - 6} more" if len(item.holds) > 6 else ""
        lines += fact("blocks", ", ".join(item.holds[:6]) + more, "warn")
    if item.convoys:
        lines += fact("convoys", ", ".join(item.convoys[:4]))
    if item.hint:
        lines += fact("or type", item.hint, "dim")
    return lines


def commit_lines(detail: WorkDetail | None, now: float, width: int) -> list[Pieces]:
    """Return the newest commits of the agent's worktree."""
    facts = detail.git if detail is not None else None
    if facts is None:
        return []
    lines: list[Pieces] = []
    for number, commit in enumerate(facts.commits[:MOST_COMMITS]):
        age = format_ago(max(0.0, now - commit.at))
        words = cut(f"{commit.sha} {clean(commit.subject)}, {age}", max(20, width - LABEL - 1))
        lines.append(((fit("commits" if not number else "", LABEL) + " ", "dim"), (words, "text")))
    return lines


class CloserLook(Rows):
    """The panel beside or under the inbox and the problems."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="closer")
        self.has_cursor = False
        self.subject: Pieces = ()
        self._shown_for: Hashable = None

    @property
    def page_width(self) -> int:
        """The width of a line in cells."""
        return max(20, self.size.width - 4)

    def title_pieces(self) -> Pieces:
        """The selected row's name."""
        return self.subject or (("nothing selected", "dim"),)

    def show_look(
        self, key: Hashable, subject: Pieces, above: Sequence[Pieces], pane: Sequence[Pieces], *, is_live: bool = True
    ) -> None:
        """Show what is known above, and in the room that is left the end of the live pane, or the beginning of what is not."""
        self.subject = subject
        if pane and self.page_width >= BESIDE:
            self._show_rows(key, self._side_by_side(above, pane, is_live=is_live))
            return
        lines = list(above)
        room = self.body_height - len(lines) - 1
        if pane and room >= 2:
            rule = glyph("─", self.look.ascii_only)
            lines.append(((rule * self.page_width, "border"),))
            lines += pane[-room:] if is_live else pane[:room]
        self._show_rows(key, lines)

    def _side_by_side(self, facts: Sequence[Pieces], pane: Sequence[Pieces], *, is_live: bool) -> list[Pieces]:
        """Return the facts on the left and the pane on the right."""
        left = self.facts_width(has_pane=True)
        bar = glyph("│", self.look.ascii_only)
        height = max(1, self.body_height)
        shown = pane[-height:] if is_live else pane[:height]
        lines: list[Pieces] = []
        for number in range(max(height, len(facts))):
            fact = clip(facts[number], left) if number < len(facts) else ()
            beside = shown[number] if number < len(shown) else ()
            lines.append((*fact, (" " * (left - width_of(fact) + 1), "text"), (bar + " ", "border"), *beside))
        return lines

    def facts_width(self, *, has_pane: bool) -> int:
        """Return the width of the facts in cells: beside a pane they have less than half."""
        return int(self.page_width * 0.44) if has_pane and self.page_width >= BESIDE else self.page_width

    def _show_rows(self, key: Hashable, lines: Sequence[Pieces]) -> None:
        self.rows = [Row(None, self.in_force(line, "inbox"), False) for line in lines]
        if key != self._shown_for:
            self._shown_for, self.top = key, 0
        self.redraw()
