"""Writing down new work: a bead, a convoy of beads, a rig; what is typed is kept until it is saved."""

from __future__ import annotations

import asyncio
from functools import partial

from gastown_core.errors import GastownError
from gastown_core.model.order import Order
from gastown_tui.selection import queued_rig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.order import Receipt
    from gastown_core.orders.registry import Subject
    from gastown_tui.console import Console
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.dialogs.bead_form import NewBead
    from gastown_tui.selection import Chosen
    from gastown_tui.text import Pieces

    Perform = Callable[..., None]

TOWN_STORE = "town"
"""The store of what belongs to no rig."""


class NewWork:
    """The orders that make something new, each with its form; ``perform`` is the console's way to perform an order."""

    def __init__(self, console: Console, calls: CoreCalls, perform: Perform) -> None:
        self.console = console
        self.calls = calls
        self._perform = perform
        self._draft: NewBead | None = None

    def starts(self) -> dict[str, Callable[[Chosen, Subject], None]]:
        """The forms by the id of their order."""
        return {"bead.create": self.bead, "convoy.create": self.convoy, "rig.add": self.rig}

    # a bead

    def bead(self, chosen: Chosen, subject: Subject) -> None:
        """Ask for a bead of the selected rig; an unsaved one is offered again."""
        from gastown_tui.dialogs.bead_form import BeadForm, NewBead

        rigs = [rig.name for rig in self.console.snapshot.rigs]
        rig = subject if isinstance(subject, str) and subject in rigs else queued_rig(self.console.snapshot)
        draft = self._draft or NewBead(rig)
        names = [*rigs, TOWN_STORE]
        form = BeadForm(names, draft if draft.rig in names else draft._replace(rig=rig))

        def answered(found: NewBead | None) -> None:
            if found is None:
                kept = form.typed
                self._draft = kept if kept.title or kept.description else None
                self.console.say("cancelled; what you typed is kept" if self._draft else "cancelled", "dim")
            else:
                self._draft = None
                self._create(found)

        self.console.ask(form, answered)

    def _create(self, new: NewBead) -> None:
        given = {"title": new.title, "type": new.type, "priority": new.priority, "description": new.description}

        def sling(receipt: Receipt) -> None:
            bead, rig = receipt.detail, new.rig
            self._perform(Order("bead.sling", rig, {"bead": bead}), f"sling of {bead} to {rig}")

        def keep(_: Receipt) -> None:
            # what was written is offered again: a full disk must not cost a page of text
            self._draft = self._draft or new

        is_slung = new.is_slung and new.rig != TOWN_STORE
        what = f"new bead in {new.rig}"
        self._perform(Order("bead.create", new.rig, given), what, then=sling if is_slung else None, otherwise=keep)

    # a convoy

    def convoy(self, chosen: Chosen, subject: Subject) -> None:
        """Ask which ready beads make the convoy, then for its name."""
        wanted = chosen.bead or (chosen.event.bead if chosen.event is not None else "")
        self.console.prepare(self._choose_beads(wanted), "preview")

    async def _choose_beads(self, wanted: str) -> None:
        from gastown_tui.dialogs.convoy_form import BeadsPicker
        from gastown_tui.dialogs.pick_lists import bead_entries

        try:
            ready = await asyncio.to_thread(self.calls.ready_beads)
        except GastownError as error:
            self.console.say(str(error), "bad")
            return
        convoys = self.console.snapshot.convoys
        taken = {member.bead_id for convoy in convoys if convoy.closed_at is None for member in convoy.members}
        loose = [row for row in ready if row[1].id not in taken]
        titles = {bead.id: bead.title for _, bead in loose}
        picker = BeadsPicker(bead_entries(loose, self.console.now), (wanted,))
        self.console.ask(picker, partial(self._name_convoy, titles))

    def _name_convoy(self, titles: dict[str, str], beads: tuple[str, ...] | None) -> None:
        if beads is None:
            self.console.say("cancelled", "dim")
            return
        from gastown_tui.dialogs.prompt import Prompt
        from gastown_tui.text import clean

        lines: list[Pieces] = [((f"{bead}  ", "accent"), (clean(titles.get(bead, "")), "text")) for bead in beads[:8]]
        if len(beads) > 8:
            lines.append(((f"and {len(beads) - 8} more", "dim"),))
        count = "1 bead" if len(beads) == 1 else f"{len(beads)} beads"
        prompt = Prompt("New convoy", [*lines, ()], hint=f"the name of the convoy of {count}", does="create")

        def answered(name: str | None) -> None:
            if name is None:
                self.console.say("cancelled", "dim")
            else:
                order = Order("convoy.create", "", {"name": name, "beads": " ".join(beads)})
                self._perform(order, f"new convoy of {count}")

        self.console.ask(prompt, answered)

    # a rig

    def rig(self, chosen: Chosen, subject: Subject) -> None:
        """Ask for a repository and a name, then clone it as a rig; the list of tasks shows how far it is."""
        from gastown_tui.dialogs.prompt import Prompt

        ask: list[Pieces] = [(("A URL, or a folder of this machine.", "text"),)]
        where = Prompt("Add a rig: which repository?", ask, hint="https://…, user@host:path or /a/folder", does="go on")

        def named(url: str, name: str | None) -> None:
            if name is None:
                self.console.say("cancelled", "dim")
            else:
                self._perform(Order("rig.add", name, {"name": name, "url": url}), f"clone of {name}")

        def answered(url: str | None) -> None:
            if url is None:
                self.console.say("cancelled", "dim")
                return
            offer = url.rstrip("/").removesuffix(".git").rpartition("/")[2].replace("-", "_")
            lines: list[Pieces] = [((url, "title"),), (), (("Its name: letters, digits and _.", "text"),)]
            self.console.ask(Prompt("Add a rig: its name", lines, offer=offer, does="clone"), partial(named, url))

        self.console.ask(where, answered)
