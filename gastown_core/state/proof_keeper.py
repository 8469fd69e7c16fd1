"""Keeps landings true beside the live model: git is asked in a worker thread, once at a time, only when called for."""

from __future__ import annotations

import asyncio

from gastown_core.state.landing_source import LandingSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock

GAP_S = 0.15
"""Refs of one act move in several steps; they are looked at together."""


class ProofKeeper:
    """Looks when ``stir`` was called since the last look; ``on_change`` is called on the loop after new findings."""

    def __init__(
        self,
        source: LandingSource,
        clock: Clock,
        watch: Callable[[list[str]], None],
        on_change: Callable[[], None],
    ) -> None:
        self.source = source
        self._clock = clock
        self._watch = watch
        self._on_change = on_change
        self._stirred = asyncio.Event()

    def stir(self) -> None:
        """Something moved that a proof may rest on."""
        self._stirred.set()

    async def run(self) -> None:
        """For as long as the town is open."""
        while True:
            await self._stirred.wait()
            await asyncio.sleep(GAP_S)
            self._stirred.clear()
            # watched first and looked at then: a branch in a new folder does not fall between
            self._watch(self.source.folders())
            wanted = self.source.wanted()
            findings = await asyncio.to_thread(self.source.examine, wanted)
            if self.source.take(findings, self._clock.now()):
                self._on_change()
