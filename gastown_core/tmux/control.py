"""The control link: one control-mode client that watches the whole server and carries commands.

It attaches to its own hidden session, so that it is not counted as a viewer.  That session's only program
reads a pipe which this process holds open: when this process ends, in whatever way, the session ends.  (The
option ``destroy-unattached`` would do the same, but crashes tmux 3.3 when its client is leaving.)  A reader thread matches replies to commands in order, and turns tmux's notifications and a subscription over
all panes into complete pane lists.  Nothing is polled; an idle link costs nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
import threading
import time
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from gastown_core import process
from gastown_core.errors import NoTmuxError, TmuxError
from gastown_core.files import system
from gastown_core.process_table import lives
from gastown_core.tmux.panes import (
    HIDDEN_PREFIX,
    PANE_FORMAT,
    PUSH,
    Pane,
    capture_words,
    is_unsettled,
    last_lines,
    parse_panes,
)
from gastown_core.tmux.server import NO_TMUX_HINT, NoServerError, TmuxServer, tmux_failure
from gastown_core.tmux.socket import socket_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

SUBSCRIPTIONS_SINCE = (3, 2)
_LIST = f"list-panes -a -F '{PANE_FORMAT}'"
# a digest that changes with any pane, evaluated by tmux once a second over all sessions; the full format costs six times as much
_DIGEST = "#{S:#{W:#{window_id}#{window_activity}#{session_attached}#{P:#{pane_dead}} }}"
_STIRRED = (
    b"%subscription-changed gt ",
    b"%sessions-changed",
    b"%session-renamed",
    b"%window-add",
    b"%window-close",
    b"%unlinked-window-add",
    b"%unlinked-window-close",
)


class ControlLink:
    """A link to a running server; opening it never starts one.

    ``on_change(panes)`` gets session → Pane whenever sessions come or go (at once), or a pane dies, has output, or a
    viewer comes or goes (within a second; if ``subscribed`` is False, tmux is too old for the latter: call ``panes`` every
    two seconds).  ``on_close()`` comes once, when the server or the link ended.  Both come from the reader thread and
    must not call ``run``.  Raises NoTmuxError, NoServerError, TmuxError.
    """

    def __init__(
        self,
        server: TmuxServer,
        *,
        on_change: Callable[[dict[str, Pane]], None] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        if not server.is_running():
            raise _no_server()
        self.subscribed = server.version() >= SUBSCRIPTIONS_SINCE
        self.closed = False
        self.session = f"{HIDDEN_PREFIX}{os.getpid()}-{time.monotonic_ns() % 10**9}"
        self._server = server
        self._on_change: Callable[[dict[str, Pane]], None] | None = None
        self._on_close = on_close
        self._waiting: deque[Future[list[str]]] = deque()
        self._lock = threading.Lock()
        self._listing = False
        self._stale = False
        self._pushed: set[str] = set()
        with server.coming_and_going():
            try:
                self._process, self._output, self._lifeline = _start_client(server, self.session)
            except TmuxError as error:
                if server.is_running():
                    raise
                # it ended since it was asked
                raise _no_server() from error
            self._reader = threading.Thread(target=self._read, name="tmux-link", daemon=True)
            self._reader.start()
        try:
            self._set_up(on_change)
        except BaseException:
            # a half-open link is useless: its client, thread and hidden session end with it
            self.close()
            raise

    def _set_up(self, on_change: Callable[[dict[str, Pane]], None] | None) -> None:
        with self._server.coming_and_going():
            self.run("refresh-client -f no-output,ignore-size")
        self._sweep_others()
        if on_change is not None:
            if self.subscribed:
                self._subscribe()
            self._on_change = on_change
            self._ask_for_panes()

    def command(self, text: str) -> Future[list[str]]:
        """Send one tmux command line; the future holds its output lines, or TmuxError. Commands may be pipelined."""
        answer: Future[list[str]] = Future()
        if "\n" in text:
            raise TmuxError("a tmux command is one line", "", "quote() writes newlines as \\n")
        with self._lock:
            pipe = self._process.stdin
            if self.closed or pipe is None:
                answer.set_exception(_gone())
                return answer
            self._waiting.append(answer)
            try:
                pipe.write(text.encode() + b"\n")
                pipe.flush()
            except (OSError, ValueError):
                with contextlib.suppress(ValueError):
                    self._waiting.remove(answer)
                answer.set_exception(_gone())
        return answer

    def run(self, text: str, timeout_s: float = 5.0) -> list[str]:
        """Send one command line and wait. Raises TmuxError, NoServerError when the link ended."""
        if threading.current_thread() is self._reader:
            raise TmuxError("a callback of the link must not wait for the link")
        try:
            return self.command(text).result(timeout_s)
        except FutureTimeoutError as error:
            raise TmuxError("tmux gave no answer", f"{timeout_s:g} s passed") from error

    def panes(self, timeout_s: float = 5.0) -> dict[str, Pane]:
        """All sessions, each with its agent's pane (as ``list_panes``, 0.7 ms). Raises TmuxError."""
        return parse_panes(self.run(_LIST, timeout_s))

    def capture(self, pane_id: str, lines: int = 0, timeout_s: float = 5.0) -> list[str]:
        """The screen of a pane without its blank end, or its last ``lines`` lines. Raises TmuxError."""
        captured = self.run(" ".join(quote(word) for word in capture_words(pane_id, lines)), timeout_s)
        return last_lines(captured, lines)

    def close(self) -> None:
        """End the link and its hidden session; calling it twice is fine."""
        self._on_close = None
        with self._lock:
            self.closed = True
            lifeline, self._lifeline = self._lifeline, -1
        if lifeline < 0:
            return
        with self._server.coming_and_going():
            os.close(lifeline)
            self._end_client()

    def _end_client(self) -> None:
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            process.kill_group(self._process.pid)
            self._process.wait()
        if threading.current_thread() is not self._reader:
            self._reader.join(2.0)

    def __enter__(self) -> ControlLink:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _read(self) -> None:
        """The reader thread: until the client ends."""
        block: list[str] | None = None
        number = b""
        with self._output:
            for line in self._output:
                line = line.rstrip(b"\r\n")
                word, _, rest = line.partition(b" ")
                if block is None:
                    if word == b"%begin":
                        block, number = [], rest
                    elif word == b"%exit":
                        break
                    else:
                        self._notice(line)
                elif word in (b"%end", b"%error") and rest == number:
                    # the flag is 1 for commands of this link, 0 for those it was started with
                    if number.endswith(b" 1"):
                        self._answer(block, failed=word == b"%error")
                    block = None
                else:
                    block.append(line.decode("utf-8", "replace"))
        self._finish()

    def _answer(self, lines: list[str], *, failed: bool) -> None:
        with self._lock:
            answer = self._waiting.popleft() if self._waiting else None
        if answer is None or not answer.set_running_or_notify_cancel():
            return
        if failed:
            answer.set_exception(tmux_failure("the command", " ".join(lines)))
        else:
            answer.set_result(lines)

    def _notice(self, line: bytes) -> None:
        """A notification of a change: request a new list."""
        if self._on_change is not None and line.startswith(_STIRRED):
            self._ask_for_panes()

    def _ask_for_panes(self) -> None:
        """Request the list; while an answer is under way, only mark it as stale."""
        if self._listing:
            self._stale = True
            return
        self._listing = True
        self._stale = False
        self.command(_LIST).add_done_callback(self._got_panes)

    def _got_panes(self, answer: Future[list[str]]) -> None:
        self._listing = False
        if answer.cancelled() or answer.exception() is not None or self._on_change is None:
            return
        panes = parse_panes(answer.result())
        self._on_change(panes)
        unsettled = {pane.pane_id for pane in panes.values() if is_unsettled(pane)}
        if unsettled - self._pushed:
            self.command(" ".join(PUSH))
            self._stale = True
        self._pushed = unsettled
        if self._stale:
            self._ask_for_panes()

    def _subscribe(self) -> None:
        # subscribed by our hidden pane: a subscription of the whole session crashes tmux 3.3 when it fires just after
        # its client lost its session, which happens whenever our process is killed
        own = self.run(f"list-panes -s -t ={self.session}: -F '#{{pane_id}}'")
        self.command(f"refresh-client -B 'gt:{own[0]}:{_DIGEST}'")

    def _sweep_others(self) -> None:
        """Remove hidden sessions of processes that ended before their link was complete."""
        for name in self.run("list-sessions -F '#{session_name}'"):
            pid = name.removeprefix(HIDDEN_PREFIX).partition("-")[0]
            if name.startswith(HIDDEN_PREFIX) and pid.isdigit() and not lives(int(pid)):
                with self._server.coming_and_going():
                    self.command(f"kill-session -t ={name}:").exception(5.0)

    def _finish(self) -> None:
        with self._lock:
            self.closed = True
            lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)
        with self._lock:
            left = list(self._waiting)
            self._waiting.clear()
        for answer in left:
            if answer.set_running_or_notify_cancel():
                answer.set_exception(_gone())
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        if self._on_close is not None:
            self._on_close()


class LinkedServer(TmuxServer):
    """A TmuxServer whose calls go over an open link (0.1 ms instead of 2), or start a process when it is closed."""

    def __init__(self, link: ControlLink, server: TmuxServer) -> None:
        super().__init__(server.socket, timeout_s=server.timeout_s)
        self._link = link

    def run_many(self, commands: Sequence[Sequence[str]], *, stdin: bytes | None = None) -> str:
        """As TmuxServer.run_many."""
        if self._link.closed or commands[0][0] in ("-V", "source-file", "kill-server"):
            return super().run_many(commands, stdin=stdin)
        lines: list[str] = []
        for words in commands:
            if words[0] == "load-buffer" and stdin is not None:
                words = ("set-buffer", *words[1:-1], "--", stdin.decode())
            lines += self._link.run(" ".join(quote(word) for word in words), self.timeout_s)
        return "".join(line + "\n" for line in lines)


_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "$": "\\$"}
_SPECIAL = re.compile(r'[\x00-\x1f\x7f"\\$]')


def quote(word: str) -> str:
    """``word`` as one word of a tmux command line, on one line."""
    return '"' + _SPECIAL.sub(lambda found: _ESCAPES.get(found[0]) or f"\\{ord(found[0]):03o}", word) + '"'


def _no_server() -> NoServerError:
    return NoServerError("no tmux server is running for this town", "", "gt up starts the town's sessions")


def _gone() -> NoServerError:
    return NoServerError("the link to tmux has ended")


def _start_client(server: TmuxServer, session: str) -> tuple[subprocess.Popen[bytes], BinaryIO, int]:
    """The client, what it writes, and the pipe end that keeps its session alive. Raises NoTmuxError, TmuxError."""
    fifo = f"{socket_path(server.socket)}.{session}"
    os.mkfifo(fifo, 0o600)
    try:
        # -N: a server that ends just now is not begun anew with the variables of whoever looks
        words = [*server.argv, "-N", "-C", "new-session", "-s", session, "-x", "80", "-y", "24"]
        words += ["--", "cat", fifo]
        for option in ("status off", "detach-on-destroy on", "destroy-unattached off"):
            words += [";", "set-option", "-t", f"={session}:", *option.split()]
        words += [";", "set-option", "-w", "-t", f"={session}:", "remain-on-exit", "off"]
        reads, writes = os.pipe()
        try:
            # the client holds both ends of its output: when we are killed, the server can still write its last words
            # to it; with a broken pipe it would keep the client forever
            client = process.spawn(words, stdin=subprocess.PIPE, stdout=writes, pass_fds=(reads,))
        except process.ProgramMissingError as error:
            os.close(reads)
            raise NoTmuxError("tmux is not installed", "sessions need it", NO_TMUX_HINT) from error
        finally:
            os.close(writes)
        output = open(reads, "rb")  # noqa: SIM115  the link's reader closes it
        try:
            return client, output, _open_lifeline(fifo, client)
        except BaseException:
            output.close()
            with contextlib.suppress(TmuxError):
                server.run_many([["kill-session", "-t", f"={session}:"]])
            raise
    finally:
        os.unlink(fifo)


def _open_lifeline(fifo: str, client: subprocess.Popen[bytes], timeout_s: float = 5.0) -> int:
    """The pipe's write end, as soon as the hidden session reads it."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | system.NONBLOCK | system.EXACT)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline or client.poll() is not None:
                process.kill_group(client.pid)
                client.wait()
                raise TmuxError("tmux did not open a control link", error.strerror or str(error)) from error
        time.sleep(0.002)
