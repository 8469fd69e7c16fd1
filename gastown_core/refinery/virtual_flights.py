"""The batches that are in flight when a play of the queue begins: in which order they take off, and what is known of them."""

from __future__ import annotations

from gastown_core.model.refinery import FAIL, PASS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from gastown_core.refinery.bisect import Ask
    from gastown_core.refinery.fleet import Flight
    from gastown_core.refinery.virtual_world import Airborne


class Aloft:
    """What is known of the batches in flight, oldest first; ``running`` of their probes run when the play begins."""

    def __init__(self, airborne: Sequence[Airborne]) -> None:
        self.airborne = airborne
        self.running = sum(one.running for one in airborne)
        self.grounded = self.running
        """How many of those probes are of batches that have not been put in flight yet: each has a place."""
        self._known: dict[Flight, Airborne] = {}

    def take_off(self, queued: Sequence[int]) -> Iterator[tuple[int, Airborne, list[int]]]:
        """The batches one after the other, each with its age and requests, which are the first ones of the queue.

        What is green waits for what lands next, and nothing takes the place of what runs.
        """
        first, mine = 0, list[list[int]]()
        for known in self.airborne:
            mine.append(list(queued[first : first + known.size + known.suspects]))
            first += known.size + known.suspects
        for age in sorted(range(len(self.airborne)), key=lambda one: self.airborne[one].turn):
            self.grounded -= self.airborne[age].running
            yield age, self.airborne[age], mine[age]

    def put(self, flight: Flight, known: Airborne) -> None:
        """This is one of the batches."""
        self._known[flight] = known
        if known.is_next or (known.suspects and known.size and not known.is_red):
            # another run came before the one that runs now
            flight.rounds = 1

    def result(self, flight: Flight, ask: Ask, whole: tuple[str, ...]) -> str:
        """The verdict on a part of the batch ``whole`` that was known when the play began, empty if none was."""
        known, stack = self._known.get(flight), ask.requests
        if known is None or ask.fresh or ask.parent[0] != flight.base or not stack or stack != whole[: len(stack)]:
            return ""
        if known.is_green:
            return PASS
        if not known.is_red:
            return ""
        return FAIL if len(stack) >= known.red else PASS if len(stack) <= known.clean else ""

    def gate_s(self, flight: Flight, times: Sequence[float], chance: random.Random, *, is_begin: bool) -> float:
        """How long a run of the batch's gates takes yet, by the measured ``times``."""
        known = self._known.get(flight)
        if not is_begin or known is None or not known.ran_s:
            return chance.choice(times)
        # it has run for a while: of the measured times only those that are longer
        longer = [one - known.ran_s for one in times if one > known.ran_s]
        # longer than any: what has run for an hour may run for another
        return chance.choice(longer) if longer else chance.uniform(0.1, 1.0) * known.ran_s
