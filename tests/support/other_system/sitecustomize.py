"""Lets this program see another system, named by SIMULATED_SYSTEM: macos or windows.

Only modules of this project see it: what the standard library and other packages do stays as it is here.  Hidden are the
modules, names and files that the system lacks; file names that Windows refuses are refused, and so are calls that would do
something else there.
"""

import builtins
import importlib.machinery
import os
import sys
import types

SYSTEM = os.environ.get("SIMULATED_SYSTEM", "")
OURS = ("gastown_core", "gastown_cli", "gastown_tui", "gastown_web", "gastown_agent")
# Python's documentation of each name has its availability
NOT_ON_MACOS = {
    "os": {
        *"fdatasync pidfd_open O_TMPFILE O_PATH posix_fallocate posix_fadvise memfd_create eventfd".split(),
        *"copy_file_range splice getrandom sched_getaffinity sched_setaffinity".split(),
    },
    "time": {"CLOCK_BOOTTIME"},
    "signal": {"sigtimedwait", "sigwaitinfo", "SIGPWR"},
}
NOT_ON_WINDOWS = {
    "os": NOT_ON_MACOS["os"]
    | set(
        "fork forkpty killpg getpgid setpgid getpgrp setsid getsid getuid geteuid getgid getegid getgroups getloadavg sysconf "
        "statvfs fstatvfs fchmod chown lchown fchown pread pwrite preadv pwritev posix_spawn posix_spawnp O_CLOEXEC O_NOFOLLOW "
        "O_DIRECTORY O_NONBLOCK O_NOCTTY O_SYNC O_DSYNC mkfifo mknod openpty ttyname tcgetpgrp tcsetpgrp WNOHANG WIFEXITED "
        "WEXITSTATUS wait wait3 wait4 waitid nice getpriority setpriority uname set_blocking major minor makedev sync fchdir "
        "lockf sendfile getxattr setxattr register_at_fork".split()
    ),
    "time": NOT_ON_MACOS["time"] | {"clock_gettime", "CLOCK_MONOTONIC", "tzset"},
    "signal": NOT_ON_MACOS["signal"]
    | set(
        "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGQUIT SIGPIPE SIGALRM SIGWINCH SIGTTOU SIGTTIN alarm "
        "setitimer pthread_kill pthread_sigmask sigwait pause ITIMER_REAL SIG_BLOCK".split()
    ),
    "socket": {"AF_UNIX"},
}
LACKS = {"macos": NOT_ON_MACOS, "windows": NOT_ON_WINDOWS}.get(SYSTEM, {})
NO_MODULES = {"windows": {"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "asyncinotify"}}.get(
    SYSTEM, {"asyncinotify"}
)
REFUSED = '<>"|?*:'
PLATFORM = {"macos": "darwin", "windows": "win32"}


def _checked(path):
    """Refuse what the system does not have: /proc, and on Windows names that it refuses."""
    if not isinstance(path, str | bytes | os.PathLike):
        return path
    text = os.fsdecode(path)
    if text == "/proc" or text.startswith("/proc/"):
        raise FileNotFoundError(2, "No such file or directory", text)
    if SYSTEM == "windows" and any(letter in REFUSED for letter in text):
        raise OSError(22, "Invalid argument", text)
    return path


def _looking(function):
    def call(path, *args, **kwargs):
        return function(_checked(path), *args, **kwargs)

    return call


def _open(path, flags, mode=0o777, **more):
    if SYSTEM == "windows" and os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return os.open(_checked(path), flags, mode, **more)


def _rename(old, new):
    if os.path.exists(new):
        raise FileExistsError(17, "File exists", old, None, new)
    os.rename(old, new)


def _kill(pid, number):
    if SYSTEM == "windows" and number == 0:
        raise AssertionError("os.kill(pid, 0) is Ctrl-C there")
    os.kill(pid, number)


def _seen(module, hidden, own):
    """A module as the other system has it."""
    view = types.ModuleType(module.__name__)
    view.__dict__.update({name: value for name, value in vars(module).items() if name not in hidden})
    view.__dict__.update(own)
    return view


def _hidden_exists(function):
    def call(path):
        try:
            _checked(path)
        except OSError:
            return False
        return function(path)

    return call


def _views():
    import subprocess

    class Popen(subprocess.Popen):
        """As on Windows: no sessions, and flags for a new group."""

        def __init__(self, *args, creationflags=0, **more):
            if SYSTEM == "windows":
                assert not more.get("pass_fds"), "Windows passes no descriptors"
            super().__init__(*args, **more)

    import signal
    import socket
    import time

    path = _seen(os.path, (), {name: _hidden_exists(getattr(os.path, name)) for name in ("exists", "isfile", "isdir")})
    on_paths = {
        name: _looking(getattr(os, name))
        for name in "listdir scandir readlink stat lstat mkdir makedirs unlink".split()
    }
    own = {"open": _open, "kill": _kill, "path": path, **on_paths}
    if SYSTEM == "windows":
        own |= {"rename": _rename, "name": "nt", "O_BINARY": 0}
    return {
        "os": _seen(os, LACKS.get("os", ()), own),
        "os.path": path,
        "signal": _seen(signal, LACKS.get("signal", ()), {}),
        "socket": _seen(socket, LACKS.get("socket", ()), {}),
        "time": _seen(time, LACKS.get("time", ()), {}),
        "subprocess": _seen(subprocess, (), {"Popen": Popen}),
        "sys": _seen(sys, (), {"platform": PLATFORM[SYSTEM]}),
        "msvcrt": _msvcrt(),
    }


def _msvcrt():
    """Its locks on bytes of a file, by those of this system; exclusive, as there."""
    import fcntl

    module = types.ModuleType("msvcrt")
    module.LK_NBLCK, module.LK_UNLCK = 2, 0

    def locking(fd, mode, size):
        try:
            fcntl.flock(fd, fcntl.LOCK_UN if mode == module.LK_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None

    module.locking = locking
    return module


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module):
        module.__dict__["__builtins__"] = BUILTINS
        super().exec_module(module)


class _Finder:
    """Finds the modules of this project as always, and gives them the other system's built-in names."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in OURS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def _import(name, its_globals=None, its_locals=None, fromlist=(), level=0):
    if not level:
        if name.partition(".")[0] in NO_MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name in VIEWS and (SYSTEM == "windows" or name != "msvcrt"):
            return VIEWS["os"] if name == "os.path" and not fromlist else VIEWS[name]
    return builtins.__import__(name, its_globals, its_locals, fromlist, level)


if SYSTEM:
    VIEWS = _views()
    BUILTINS = {**vars(builtins), "__import__": _import, "open": _looking(open)}
    sys.meta_path.insert(0, _Finder)
