"""Several batches of one target in flight: which of their probes run next, and who may land when.

It knows no git, ledger or clock.  Each batch is a generator (its course) that yields rounds of probes, ``Ready`` once
requests of it are green together, and ``Pushed`` once they are on the target.  Batches are judged beside one another on
the target's commit; only one lands at a time.  What was green on an older commit is united with whatever else is green,
and that union is tested on the target as it is now: nothing lands that was not green together, there.  Only a batch that is
apart from all that has landed since (``Reach``) lands without another run, if its course finds that it may.

A batch may also stand on another in its first run (a chain): it is tested on the commit that the other makes of the target,
and goes on once the other has landed as just that commit.  Whatever else becomes of the other, what stands on it is cut off
at once.
"""

from __future__ import annotations

from contextlib import suppress

from gastown_core.model.record import Record
from gastown_core.model.refinery import PASS
from gastown_core.refinery.lanes import EVERYTHING, Reach, together
from gastown_core.refinery.prober import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from gastown_core.refinery.bisect import Ask


MOST_MOVES = 500
"""How many moves of the target are remembered."""


class ToppledError(Exception):
    """The batch below did not land as it was tested; the requests of this one go back to the queue."""


class Ready(Record):
    """These requests are green together on ``base``; ``is_early``: while the rest of their batch is still taken apart.

    ``reach`` is what they affect.
    """

    good: tuple[str, ...]
    base: str
    is_early: bool = False
    reach: Reach = EVERYTHING


class Pushed(Record):
    """The target is at ``head`` now; ``is_early``: the batch goes on, on top of what it pushed.

    ``reach`` is what was pushed affects.
    """

    head: str
    is_early: bool = False
    reach: Reach = EVERYTHING


class Closed(Record):
    """Nothing lands from now on until this course has ended."""


class Turn(Record):
    """The answer to ``Ready``: ``land`` pushes at once; else the batch is tested again, with the green requests of
    ``others``; ``given`` means that another batch took its own.

    ``over``: what has landed since is apart from it; it lands on top of that, or is tested again.
    """

    land: bool = False
    over: bool = False
    others: tuple[str, ...] = ()
    given: bool = False


if TYPE_CHECKING:
    Step = list[Ask] | Ready | Pushed | Closed
    Course = Generator[Step, list[Verdict] | Turn | None, None]


class Flight:
    """One batch in flight: the probes that it waits for, and how far it is."""

    def __init__(self, name: str, course: Course, *, on: Flight | None = None, base: str = "") -> None:
        self.name = name
        self.course = course
        self.on = on
        """The batch that it stands on, which has not landed; ``base`` is the commit that it will make of the target."""
        self.base = base
        self.asks: list[Ask] = []
        self.started = 0
        self.asked_at = self.started_at = 0
        """How many probes of the fleet had begun when it asked, and when the last of its own began."""
        self.gates = ""
        """Which gates its probes run: "" for all of the rig, else their fingerprint."""
        self.is_sharing = False
        """Whether a green run of another batch would answer what it asks, and none that came up was red."""
        self.verdicts: dict[int, Verdict] = {}
        self.ready: Ready | None = None
        self.reach = EVERYTHING
        """What the requests affect that were green last."""
        self.rounds = 0
        self.is_late = False
        """Whether it has landed what it could, and only finds out why the rest is red."""
        self.is_urgent = False
        """Whether its probes come before all others."""
        self.closes = False
        """Whether nothing lands until it is over."""
        self.is_over = False

    @property
    def is_answered(self) -> bool:
        """Whether its round of probes is complete, and nothing keeps it from going on."""
        return self.on is None and bool(self.asks) and len(self.verdicts) == len(self.asks)

    @property
    def is_fresh(self) -> bool:
        """Whether it is in its first run."""
        return self.rounds == 1 and not self.is_late

    @property
    def running(self) -> int:
        """How many of its probes run now."""
        return self.started - len(self.verdicts)

    def next_asks(self) -> Iterator[tuple[int, Ask]]:
        """The probes that do not run yet, each with its number."""
        yield from ((number, self.asks[number]) for number in range(self.started, len(self.asks)))


class Fleet:
    """The batches of one target, oldest first; ``tip`` is where the target is, as far as is known."""

    def __init__(self, tip: str = "") -> None:
        self.flights: list[Flight] = []
        self._moves: list[tuple[str, Reach]] = [(tip, EVERYTHING)]
        self._starts = 0
        self.lander: Flight | None = None
        """The batch that is tested on the target's newest commit, or is being pushed."""

    @property
    def tip(self) -> str:
        """Where the target is, as far as is known."""
        return self._moves[-1][0]

    def moved(self, tip: str, reach: Reach = EVERYTHING) -> None:
        """The target is at this commit now; ``reach`` is what changed."""
        if tip != self.tip:
            self._moves = [*self._moves[-MOST_MOVES:], (tip, reach)]

    def is_apart(self, base: str, reach: Reach) -> bool:
        """Whether the target has moved since it was at ``base``, and nothing that landed meets ``reach``."""
        tips = [tip for tip, _ in self._moves]
        since = self._moves[len(tips) - tips[::-1].index(base) :] if base in tips else []
        return bool(since) and not any(landed.meets(reach) for _, landed in since)

    @property
    def running(self) -> int:
        """How many probes run now."""
        return sum(flight.running for flight in self.flights)

    @property
    def asked(self) -> int:
        """How many probes want a place; not those that another batch may answer."""
        return sum(len(flight.asks) - flight.started for flight in self.flights if not flight.is_sharing)

    @property
    def fresh(self) -> int:
        """How many batches are in their first run."""
        return sum(flight.is_fresh for flight in self.flights)

    @property
    def is_closed(self) -> bool:
        """Whether nothing lands now."""
        return any(flight.closes for flight in self.flights)

    @property
    def chain(self) -> tuple[Flight, ...]:
        """The batches in their first run, each on the one before; none if they do not all stand on one another."""
        found = tuple(flight for flight in self.flights if flight.is_fresh)
        below = (None, *found)
        if found and found[0].base not in ("", self.tip):
            return ()
        return found if all(one.on is under for one, under in zip(found, below, strict=False)) else ()

    def add(self, flight: Flight) -> None:
        """A batch takes off."""
        self.flights.append(flight)
        self._advance(flight, None)
        self._settle()

    def take(self, places: int) -> list[tuple[Flight, int, Ask]]:
        """The probes to start now, at most ``places`` running in all: what lands next first, explanations last.

        The probes of a batch that has waited behind as many others as there are places come first.
        """
        late = [one for one in self.flights if one.is_late]
        others = sorted((one for one in self.flights if not one.is_late), key=lambda one: one is not self.lander)
        order = [*late, *others] if len(late) > places else [*others, *late]
        order.sort(key=lambda one: (not one.is_urgent, one.is_sharing))
        out: list[tuple[Flight, int, Ask]] = []
        for flight in order:
            for number, ask in list(flight.next_asks()):
                if self.running >= places or (flight.is_sharing and self._may_be_answered(flight)):
                    break
                flight.started += 1
                self._starts += 1
                flight.started_at = self._starts
                out.append((flight, number, ask))
        return out

    def _may_be_answered(self, flight: Flight) -> bool:
        """Whether a run of another batch, which began after this one had asked, may answer what it asks."""
        return any(
            other.running and other.started_at > flight.asked_at and other.gates in ("", flight.gates)
            for other in self.flights
            if other is not flight
        )

    def _share(self, flight: Flight, verdict: Verdict) -> None:
        """Let a run answer what others ask."""
        for other in self.flights:
            if other is flight or not other.is_sharing or other.started or flight.started_at <= other.asked_at:
                continue
            if verdict.result != PASS:
                other.is_sharing = False
            elif verdict.began and flight.gates in ("", other.gates):
                other.started, other.verdicts = 1, {0: Verdict(PASS)}

    def answer(self, flight: Flight, number: int, verdict: Verdict) -> None:
        """A probe of a batch has ended; the batch goes on when its whole round has."""
        flight.verdicts[number] = verdict
        self._share(flight, verdict)
        self._settle()

    def fail(self, flight: Flight, error: Exception) -> None:
        """A batch cannot go on for this reason, and ends; verdicts that are still to come are ignored."""
        with suppress(StopIteration):
            flight.course.throw(error)
        self._leaves(flight)
        self._settle()

    def _advance(self, flight: Flight, reply: list[Verdict] | Turn | None) -> None:
        flight.asks, flight.started, flight.verdicts, flight.ready = [], 0, {}, None
        while True:
            try:
                step = flight.course.send(reply)
            except StopIteration:
                self._leaves(flight)
                return
            if isinstance(step, Pushed):
                self.moved(step.head, step.reach)
                reply = None
                self._landed(flight, step)
            elif isinstance(step, Closed):
                flight.closes, reply = True, None
            elif isinstance(step, Ready) and step.is_early:
                self.moved(self.tip or step.base)
                may_land = self.lander in (None, flight) and not self.is_closed
                reply = Turn(land=may_land and step.base == self.tip)
            elif isinstance(step, Ready):
                flight.ready, flight.reach = step, step.reach
                if not self.tip or (flight is self.lander and all(step.base != tip for tip, _ in self._moves)):
                    self.moved(step.base)
                return
            else:
                flight.asks = step
                flight.asked_at, flight.is_sharing = self._starts, any(ask.shared for ask in step)
                flight.rounds += 1
                if flight.rounds > 1:
                    self._topple(flight)
                return

    def _landed(self, flight: Flight, step: Pushed) -> None:
        for other in self.flights:
            if other.on is flight and other.base == step.head and not step.is_early:
                other.on = None
        if not step.is_early:
            flight.is_late = True
            self._no_longer_lands(flight)
            self._topple(flight)

    def _topple(self, flight: Flight) -> None:
        """Cut off what stands on a batch that does not land as it was tested."""
        for other in [one for one in self.flights if one.on is flight]:
            if not other.is_over:
                with suppress(StopIteration):
                    other.course.throw(ToppledError())
                self._leaves(other)

    def _leaves(self, flight: Flight) -> None:
        flight.is_over = True
        self.flights.remove(flight)
        self._no_longer_lands(flight)
        self._topple(flight)

    def _no_longer_lands(self, flight: Flight) -> None:
        if self.lander is flight:
            self.lander = None

    def _settle(self) -> None:
        """Let batches go on whose probes have ended, and what is green land, one batch after the other."""
        while True:
            answered = next((one for one in self.flights if one.is_answered), None)
            if answered is not None:
                self._advance(answered, [answered.verdicts[place] for place in range(len(answered.asks))])
                continue
            ready = [one for one in self.flights if one.ready is not None]
            if self.is_closed:
                return
            first = self._lands_next(ready)
            if first is not None:
                self.lander = self.lander or first
                self._advance(first, Turn(land=True, over=self._is_apart(first)))
                continue
            if self.lander is not None or not ready:
                return
            self._unite(ready)

    def _lands_next(self, ready: Sequence[Flight]) -> Flight | None:
        """The batch that may land now: the one that is tested on the newest commit, or one that is apart from all of it."""
        lander = self.lander
        if lander is not None and lander.ready is not None:
            return lander
        newest = next((one for one in ready if _base(one) == self.tip), None) if lander is None else None
        apart = (one for one in ready if self._is_apart(one) and (lander is None or not one.reach.meets(lander.reach)))
        return newest or next(apart, None)

    def _is_apart(self, flight: Flight) -> bool:
        return flight.ready is not None and self.is_apart(flight.ready.base, flight.ready.reach)

    def _unite(self, ready: Sequence[Flight]) -> None:
        """Test everything that is green on older commits together, on the newest one."""
        self.lander, *others = ready
        taken = tuple(name for one in others if one.ready is not None for name in one.ready.good)
        self.lander.reach = together(one.reach for one in ready)
        for one in others:
            one.is_late = True
            self._advance(one, Turn(given=True))
        self._advance(self.lander, Turn(others=taken))


def _base(flight: Flight) -> str:
    return flight.ready.base if flight.ready is not None else ""
