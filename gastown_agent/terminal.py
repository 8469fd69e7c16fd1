"""The agent's terminal: raw mode, bracketed paste, keys as events, and a bottom area redrawn in place."""

from __future__ import annotations

import codecs
import os
import re
import select
import signal
import sys
import termios
import tty

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType


class Input(Record):
    """``kind`` is text, paste, submit, newline, erase, escape, up, down, interrupt, end or resize."""

    kind: str
    text: str = ""


PASTE_ON, PASTE_OFF = b"\x1b[200~", b"\x1b[201~"
_SEQUENCE = re.compile(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|[^[O])")
_KEYS = {0x0D: "submit", 0x0A: "newline", 0x7F: "erase", 0x08: "erase", 0x03: "interrupt", 0x04: "end"}
_ARROWS = {b"\x1b[A": "up", b"\x1bOA": "up", b"\x1b[B": "down", b"\x1bOB": "down"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Parser:
    """Parses terminal bytes into Inputs; a paste or escape sequence may arrive in any number of pieces."""

    def __init__(self) -> None:
        self._left = b""
        self._pasted: list[bytes] | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> list[Input]:
        """Return the complete inputs in ``data`` and in what was left from before."""
        data = self._left + data
        self._left = b""
        found: list[Input] = []
        while data:
            data = self._paste(data, found) if self._pasted is not None else self._plain(data, found)
        return found

    def _paste(self, data: bytes, found: list[Input]) -> bytes:
        end = data.find(PASTE_OFF)
        if end < 0:
            # the end mark itself may be torn
            keep = next((n for n in range(len(PASTE_OFF) - 1, 0, -1) if data.endswith(PASTE_OFF[:n])), 0)
            self._left = data[len(data) - keep :]
            self._pasted = [*(self._pasted or ()), data[: len(data) - keep]]
            return b""
        text = b"".join((*(self._pasted or ()), data[:end])).decode("utf-8", "replace")
        found.append(Input("paste", text))
        self._pasted = None
        return data[end + len(PASTE_OFF) :]

    def _plain(self, data: bytes, found: list[Input]) -> bytes:
        if data[0] == 0x1B:
            return self._sequence(data, found)
        if data[0] in _KEYS:
            found.append(Input(_KEYS[data[0]]))
            return data[1:]
        end = next((n for n, byte in enumerate(data) if byte == 0x1B or byte in _KEYS), len(data))
        text = _CONTROL.sub("", self._decoder.decode(data[:end]))
        if text:
            found.append(Input("text", text))
        return data[end:]

    def _sequence(self, data: bytes, found: list[Input]) -> bytes:
        if data.startswith(PASTE_ON):
            self._pasted = []
            return data[len(PASTE_ON) :]
        if data == b"\x1b":
            found.append(Input("escape"))
            return b""
        match = _SEQUENCE.match(data)
        if match is None:
            self._left = data
            return b""
        if match[0] in _ARROWS:
            found.append(Input(_ARROWS[match[0]]))
        return data[match.end() :]


class Terminal:
    """Raw mode while entered; ``show`` adds lines above the bottom area, ``bottom`` redraws that area.

    What is shown is written with the next bottom area at once: history that ends without a prompt reads as a question.
    """

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._parser = Parser()
        self._saved = termios.tcgetattr(self._fd)
        self._drawn = 0
        self._unwritten = ""
        self._wake_in, self._wake_out = os.pipe()

    def __enter__(self) -> Terminal:
        tty.setraw(self._fd)
        os.set_blocking(self._wake_out, False)
        signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        signal.signal(signal.SIGWINCH, lambda *_: None)
        self._write("\x1b[?2004h")
        self._flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        self._clear_bottom()
        self._write("\x1b[?2004l\x1b[?25h")
        self._flush()
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)

    def read(self, timeout_s: float | None) -> list[Input]:
        """Return inputs that arrive within ``timeout_s`` (None: wait for ever); ``end`` if the terminal is gone."""
        ready, _, _ = select.select([self._fd, self._wake_in], [], [], timeout_s)
        found = []
        if self._wake_in in ready:
            os.read(self._wake_in, 4096)
            found.append(Input("resize"))
        if self._fd in ready:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            found += self._parser.feed(data) if data else [Input("end")]
        return found

    def show(self, text: str) -> None:
        """Add ``text`` to the history above the bottom area; it is seen with the next ``bottom``."""
        self._clear_bottom()
        self._write("".join(f"{_clean(line)}\r\n" for line in text.split("\n")))

    def bottom(self, lines: Sequence[str], cursor: tuple[int, int]) -> None:
        """Redraw the bottom area; ``cursor`` is (row, column) in it."""
        width = max(20, os.get_terminal_size(self._fd).columns)
        self._clear_bottom()
        self._write("\r\n".join(_clean(line)[: width - 1] for line in lines))
        up = len(lines) - 1 - cursor[0]
        self._write(f"\r{f'{chr(27)}[{up}A' if up else ''}\x1b[{min(cursor[1], width - 1) + 1}G")
        self._flush()
        self._drawn = cursor[0]

    def _clear_bottom(self) -> None:
        self._write(f"\r{f'{chr(27)}[{self._drawn}A' if self._drawn else ''}\x1b[J")
        self._drawn = 0

    def _write(self, text: str) -> None:
        self._unwritten += text

    def _flush(self) -> None:
        data, self._unwritten = self._unwritten.encode("utf-8", "replace"), ""
        while data:
            data = data[os.write(1, data) :]


def _clean(line: str) -> str:
    return _CONTROL.sub("·", line.expandtabs(4))
