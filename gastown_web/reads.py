"""What pages show beyond the snapshot, read from disk in threads: each once for everybody who looks, and only while somebody does.

A reading that fails keeps its last good value with its error and time.  It is read again when the town has changed, at
most once in its gap of time, and a slow one more seldom.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import unquote

from gastown_core.errors import NotFoundError, words_of
from gastown_core.model.record import Record
from gastown_core.model.wanted import WantedFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gastown_core.model.snapshot import TownSnapshot

KINDS = frozenset(
    "board bead members scheduler escalations mailbox thread costs transcript work diff changes gatelog found duties wanted handedin reputation audit".split()
)
"""The panels that ``readers`` has a row for; that table is imported with the first of them."""
NEVER = float("inf")
THREADS = 3
MOST_KEPT = 128
"""So many readings are kept, those asked for last."""
LOOKED_AT_S = 60.0
"""A failure counts so long after somebody last asked for it."""
RETRY_S = 3.0
"""A reading that failed is tried again after so long, while somebody looks."""
SHARE = 5.0
"""A reading rests at least so many times as long as it took."""


class Place(Record):
    """What a reader may look at: the town's folder and snapshot, the thing its page is about, and the time."""

    root: str
    town: TownSnapshot
    about: str
    now: float


class Reader(Record):
    """How one kind of panel reads: ``gap_s`` is the least time between two readings.

    With ``again_s`` it is read again after so long although the town reports no change: nobody tells that its file grew.
    """

    read: Callable[[Place], object]
    gap_s: float = 1.0
    again_s: float = 0.0


class Reading:
    """The newest good value of one panel (None: none yet), when it was read, and why the last attempt failed."""

    def __init__(self) -> None:
        self.value: object = None
        self.good_at = 0.0
        self.error = ""
        self.is_missing = False
        """Whether it failed because there is no such thing, which is no fault of a source."""
        self.revision = -1
        self.asked_at = 0.0
        self.began = -NEVER
        self.took = 0.0
        self.task: asyncio.Future[None] | None = None


class Reads:
    """The readings of one dashboard; ``changed`` is called when one has another value than before."""

    def __init__(self, root: str, load: Callable[[], Mapping[str, Reader]], changed: Callable[[], int]) -> None:
        self._root = root
        self._load = load
        self._changed = changed
        self._known: OrderedDict[str, Reading] = OrderedDict()
        self._threads = ThreadPoolExecutor(THREADS, "read")

    def of(self, name: str) -> Reading | None:
        """Return the reading behind a panel, None for a panel that shows the snapshot only."""
        return self._known.get(name)

    def failing(self) -> list[tuple[str, str]]:
        """Return (panel, error) of what somebody looks at and cannot be read."""
        now = time.monotonic()
        return [
            (name, one.error)
            for name, one in self._known.items()
            if one.error and not one.is_missing and now - one.asked_at < LOOKED_AT_S
        ]

    def ask(self, names: Iterable[str], revision: int, town: TownSnapshot, now: float) -> float:
        """Begin to read what is out of date; return after how many seconds to ask again."""
        due = NEVER
        for name in names:
            kind, _, about = name.partition(":")
            if kind not in KINDS:
                continue
            reader = self._load()[kind]
            reading = self._reading(name)
            reading.asked_at = time.monotonic()
            if reading.task is not None:
                continue
            wait = self._wait(reader, reading, revision)
            if wait <= 0:
                self._begin(reader, reading, revision, Place(self._root, town, about, now))
                # its end wakes everybody if it is news; what is read again by the clock is asked for by the clock
                wait = reader.again_s or NEVER
            due = min(due, wait)
        return due

    def _reading(self, name: str) -> Reading:
        reading = self._known.setdefault(name, Reading())
        self._known.move_to_end(name)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return reading

    def _wait(self, reader: Reader, reading: Reading, revision: int) -> float:
        """Return how long to wait before reading again, NEVER if the value is up to date."""
        since = time.monotonic() - reading.began
        gap = max(reader.gap_s, SHARE * reading.took)
        if reading.revision != revision:
            return gap - since
        # what was mended may change nothing that the town reports
        again = reader.again_s or (RETRY_S if reading.error and not reading.is_missing else 0.0)
        return max(again, gap) - since if again else NEVER

    def _begin(self, reader: Reader, reading: Reading, revision: int, place: Place) -> None:
        reading.began, reading.revision = time.monotonic(), revision
        work = asyncio.get_running_loop().run_in_executor(self._threads, reader.read, place)
        reading.task = asyncio.ensure_future(self._end(reading, work, place.now))

    async def _end(self, reading: Reading, work: asyncio.Future[object], now: float) -> None:
        before = (reading.value, reading.error)
        try:
            reading.value = await work
            reading.good_at, reading.error, reading.is_missing = now, "", False
        except Exception as error:  # noqa: BLE001  the panel shows it, and the head of every page
            reading.error, reading.is_missing = words_of(error), isinstance(error, NotFoundError)
        finally:
            reading.took, reading.task = time.monotonic() - reading.began, None
        if (reading.value, reading.error) != before:
            revision = self._changed()
            if reading.revision == revision - 1:
                # nothing else has changed meanwhile
                reading.revision = revision

    async def first(self, names: Iterable[str], patience_s: float) -> None:
        """Wait until every panel has a value or an error; a slow one is waited for no longer than that."""
        tasks = [one.task for name in names if (one := self._known.get(name)) is not None and one.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)

    async def close(self) -> None:
        """Wait for what is being read."""
        tasks = [one.task for one in self._known.values() if one.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)
        await asyncio.to_thread(partial(self._threads.shutdown, cancel_futures=True))


def wanted_filter(about: str) -> WantedFilter:
    """Return the filter that ``STATUS/PROJECT/TYPE/PRIORITY`` names, each part quoted and each after the first optional."""
    status, project, kind, priority, *_ = [*(unquote(part) for part in about.split("/")), "", "", ""]
    return WantedFilter(status, project, kind, int(priority) if priority in ("0", "1", "2", "3", "4") else None)
