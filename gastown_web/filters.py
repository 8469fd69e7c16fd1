"""What templates do with values: moments, addresses, numbers, and text of many lines."""

from __future__ import annotations

import time
from urllib.parse import quote

from gastown_core.clock import format_seconds
from gastown_core.model.ahead import in_brief
from gastown_core.model.flights import flights_of, stage_of
from gastown_core.model.plain_text import clean
from gastown_core.model.usage import short_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from markupsafe import Markup

CUT = "…"


def finalized(value: object) -> object:
    """Return a value as a template shows it: text as one safe line, nothing for None."""
    return clean(value) if type(value) is str else "" if value is None else value


def moment(at: float | None) -> Markup:
    """Return a moment (Unix seconds) as a ``time`` element that the page may turn into an age; empty for none."""
    from markupsafe import Markup

    if not at:
        return Markup("")
    try:
        shown = time.strftime("%d %b %H:%M", time.localtime(at))
        return Markup('<time datetime="{}">{}</time>').format(format_seconds(at), shown)
    except (OverflowError, ValueError, OSError):
        return Markup("an impossible time")


def clock_time(at: float) -> str:
    """Return the time of day of a moment, empty for none."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(at)) if at else ""
    except (OverflowError, ValueError, OSError):
        return "?"


def address(name: str) -> str:
    """Return a name as a part of an address, whatever it contains; slashes stay."""
    return quote(name, safe="/", errors="replace")


def span(seconds: float) -> str:
    """Return a duration such as ``1m 20s``."""
    whole = round(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m {whole % 60:02d}s"


def lines(given: Iterable[str]) -> Markup:
    """Return lines of foreign text as lines; a plain value is made one line."""
    from markupsafe import Markup

    return Markup("\n").join(clean(line) for line in given)


def cut(text: str, most: int) -> str:
    """Return a text in at most so many characters."""
    plain = clean(text)
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + CUT


GLYPHS = {"✋": "◉", "⏸": "‖", "🔥": "‼", "⏳": "◔", "▶": "▸"}
"""Signs that only an emoji font has, or that it paints in colours → signs of every font."""


def glyph(symbol: str, otherwise: str = "·") -> str:
    """Return a symbol of the console as one that ordinary fonts draw; one that they lack becomes ``otherwise``."""
    known = GLYPHS.get(symbol, symbol)
    return known if all(letter < "\u23e9" or "\u23fa" < letter < "\u2b00" for letter in known) else otherwise


def is_bead(name: str) -> bool:
    """Return whether a name may be a bead's id, and not an agent's address."""
    return bool(name) and "-" in name and "/" not in name and " " not in name


def percent(share: float) -> str:
    """Return a share such as ``42 %``."""
    return f"{round(100 * share)} %"


FILTERS: dict[str, Callable[..., object]] = {
    "moment": moment,
    "clock": clock_time,
    "address": address,
    "span": span,
    "pane": lines,
    "cut": cut,
    "tokens": short_tokens,
    "percent": percent,
    "glyph": glyph,
    "flights": flights_of,
    "in_brief": in_brief,
    "stage": stage_of,
}
