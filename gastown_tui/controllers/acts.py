"""The operator's actions: confirmed where needed, run in a thread, their stages shown in the status bar."""

from __future__ import annotations

import asyncio
from functools import partial

from textual.app import SuspendNotSupported

from gastown_core.clock import format_age
from gastown_core.errors import GastownError
from gastown_core.model.choice import takes_words
from gastown_core.model.convoy import ConvoyView
from gastown_core.model.incident import Incident
from gastown_core.model.order import Order, Receipt
from gastown_core.model.snapshot import AgentView, RequestView
from gastown_core.model.wanted import Wanted
from gastown_core.orders.inverse import undo_words
from gastown_core.orders.registry import BY_ID, disabled_reason, order_for
from gastown_tui.controllers.commons_acts import CommonsActs
from gastown_tui.controllers.new_work import NewWork
from gastown_tui.controllers.tasks import LONG_S
from gastown_tui.selection import subject_of
from gastown_tui.text import clean, clip, fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.screen import Screen

    from gastown_core.beads.query import Excerpt
    from gastown_core.orders.registry import OrderKind, Subject
    from gastown_core.orders.task import Task
    from gastown_tui.console import Console
    from gastown_tui.controllers.tasks import Tasks
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.selection import Chosen
    from gastown_tui.text import Pieces
PREVIEW_LINES = 10


def name_of(subject: Subject) -> str:
    """Return the name of a subject as a person would say it."""
    if isinstance(subject, AgentView):
        return subject.address.short
    if isinstance(subject, ConvoyView):
        return f"{subject.id} {subject.title}"
    if isinstance(subject, RequestView):
        return f"{subject.id} {subject.title}".strip()
    if isinstance(subject, Incident):
        return f"{len(subject.subjects)} agents: {subject.cause}"
    if isinstance(subject, Wanted):
        return f"{subject.id} {subject.title}"
    return subject or ""


class Acts:
    """Turns actions into orders and performs them."""

    def __init__(self, console: Console, calls: CoreCalls, tasks: Tasks) -> None:
        self.console = console
        self.calls = calls
        self.tasks = tasks
        tasks.act = lambda action, chosen: self.do(action, chosen, ())
        self.new_work = NewWork(console, calls, self.perform)
        self.forms = {**self.new_work.starts(), **CommonsActs(console, self.perform).starts()}
        self._latest = 0
        self._drafts: dict[str, str] = {}
        self._awaited: dict[str, str] = {}
        """Beads that wait for a polecat → what their sling is called."""

    def do(self, action: str, chosen: Chosen, marked: Sequence[AgentView]) -> str:
        """Start an action on the selection; return why it is not possible, or an empty string."""
        if action == "agent.nudge_marked":
            return self._nudge_all(marked)
        if action == "town.estop" and self.console.snapshot.stop_of("") is not None:
            action = "town.thaw"
        kind = BY_ID[action]
        subject = subject_of(self.console.snapshot, chosen, kind.needs)
        reason = disabled_reason(kind, self.console.snapshot, subject)
        if reason:
            return reason
        if action == "bead.sling":
            return self._sling(chosen)
        form = self.forms.get(action)
        if form is not None:
            form(chosen, subject)
            return ""
        own = {
            "agent.nudge": self._nudge,
            "agent.answer": self._answer,
            "agent.handoff": self._handoff,
            "agent.restart": self._restart,
            "agent.stop": self._stop,
            "agent.attach": self.attach,
        }.get(action)
        if own is None:
            self._plain(kind, subject)
        elif chosen.agent is not None:
            own(chosen.agent)
        return ""

    def do_with(self, action: str, chosen: Chosen, argument: str) -> str:
        """Do an action on the selection with the argument that it would ask for; return why not, or an empty string."""
        kind = BY_ID[action]
        subject = subject_of(self.console.snapshot, chosen, kind.needs)
        reason = disabled_reason(kind, self.console.snapshot, subject)
        if not reason:
            order, what = order_for(kind, subject), f"{kind.label} {name_of(subject)}".strip()
            self.perform(order._replace(arguments={**order.arguments, kind.asks[0]: argument}), what)
        return reason

    # actions without a dialog of their own

    def _plain(self, kind: OrderKind, subject: Subject) -> None:
        """Ask for the order's argument, preview and confirm it, or perform it at once, as its kind says."""
        order, name = order_for(kind, subject), name_of(subject)
        what = f"{kind.label} {name}".strip()
        if kind.choices:
            self.console.prepare(self._choose_argument(kind, order, name, what), "preview")
        elif kind.asks:
            self._ask_argument(kind, order, what)
        elif kind.confirm:
            self.console.prepare(self._preview_then_ask(kind, order, name, what), "preview")
        else:
            self.perform(order, what)

    def _ask_argument(self, kind: OrderKind, order: Order, what: str) -> None:
        from gastown_tui.dialogs.prompt import Prompt

        def send(text: str) -> None:
            self.perform(order._replace(arguments={**order.arguments, kind.asks[0]: text}), what)

        lines: list[Pieces] = [((clean(what), "title"),), (), ((f"{kind.asks[0].capitalize()}: {kind.help}.", "dim"),)]
        self._ask(Prompt(kind.label.capitalize(), lines, hint=f"the {kind.asks[0]}"), send)

    async def _choose_argument(self, kind: OrderKind, order: Order, name: str, what: str) -> None:
        """Let the operator pick the argument from a list, then confirm."""
        from gastown_tui.dialogs.picker import Entry, Picker

        try:
            found = await asyncio.to_thread(self.calls.choices, order)
        except GastownError as error:
            self.console.say(f"{what}: {error}", "bad")
            return
        if not found:
            self.console.say(f"{what}: nothing to choose from", "warn")
            return
        now = self.console.now
        entries = [
            Entry(
                one.value,
                (
                    (fit(format_age(max(0.0, now - one.at)) if one.at else "", 5) + " ", "dim"),
                    (clean(one.what), "bright"),
                ),
                one.what,
            )
            for one in found
        ]

        def chosen(value: str) -> None:
            full = order._replace(arguments={**order.arguments, kind.asks[0]: value})
            if not kind.confirm:
                self.perform(full, what)
                return
            self.console.prepare(self._preview_then_ask(kind, full, name, what), "preview")

        title = f"{kind.label.capitalize()} {clean(name)} to" if name else f"{kind.label.capitalize()} which?"
        self._ask(Picker(title, entries, verb="show" if kind.confirm else kind.label), chosen)

    async def _preview_then_ask(self, kind: OrderKind, order: Order, name: str, what: str) -> None:
        """Run the order's dry run, show what would be lost, then confirm. If the dry run fails, show its error."""
        lines: list[Pieces] = [((kind.keeps, "text"),)] if kind.keeps else []
        lines.append(((self._undo_words(kind.id), "dim"),))
        if kind.preview:
            self.console.say(f"checking what {what} would do …", "dim")
            try:
                told = await asyncio.to_thread(self.calls.preview, order)
            except GastownError as error:
                self.console.say(f"{what}: {error}", "bad")
                return
            self.console.say("")
            lines += [(), *(((clean(line), "warn"),) for line in told[:PREVIEW_LINES])]
        self._confirm(f"{kind.label.capitalize()}?", name, lines, kind.label.capitalize(), order, what)

    # actions with a dialog of their own

    def _nudge(self, agent: AgentView) -> None:
        from gastown_tui.dialogs.prompt import nudge_prompt

        self._ask(nudge_prompt([agent], self.console.ascii_only), partial(self._send_nudge, [agent]))

    def comment(self, agent: AgentView, place: str, line: Pieces) -> str:
        """Ask for a comment on a line of the agent's diff and send it; return why not, or an empty string."""
        reason = disabled_reason(BY_ID["agent.nudge"], self.console.snapshot, agent)
        if reason:
            return reason
        from gastown_tui.dialogs.prompt import Prompt

        lines: list[Pieces] = [((place, "title"), (f"  to {clean(agent.address.short)}", "dim")), clip(line, 72)]
        prompt = Prompt("Comment on a line", lines, hint="what should change, or why is it so?")
        self._ask(prompt, lambda text: self._send_nudge([agent], f"About your diff, {place}: {text}"))
        return ""

    def _nudge_all(self, marked: Sequence[AgentView]) -> str:
        if not marked:
            return f"no agent is marked; {self.console.key_of('rows.mark')} marks one"
        kind = BY_ID["agent.nudge"]
        able = [agent for agent in marked if not disabled_reason(kind, self.console.snapshot, agent)]
        if not able:
            return disabled_reason(kind, self.console.snapshot, marked[0])
        from gastown_tui.dialogs.prompt import nudge_prompt

        self._ask(nudge_prompt(able, self.console.ascii_only), partial(self._send_nudge, able))
        return ""

    def _send_nudge(self, agents: Sequence[AgentView], text: str) -> None:
        for agent in agents:
            self.perform(Order("agent.nudge", agent.address.short, {"text": text}), f"nudge to {agent.address.label}")

    def _answer(self, agent: AgentView) -> None:
        self.console.prepare(self._choose_answer(agent), "preview")

    async def _choose_answer(self, agent: AgentView) -> None:
        """Show the question's choices as its screen shows them now; the answer is for that question only."""
        from gastown_tui.dialogs.pick_lists import answer_picker
        from gastown_tui.dialogs.prompt import words_prompt

        order = Order("agent.answer", agent.address.short)
        what = f"answer to {agent.address.label}"
        try:
            found = await asyncio.to_thread(self.calls.choices, order)
        except GastownError as error:
            self.console.say(f"{what}: {error}", "bad")
            return
        if not found:
            self.console.say(f"{what}: {agent.address.short} asks nothing", "warn")
            return
        picker = answer_picker(agent, [(one.value, one.what) for one in found], found[0].about)
        words_of = {one.value: one.what for one in found}

        def chosen(choice: str) -> None:
            send = partial(self._answer_with, order, choice, what)
            if takes_words(words_of.get(choice, "")):
                self._ask(words_prompt(agent.address.short, found[0].about, words_of[choice]), send)
            else:
                send("")

        self._ask(picker, chosen)

    def _answer_with(self, order: Order, choice: str, what: str, words: str) -> None:
        given = {"choice": choice, **({"words": words} if words else {})}
        self.perform(order._replace(arguments=given), what)

    def _handoff(self, agent: AgentView) -> None:
        from gastown_tui.dialogs.prompt import Prompt

        lines: list[Pieces] = [
            (
                (clean(agent.address.short), "title"),
                (f"  {agent.work.bead_id} {clean(agent.work.title)}" if agent.work else "", "dim"),
            ),
            (),
            (("The note is saved first; then a new session starts and gets it.", "text"),),
            (("Kept: the hook, the worktree, every file. Lost: anything the agent has not written down.", "text"),),
            (),
            (("A note for the new session: what is done, what is next.", "dim"),),
        ]
        prompt = Prompt(
            "Hand off",
            lines,
            offer=self._drafts.get(agent.key, ""),
            hint="optional",
            may_be_empty=True,
            does="hand off",
        )

        def answered(note: str | None) -> None:
            if note is None:
                # offer the text again next time
                self._drafts[agent.key] = prompt.typed
                self.console.say("cancelled; the note is kept" if prompt.typed else "cancelled", "dim")
                return
            self._drafts.pop(agent.key, None)
            order = Order("agent.handoff", agent.address.short, {"subject": "handoff from the console", "note": note})
            self.perform(order, f"handoff of {agent.address.label}")

        self.console.ask(prompt, answered)

    def _restart(self, agent: AgentView) -> None:
        order = Order("agent.restart", agent.address.short)
        what = f"restart of {agent.address.label}"
        if not agent.running:
            self.perform(order, what)
            return
        lines: list[Pieces] = [
            (("Its session ends and a new one starts on the same hook.", "text"),),
            ((self._undo_words("agent.restart"), "dim"),),
        ]
        self._confirm("Restart?", agent.address.short, lines, "Restart", order, what)

    def _stop(self, agent: AgentView) -> None:
        lines: list[Pieces] = [
            (("Its session ends. Its work stays on the hook, its files stay in the worktree.", "text"),),
            ((self._undo_words("agent.stop"), "dim"),),
        ]
        order = Order("agent.stop", agent.address.short)
        self._confirm("Stop?", agent.address.short, lines, "Stop", order, f"stop of {agent.address.label}")

    def _sling(self, chosen: Chosen) -> str:
        if not self.console.snapshot.rigs:
            return "there is no rig to sling to; add one with gt rig add"
        self.console.prepare(self._choose_bead(chosen), "sling")
        return ""

    async def _choose_bead(self, chosen: Chosen) -> None:
        from gastown_tui.dialogs.pick_lists import bead_picker

        try:
            ready = await asyncio.to_thread(self.calls.ready_beads)
        except GastownError as error:
            self.console.say(str(error), "bad")
            return
        wanted = chosen.bead or (chosen.event.bead if chosen.event is not None else "")
        ready.sort(key=lambda row: row[1].id != wanted)
        picker = bead_picker(ready, self.console.now)
        self._ask(picker, partial(self._choose_target, ready))

    def _choose_target(self, ready: list[tuple[str, Excerpt]], bead: str) -> None:
        from gastown_tui.dialogs.pick_lists import target_picker

        store = next((name for name, found in ready if found.id == bead), "")
        picker = target_picker(bead, self.console.snapshot, store, self.console.ascii_only)
        self._ask(
            picker,
            lambda target: self.perform(Order("bead.sling", target, {"bead": bead}), f"sling of {bead} to {target}"),
        )

    def attach(self, agent: AgentView) -> None:
        """Attach to the agent's session; return when the operator detaches."""
        where = self.calls.attachment(agent)
        try:
            if where.needs_suspend:
                with self.console.lend_terminal():
                    status = self.calls.run_attached(where.argv)
            else:
                status = self.calls.run_attached(where.argv)
        except GastownError as error:
            self.console.say(str(error), "bad")
            return
        except SuspendNotSupported:
            self.console.say("cannot attach: this terminal cannot be suspended", "bad")
            return
        if status:
            self.console.say(f"attach to {agent.address.short} ended with status {status}", "bad")
        else:
            self.console.say(f"back from {agent.address.short}", "dim")

    # dialogs and orders

    def _ask(self, dialog: Screen[str], then: Callable[[str], None]) -> None:
        def answered(value: str | None) -> None:
            if value is not None:
                then(value)

        self.console.ask(dialog, answered)

    def _confirm(self, title: str, name: str, lines: list[Pieces], yes: str, order: Order, what: str) -> None:
        from gastown_tui.dialogs.confirm import Confirm

        def answered(value: bool | None) -> None:
            if value:
                self.perform(order, what)
            else:
                self.console.say("cancelled", "dim")

        self.console.ask(Confirm(title, clean(name), lines, yes), answered)

    def _undo_words(self, kind: str) -> str:
        """What takes an order back, by the key in force."""
        return undo_words(kind, self.console.key_of("act.undo"))

    def perform(
        self,
        order: Order,
        what: str,
        *,
        then: Callable[[Receipt], None] | None = None,
        otherwise: Callable[[Receipt], None] | None = None,
    ) -> None:
        """Perform an order in a thread; the status bar shows the stages of the newest order, and every failure.

        It is in the list of tasks while it runs; ``then`` takes its last receipt if it succeeded, else ``otherwise``.
        """
        self._latest += 1
        number = self._latest
        stages: list[str] = ["sent"]
        task = self.tasks.begin(what)
        self.console.show_receipt(what, stages, is_done=False)

        def notify(receipt: Receipt) -> None:
            self.console.from_thread(self._take, number, task, stages, receipt)
            if order.kind == "bead.sling" and receipt.ok and receipt.final:
                self._awaited[order.arguments["bead"]] = what
                self.console.from_thread(self.look)
            told = then if receipt.ok else otherwise
            if receipt.final and told is not None:
                self.console.from_thread(told, receipt)

        def work() -> None:
            try:
                self.calls.perform(order, notify, task)
            except Exception as error:
                words = f"{type(error).__name__}: {error}"
                notify(Receipt(order.kind, order.target, "failed", words, False, True, self.console.now))
                raise
            finally:
                if task.is_running:
                    task.end(self.console.now, ok=False, detail="it did not begin")

        self.console.start_thread(work, "orders")

    def look(self) -> None:
        """Tell which agent has started on a bead that was slung from here."""
        for agent in self.console.snapshot.agents if self._awaited else ():
            if agent.work is not None and agent.running and agent.work.bead_id in self._awaited:
                what = self._awaited.pop(agent.work.bead_id)
                self.console.show_receipt(what, [f"{agent.address.short} started"], is_done=True)

    def _take(self, number: int, task: Task, stages: list[str], receipt: Receipt) -> None:
        if receipt.ok:
            if stages == ["sent"]:
                stages.clear()
            said = f"{receipt.stage} {receipt.detail}" if receipt.final and receipt.detail else receipt.stage
            if not stages or said != stages[-1]:
                stages.append(said)
        failure = "" if receipt.ok else receipt.detail or receipt.stage
        is_long = receipt.final and self.console.now - task.began_at >= LONG_S
        if number == self._latest or failure or is_long:
            self.console.show_receipt(task.what, stages, is_done=receipt.final and receipt.ok, failure=failure)
