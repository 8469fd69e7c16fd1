"""Background tasks of the live model: collect proofs of landing from git, look at the commons, and watch processes for their end."""

from __future__ import annotations

import asyncio
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock
    from gastown_core.state.facts import TownFacts
    from gastown_core.state.sources.wasteland import WastelandSource

GAP_S = 0.15
"""How long to wait after a ref changed: one act updates several refs, which are then read together."""
FIRST_S = 0.5
"""How long the first check waits, so that the first frame is drawn before it."""


class ProofKeeper:
    """Checks again after every ``stir``; calls ``on_change`` on the loop when proofs have changed."""

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
        self._there: frozenset[str] | None = None

    def stir(self) -> None:
        """Something changed that a proof may depend on."""
        self._stirred.set()

    def check(self) -> None:
        """Stir if a repository went or came: a folder that is moved away tells its watch nothing."""
        from gastown_core.state.sources.landings import repository_of

        there = frozenset(repository_of(rig.path) for rig in self._facts.inventory.rigs)
        if self._there not in (None, there):
            self.stir()
        self._there = there

    async def run(self) -> None:
        """Run until cancelled."""
        await asyncio.sleep(FIRST_S)
        from gastown_core.state.sources.landings import LandingSource

        source = LandingSource(self._facts)
        self.check()
        while True:
            await self._stirred.wait()
            await asyncio.sleep(GAP_S)
            self._stirred.clear()
            # watch first, then read, so that no branch in a new folder is missed
            self._watch(source.folders())
            try:
                findings = await asyncio.to_thread(source.examine, source.wanted())
            except Exception:
                # restarted, it must look again: what it says of the work would be old
                self._stirred.set()
                raise
            if source.take(findings, self._clock.now()):
                self._on_change()


class CommonsKeeper:
    """Reads the commons after every ``stir``, in a thread: a clone that changed is read with ``dolt``; tells ``on_change`` on the loop."""

    def __init__(
        self,
        source: WastelandSource,
        clock: Clock,
        watch: Callable[[list[str]], None],
        on_change: Callable[[], None],
    ) -> None:
        self._source = source
        self._clock = clock
        self._watch = watch
        self._on_change = on_change
        self._stirred = asyncio.Event()
        self._stirred.set()

    def stir(self) -> None:
        """The clone, or what the town has joined, may have changed."""
        self._stirred.set()

    async def run(self) -> None:
        """Run until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            await self._stirred.wait()
            await asyncio.sleep(GAP_S)
            self._stirred.clear()
            # watch first, then read, so that no change is missed
            folder = self._source.folder
            self._watch([folder] if folder else [])
            if not self._source.is_worth_a_look:
                # a town that has joined none: no thread for nothing
                continue
            try:
                found = await asyncio.to_thread(self._source.examine)
            except Exception:
                self._stirred.set()
                raise
            if self._source.take(found, self._clock.now()):
                self._on_change()


class ProcessWatch:
    """Calls ``on_death`` once for each watched process that ends."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._open: dict[int, int] = {}

    def watch(self, pids: set[int]) -> None:
        """Watch these processes and no others."""
        for pid in self._open.keys() - pids:
            self._let_go(pid)
        for pid in pids - self._open.keys():
            self._take_up(pid)

    def is_watched(self, pid: int) -> bool:
        """Whether the kernel will tell of this process's end."""
        return pid in self._open

    def _take_up(self, pid: int) -> None:
        try:
            descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):
            # not supported on this system, or the process has already ended: the next poll shows it
            return
        self._open[pid] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._died, pid)

    def _died(self, pid: int) -> None:
        self._let_go(pid)
        self._on_death()

    def _let_go(self, pid: int) -> None:
        descriptor = self._open.pop(pid)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)

    def close(self) -> None:
        """Stop watching all processes."""
        self.watch(set())
