"""What a batch needs of the engine that it writes with: the lock, the look-ups, and the write itself."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.query import Excerpt
    from gastown_core.beads.settings import Vocabulary
    from gastown_core.clock import Clock
    from gastown_core.errors import GastownError
    from gastown_core.model.bead import Bead


class BatchEngine(Protocol):
    """The interface that a batch needs of its store; between ``begin`` and ``end`` the store is locked."""

    prefix: str
    clock: Clock
    words: Vocabulary

    def begin(self) -> None:
        """Take the lock."""
        ...

    def end(self) -> None:
        """Release it."""
        ...

    def commit(self, records: list[Bead]) -> None:
        """Write the records, all or none."""
        ...

    def keep_lines(self, lines: list[bytes]) -> None:
        """Store lines that are not beads (memories) beside the records."""
        ...

    def load(self, bead_id: str) -> Bead | None:
        """Return the stored bead, None if there is none."""
        ...

    def is_taken(self, bead_id: str) -> bool:
        """Return whether an id is or was in use."""
        ...

    def root_count(self) -> int:
        """Return the approximate number of root ids."""
        ...

    def below(self, parent: str) -> list[str]:
        """Return the ids that begin with the parent's."""
        ...

    def edges_to(self, bead_id: str) -> list[tuple[str, str]]:
        """Return its dependents with edge types."""
        ...

    def foreign_excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead in another store, None if no store has it."""
        ...

    def is_absent(self, bead_id: str) -> bool:
        """Return whether the store that should have an unknown id is known."""
        ...

    def near(self, bead_id: str) -> GastownError:
        """Return the error for an unknown id."""
        ...
