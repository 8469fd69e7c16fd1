"""THE place that makes foreign text safe for a terminal and for a log.

A title, a name or a detail becomes one line without line breaks, control characters, escape sequences, or characters
that change the writing direction or hide neighbouring text.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

_HARD = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\ufff9-\ufffc\ud800-\udfff\U000e0000-\U000e0fff"
)
_ODD = f"[\t\n{_HARD}\ufe00-\ufe0f]"
_ODD_OR_COLOUR = f"\x1b\\[[0-9;]*m|[{_HARD}]"
_ODD_IN_JSON = f"[{_HARD}]".replace("\x00-\x08\x0b-\x1f", "")
_BEYOND_ASCII = "[^\x00-\x7e]"
_PILED = "([\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]{2})[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]+"
_BLANKS = "[\t\n\r\x0b\x0c\x85\u2028\u2029]+"
_MARK = "\N{REPLACEMENT CHARACTER}"


_ODD_LETTERS = frozenset("\u115f\u1160\u3164\ufffc")
"""Invisible characters that ``isprintable`` accepts, apart from combining marks."""


def _is_plain(text: str) -> bool:
    """Return whether no pattern above can match: printable text without combining marks."""
    if not text.isprintable():
        return False
    if text.isascii():
        return True
    odd = (char for char in set(text) if char > "\u02ff")
    return not any(char in _ODD_LETTERS or char < "\u0370" or _is_mark(char) for char in odd)


def _is_mark(char: str) -> bool:
    return (
        "\u1ab0" <= char <= "\u1aff"
        or "\u20d0" <= char <= "\u20ff"
        or "\ufe00" <= char <= "\ufe0f"
        or char >= "\U000e0000"
    )


def _pattern(text: str) -> re.Pattern[str]:
    # on first use: the module and all patterns together cost a command 8 ms
    import re

    return re.compile(text)


def clean(text: str) -> str:
    """Return the text as one safe line: line ends become a space, control and bidi characters marks; joiners vanish."""
    if _is_plain(text):
        return text
    text = _pattern(_BLANKS).sub(" ", text)
    text = _pattern(_ODD).sub(_visible, text)
    return _pattern(_PILED).sub(r"\1", text)


def clean_lines(text: str) -> list[str]:
    """Return the lines of a longer text, each made safe; tabs become four blanks."""
    return [clean(line.replace("\t", "    ")) for line in text.splitlines()]


def clean_styled(text: str) -> str:
    """Return the text with colour sequences, tabs and line ends kept, and every other unsafe character replaced."""
    # replace is many times as quick as translate on a text of thousands of lines
    if _is_plain(text.replace("\n", " ").replace("\t", " ")):
        return text
    return _pattern(_ODD_OR_COLOUR).sub(lambda found: found[0] if len(found[0]) > 1 else _visible(found), text)


def escape_json(text: str, *, ascii_only: bool = False) -> str:
    """Return the same JSON with characters a terminal could interpret (or all non-ASCII ones) as ``\\uXXXX``."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _pattern(_BEYOND_ASCII if ascii_only else _ODD_IN_JSON).sub(_escaped, text)


def _visible(match: re.Match[str]) -> str:
    """Return the replacement for an unsafe character: a visible mark, or nothing for an invisible one."""
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    invisible = code in (0xAD, 0x115F, 0x1160, 0x3164, 0xFEFF) or 0xFE00 <= code <= 0xFE0F or code >= 0xE0000
    if invisible or 0x200B <= code <= 0x200D or 0x2060 <= code <= 0x2064:
        return ""
    return _MARK


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
