"""The terminal's background, light or dark: what to ask (OSC 11), what it tells later (mode 2031), and reading both.

The answers arrive among the keys and would be taken for typed ones, so they are cut out of the input.
"""

from __future__ import annotations

import re

ASK = "\x1b]11;?\x1b\\\x1b[?2031h"
"""Ask for the background's colour, and to be told when light and dark change."""
LEAVE = "\x1b[?2031l"
_COLOUR = r"\x1b?\]11;rgba?:(?P<red>[0-9a-fA-F]{1,4})/(?P<green>[0-9a-fA-F]{1,4})/(?P<blue>[0-9a-fA-F]{1,4})[^\x07\x1b]*(?:\x07|\x1b\\)"
_CHANGE = r"\x1b?\[\?997;(?P<scheme>[12])n"
_ANSWER = re.compile(f"{_COLOUR}|{_CHANGE}")
_BEGUN = re.compile(r"\x1b(?:\](?:1(?:1(?:;[^\x07\x1b]{0,40}\x1b?)?)?)?|\[(?:\?9{0,2}7?;?[12]?)?)\Z")
"""An answer that goes on in the next bytes; a lone Escape is the key."""
LIGHT_FROM = 0.5
"""From this brightness on a background is light."""


def understands(environ_term: str) -> bool:
    """Whether a terminal can be asked: the Linux console takes the question for another one."""
    return environ_term not in ("", "dumb", "linux")


class Backgrounds:
    """Cuts the terminal's answers out of its input."""

    def __init__(self) -> None:
        self._rest = ""
        self.is_light: bool | None = None
        """What the terminal said last, None before it said anything."""

    def take(self, text: str) -> str:
        """Return the input without answers; the beginning of one is kept for the next input."""
        text, self._rest = self._rest + text, ""
        text = _ANSWER.sub(self._told, text)
        begun = _BEGUN.search(text)
        if begun is not None:
            self._rest = text[begun.start() :]
            text = text[: begun.start()]
        return text

    def _told(self, found: re.Match[str]) -> str:
        if found["scheme"]:
            self.is_light = found["scheme"] == "2"
        else:
            red, green, blue = (
                int(found[name], 16) / (16 ** len(found[name]) - 1) for name in ("red", "green", "blue")
            )
            self.is_light = 0.2126 * red + 0.7152 * green + 0.0722 * blue >= LIGHT_FROM
        return ""
