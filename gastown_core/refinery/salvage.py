"""What becomes of the rest of a red batch while its culprit is looked for: no git, ledger or clock.

What is green from the bottom up lands at once.  While few requests wait, those that are no longer suspected go back to the
queue and are tested with the next batch, on the target as it is then.  Engine and simulator follow the same rules.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.refinery.judge import Judge


class Salvage:
    """The requests ``whole`` of a batch that ``judge`` judges now.

    ``tip`` tells where the target is, "" if that is not known; ``few_wait`` whether a next batch has room for what goes back;
    ``is_apart`` whether what has landed since a commit has nothing to do with the batch.

    ``ahead`` are the requests that have landed already, ``back`` those that went back to the queue.
    """

    def __init__(
        self,
        judge: Judge,
        whole: tuple[str, ...],
        *,
        tip: Callable[[], str],
        few_wait: Callable[[], bool],
        is_apart: Callable[[str], bool] = lambda base: False,
    ) -> None:
        self.judge = judge
        self.whole = whole
        self.tip = tip
        self.few_wait = few_wait
        self.is_apart = is_apart
        self.ahead: tuple[str, ...] = ()
        self.back: tuple[str, ...] = ()
        self._head = ""
        judge.is_enough = self.is_enough

    @property
    def base(self) -> str:
        """The commit on which the rest of the batch lands: the judged one, or what landed ahead of it."""
        return self._head or self.judge.base

    @property
    def is_stale(self) -> bool:
        """Whether others have landed since."""
        return self.tip() not in ("", self.base)

    @property
    def is_void(self) -> bool:
        """Whether what is green here must be tested once more: what has landed since may have to do with it."""
        return self.is_stale and not self.is_apart(self.base)

    def lands_ahead(self) -> tuple[str, ...]:
        """A green stack whose requests may land now, those that are ahead included; empty if it has no others."""
        clean = self.judge.clean
        if self.is_stale or clean not in self.judge.green or set(clean) <= {*self.ahead, *self.back}:
            return ()
        return clean

    def landed(self, stack: tuple[str, ...], head: str) -> None:
        """The stack is on the target, which is at ``head`` now."""
        self.ahead, self._head = stack, head

    def goes_back(self) -> tuple[str, ...]:
        """The requests to give back to the queue now: neither suspected nor about to land, nor needing one that is."""
        window = self.judge.window
        if not window or not self.few_wait():
            return ()
        clean = () if self.is_void else self.judge.clean
        return self._give({*window, *clean, *self.judge.suspects})

    def is_enough(self) -> bool:
        """Whether the search ends with its first culprit, since the next batch tests the rest."""
        return bool(self.back) or (self.is_void and self.few_wait())

    def left(self, good: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of the green requests those that still have to land, and the requests to give back to the queue now."""
        wait = () if self.is_void and (self.back or self.few_wait()) else good
        back: tuple[str, ...] = ()
        if self.judge.is_cut_short or wait != good:
            back = self._give({*wait, *self.judge.suspects})
        return tuple(one for one in wait if one not in {*self.ahead, *self.back}), back

    def _give(self, kept: set[str]) -> tuple[str, ...]:
        kept = {one for one in kept if one not in self.ahead and one not in self.back}
        found: list[str] = []
        for one in self.whole:
            if one in kept or one in self.ahead or one in self.back:
                continue
            if self.judge.needs.get(one, frozenset()) & kept:
                kept.add(one)
            else:
                found.append(one)
        self.back += tuple(found)
        return tuple(found)
