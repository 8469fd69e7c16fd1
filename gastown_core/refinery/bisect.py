"""Find the culprits in a red stack from verdicts alone: no git, no files, no clock.

A stack is judged by its prefixes.  All below the last member of the shortest red prefix is green, so that member is the
suspect, even where several fail, or two fail only together.  The rest without it (and without what depends on it) runs
next, until what is left is green and can land.  Only then does the bisection ask whether each suspect fails again, alone
or with which peers: nobody waits for that, and one that does not fail again is no culprit.

The generators yield rounds of probes, which may run in parallel, and receive the answers in the same order.
"""

from __future__ import annotations

import math

from gastown_core.model.record import Record
from gastown_core.model.refinery import ERROR, FAIL, GAVE_UP, PASS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping, Sequence

    Round = Generator[list["Ask"], list["ProbeAnswer"], None]

RED = frozenset((FAIL, GAVE_UP))
FLAKY_RERUNS = 1
"""How many more red runs blame a suspect once a stack was seen red and then green."""
MOST_REDS = 8
CHANCE = 1e-4
"""How likely it may be that only flaky gates made all the red runs that blame a request."""


class Ask(Record):
    """A probe to run: these requests on the target, in this order; ``fresh`` asks for a new run of a known stack.

    ``parent`` is the red stack that it bisects.  ``shared``: a green run of another batch that begins from now on answers it, too.
    """

    requests: tuple[str, ...]
    purpose: str
    fresh: bool = False
    parent: tuple[str, ...] = ()
    shared: bool = False


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

    ``isolate`` fills the fields ``good``, ``culprits`` (suspects so far), ``held`` (dependent → culprit) and ``aside``
    (request that does not stack without a culprit → that culprit), and meanwhile ``clean``, what is green from the bottom
    up, and ``window``, the requests among which the culprit is.  It ends with its first culprit if ``is_enough`` (then
    ``is_cut_short``).  ``explain`` confirms the suspects, fills in their peers and clears those that do not fail again.
    ``flake`` is how often a gate is red on a tree that is green; ``is_flaky``: a stack was red and then green in this batch.
    ``seen`` are the results of lower parts of it that have run already.
    """

    def __init__(
        self,
        requests: Sequence[str],
        needs: Mapping[str, frozenset[str]] | None = None,
        *,
        runs: Sequence[str] = (FAIL,),
        width: Callable[[], int] = lambda: 1,
        reruns: int = 1,
        flake: float = 0.0,
        is_enough: Callable[[], bool] = lambda: False,
        seen: Mapping[tuple[str, ...], str] | None = None,
    ) -> None:
        self.requests = tuple(requests)
        self.needs = needs or {}
        self.width = width
        self.reruns = reruns
        self.flake = flake
        self.is_enough = is_enough
        self.is_flaky = self.is_cut_short = False
        self.clean: tuple[str, ...] = ()
        self.window: tuple[str, ...] = ()
        self.good: tuple[str, ...] = ()
        self.culprits: list[Culprit] = []
        self.held: dict[str, str] = {}
        self.aside: dict[str, str] = {}
        self._known: dict[tuple[str, ...], str] = {(): PASS, self.requests: runs[-1] if runs else FAIL}
        self._runs: dict[tuple[str, ...], list[str]] = {self.requests: list(runs)}
        for stack, result in (seen or {}).items():
            self._known[stack], self._runs[stack] = result, [result]

    # -- isolate -------------------------------------------------------------------------------------------

    def isolate(self) -> Round:
        """Find every suspect, and the rest that is green together."""
        rest, low = self.requests, 0
        while low < len(rest):
            # here rest[:low] is green and rest as a whole is red
            low, high = yield from self._first_red(rest, low)
            rest, low = self._condemn(rest, high), high - 1
            self.window = ()
            if self.is_enough():
                rest, self.is_cut_short = rest[:low], True
                break
            rest = yield from self._try(rest, low)
            if self._known.get(rest) == PASS:
                break
        self.good = rest

    def _first_red(self, rest: tuple[str, ...], low: int) -> Generator[list[Ask], list[ProbeAnswer], tuple[int, int]]:
        """The lengths of a green prefix and of a red one with exactly one member more."""
        known = {size: self._known[rest[:size]] for size in range(low + 1, len(rest)) if rest[:size] in self._known}
        low = max([low, *(size for size, result in known.items() if result == PASS)])
        high = min([len(rest), *(size for size in known if size > low)])
        self.clean, self.window = rest[:low], rest[low:high]
        while high - low > 1:
            cuts = cuts_between(low, high, useful_width(high - low, self.width()))
            names = ["left", *["right"] * (len(cuts) - 1)] if low == 0 else ["right"] * len(cuts)
            asks = [Ask(rest[:cut], name, parent=rest[:high]) for cut, name in zip(cuts, names, strict=True)]
            yield from self._ask(asks)
            # a green larger prefix clears the smaller ones
            low = max([low, *(cut for cut in cuts if self._known.get(rest[:cut]) == PASS)])
            high = min([high, *(cut for cut in cuts if cut > low)])
            self.clean, self.window = rest[:low], rest[low:high]
        return low, high

    @property
    def reds_wanted(self) -> int:
        """How many red runs blame a request, the one that singled it out included; more where gates are flaky."""
        return max(1 + self.reruns, reds_that_prove(self.flake)) + (FLAKY_RERUNS if self.is_flaky else 0)

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
        """Confirm each suspect, alone if it fails alone, else with the peers with which it fails again; or clear it."""
        open_ones = list(self.culprits)
        asks = [Ask(own := self._with(one, ()), "alone", own == one.stack, one.stack) for one in open_ones]
        yield from self._ask(asks)
        for place, one in enumerate(open_ones):
            self.culprits[place] = yield from self._confirmed(one)

    def _confirmed(self, one: Culprit) -> Generator[list[Ask], list[ProbeAnswer], Culprit]:
        """The suspect, confirmed or cleared; no verdict in any of its runs means no blame."""
        own = self._with(one, ())
        if own not in self._known:
            # it does not stack alone
            return (yield from self._is_red_often(one, one.stack))
        if own == one.stack or self._known[own] != PASS:
            return (yield from self._is_red_often(one, own))
        yield from self._ask([Ask(one.stack, "again", fresh=True, parent=one.stack)])
        again = self._known[one.stack]
        if again == PASS or again not in RED or one.result != FAIL:
            return one._replace(result=PASS if again == PASS else ERROR)
        return (yield from self._with_peers(one))

    def _is_red_often(self, one: Culprit, stack: tuple[str, ...]) -> Generator[list[Ask], list[ProbeAnswer], Culprit]:
        """The suspect after as many runs of ``stack`` as blame needs: cleared by a green one."""
        while True:
            runs = tuple(self._runs.get(stack, ()))
            seen = runs if stack == one.stack else [*self._runs[one.stack], *runs]
            if PASS in runs:
                return one._replace(result=PASS)
            if any(run not in RED for run in seen):
                return one._replace(result=ERROR)
            if self._is_proof(one, len(seen)):
                return one
            yield from self._ask([Ask(stack, "again", fresh=True, parent=one.stack)])
            if len(self._runs.get(stack, ())) == len(runs):
                return one._replace(result=ERROR)

    def _is_proof(self, one: Culprit, reds: int) -> bool:
        """Whether so many red runs blame the suspect: its own, and one more if its search saw another stack red through it.

        Every cut of a search is another chance to be singled out by that one.
        """
        if reds >= self.reds_wanted:
            return True
        cuts = math.log2(max(2, len(self.requests)))
        return reds + 1 >= max(self.reds_wanted, reds_that_prove(self.flake, cuts)) and self._was_red_elsewhere(one)

    def _was_red_elsewhere(self, one: Culprit) -> bool:
        """Whether another stack with the suspect was red that is cleared without it: only the suspect explains that, or chance."""
        green = [stack for stack, result in self._known.items() if result == PASS]
        return any(
            stack != one.stack
            and one.id in stack
            and stack[-1] != one.id
            and not RED.isdisjoint(runs)
            and any((rest := self._without(stack, one.id)) == clear[: len(rest)] for clear in green)
            for stack, runs in self._runs.items()
        )

    def _with_peers(self, culprit: Culprit) -> Generator[list[Ask], list[ProbeAnswer], Culprit]:
        """The culprit, green alone, with the peers it failed with again; cleared if there are none."""
        below, high, found = culprit.stack[:-1], len(culprit.stack) - 1, frozenset[str]()
        own = stack = self._with(culprit, found)
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
        # with steady gates, its stack red twice and then the peers' own are proof enough
        is_enough = stack != culprit.stack and reds_that_prove(self.flake) <= 1 + self.reruns
        for _ in range(0 if is_enough else max(1, self.reds_wanted - len(runs))):
            yield from self._ask([Ask(stack, "peers", fresh=True, parent=culprit.stack)])
            if runs[-1] not in RED:
                return culprit._replace(result=PASS if runs[-1] == PASS else ERROR)
        return culprit._replace(stack=stack, peers=tuple(one for one in stack if one not in own))

    def _narrow(
        self, culprit: Culprit, found: frozenset[str], high: int
    ) -> Generator[list[Ask], list[ProbeAnswer], int]:
        """The length of the shortest prefix below it with which, together with ``found``, it is red."""
        low, below = 0, culprit.stack[:-1]
        while high - low > 1:
            cuts = cuts_between(low, high, useful_width(high - low, self.width()))
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


def useful_width(candidates: int, places: int) -> int:
    """How many probes of one round are worth their gate runs: as many as there are places, about the root of the candidates.

    Of five candidates two; with four the search would be a round shorter and two runs dearer.
    """
    return max(1, min(places, max(2, math.isqrt(candidates))))


def cuts_between(low: int, high: int, width: int) -> list[int]:
    """At most ``width`` positions that split the candidates ``low+1 … high`` evenly."""
    size = high - low
    count = min(width, size - 1)
    return [low + (size * number + count) // (count + 1) for number in range(1, count + 1)]


def reds_that_prove(flake: float, chances: float = 1.0) -> int:
    """How many red runs in a row gates with this flake rate make by chance only once in ten thousand times, in so many attempts."""
    if flake <= 0.0:
        return 1
    return min(MOST_REDS, math.ceil(math.log(CHANCE / chances) / math.log(min(flake, 0.9)) - 1e-9))
