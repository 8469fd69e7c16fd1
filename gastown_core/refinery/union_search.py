"""Which landings make a union red: a search of the target's history with the gate that failed.

A union is what landed from lanes of its own, each batch green on an older commit.  First the search finds the earliest commit
that is red; what does not go with it has landed between the commit on which it was tested and it.  It is searched with the
later one's change on each of those commits, which are not on the target in that form.
"""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.model.refinery import FAIL, PASS
from gastown_core.refinery.bisect import Ask, cuts_between, useful_width
from gastown_core.refinery.push import is_on
from gastown_core.refinery.span import span_of
from gastown_core.refinery.stack import Stacked, merge_trees
from gastown_core.refinery.tips import existing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from gastown_core.git.repo import Git
    from gastown_core.refinery.fleet import Step, Turn
    from gastown_core.refinery.prober import Verdict
    from gastown_core.refinery.span import Span
    from gastown_core.refinery.untested import Untested
    from gastown_core.refinery.worktrees import Worktrees

    Rounds = Generator[Step, list[Verdict] | Turn | None, int]
    Search = Generator[Step, list[Verdict] | Turn | None, "Meeting | None"]


class Meeting(Record):
    """What does not go together: ``later`` made the target red, and one of ``earlier`` with it (of several, if no run tells).

    Both are requests, or short hashes of commits that are none.
    """

    later: str
    earlier: tuple[str, ...] = ()

    def words(self) -> str:
        """Who it is, for people."""
        if not self.earlier:
            return f"it is red since {self.later} landed"
        either = "" if len(self.earlier) == 1 else "one of "
        return f"it is red since {self.later} landed; that does not go together with {either}{', '.join(self.earlier)}"


class UnionSearch:
    """Searches what ``owed`` notes up to ``tip``; ``batches`` names the batch with which each request landed.

    It is the stacker of the run that asks its probes; ``width`` says how many may run at once.
    """

    def __init__(
        self,
        git: Git,
        worktrees: Worktrees,
        owed: Untested,
        tip: str,
        batches: Mapping[str, str],
        *,
        width: Callable[[], int],
    ) -> None:
        self.git = git
        self.worktrees = worktrees
        self.owed = owed
        self.tip = tip
        self.batches = batches
        self.width = width
        self._made: dict[tuple[str, ...], Stacked] = {}

    def stack(self, requests: Sequence[str]) -> Stacked:
        """The commit that a probe of the search tests."""
        return self._made[tuple(requests)]

    @property
    def is_possible(self) -> bool:
        """Whether the history from where the first of them landed is here."""
        return self._has(self.owed.base, self.tip)

    def find(self) -> Search:
        """What does not go together; None if no run tells, or the gate is red on what was there before, too. Raises GitError."""
        span = span_of(self.git, self.owed.base, self.tip)
        for size in range(len(span.commits)):
            self._made[span.names[:size]] = span.commits[size]
        high = yield from self._first_red(span.names, [span.names[:size] for size in range(len(span.commits))])
        if high == 1:
            [below] = yield from self._ask([Ask((), "before", parent=span.names)])
            high = high if below.result == PASS else 0
        if not high:
            return None
        return (yield from self._with_whom(span, high))

    def _with_whom(self, span: Span, high: int) -> Search:
        """What does not go with the commit on top of the first ``high`` of the span."""
        later = span.names[high - 1]
        batch = self.batches.get(later, "")
        first = high - 1
        while first and batch and self.batches.get(span.names[first - 1]) == batch:
            first -= 1
        tested, parent = self.owed.tested.get(batch, ""), span.commits[first].commit
        if not batch or not self._has(tested, parent):
            return Meeting(later)
        met = span_of(self.git, tested, parent)
        stacks = self._on_each(met, parent, span.names[first:high], span.commits[high])
        if stacks is None:
            return Meeting(later, met.names)
        found = yield from self._first_red(met.names, stacks)
        return Meeting(later, met.names[found - 1 : found] if found else met.names)

    def _on_each(self, met: Span, parent: str, mine: tuple[str, ...], red: Stacked) -> list[tuple[str, ...]] | None:
        """The change of ``mine``, which made ``red`` of ``parent``, on each commit of the span; None if it does not merge there."""
        stacks = []
        for size, below in enumerate(met.commits):
            # as a change of its parent, so that the merge has that one as its base
            onto = self.git.run("commit-tree", below.tree, "-p", parent, "-m", "what was there")
            tree, _ = merge_trees(self.git, self.worktrees, onto, red.commit)
            if not tree:
                return None
            stack = (*met.names[:size], *mine)
            self._made[stack] = Stacked(self.git.run("commit-tree", tree, "-p", below.commit, "-m", "a union"), tree)
            stacks.append(stack)
        return stacks

    def _first_red(self, names: tuple[str, ...], stacks: Sequence[tuple[str, ...]]) -> Rounds:
        """The place of the first red one of ``stacks``, of which the first is green and the last red; 0 if a run says nothing."""
        low, high = 0, len(stacks) - 1
        while high - low > 1:
            cuts = cuts_between(low, high, useful_width(high - low, self.width()))
            verdicts = yield from self._ask([Ask(stacks[one], "upto", parent=names) for one in cuts])
            if any(one.result not in (PASS, FAIL) for one in verdicts):
                return 0
            reds = [cut for cut, one in zip(cuts, verdicts, strict=True) if one.result == FAIL]
            high = min([high, *reds])
            low = max([low, *(cut for cut in cuts if cut < high)])
        return high

    def _ask(self, asks: list[Ask]) -> Generator[Step, list[Verdict] | Turn | None, list[Verdict]]:
        verdicts = yield asks
        assert isinstance(verdicts, list)
        return verdicts

    def _has(self, older: str, newer: str) -> bool:
        """Whether both commits are here, and the newer one stands on the other."""
        return (
            bool(older)
            and older != newer
            and len(existing(self.git, [older, newer])) == 2
            and is_on(self.git, older, newer)
        )
