"""What a write tells telemetry once it is done: the calls of ``bd`` that it stands for, and what its operations told."""

from __future__ import annotations

import time

from gastown_core.files import spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.model.bead import Bead


class WriteNotes:
    """The notes of one write; ``begin`` starts its time."""

    def __init__(self) -> None:
        self._told: list[tuple[str, Mapping[str, object]]] = []
        self._began = 0.0

    def begin(self) -> None:
        """Note when the write began."""
        self._began = time.perf_counter()

    def add(self, kind: str, attributes: Mapping[str, object]) -> None:
        """Keep a note for the end of the write."""
        self._told.append((kind, attributes))

    def discard(self) -> None:
        """Forget what was told: nothing is written."""
        self._told.clear()

    def tell(self, folder: str, changes: Iterable[tuple[Bead | None, Bead]], actor: str) -> None:
        """Tell it in the town of this store, if telemetry is on there.

        A write of ``bd`` is told as a whole where its command ends; other programs' writes are told by what they change.
        """
        root = spool.town_with_spool(folder)
        if not root:
            return
        took = {"duration_ms": round(1000 * (time.perf_counter() - self._began), 3)}
        made = (
            ()
            if spool.is_tracker
            else dict.fromkeys((_is_mail(after), _verb(before, after)) for before, after in changes)
        )
        calls = [_call(verb, took, is_mail=is_mail) for is_mail, verb in made]
        if calls or self._told:
            spool.spool_all(root, [*calls, *self._told], actor=actor)


def _call(verb: str, took: Mapping[str, object], *, is_mail: bool) -> tuple[str, Mapping[str, object]]:
    """Return the note of a call; what a letter costs the ledger counts as an operation on mail."""
    return ("mail", {"operation": f"bd.{verb}"}) if is_mail else ("bd.call", {"subcommand": verb, **took})


def _is_mail(bead: Bead) -> bool:
    return "gt:message" in bead.labels


def _verb(before: Bead | None, after: Bead) -> str:
    """Return the subcommand of ``bd`` that makes such a change."""
    if before is None:
        return "create"
    if after.is_tombstone:
        return "delete"
    return "close" if after.is_closed and not before.is_closed else "update"
