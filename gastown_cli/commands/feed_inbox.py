"""The inbox in ``gt feed --plain --follow``: a line for each of its changes, from a live model of the town."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue

from gastown_core.attention.look import attention
from gastown_core.attention.marks import Marks, Sorted, apply
from gastown_core.attention.spoken import changes, opening
from gastown_core.errors import words_of
from gastown_core.state.live import LiveTown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

LOOK_S = 1.0
"""How often time alone, or a row hidden by a person, is looked at; everything else is pushed."""
CLOSE_S = 5.0


class InboxVoice:
    """Tells the changes of a town's inbox: ``spoken()`` returns the sentences since it was last asked.

    The live model runs in a thread of its own, so that the events go on while it starts.
    """

    def __init__(self, root: str, rig: str = "") -> None:
        self.root = root
        self.rig = rig
        self._told: SimpleQueue[str] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        if self._loop is not None and self._over is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._over.set)
            except RuntimeError:
                # it has just ended by itself
                pass
        self._thread.join(CLOSE_S)

    def spoken(self) -> list[str]:
        """Return what is to be said now."""
        return [self._told.get() for _ in range(self._told.qsize())]

    def _run(self) -> None:
        try:
            asyncio.run(self._tell())
        except Exception as error:  # noqa: BLE001  the events go on without it, and it says so
            self._told.put(f"the inbox is no longer told: {words_of(error)}; gt inbox lists it")

    async def _tell(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        live, marks = LiveTown(self.root), Marks(self.root)
        await live.start()
        moved = asyncio.Event()
        tasks = [asyncio.create_task(work) for work in (_follow(live, moved), self._look(live, marks, moved))]
        ending = asyncio.create_task(self._over.wait())
        try:
            if not self._is_over.is_set():
                done, _ = await asyncio.wait((*tasks, ending), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in (*tasks, ending):
                task.cancel()
            await live.close()

    async def _look(self, live: LiveTown, marks: Marks, moved: asyncio.Event) -> None:
        # questions stand on screens: without them the first words could be a false all-clear
        await asyncio.to_thread(
            live.sources.ask, "tmux", lambda: live.sources.panes.read_screens(live.clock.now()), None
        )
        live.recheck(force=True)
        before = self._found(live, marks)
        self._say(opening(before, live.snapshot))
        while True:
            try:
                await asyncio.wait_for(moved.wait(), LOOK_S)
            except TimeoutError:
                live.recheck()
            moved.clear()
            after = self._found(live, marks)
            self._say(changes(before, after, live.snapshot))
            before = after

    def _found(self, live: LiveTown, marks: Marks) -> Sorted:
        """Return the list as ``gt inbox`` shows it; of one rig, if only that is wanted."""
        rows = [one for one in attention(live.snapshot) if not self.rig or one.rig == self.rig]
        return apply(rows, marks.now(), live.clock.now())

    def _say(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._told.put(sentence)


async def _follow(live: LiveTown, moved: asyncio.Event) -> None:
    """Set ``moved`` with each update of the town."""
    async for _ in live.updates():
        moved.set()
