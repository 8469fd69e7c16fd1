"""THE one-shot client of a town's tmux server: one process per call, typed errors, exact targets.

Targets are pane ids (``%3``) or ``exact(session)``; a bare session name is never passed, because tmux matches it
by prefix.  Arguments are passed literally: a trailing ``;`` does not end the command.
"""

from __future__ import annotations

import os

from gastown_core.errors import NoTmuxError, TmuxError
from gastown_core.files.locks import FileLock
from gastown_core.tmux.socket import answers, call_back, has_tmux, socket_mark, socket_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NO_TMUX_HINT = "install tmux 3.2 or newer (apt install tmux, brew install tmux)"
OLDEST = (3, 2)
"""The oldest tmux that has what is used here (``new-session -e``, popups, subscriptions)."""
_OF_NAMES = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


CONFIGURATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "server.conf")
"""What a town's server starts with; it says itself what it keeps of the person's own configuration."""


_LINKED: dict[str, TmuxServer] = {}
"""Socket name → the server over the link that this process holds open."""


def share(server: TmuxServer) -> None:
    """Let ``nearest_server`` find this server; it is to answer by itself once its link is closed."""
    _LINKED[server.socket] = server


def unshare(socket: str) -> None:
    """Forget the server that was shared for that socket name."""
    _LINKED.pop(socket, None)


def nearest_server(socket: str) -> TmuxServer:
    """The server over a link that this process holds open; without one, a process is started for each call."""
    return _LINKED.get(socket) or TmuxServer(socket)


class NoServerError(TmuxError):
    """The town's tmux server is not running, so it has no sessions."""


class TargetMissingError(TmuxError):
    """The session or pane that was named does not exist (any more)."""


def exact(session: str) -> str:
    """The target that means this session and no other. Raises TmuxError for what is no session name."""
    if not session or not _OF_NAMES.issuperset(session):
        raise TmuxError(f"{session!r} is no session name", "", "letters, digits, - and _ are allowed")
    return f"={session}:"


class TmuxServer:
    """The server behind one socket name; keeps no connection open."""

    def __init__(self, socket: str, *, timeout_s: float = 10.0) -> None:
        self.socket = socket
        self.timeout_s = timeout_s
        self._version: tuple[int, int] | None = None

    @property
    def argv(self) -> list[str]:
        """The words that begin every call; the configuration matters only for the call that starts the server."""
        return ["tmux", "-u", "-f", CONFIGURATION, "-L", self.socket]

    def run(self, *args: str, stdin: bytes | None = None) -> str:
        """One tmux command; returns what it printed. A living server whose socket vanished is called back first.

        Raises NoTmuxError, NoServerError, TargetMissingError, or TmuxError with tmux's own words.
        """
        return self.run_many([args], stdin=stdin)

    def run_many(self, commands: Sequence[Sequence[str]], *, stdin: bytes | None = None) -> str:
        """Several commands in one process, in order; the first failure ends the sequence. Raises as ``run``."""
        words = list(self.argv)
        for number, command in enumerate(commands):
            if number:
                words.append(";")
            words += [_literal(word) for word in command]
        try:
            return self._call(commands, words, stdin)
        except NoServerError:
            if not call_back(self.socket):
                raise
        return self._call(commands, words, stdin)

    def _call(self, commands: Sequence[Sequence[str]], words: list[str], stdin: bytes | None) -> str:
        from gastown_core import process

        try:
            done = process.run(words, stdin=stdin, timeout_s=self.timeout_s, starts_servers=True)
        except process.ProgramMissingError as error:
            raise NoTmuxError("tmux is not installed", "sessions need it", NO_TMUX_HINT) from error
        except process.ProcessTimeoutError as error:
            raise TmuxError(
                "tmux gave no answer", f"{self.timeout_s:g} s passed", "is the machine overloaded?"
            ) from error
        if done.code:
            raise tmux_failure(commands[0][0] if commands else "tmux", done.err.strip() or done.out.strip())
        return done.out

    def is_running(self) -> bool:
        """Whether the server answers on its socket (if the socket vanished, it is asked to create it again); starts no server.

        Raises TmuxError if it is alive and cannot be reached.
        """
        return answers(self.socket, self.timeout_s) or call_back(self.socket)

    def is_absent(self) -> bool:
        """Whether certainly no server runs: there is no socket, and no live server that lost its socket. Starts no process.

        Raises TmuxError if one is alive without a socket and cannot be reached.
        """
        if socket_mark(self.socket) is not None or call_back(self.socket):
            return False
        # a live server may have created it again meanwhile
        return socket_mark(self.socket) is None

    def version(self) -> tuple[int, int]:
        """(3, 3) of ``tmux 3.3a``; asked once. Raises NoTmuxError, TmuxError if it is older than OLDEST."""
        if self._version is None:
            import re

            found = re.search(r"(\d+)\.(\d+)", self.run("-V"))
            version = (int(found[1]), int(found[2])) if found else (99, 0)
            if version < OLDEST:
                why = f"{OLDEST[0]}.{OLDEST[1]} or newer is needed"
                raise TmuxError(f"tmux {version[0]}.{version[1]} is too old", why, NO_TMUX_HINT)
            self._version = version
        return self._version

    def has_session(self, session: str) -> bool:
        """Whether exactly this session exists; False when no server runs. Raises NoTmuxError."""
        try:
            self.run("has-session", "-t", exact(session))
        except (NoServerError, TargetMissingError):
            return False
        return True

    def pid(self) -> int:
        """Process id of the server. Raises NoServerError."""
        return int(self.run("display-message", "-p", "#{pid}"))

    def coming_and_going(self) -> FileLock:
        """The lock to hold while a session is created or ended, or a control link opens.

        tmux 3.3 notifies every control client of each session, even one that has not finished its handshake, and
        crashes; therefore the two never happen at the same time here.
        """
        path = socket_path(self.socket)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        return FileLock(path + ".gt-lock", timeout_s=self.timeout_s)

    def kill_server(self) -> None:
        """End the server with all its sessions; none running is fine."""
        try:
            self.run("kill-server")
        except NoServerError:
            pass


def require_tmux() -> None:
    """Raise NoTmuxError if tmux is missing, TmuxError if it is too old; both say what to do."""
    if not has_tmux():
        raise NoTmuxError("tmux is not installed", "agents' sessions run in it", NO_TMUX_HINT)
    TmuxServer("gt-version").version()


def _literal(word: str) -> str:
    """``word`` so that tmux does not read a trailing ``;`` as the end of the command."""
    return word[:-1] + "\\;" if word.endswith(";") else word


def tmux_failure(command: str, words: str) -> TmuxError:
    """The typed error for tmux's message."""
    lowered = words.lower()
    if "error connecting" in lowered and not ("no such file" in lowered or "connection refused" in lowered):
        return TmuxError("the town's tmux server cannot be reached", words)
    if any(sign in lowered for sign in ("no server running", "error connecting", "server exited", "lost server")):
        return NoServerError("no tmux server is running for this town", words, "gt up starts the town's sessions")
    # a server whose first session is being created has no current target either
    if any(sign in lowered for sign in ("can't find", "no such", "no current target", "no current session")):
        return TargetMissingError("there is no such session", words)
    return TmuxError(f"tmux refused {command}", words or "it gave no reason")


def own_session_env() -> str:
    """The tmux session this process runs in (GT_SESSION), empty outside one."""
    return os.environ.get("GT_SESSION", "") if os.environ.get("TMUX") else ""
