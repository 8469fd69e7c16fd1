"""Keeps landings true beside the live model: git is asked in a worker thread, once at a time, only when called for."""

from __future__ import annotations

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock
    from gastown_core.state.facts import TownFacts

GAP_S = 0.15
"""Refs of one act move in several steps; they are looked at together."""
FIRST_S = 0.5
"""The first look waits until the first picture stands."""


class ProofKeeper:
    """Looks when ``stir`` was called since the last look; ``on_change`` is called on the loop after new findings."""

    def __init__(
        self,
        facts: TownFacts,
        clock: Clock,
        watch: Callable[[list[str]], None],
        on_change: Callable[[], None],
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._watch = watch
        self._on_change = on_change
        self._stirred = asyncio.Event()

    def stir(self) -> None:
        """Something moved that a proof may rest on."""
        self._stirred.set()

    async def run(self) -> None:
        """For as long as the town is open."""
        await asyncio.sleep(FIRST_S)
        from gastown_core.state.landing_source import LandingSource

        source = LandingSource(self._facts)
        while True:
            await self._stirred.wait()
            await asyncio.sleep(GAP_S)
            self._stirred.clear()
            # watched first and looked at then: a branch in a new folder does not fall between
            self._watch(source.folders())
            wanted = source.wanted()
            findings = await asyncio.to_thread(source.examine, wanted)
            if source.take(findings, self._clock.now()):
                self._on_change()
