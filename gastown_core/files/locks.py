"""Advisory file locks that can name their holder.

The kernel releases a flock when its holder dies, so a crash never leaves a lock behind; the pid in the lock file only
serves the error message.
"""

from __future__ import annotations

import errno
import os
import time

from gastown_core.errors import ConflictError, StoreError
from gastown_core.files import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

MOMENT_S = 0.2

GLANCE_S = 0.05
"""The least time that an exclusive lock waits, since ``holder_of`` holds a shared lock for a moment."""

POLL_S = (0.0005, 0.01)
"""The first and the longest pause between two tries, in seconds."""

PATIENCE_S = 1.0
"""After waiting this long, a process asks to go first."""
TURN = ".turn"


class FileLock:
    """An exclusive (or shared) flock on ``path`` as a context manager; waits at most ``timeout_s``.

    An exclusive lock waits at least GLANCE_S.  Raises ConflictError that names the holder on a time-out, StoreError if
    the lock file cannot be opened.
    """

    def __init__(self, path: str, *, timeout_s: float = 30.0, shared: bool = False, name_holder: bool = False) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self._shared = shared
        self._name_holder = name_holder and not shared
        self._fd = -1

    def __enter__(self) -> FileLock:
        self._take()
        while not self.is_in_place():
            # deleted between opening and locking: this lock no longer excludes anybody
            self.__exit__(None, None, None)
            self._take()
        if self._name_holder:
            # the pid only informs readers, so on a full disk the lock is held without it
            try:
                os.ftruncate(self._fd, 0)
                system.write_at(self._fd, str(os.getpid()).encode(), 0)
            except OSError:
                pass
        return self

    def _take(self) -> None:
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | system.EXACT, 0o600)
        except OSError as error:
            raise StoreError(f"cannot lock {self.path}", error.strerror or str(error), _lock_hint(error)) from error
        try:
            self._acquire()
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def fileno(self) -> int:
        """Return its descriptor: a child that inherits it holds the lock until it ends, also if we are killed."""
        return self._fd

    def is_in_place(self) -> bool:
        """Whether the locked file is still the one at ``path``; if another is there, others can lock that one."""
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self.path))
        except OSError:
            return False

    def _acquire(self) -> None:
        self._let_pass()
        try:
            system.lock(self._fd, shared=self._shared)
            return
        except BlockingIOError:
            pass
        patience_s = self.timeout_s if self._shared else max(self.timeout_s, GLANCE_S)
        deadline = time.monotonic() + patience_s
        if self._poll(min(deadline, time.monotonic() + PATIENCE_S), gives_way=True):
            return
        with _Turn(self.path, deadline):
            if self._poll(deadline, gives_way=False):
                return
        raise ConflictError(f"{self.path} stayed locked for {self.timeout_s:g} s", *_who_holds(self.path, self._fd))

    def _poll(self, deadline: float, *, gives_way: bool) -> bool:
        pause, longest = POLL_S
        while time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 2, longest)
            if gives_way and _is_asked_for(self.path):
                continue
            try:
                system.lock(self._fd, shared=self._shared)
                return True
            except BlockingIOError:
                continue
        return False

    def _let_pass(self) -> None:
        """Wait at most MOMENT_S while a process that has waited long asks to go first."""
        deadline = time.monotonic() + MOMENT_S
        while _is_asked_for(self.path) and time.monotonic() < deadline:
            time.sleep(POLL_S[1])

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class _Turn:
    """Asks the processes that take the lock at ``path`` repeatedly to let this one go first; one process asks at a time.

    The request is a locked file, so a process that dies stops asking.  If it cannot be created (read-only folder, full
    disk), the wait continues without it.
    """

    def __init__(self, path: str, deadline: float) -> None:
        self._path = path + TURN
        self._deadline = deadline
        self._fd: int | None = -1

    def __enter__(self) -> None:
        while self._fd == -1 and time.monotonic() < self._deadline:
            self._fd = _locked_in_place(self._path)
            if self._fd == -1:
                time.sleep(POLL_S[1])

    def __exit__(self, *_: object) -> None:
        if self._fd is not None and self._fd >= 0:
            try:
                os.unlink(self._path)
            except OSError:
                pass
            os.close(self._fd)


def _locked_in_place(path: str) -> int | None:
    """A descriptor with the exclusive lock on the file at ``path``; -1 if it is locked, None if it cannot be opened."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | system.EXACT, 0o600)
    except OSError:
        return None
    try:
        system.lock(fd)
        if os.path.samestat(os.fstat(fd), os.stat(path)):
            return fd
    except OSError:
        pass
    os.close(fd)
    return -1


def _is_asked_for(path: str) -> bool:
    """Return whether a process asks to go first at the lock; deletes the request of a dead process."""
    try:
        fd = os.open(path + TURN, os.O_RDWR | system.EXACT)
    except OSError:
        return False
    try:
        system.lock(fd)
        os.unlink(path + TURN)
        return False
    except OSError:
        return True
    finally:
        os.close(fd)


class BriefLock:
    """A flock on an open file itself, for the duration of one write or one look at its length.

    It needs no lock file, so readers without write access to the folder can take part.  After MOMENT_S (the holder may
    be stopped) it proceeds without the lock.
    """

    def __init__(self, fd: int, *, shared: bool) -> None:
        self._fd = fd
        self._shared = shared
        self._is_held = False

    def __enter__(self) -> None:
        deadline = time.monotonic() + MOMENT_S
        while not self._is_held:
            try:
                system.lock(self._fd, shared=self._shared)
                self._is_held = True
            except BlockingIOError:
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_S[0])
            except OSError:  # the file system has no locks
                break

    def __exit__(self, *_: object) -> None:
        if self._is_held:
            system.unlock(self._fd)


def holder_of(path: str) -> int | None:
    """Return the process that holds the exclusive lock on ``path``: None if nobody does, 0 if it is unknown.

    Whether it is held comes from the kernel; a pid written in the file only names the holder.
    """
    try:
        fd = os.open(path, os.O_RDONLY | system.EXACT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot open the lock {path}", error.strerror or str(error), _lock_hint(error)) from error
    try:
        system.lock(fd, shared=True)
        return None
    except BlockingIOError:
        return _told_holder(fd)
    finally:
        os.close(fd)


def _who_holds(path: str, fd: int) -> tuple[str, str]:
    """Return the cause and the hint of the error: who holds the lock, and what to do."""
    from gastown_core.process_table import read_process

    pid = _told_holder(fd)
    if not pid:
        return "another process holds it", f"try again when it has finished; fuser {path} may name it"
    found = read_process(pid)
    name = f" ({found.name})" if found is not None else ""
    return f"process {pid}{name} holds it", f"try again when it has finished; kill {pid} ends one that hangs"


def _told_holder(fd: int) -> int:
    """Return the holder's pid from the kernel, otherwise from the file; 0 if unknown."""
    written = system.read_at(fd, 64, 0).decode("ascii", "replace").strip()
    if written == str(os.getpid()):
        # this process: the kernel's list may be long
        return os.getpid()
    return _holder_by_kernel(os.fstat(fd)) or (int(written) if written.isdigit() else 0)


def _holder_by_kernel(status: os.stat_result) -> int:
    """Return the pid in the kernel's list of locks; 0 if there is no list or it does not name the holder."""
    inode = str(status.st_ino)
    others = 0
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as handle:
            device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
            named = f":{inode} "
            for line in handle:
                if named not in line:
                    continue
                words = line.split()
                if len(words) < 6 or words[1:2] != ["FLOCK"] or words[3] != "WRITE" or not words[4].isdigit():
                    continue
                where, _, number = words[5].rpartition(":")
                if number == inode and where == device:
                    return int(words[4])
                if number == inode:
                    # some file systems show another device here than in stat
                    others = int(words[4])
    except OSError:
        return 0
    return others


def _lock_hint(error: OSError) -> str:
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "the folder is read-only for you; check its owner and mode"
    if error.errno == errno.ENOENT:
        return "the folder is missing"
    return ""
