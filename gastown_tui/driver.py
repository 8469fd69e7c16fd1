"""The terminal driver: Textual's, but it sleeps until there is input, and it can take over a painted screen.

Textual's input thread wakes ten times a second, and a console stays open all day.  This one waits for the terminal,
and uses a timeout only while an escape sequence is incomplete.
"""

from __future__ import annotations

import os
import selectors
import signal
import threading
from codecs import getincrementaldecoder

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size

from gastown_tui.background import ASK, LEAVE, Backgrounds, understands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from textual.app import App
    from textual.message import Message

ENTER_ALTERNATE = "\x1b[?1049h"
HALF_READ_S = 0.1
READ_BYTES = 4096
LAST_RESORT_S = 3.0
NO_SIZE = (80, 25)
"""The size of a terminal that tells none, as Rich assumes it."""


class ConsoleDriver(LinuxDriver):
    """A Linux driver without polling."""

    is_entered = False
    """The alternate screen is already on and shows a picture: do not clear it at the first start."""
    _waker = -1

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._backgrounds = Backgrounds()
        self._read: list[Message] | None = None
        """What one read of the terminal has given so far; None between two reads."""
        self._is_back = False
        """Whether the terminal was taken again after a stop before its signal to continue is looked at."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return the terminal's size; for one that says 0 by 0 the same as Rich, or each frame would be a resize."""
        try:
            width, height = os.get_terminal_size(self.fileno)
        except OSError:
            width, height = 0, 0
        set_width, set_height = os.environ.get("COLUMNS", ""), os.environ.get("LINES", "")
        width = int(set_width) if set_width.isdecimal() else width
        height = int(set_height) if set_height.isdecimal() else height
        return width or NO_SIZE[0], height or NO_SIZE[1]

    def start_application_mode(self) -> None:
        """Take the terminal, and ask whether its background is light; again whenever it is taken back."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGWINCH, self._size_changed)
        self._tell_size()
        if understands(os.environ.get("TERM", "")):
            self.write(ASK)
            self.flush()

    def stop_application_mode(self) -> None:
        """Give the terminal back; it reports nothing any more."""
        if understands(os.environ.get("TERM", "")):
            self.write(LEAVE)
        super().stop_application_mode()

    # Textual acts in the signal handlers themselves, in the middle of whatever the main thread does; a queue that it
    # holds then is never let go.  Here the event loop acts, between two callbacks.

    def _sigtstp_application(self, *_: object) -> None:
        """Give the terminal back, then stop."""
        self._loop.call_soon_threadsafe(self._stop)

    def _sigcont_application(self, *_: object) -> None:
        """Take the terminal again."""
        self._loop.call_soon_threadsafe(self._continued)

    def _size_changed(self, *_: object) -> None:
        """Look at the size in the event loop: one handler interrupts another, and the older size would come last."""
        if not self._in_band_window_resize:
            self._loop.call_soon_threadsafe(self._tell_size)

    def _tell_size(self) -> None:
        size = Size(*self._get_terminal_size())
        self._app.post_message(Resize(size, size))

    def _stop(self) -> None:
        self._is_back = True
        super()._sigtstp_application()  # it gives the terminal back and stops the process
        if self._auto_restart:
            self._take_back()

    def _continued(self) -> None:
        """Take the terminal again after a stop that could not give it back, or after none."""
        if self._is_back:
            self._is_back = False
        elif self._auto_restart:
            # otherwise it is lent to a program, after which it is taken again
            self.suspend_application_mode()
            self._take_back()

    def _take_back(self) -> None:
        self.resume_application_mode()
        draw = getattr(self._app, "terminal_is_back", None)
        if draw is not None:
            draw()

    def write(self, data: str) -> None:
        """Write to the terminal; skip entering the alternate screen once if it is already on."""
        if data == ENTER_ALTERNATE and self.is_entered:
            self.is_entered = False
            return
        super().write(data)

    def disable_input(self) -> None:
        """Stop reading; wake the waiting input thread."""
        if self._waker >= 0:
            os.write(self._waker, b"x")
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read keys until input is disabled or the terminal is gone."""
        sleeper, self._waker = os.pipe()
        selector = selectors.DefaultSelector()
        selector.register(self.fileno, selectors.EVENT_READ)
        selector.register(sleeper, selectors.EVENT_READ)
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        try:
            while not self.exit_event.is_set():
                half_read = getattr(parser, "_timeout_time", 0.0) is not None
                ready = [key.fd for key, _ in selector.select(HALF_READ_S if half_read else None)]
                if self.fileno in ready and not self._take(parser, decode(self._typed())):
                    self._lose_terminal()
                    break
                for event in parser.tick():
                    self.process_message(event)
        finally:
            selector.close()
            waker, self._waker = self._waker, -1
            os.close(waker)
            os.close(sleeper)
            try:
                list(parser.feed(""))
            except (EOFError, ParseError):
                pass

    def _typed(self) -> bytes:
        """Return the bytes read; none at the end of input, or when the terminal is gone."""
        try:
            return os.read(self.fileno, READ_BYTES)
        except OSError:
            return b""

    def _lose_terminal(self) -> None:
        """The terminal is gone, for example a window closed without a signal: exit, by force after three seconds."""
        last_resort = threading.Timer(LAST_RESORT_S, os._exit, (1,))
        last_resort.daemon = True
        last_resort.start()
        self._loop.call_soon_threadsafe(self._app.exit, 1)

    def _take(self, parser: XTermParser, text: str) -> bool:
        """Feed the parser; return False at the end of input."""
        if not text:
            return False
        before = self._backgrounds.is_light
        text = self._backgrounds.take(text)
        told = getattr(self._app, "background_told", None)
        if told is not None and self._backgrounds.is_light != before:
            self._loop.call_soon_threadsafe(told, self._backgrounds.is_light)
        read = self._read = []
        for event in parser.feed(text) if text else ():
            self.process_message(event)
        self._read = None
        # what was read at once comes at once, so that a key that is refused is seen to have a text behind it
        self._loop.call_soon_threadsafe(self._post, read)
        return True

    def send_message(self, message: Message) -> None:
        """Keep what belongs to a read until that is complete; send all else."""
        if self._read is not None and threading.current_thread() is self._key_thread:
            self._read.append(message)
        else:
            super().send_message(message)

    def _post(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._app.post_message(message)


class HandoverDriver(ConsoleDriver):
    """A driver for a screen that already shows the first frame."""

    is_entered = True


def console_driver(*, is_prepainted: bool) -> type[ConsoleDriver]:
    """Return the driver for a shell screen, or for one that is already painted."""
    return HandoverDriver if is_prepainted else ConsoleDriver
