"""Watches folders for changes: kernel events where available, plus a callback every five seconds as a safety net.

A watch is on folders, never on files (it would miss a renamed or replaced file), and never recursive (worktrees have
thousands of folders).  A callback only means "look again".  On Linux inotify reports a change in under a millisecond;
elsewhere ``watchfiles`` is used with a short step.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

from gastown_core.background import Background

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asyncinotify import Watch

SAFETY_POLL_S = 5.0


class FolderWatch:
    """Calls ``on_stir(folder, name)`` on the event loop for changes in the watched folders (``name`` may be empty).

    Folders may be added at any time and need not exist yet; missing ones are looked for every five seconds, when
    ``on_stir("", "")`` is called too.  ``tell`` hears of a failed and restarted watch, as in ``Background``.
    """

    def __init__(
        self, on_stir: Callable[[str, str], None], tell: Callable[[str, str], None] = lambda _, __: None
    ) -> None:
        self._on_stir = on_stir
        self._folders: dict[str, tuple[int, int]] = {}
        self._missing: set[str] = set()
        self._backend: _Inotify | _Watchfiles | None = None
        self._background = Background(tell)

    def start(self, folders: Iterable[str]) -> None:
        """Start watching; call from the event loop."""
        self._backend = _make_backend(self._on_stir, self._lost)
        for folder in folders:
            self.add(folder)
        self._background.start("watch", self._backend.pump)
        self._background.start("watch: safety look", self._keep_looking)

    def add(self, folder: str) -> None:
        """Watch another folder."""
        if folder in self._folders or self._backend is None:
            return
        self._missing.add(folder)
        if os.path.isdir(folder):
            # a folder that just vanished, or one beyond the kernel's watch limit, is retried with the missing ones
            with contextlib.suppress(OSError):
                identity = _identity(folder)
                self._backend.add(folder)
                self._folders[folder] = identity
                self._missing.discard(folder)

    def _lost(self, folder: str) -> None:
        """Handle the removal or move of a watched folder; a new folder of that name may already exist."""
        if self._folders.pop(folder, None) is None:
            return
        self._missing.add(folder)
        if self._backend is not None:
            self._backend.drop(folder)
        self.add(folder)
        self._on_stir(folder, "")

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(SAFETY_POLL_S)
            self._look_again()

    def _look_again(self) -> None:
        for folder in list(self._missing):
            self.add(folder)
            if folder in self._folders:
                self._on_stir(folder, "")
        for folder in list(self._folders):
            if _identity_or_none(folder) != self._folders[folder]:
                self._lost(folder)
        self._on_stir("", "")

    async def close(self) -> None:
        """Stop watching."""
        await self._background.close()
        if self._backend is not None:
            await self._backend.close()


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _identity_or_none(folder: str) -> tuple[int, int] | None:
    try:
        return _identity(folder)
    except OSError:
        return None


def _make_backend(on_stir: Callable[[str, str], None], on_lost: Callable[[str], None]) -> _Inotify | _Watchfiles:
    if sys.platform == "linux" and not os.environ.get("GT_FORCE_WATCHFILES"):
        try:
            return _Inotify(on_stir, on_lost)
        except OSError:
            # no inotify instances left: use the portable backend
            return _Watchfiles(on_stir)
    return _Watchfiles(on_stir)


class _Inotify:
    def __init__(self, on_stir: Callable[[str, str], None], on_lost: Callable[[str], None]) -> None:
        from asyncinotify import Inotify, Mask

        self._on_stir = on_stir
        self._on_lost = on_lost
        self._ends = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT
        self._mask = Mask.MODIFY | Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE
        self._mask |= Mask.DELETE_SELF | Mask.MOVE_SELF
        self._inotify = Inotify()
        self._by_folder: dict[str, Watch] = {}

    def add(self, folder: str) -> None:
        self._by_folder[folder] = self._inotify.add_watch(folder, self._mask)

    def drop(self, folder: str) -> None:
        watch = self._by_folder.pop(folder, None)
        if watch is not None:
            # the kernel may already have removed it
            with contextlib.suppress(OSError):
                self._inotify.rm_watch(watch)

    async def pump(self) -> None:
        async for event in self._inotify:
            folder = str(event.watch.path) if event.watch is not None else ""
            if event.mask & self._ends:
                # ignore the end of a watch that was already replaced
                if folder and self._by_folder.get(folder) is event.watch:
                    self._on_lost(folder)
                continue
            self._on_stir(folder, str(event.name) if event.name is not None else "")

    async def close(self) -> None:
        self._inotify.close()


class _Watchfiles:
    def __init__(self, on_stir: Callable[[str, str], None]) -> None:
        self._on_stir = on_stir
        self._folders: set[str] = set()
        self._changed = asyncio.Event()
        self._stop: asyncio.Event = asyncio.Event()

    def add(self, folder: str) -> None:
        self._folders.add(folder)
        self._restart()

    def drop(self, folder: str) -> None:
        self._folders.discard(folder)
        self._restart()

    def _restart(self) -> None:
        """Restart awatch with the new list, since it cannot add folders while running."""
        self._changed.set()
        self._stop.set()

    async def pump(self) -> None:
        from watchfiles import awatch

        while True:
            await self._changed.wait()
            self._changed.clear()
            self._stop = asyncio.Event()
            folders = sorted(self._folders)
            if not folders:
                continue
            async for changes in awatch(
                *folders,
                step=15,
                debounce=30,
                rust_timeout=60000,
                recursive=False,
                watch_filter=None,
                stop_event=self._stop,
                yield_on_timeout=False,
            ):
                for _, path in changes:
                    self._on_stir(os.path.dirname(path), os.path.basename(path))

    async def close(self) -> None:
        self._stop.set()
