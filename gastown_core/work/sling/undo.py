"""Undo: every step that makes something registers how to undo it; on failure all are undone in reverse order.

An interrupt counts as a failure; during the undo further interrupts wait, and a step that cannot be undone does not
stop the others.
"""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager, suppress

from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead


_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


class Undo:
    """A stack of undo steps; an exception in the ``with`` block runs them, ``keep`` drops them."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], None]]] = []
        self.failures: list[str] = []

    def add(self, what: str, step: Callable[..., Any], *args: Any, **options: Any) -> None:
        """Register how to undo ``what``. The step must be harmless if nothing was made yet."""
        self._steps.append((what, lambda: step(*args, **options)))

    def keep(self) -> None:
        """Keep what was made: drop the undo steps."""
        self._steps.clear()

    def __enter__(self) -> Undo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        with _undisturbed():
            while self._steps:
                what, step = self._steps.pop()
                try:
                    step()
                except Exception as failure:  # noqa: BLE001  the rest has to be taken back whatever went wrong
                    self.failures.append(f"{what}: {failure}")
        if self.failures and isinstance(error, GastownError):
            left = "; ".join(self.failures)
            error.why = f"{error.why}; not taken back: {left}" if error.why else f"not taken back: {left}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold interrupts back until the end of the block; only the main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {one: signal.signal(one, lambda number, _: arrived.append(number)) for one in _INTERRUPTS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)
        if arrived:
            signal.raise_signal(arrived[0])


@contextmanager
def recorded(store: BeadStore, actor: str, undo: Undo, what: str) -> Iterator[RuleBatch]:
    """Open a batch whose changes are undone with the rest."""
    changed: list[tuple[Bead | None, Bead]] = []
    with ExitStack() as stack:
        batch = stack.enter_context(store.write(actor))
        # registered before the write, so that a kill in between leaves nothing behind
        undo.add(what, restore, store, actor, changed)
        yield batch
        changed += batch.changes()


def restore(store: BeadStore, actor: str, changes: list[tuple[Bead | None, Bead]]) -> None:
    """Restore records as they were before ``changes``; keys that somebody else changed meanwhile keep their values."""
    if not changes:
        return
    with store.write(actor) as batch:
        for before, after in reversed(changes):
            now = batch.get(after.id)
            if before is None:
                if now is not None:
                    batch.delete(after.id)
            elif now is None or now.raw == after.raw:
                batch.put(before)
            else:
                _put_back_keys(batch, now, before, after)


def _put_back_keys(batch: RuleBatch, now: Bead, before: Bead, after: Bead) -> None:
    ours = [key for key in {*before.raw, *after.raw} if before.raw.get(key) != after.raw.get(key)]
    mine = {key: before.raw.get(key) for key in ours if now.raw.get(key) == after.raw.get(key) and key != "updated_at"}
    with suppress(GastownError):
        batch.update(now.id, mine)
