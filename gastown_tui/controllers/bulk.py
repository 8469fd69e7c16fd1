"""One act on all marked agents: chosen from a list, confirmed with who is left out and why, told in one receipt."""

from __future__ import annotations

from gastown_core.orders.inverse import undo_words
from gastown_core.orders.registry import AGENT, ORDERS, disabled_reason, order_for
from gastown_tui.dialogs.confirm import Confirm
from gastown_tui.dialogs.picker import Entry, Picker
from gastown_tui.text import clean, fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_core.model.order import Receipt
    from gastown_core.model.snapshot import AgentView
    from gastown_core.orders.registry import OrderKind
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.text import Pieces

NAMED = 8
KINDS = tuple(kind for kind in ORDERS if kind.needs == AGENT and kind.words and not kind.asks)
"""Orders about an agent that ask for nothing else: what is asked for would differ from agent to agent."""


class Bulk:
    """Acts on the marked agents."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the bulk actions, by action id."""
        return {"marked.act": self.open}

    def open(self) -> str:
        """Offer the orders that at least one marked agent can have; return why there is none."""
        marked = self.stage.marked()
        if not marked:
            return "no agent is marked; mark one, or a range"
        offers = [(kind, able) for kind in KINDS if (able := self._able(kind, marked))]
        if not offers:
            return "nothing can be done with the marked agents now"
        entries = [
            Entry(
                kind.id,
                (
                    (fit(kind.label, 14) + " ", "bright"),
                    (fit(f"{len(able)} of {len(marked)}", 9), "accent"),
                    (kind.help, "dim"),
                ),
                f"{kind.label} {kind.help}",
            )
            for kind, able in offers
        ]

        def chosen(kind_id: str | None) -> None:
            found = next(((kind, able) for kind, able in offers if kind.id == kind_id), None)
            if found is not None:
                self._confirm(found[0], found[1], marked)

        self.console.ask(Picker(f"{len(marked)} marked: do what?", entries, verb="choose"), chosen)
        return ""

    def _able(self, kind: OrderKind, marked: Sequence[AgentView]) -> list[AgentView]:
        return [view for view in marked if not disabled_reason(kind, self.console.snapshot, view)]

    def _confirm(self, kind: OrderKind, able: list[AgentView], marked: Sequence[AgentView]) -> None:
        lines: list[Pieces] = [
            ((kind.keeps or kind.help, "text"),),
            ((undo_words(kind.id, self.console.key_of("act.undo")), "dim"),),
            (),
        ]
        for view in sorted(marked, key=lambda one: one in able)[:NAMED]:
            reason = disabled_reason(kind, self.console.snapshot, view)
            lines.append(
                ((clean(view.address.short) + " ", "bright"), (f"left out: {reason}" if reason else "", "warn"))
            )
        if len(marked) > NAMED:
            lines.append(((f"and {len(marked) - NAMED} more", "dim"),))

        def answered(is_yes: bool | None) -> None:
            if is_yes:
                self.console.start_thread(lambda: self._perform(kind, able), "orders")
            else:
                self.console.say("cancelled", "dim")

        self.console.ask(
            Confirm(f"{kind.label.capitalize()} {len(able)} agents?", "", lines, kind.label.capitalize()), answered
        )

    def _perform(self, kind: OrderKind, able: Sequence[AgentView]) -> None:
        """Perform the order for each, in a thread; the receipt counts, and names the first failure."""
        failed: list[str] = []
        for number, view in enumerate(able, 1):
            last: list[Receipt] = []
            ok = self.calls.perform(order_for(kind, view), last.append)
            if not ok:
                failed.append(
                    f"{view.address.label}: {last[-1].detail or last[-1].stage}" if last else view.address.label
                )
            self.console.from_thread(self._tell, kind, number, len(able), failed)

    def _tell(self, kind: OrderKind, number: int, total: int, failed: Sequence[str]) -> None:
        what, done = f"{kind.label} of {total} agents", number - len(failed)
        is_over = number == total
        stages = [f"{done} of {total} done" if is_over else f"{number} of {total}"]
        failure = f"{done} done, {len(failed)} failed: {'; '.join(failed[:3])}" if is_over and failed else ""
        self.console.show_receipt(what, stages, is_done=is_over and not failed, failure=failure)
