"""The inbox: keeps the attention list with the person's marks, answers by digit, jumps to the next that waits.

The list is made once per snapshot.  An answer is for the question that is shown: its fingerprint goes with it.
"""

from __future__ import annotations

from functools import partial

from gastown_core.attention.count import count_of, oldest_first
from gastown_core.attention.item import YOU
from gastown_core.attention.look import attention
from gastown_core.attention.marks import NOTHING_TO_READ, Sorted, apply
from gastown_core.errors import GastownError, UsageError
from gastown_core.model.choice import bare_option, place_for_words, takes_words
from gastown_core.model.order import Order
from gastown_core.orders.registry import BY_ID
from gastown_tui.selection import AGENT, BEAD, INCIDENT, ITEM, WANTED, Chosen, Selection, of_item
from gastown_tui.text import clean, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.attention.count import Count
    from gastown_core.attention.item import Item
    from gastown_core.model.snapshot import AgentView
    from gastown_tui.console import Console
    from gastown_tui.controllers.acts import Acts
    from gastown_tui.controllers.mail_room import MailRoom
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

SPANS = (("until it changes", 0.0), ("for 15 minutes", 900.0), ("for 1 hour", 3600.0), ("for 4 hours", 14400.0))


class Inbox:
    """The list as the person wants it, and what keys do to its rows."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage, acts: Acts, mail: MailRoom) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.acts = acts
        self.mail = mail
        self.found = Sorted((), ())
        self._items: tuple[object, tuple[Item, ...]] = (None, ())
        self._told: set[tuple[str, str]] = set()
        self._is_begun = False

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the inbox's actions, by action id."""
        return {
            "inbox.next": self.jump,
            "inbox.words": self.ask_for_words,
            "inbox.act": self.choose_act,
            "inbox.snooze": self.snooze,
            "inbox.pin": partial(self._mark, "pin"),
            "inbox.done": partial(self._mark, "done"),
            "inbox.read_all": self.read_all,
            "inbox.undo": partial(self._mark, "undo"),
        }

    # the list

    def refresh(self) -> None:
        """Make the list from the snapshot and the marks, and tell what is new."""
        snapshot = self.console.snapshot
        if self._items[0] is not snapshot:
            self._items = (snapshot, attention(snapshot))
        self.found = apply(self._items[1], self.calls.marks(), self.console.now)
        self._tell()

    @property
    def selected(self) -> Item | None:
        """The row of the selection: in the inbox its own, in the problems the one that is about the same."""
        if self.stage.view == "inbox":
            return self.stage.inbox.item
        key = getattr(self.stage.problems.selection, "id", "")
        if not key:
            return None
        found = self.found.shown or attention(self.console.snapshot)
        return next((one for one in found if key in (one.subject.id, one.bead)), None)

    @property
    def count(self) -> Count:
        """How many rows wait on a person."""
        return count_of(self.found.shown)

    def _tell(self) -> None:
        """Ring the bell when the list becomes non-empty, never twice for one thing; and name the count in the title."""
        waits = {(one.key, one.stamp) for one in self.found.shown if one.needs == YOU}
        was_empty = not self._told
        fresh = waits - self._told
        # what waited at the start is on the screen that was just opened
        if fresh and was_empty and self._is_begun:
            self.console.ring()
        self._is_begun = True
        # forgotten only when nothing waits any more: a row that comes and goes rings once
        self._told = self._told | waits if waits else set()
        count = len(waits)
        words = f"({count}) {self.console.snapshot.name}: {count} need{'s' if count == 1 else ''} you"
        self.console.name_terminal(words if count else f"{self.console.snapshot.name}: gt feed")

    # moving

    def jump(self) -> str:
        """Go to the oldest row that waits, from anywhere; again: to the next."""
        rows = oldest_first(self.found.shown)
        if not rows:
            return "nobody waits"
        keys = [one.key for one in rows]
        item = self.stage.inbox.item
        is_here = self.stage.view == "inbox" and item is not None and item.key in keys
        place = (keys.index(item.key) + 1) % len(keys) if is_here and item is not None else 0
        self.stage.view = "inbox"
        self.console.show_all()
        self.stage.inbox.select(Selection(ITEM, "", keys[place]))
        self.stage.inbox.focus()
        self.console.inspect()
        self.console.lay_out()
        self.console.say(f"{place + 1} of {len(keys)}, the oldest first", "dim")
        return ""

    # answers

    def answer(self, number: int) -> str:
        """Answer the selected question with a choice; and with it all marked agents that ask literally the same."""
        item = self.stage.inbox.item
        if item is None:
            return "nothing is selected"
        asked = item.asked
        if asked is None or not {"agent.answer", "incident.answer"} & set(item.orders):
            return f"{item.subject.name} cannot be answered by a digit; {self.console.key_of('inbox.act')} shows what helps"
        if number > len(asked.options):
            return f"there are {len(asked.options)} choices"
        option = asked.options[number - 1]
        if takes_words(option):
            return self.ask_for_words(number)
        words = cut(clean(bare_option(option)), 30)
        if item.subject.kind == INCIDENT:
            order = Order("incident.answer", item.subject.id, {"choice": f"{asked.id}:{number}"})
            self.acts.perform(order, f"answer {number} {words} to {item.subject.name}")
            return ""
        self._send(item, {"choice": f"{asked.id}:{number}"}, f"answer {number} {words}")
        return ""

    def ask_for_words(self, number: int = 0) -> str:
        """Ask for words of the person's own as the answer, and send them; without a number they go where they belong."""
        item = self.selected
        asked = item.asked if item is not None else None
        if item is None:
            return "it asks nothing; select an agent that does"
        if asked is None:
            return f"no question of {item.subject.name} is read on its screen; {self.console.key_of('agent.attach')} attaches"
        if "agent.answer" not in item.orders:
            return (
                f"{item.subject.name} cannot be answered in words; {self.console.key_of('inbox.act')} shows what helps"
            )
        try:
            place = number - 1 if number else place_for_words(asked.options)
        except UsageError as error:
            return f"{error}; {self.console.key_of('agent.answer')} lists its choices"
        from gastown_tui.dialogs.prompt import words_prompt

        given = {"choice": f"{asked.id}:{place + 1}"}

        def send(text: str | None) -> None:
            if text is not None:
                self._send(item, {**given, "words": text}, "answer in words")

        self.console.ask(words_prompt(item.subject.name, asked.text or item.question, asked.options[place]), send)
        return ""

    def _send(self, item: Item, given: dict[str, str], what: str) -> None:
        alike, others = self._asking_the_same(item)
        names = ", ".join(one.address.label for one in others[:3])
        # in the receipt, which outlives a message: who was marked and got no answer
        skipped = f" (not to {names}: it asks something else)" if names else ""
        for agent in alike:
            order = Order("agent.answer", agent.address.short, given)
            self.acts.perform(order, f"{what} to {agent.address.label}{skipped}")

    def _asking_the_same(self, item: Item) -> tuple[list[AgentView], list[AgentView]]:
        """Return the agents to answer and the marked ones that ask another question."""
        snapshot = self.console.snapshot
        own = snapshot.agent(item.subject.id)
        marked = [one for one in self.stage.marked() if own is None or one.key != own.key]
        if own is None or own.key not in self.stage.agents.marked:
            marked = []
        alike = [one for one in marked if one.asks is not None and item.asked is not None and one.asks == item.asked]
        others = [one for one in marked if one not in alike]
        return ([own] if own is not None else []) + alike, others

    # acts on the row

    def choose_act(self) -> str:
        """Offer the orders that settle the selected row, the most useful first."""
        item = self.selected
        if item is None:
            return "nothing is selected" if self.stage.view == "inbox" else "nothing is known to settle this row"
        if item.orders == ("mail.overseer",):
            self.mail.read(item.bead)
            return ""
        known = [BY_ID[order] for order in item.orders if order in BY_ID]
        if not known:
            return f"nothing to press: {item.hint}" if item.hint else "nothing helps from here"
        from gastown_tui.dialogs.picker import Entry, Picker

        entries = [
            Entry(kind.id, ((f"{kind.label:<18}", "bright"), (kind.help, "dim")), f"{kind.label} {kind.help}")
            for kind in known
        ]
        self.console.ask(Picker(f"{cut(clean(item.subject.name), 30)}: what to do", entries), partial(self._act, item))
        return ""

    def _act(self, item: Item, order: str | None) -> None:
        if order is None:
            return
        reason = self.acts.do(order, self.subject_of(item, order), self.stage.marked())
        if reason:
            self.console.say(reason)

    def subject_of(self, item: Item, order: str) -> Chosen:
        """Return what an order of the row is about: the row's own bead, or the subject."""
        if item.bead and BY_ID[order].needs == BEAD:
            return Chosen(BEAD, Selection(BEAD, "", item.bead), bead=item.bead)
        if item.subject.kind == WANTED:
            # also from the problems, where the row is none of theirs
            return of_item(self.console.snapshot, item, Selection(WANTED, "", item.subject.id))
        if item.subject.kind == AGENT or BY_ID[order].needs != "request":
            return self.stage.chosen
        request = self.console.snapshot.request(item.subject.id)
        return Chosen("request", Selection("request", "", item.subject.id), request=request)

    # marks

    def snooze(self) -> str:
        """Ask for how long the selected row is to be hidden."""
        item = self.stage.inbox.item
        if item is None:
            return "nothing is selected"
        from gastown_tui.dialogs.picker import Entry, Picker

        entries = [Entry(name, ((name, "bright"),), name) for name, _ in SPANS]

        def chosen(name: str | None) -> None:
            if name is not None:
                span = dict(SPANS)[name]
                self._change(
                    "snooze", item, self.console.now + span if span else 0.0, self._undoable(f"snoozed {name}")
                )

        self.console.ask(Picker(f"Snooze {cut(clean(item.question), 40)}", entries), chosen)
        return ""

    def read_all(self) -> str:
        """Hide all that is only to be read; return why not, or an empty string."""
        try:
            count = self.calls.read_rows(self.found.shown, self.console.now)
        except GastownError as error:
            return f"{error}; {error.hint}" if error.hint else str(error)
        if not count:
            return NOTHING_TO_READ
        self.console.show_all()
        self.console.say(self._undoable(f"{'1 row' if count == 1 else f'{count} rows'} marked as read"), "good")
        return ""

    def _mark(self, act: str) -> str:
        item = self.stage.inbox.item
        if item is None and act != "undo":
            return "nothing is selected"
        said = {
            "pin": "unpinned" if item is not None and item.is_pinned else "pinned",
            "done": "done",
            "undo": "undone",
        }
        self._change(act, item, 0.0, said[act] if act == "undo" else self._undoable(said[act]))
        return ""

    def _undoable(self, said: str) -> str:
        return f"{said}; {self.console.key_of('inbox.undo')} takes it back"

    def _change(self, act: str, item: Item | None, until: float, said: str) -> None:
        try:
            self.calls.mark_row(act, item, until, self.console.now)
        except GastownError as error:
            self.console.say(f"{error}; {error.hint}" if error.hint else str(error), "bad")
            return
        self.console.show_all()
        self.console.say(said, "dim")
