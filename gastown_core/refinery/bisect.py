"""Find the culprits in a red stack from verdicts alone: no git, no files, no clock.

A stack is judged by its prefixes.  All below the last member of the shortest red prefix is green, so that member is the
suspect, even where several fail, or two fail only together.  The suspect runs again before it counts as a culprit; then
the rest without it (and without what depends on it) runs, until what is left is green.  Only then does the bisection
ask whether a culprit fails alone or with which peers: one that passes alone counts only if it fails with peers again.

The generators yield rounds of probes, which may run in parallel, and receive the answers in the same order.
"""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.model.refinery import ERROR, FAIL, GAVE_UP, PASS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence

    Round = Generator[list["Ask"], list["ProbeAnswer"], None]

RED = frozenset((FAIL, GAVE_UP))
FLAKY_RERUNS = 2
"""How many more red runs confirm a suspect once a stack was seen red and then green."""


class Ask(Record):
    """A probe to run: these requests on the target, in this order; ``fresh`` asks for a new run of a known stack.

    ``parent`` is the red stack that it bisects.
    """

    requests: tuple[str, ...]
    purpose: str
    fresh: bool = False
    parent: tuple[str, ...] = ()


class ProbeAnswer(Record):
    """A probe's result: ``pass``, ``fail``, ``gave-up`` or ``error``; or none, and the request that did not stack."""

    result: str
    conflict: str = ""


class Culprit(Record):
    """A request that makes a stack red; result ``error`` means no verdict, ``pass`` that it did not fail again and is
    cleared.

    ``stack`` is the red stack that shows it, ``peers`` are the members without which it passes.
    """

    id: str
    result: str
    stack: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()


class Bisection:
    """Bisects the red stack ``requests``; ``needs`` names what each needs below it, ``runs`` how it was red.

    ``isolate`` fills the fields ``good``, ``culprits``, ``held`` (dependent → culprit) and ``aside`` (request that does
    not stack without a culprit → that culprit); ``explain`` fills in the culprits' peers and clears those that do not
    fail again.  ``is_flaky``: a stack was red and then green in this batch; ``was_flaky``: in a recent one.
    """

    def __init__(
        self,
        requests: Sequence[str],
        needs: Mapping[str, frozenset[str]] | None = None,
        *,
        runs: Sequence[str] = (FAIL, FAIL),
        width: int = 1,
        reruns: int = 1,
        was_flaky: bool = False,
    ) -> None:
        self.requests = tuple(requests)
        self.needs = needs or {}
        self.width = max(1, width)
        self.reruns = reruns
        self.was_flaky = was_flaky
        self.is_flaky = False
        self.good: tuple[str, ...] = ()
        self.culprits: list[Culprit] = []
        self.held: dict[str, str] = {}
        self.aside: dict[str, str] = {}
        self._known: dict[tuple[str, ...], str] = {(): PASS, self.requests: runs[-1] if runs else FAIL}
        self._runs: dict[tuple[str, ...], list[str]] = {self.requests: list(runs)}

    # -- isolate -------------------------------------------------------------------------------------------

    def isolate(self) -> Round:
        """Find every culprit, and the rest that is green together."""
        rest, low = self.requests, 0
        while low < len(rest):
            # here rest[:low] is green and rest as a whole is red
            low, high = yield from self._first_red(rest, low)
            if not (yield from self._is_confirmed(rest, high)):
                low = high
                continue
            rest, low = self._condemn(rest, high), high - 1
            rest = yield from self._try(rest, low)
            if self._known.get(rest) == PASS:
                break
        self.good = rest

    def _first_red(self, rest: tuple[str, ...], low: int) -> Generator[list[Ask], list[ProbeAnswer], tuple[int, int]]:
        """The lengths of a green prefix and of a red one with exactly one member more."""
        high = len(rest)
        while high - low > 1:
            cuts = cuts_between(low, high, self.width)
            names = ["left", *["right"] * (len(cuts) - 1)] if low == 0 else ["right"] * len(cuts)
            asks = [Ask(rest[:cut], name, parent=rest[:high]) for cut, name in zip(cuts, names, strict=True)]
            yield from self._ask(asks)
            # a green larger prefix clears the smaller ones
            low = max([low, *(cut for cut in cuts if self._known.get(rest[:cut]) == PASS)])
            high = min([high, *(cut for cut in cuts if cut > low)])
        return low, high

    def _is_confirmed(self, rest: tuple[str, ...], high: int) -> Generator[list[Ask], list[ProbeAnswer], bool]:
        """Whether the suspect's stack is red in each additional run.

        The rest without it runs at the same time if a worktree is free; not where the gate gave up, since load may have
        caused that.  The red run that singled it out counts as one: two unlucky runs alone do not make a culprit.
        """
        stack = rest[:high]
        first = len(self._runs.get(stack, ())) if stack == self.requests and high > 1 else 1
        while len(self._runs.get(stack, ())) < first + self.confirmations:
            asks = [Ask(stack, "again", fresh=True, parent=stack)]
            others = self._without(rest, rest[high - 1])
            if self.width > 1 and len(others) > high - 1 and self._known.get(stack) != GAVE_UP:
                asks.append(Ask(others, "final", parent=rest))
            yield from self._ask(asks)
            if self._known[stack] == PASS:
                return False
        return True

    @property
    def confirmations(self) -> int:
        """How many more red runs a suspect needs; more where gates were seen to be flaky."""
        return self.reruns + (FLAKY_RERUNS if self.is_flaky or self.was_flaky else 0)

    def _condemn(self, rest: tuple[str, ...], high: int) -> tuple[str, ...]:
        """Record the culprit on top of ``rest[:high]`` and what depends on it; returns the others."""
        suspect = rest[high - 1]
        blamed = all(run in RED for run in self._runs[rest[:high]])
        self.culprits.append(Culprit(suspect, FAIL if blamed else ERROR, rest[:high]))
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

    def _try(self, rest: tuple[str, ...], low: int) -> Generator[list[Ask], list[ProbeAnswer], tuple[str, ...]]:
        """Probe the rest; what no longer stacks goes to ``aside``. Returns what was probed."""
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
        """Find out for each culprit whether it fails alone, and if not, with which peers it fails again."""
        open_ones = [one for one in self.culprits if one.result == FAIL and len(self.requests) > 1]
        asks = [Ask(alone := self._with(one, ()), "alone", alone == one.stack, one.stack) for one in open_ones]
        yield from self._ask(asks)
        for one in open_ones:
            if self._known.get(self._with(one, ())) == PASS:
                self.culprits[self.culprits.index(one)] = yield from self._with_peers(one)

    def _with_peers(self, culprit: Culprit) -> Generator[list[Ask], list[ProbeAnswer], Culprit]:
        """The culprit, green alone, with the peers it failed with again; cleared if there are none."""
        below, high, found = culprit.stack[:-1], len(culprit.stack) - 1, frozenset[str]()
        own = stack = self._with(culprit, found)
        if own == culprit.stack:
            return culprit._replace(result=PASS)
        while high and self._known.get(stack) == PASS:
            # with the first ``high`` of those below it and ``found`` it was red, with ``found`` alone it is green
            high = yield from self._narrow(culprit, found, high)
            found |= set(below[high - 1 : high])
            stack = self._with(culprit, found)
            yield from self._ask([Ask(stack, "peers", parent=culprit.stack)])
            high -= 1
        if self._known.get(stack) not in RED:
            # no small set shows it (or the set does not stack): then all of them together
            stack = culprit.stack
        runs = self._runs[stack]
        for _ in range(max(1, 1 + self.confirmations - len(runs))):
            yield from self._ask([Ask(stack, "peers", fresh=True, parent=culprit.stack)])
            if runs[-1] not in RED:
                return culprit._replace(result=runs[-1])
        return culprit._replace(stack=stack, peers=tuple(one for one in stack if one not in own))

    def _narrow(
        self, culprit: Culprit, found: frozenset[str], high: int
    ) -> Generator[list[Ask], list[ProbeAnswer], int]:
        """The length of the shortest prefix below it with which, together with ``found``, it is red."""
        low, below = 0, culprit.stack[:-1]
        while high - low > 1:
            cuts = cuts_between(low, high, self.width)
            stacks = [self._with(culprit, {*below[:cut], *found}) for cut in cuts]
            yield from self._ask([Ask(stack, "peers", parent=culprit.stack) for stack in stacks])
            low = max([low, *(cut for cut, stack in zip(cuts, stacks, strict=True) if self._known.get(stack) == PASS)])
            high = min([high, *(cut for cut in cuts if cut > low)])
        return high

    def _with(self, culprit: Culprit, peers: Collection[str]) -> tuple[str, ...]:
        """The culprit on the members of its stack that are ``peers``, and on all that it and they need."""
        wanted = {culprit.id, *peers}
        for one in reversed(culprit.stack):
            if one in wanted:
                wanted |= self.needs.get(one, frozenset())
        return tuple(one for one in culprit.stack if one in wanted)

    def _ask(self, asks: list[Ask]) -> Generator[list[Ask], list[ProbeAnswer], list[ProbeAnswer]]:
        """Yield the probes whose verdict is not known, and remember their answers."""
        wanted = list(dict.fromkeys(ask for ask in asks if ask.fresh or ask.requests not in self._known))
        answers = (yield wanted) if wanted else []
        for ask, answer in zip(wanted, answers, strict=True):
            if not answer.conflict:
                self._known[ask.requests] = answer.result
                runs = self._runs.setdefault(ask.requests, [])
                runs.append(answer.result)
                self.is_flaky = self.is_flaky or (PASS in runs and not RED.isdisjoint(runs))
        return answers


def cuts_between(low: int, high: int, width: int) -> list[int]:
    """At most ``width`` positions that split the candidates ``low+1 … high`` evenly."""
    size = high - low
    count = min(width, size - 1)
    return [low + (size * number + count) // (count + 1) for number in range(1, count + 1)]
