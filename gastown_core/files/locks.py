"""Advisory file locks that say who holds them.

flock is released by the kernel when its holder dies, so a crash never leaves a lock behind; the text in the
lock file only serves the error message.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time

from gastown_core.errors import ConflictError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MOMENT_S = 0.2

GLANCE_S = 0.05
"""So long even a lock that does not wait stays at the door: whoever only asks who holds it is gone by then."""

POLL_S = (0.0005, 0.01)
"""The first and the longest wait between two tries."""

PATIENCE_S = 1.0
"""So long somebody waits for luck among many; then it asks to go first."""
TURN = ".turn"


class FileLock:
    """An exclusive (or shared) flock on ``path``, taken with ``with``; waits at most ``timeout_s`` (an exclusive
    one always outwaits a glance of ``holder_of``).

    Raises ConflictError with the holder's pid when the wait is over, StoreError when the lock file cannot be made.
    """

    def __init__(self, path: str, *, timeout_s: float = 30.0, shared: bool = False, name_holder: bool = False) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self._mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._name_holder = name_holder and not shared
        self._fd = -1

    def __enter__(self) -> FileLock:
        self._take()
        while not self.is_in_place():
            # swept away between opening and locking: what is locked is nobody's any more
            self.__exit__(None, None, None)
            self._take()
        if self._name_holder:
            # the name only serves readers: on a full disk the lock is held without one
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, str(os.getpid()).encode(), 0)
        return self

    def _take(self) -> None:
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot lock {self.path}", error.strerror or str(error), _lock_hint(error)) from error
        try:
            self._acquire()
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def is_in_place(self) -> bool:
        """Whether the file that is locked is still the one at ``path``: another one there would let somebody else in."""
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self.path))
        except OSError:
            return False

    def _acquire(self) -> None:
        self._let_pass()
        try:
            fcntl.flock(self._fd, self._mode | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        patience_s = self.timeout_s if self._mode == fcntl.LOCK_SH else max(self.timeout_s, GLANCE_S)
        deadline = time.monotonic() + patience_s
        if self._poll(min(deadline, time.monotonic() + PATIENCE_S), gives_way=True):
            return
        with _turn(self.path, deadline):
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
                fcntl.flock(self._fd, self._mode | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                continue
        return False

    def _let_pass(self) -> None:
        """Wait for a moment while somebody who has waited long asks to go first."""
        deadline = time.monotonic() + MOMENT_S
        while _is_asked_for(self.path) and time.monotonic() < deadline:
            time.sleep(POLL_S[1])

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@contextlib.contextmanager
def _turn(path: str, deadline: float) -> Iterator[None]:
    """Ask all others, who take the lock at ``path`` again and again, to let this process go first; one asks at a time.

    The file that says so is locked while it counts, so whoever dies in mid-wait asks no more.  Where it cannot be made (a
    folder that is read-only, a full disk) nobody is asked, and the wait goes on.
    """
    fd: int | None = -1
    try:
        while fd == -1 and time.monotonic() < deadline:
            fd = _locked_in_place(path + TURN)
            if fd == -1:
                time.sleep(POLL_S[1])
        yield
    finally:
        if fd is not None and fd >= 0:
            with contextlib.suppress(OSError):
                os.unlink(path + TURN)
            os.close(fd)


def _locked_in_place(path: str) -> int | None:
    """A descriptor that holds the exclusive lock on the file at ``path``, -1 if somebody else has it, None without a file."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), os.stat(path)):
            return fd
    except OSError:
        pass
    os.close(fd)
    return -1


def _is_asked_for(path: str) -> bool:
    """Whether somebody asks to go first at the lock; a file that a dead process left is taken away."""
    try:
        fd = os.open(path + TURN, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path + TURN)
        return False
    except OSError:
        return True
    finally:
        os.close(fd)


@contextlib.contextmanager
def held_for_a_moment(fd: int, *, shared: bool) -> Iterator[None]:
    """A flock on an open file itself, for as long as one write or one look at its length takes.

    Without a lock file, so that readers of a folder they cannot write take part.  Whoever holds it longer than
    MOMENT_S (a stopped process) is not waited for.
    """
    mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    deadline = time.monotonic() + MOMENT_S
    held = False
    while not held:
        try:
            fcntl.flock(fd, mode)
            held = True
        except BlockingIOError:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S[0])
        except OSError:  # a file system without locks
            break
    try:
        yield
    finally:
        if held:
            fcntl.flock(fd, fcntl.LOCK_UN)


def holder_of(path: str) -> int | None:
    """The process that holds the exclusive lock on ``path``: None if nobody does, 0 if nothing tells who.

    Asked of the kernel, so a pid written somewhere, or missing there, decides nothing.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot look at the lock {path}", error.strerror or str(error), _lock_hint(error)) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _told_holder(fd)
    finally:
        os.close(fd)


def _who_holds(path: str, fd: int) -> tuple[str, str]:
    """Who has the lock, and what helps, in words."""
    from gastown_core.process_table import read_process

    pid = _told_holder(fd)
    if not pid:
        return "another process holds it", f"try again when it has finished; fuser {path} may name it"
    found = read_process(pid)
    name = f" ({found.name})" if found is not None else ""
    return f"process {pid}{name} holds it", f"try again when it has finished; kill {pid} ends one that hangs"


def _told_holder(fd: int) -> int:
    """The holder by the kernel, else by what is written in the file; 0 if nothing tells."""
    written = os.pread(fd, 64, 0).decode("ascii", "replace").strip()
    return _holder_by_kernel(os.fstat(fd)) or (int(written) if written.isdigit() else 0)


def _holder_by_kernel(status: os.stat_result) -> int:
    """The pid in the kernel's list of locks, 0 where there is no such list or it does not name the holder."""
    inode = str(status.st_ino)
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    others = 0
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as handle:
            for line in handle:
                words = line.split()
                if len(words) < 6 or words[1:2] != ["FLOCK"] or words[3] != "WRITE" or not words[4].isdigit():
                    continue
                where, _, number = words[5].rpartition(":")
                if number == inode and where == device:
                    return int(words[4])
                if number == inode:
                    # some file systems tell another device here than they tell by stat
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
