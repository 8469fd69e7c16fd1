"""The terminal driver: Textual's own, that can take over a screen which already shows the first frame."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver

ENTER_ALTERNATE = "\x1b[?1049h"


class HandoverDriver(LinuxDriver):
    """Does not enter (and so clear) the alternate screen the first time: it is on, with a picture to be drawn over."""

    is_entered = True

    def write(self, data: str) -> None:
        """Write to the terminal."""
        if data == ENTER_ALTERNATE and self.is_entered:
            self.is_entered = False
            return
        super().write(data)


def console_driver(*, is_prepainted: bool) -> type[LinuxDriver]:
    """The driver for a screen that is still the shell's, or already ours."""
    return HandoverDriver if is_prepainted else LinuxDriver
