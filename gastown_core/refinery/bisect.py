"""Who of a red stack is to blame, decided from verdicts alone: no git, no files, no clock.

A stack is judged by its prefixes.  What stands below the first red prefix is green, so its last member is the suspect,
also where several fail, or two only together.  It is run again before it is condemned; then the rest without it (and
without what depends on it) is tried, until what is left is green.  Only afterwards is asked whether a culprit fails by
itself or with whom.

The generators yield rounds of probes, which may run side by side, and are sent their answers in the same order.
"""

from __future__ import annotations

import itertools
from functools import cache

from gastown_core.model.record import Record
from gastown_core.model.refinery import FAIL, PASS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    Round = Generator[list["Ask"], list["Answer"], None]


class Ask(Record):
    """A probe that is wanted: these requests on the target, in this order; ``fresh`` wants a new run of a known stack.

    ``parent`` is the red stack that it takes apart.
    """

    requests: tuple[str, ...]
    purpose: str
    fresh: bool = False
    parent: tuple[str, ...] = ()


class Answer(Record):
    """What came of it: ``pass``, ``fail`` or ``error``; or the request that could not be stacked, and no result."""

    result: str
    conflict: str = ""


class Culprit(Record):
    """A request that makes a stack red; with result ``error`` it gave no verdict, and nobody is blamed.

    ``below`` is the green stack that it stood on; ``peers`` are those without which it passes.
    """

    id: str
    result: str
    below: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()


class Bisection:
    """Takes the red stack ``requests`` apart; ``needs`` names what each needs below it, ``runs`` how it was red.

    After ``isolate`` the fields ``good``, ``culprits``, ``held`` (dependent → culprit) and ``aside`` (what does not
    stack without a culprit → that culprit) stand; ``explain`` fills in the culprits' peers.
    """

    def __init__(
        self,
        requests: Sequence[str],
        needs: Mapping[str, frozenset[str]] | None = None,
        *,
        runs: Sequence[str] = (FAIL, FAIL),
        width: int = 1,
        reruns: int = 1,
    ) -> None:
        self.requests = tuple(requests)
        self.needs = needs or {}
        self.width = best_width(len(self.requests), width)
        self.has_room = width > 1
        self.reruns = reruns
        self.good: tuple[str, ...] = ()
        self.culprits: list[Culprit] = []
        self.held: dict[str, str] = {}
        self.aside: dict[str, str] = {}
        self._known: dict[tuple[str, ...], str] = {(): PASS, self.requests: runs[-1] if runs else FAIL}
        self._runs: dict[tuple[str, ...], list[str]] = {self.requests: list(runs)}

    # -- isolate -------------------------------------------------------------------------------------------

    def isolate(self) -> Round:
        """Find every culprit and the rest that is green together."""
        rest, low = self.requests, 0
        while low < len(rest):
            # here rest[:low] is green and rest as a whole is red
            high = yield from self._first_red(rest, low)
            if not (yield from self._is_confirmed(rest, high)):
                low = high
                continue
            rest, low = self._condemn(rest, high), high - 1
            rest = yield from self._try(rest, low)
            if self._known.get(rest) == PASS:
                break
        self.good = rest

    def _first_red(self, rest: tuple[str, ...], low: int) -> Generator[list[Ask], list[Answer], int]:
        """The length of a red prefix whose members but the last are green together."""
        high = len(rest)
        while high - low > 1:
            cuts = cuts_between(low, high, self.width)
            names = ["left", *["right"] * (len(cuts) - 1)] if low == 0 else ["right"] * len(cuts)
            asks = [Ask(rest[:cut], name, parent=rest[:high]) for cut, name in zip(cuts, names, strict=True)]
            yield from self._ask(asks)
            for cut in cuts:
                if self._known.get(rest[:cut]) != PASS:
                    high = cut
                    break
                low = cut
        return high

    def _is_confirmed(self, rest: tuple[str, ...], high: int) -> Generator[list[Ask], list[Answer], bool]:
        """Whether the suspect's stack is red each time; the rest without it is tried at the same time if there is room."""
        stack = rest[:high]
        while len(self._runs.get(stack, ())) <= self.reruns:
            asks = [Ask(stack, "again", fresh=True, parent=stack)]
            others = self._without(rest, rest[high - 1])
            if self.has_room and len(others) > high - 1:
                asks.append(Ask(others, "final", parent=rest))
            yield from self._ask(asks)
            if self._known[stack] == PASS:
                return False
        return True

    def _condemn(self, rest: tuple[str, ...], high: int) -> tuple[str, ...]:
        """Note the culprit on top of ``rest[:high]`` and what it takes with it; returns the others."""
        suspect = rest[high - 1]
        blamed = all(run == FAIL for run in self._runs[rest[:high]])
        self.culprits.append(Culprit(suspect, FAIL if blamed else "error", rest[: high - 1]))
        others = self._without(rest, suspect)
        self.held.update((one, suspect) for one in rest if one not in others and one != suspect)
        return others

    def _without(self, rest: tuple[str, ...], gone: str) -> tuple[str, ...]:
        """``rest`` without ``gone`` and all that needs it."""
        out = {gone}
        for one in rest:
            if self.needs.get(one, frozenset()) & out:
                out.add(one)
        return tuple(one for one in rest if one not in out)

    def _try(self, rest: tuple[str, ...], low: int) -> Generator[list[Ask], list[Answer], tuple[str, ...]]:
        """Have the rest judged; what does not stack any more is put aside. Returns what was judged."""
        while len(rest) > low:
            answers = yield from self._ask([Ask(rest, "final", parent=self.requests)])
            clash = answers[0].conflict if answers else ""
            if not clash:
                break
            others = self._without(rest, clash)
            self.aside.update((one, self.culprits[-1].id) for one in rest if one not in others)
            rest = others
        return rest

    # -- explain -------------------------------------------------------------------------------------------

    def explain(self) -> Round:
        """Find out for each culprit whether it fails by itself, and if not, which peer it fails with."""
        open_ones = [one for one in self.culprits if one.result == FAIL and one.below]
        asks = [Ask(self._alone(one, 0), "alone", parent=(*one.below, one.id)) for one in open_ones]
        yield from self._ask([ask for ask, one in zip(asks, open_ones, strict=True) if ask.requests != ask.parent])
        for one in open_ones:
            if self._known.get(self._alone(one, 0)) == PASS:
                peers = yield from self._peers(one)
                self.culprits[self.culprits.index(one)] = one._replace(peers=peers)

    def _alone(self, culprit: Culprit, below: int) -> tuple[str, ...]:
        """The culprit on the first ``below`` of what it stood on, and on whatever it needs."""
        wanted = {culprit.id}
        for one in reversed((*culprit.below, culprit.id)):
            if one in wanted:
                wanted |= self.needs.get(one, frozenset())
        kept = [one for place, one in enumerate(culprit.below) if place < below or one in wanted]
        return (*kept, culprit.id)

    def _peers(self, culprit: Culprit) -> Generator[list[Ask], list[Answer], tuple[str, ...]]:
        low, high = 0, len(culprit.below)
        while high - low > 1:
            middle = (low + high) // 2
            stack = self._alone(culprit, middle)
            yield from self._ask([Ask(stack, "alone", parent=(*culprit.below, culprit.id))])
            if stack not in self._known:
                return culprit.below[low:high]
            low, high = (middle, high) if self._known[stack] == PASS else (low, middle)
        return (culprit.below[high - 1],)

    def _ask(self, asks: list[Ask]) -> Generator[list[Ask], list[Answer], list[Answer]]:
        """Have those probes run whose verdict is not known; remembers what they say."""
        wanted = list(dict.fromkeys(ask for ask in asks if ask.fresh or ask.requests not in self._known))
        answers = (yield wanted) if wanted else []
        for ask, answer in zip(wanted, answers, strict=True):
            if not answer.conflict:
                self._known[ask.requests] = answer.result
                self._runs.setdefault(ask.requests, []).append(answer.result)
        return answers


def cuts_between(low: int, high: int, width: int) -> list[int]:
    """At most ``width`` places that part the candidates ``low+1 … high`` evenly."""
    size = high - low
    count = min(width, size - 1)
    return [low + (size * number + count) // (count + 1) for number in range(1, count + 1)]


@cache
def search_cost(size: int, width: int) -> int:
    """Most probes that narrowing ``size`` candidates to one can take."""
    if size <= 1:
        return 0
    cuts = [0, *cuts_between(0, size, width), size]
    parts = [after - before for before, after in itertools.pairwise(cuts)]
    return len(cuts) - 2 + max(search_cost(part, width) for part in parts)


def best_width(size: int, width: int) -> int:
    """How many probes to run side by side so that one culprit costs at most 2·⌈log2 size⌉ in all.

    Three further probes confirm it: the suspect again, the rest without it, and it alone.
    """
    most = max(2 * (size - 1).bit_length(), search_cost(size, 1) + 3)
    return max(one for one in range(1, max(1, width) + 1) if one == 1 or search_cost(size, one) + 3 <= most)
