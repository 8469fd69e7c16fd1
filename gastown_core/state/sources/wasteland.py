"""The commons that the town has joined, as a source: what waits there for this town's judgement."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.wanted import Commons
    from gastown_core.state.facts import TownFacts

NAME = "wasteland"
FILE = os.path.join("mayor", "wasteland.json")


class WastelandSource:
    """Keeps ``facts.commons`` true; a town that has joined none pays for one look at a file.

    ``is_patient``: a clone that has changed is read anew, which takes ``dolt`` a third of a second; without, what was known of it
    stands until somebody calls ``examine``.
    """

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self.is_patient = True
        self._root = facts.inventory.root

    @property
    def folder(self) -> str:
        """The folder whose files tell that the clone has changed; empty if there is none."""
        if not os.path.lexists(os.path.join(self._root, FILE)):
            return ""
        from gastown_core.wasteland.board import store_of

        return store_of(self._root)

    @property
    def is_worth_a_look(self) -> bool:
        """Whether the town says that it has joined a commons, also where that cannot be read, or something is told of one."""
        if self.facts.commons is not None or self.facts.error_of(NAME):
            return True
        return os.path.lexists(os.path.join(self._root, FILE))

    def poll(self, now: float) -> bool:
        """Look; returns whether something is other than before."""
        return self.take(self.examine(is_patient=self.is_patient), now)

    def examine(self, *, is_patient: bool = True) -> Commons | str | None:
        """Return what the commons says, or why it cannot be read; changes nothing, so a thread may call it."""
        if not os.path.lexists(os.path.join(self._root, FILE)):
            return None
        # with the commons, not with every command
        from gastown_core.wasteland.board import commons_of

        try:
            return commons_of(self._root, is_patient=is_patient)
        except GastownError as error:
            return str(error)

    def take(self, found: Commons | str | None, now: float) -> bool:
        """Take in what ``examine`` returned; after an error the last that was known stays."""
        facts = self.facts
        if isinstance(found, str):
            changed = facts.error_of(NAME) != found
            facts.failed(NAME, found)
            return changed
        changed = facts.commons != found or bool(facts.error_of(NAME))
        facts.commons = found
        if found is not None:
            facts.good(NAME, now)
        elif changed:
            facts.sources.pop(NAME, None)
        return changed
