"""Colours by meaning: four themes, and a look without colour.

A *tone* is a meaning (``working``, ``waiting``, ``dim`` …).  A theme gives each tone a colour; a Look turns it into a
style on a background.  Colour never carries a meaning alone: a glyph or word always says it too, and the colour-blind
theme changes hues, not glyphs.
"""

from __future__ import annotations

from rich.style import Style

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Theme(Record):
    """Name, label, the colours of the tones (rich style texts) and the backgrounds of rows.

    The backgrounds: ``""`` plain, ``cursor``, ``resting`` (the cursor in a panel without focus), ``glow`` (a new row)
    and ``bar`` (fields of dialogs).
    """

    name: str
    label: str
    tones: Mapping[str, str]
    grounds: Mapping[str, str]
    is_dark: bool


def _tones(
    *,
    text: str,
    bright: str,
    dim: str,
    faint: str,
    line: str,
    accent: str,
    working: str,
    waiting: str,
    stalled: str,
    gupp: str,
    zombie: str,
    limited: str,
    info: str,
    done: str,
    match: str,
    badge: str,
) -> dict[str, str]:
    return {
        "text": text,
        "bright": bright,
        "title": f"bold {bright}",
        "dim": dim,
        "faint": faint,
        "border": line,
        "border_on": accent,
        "heading": f"bold {accent}",
        "accent": accent,
        "key": f"bold {accent}",
        "working": working,
        "waiting": f"bold {waiting}",
        "stalled": stalled,
        "stopped-short": f"bold {stalled}",
        "gupp": f"bold {gupp}",
        "zombie": zombie,
        "limited": limited,
        "unknown": dim,
        "idle": dim,
        "info": info,
        "good": working,
        "done": done,
        "bad": gupp,
        "warn": stalled,
        "error": f"bold {gupp}",
        "added": working,
        "removed": gupp,
        "added_word": f"bold underline {working}",
        "removed_word": f"bold underline {gupp}",
        "landed": working,
        "review": info,
        "todo": faint,
        "match": match,
        "badge": badge,
        "fresh": bright,
    }


DARK = Theme(
    "dark",
    "Dark",
    _tones(
        text="#bfbdb6", bright="#e6e1cf", dim="#7d8590", faint="#4a525e", line="#2d3640", accent="#59c2ff",
        working="#aad94c", waiting="#ff8f40", stalled="#ffb454", gupp="#f07178", zombie="#c4626b", limited="#d2a6ff",
        info="#73b8ff", done="bold #aad94c", match="#0f1419 on #ffb454", badge="bold #0f1419 on #59c2ff",
    ),
    {"": "#0f1419", "cursor": "#1d3145", "resting": "#1a222b", "glow": "#18261c", "bar": "#1a222b"},
    True,
)  # fmt: skip

LIGHT = Theme(
    "light",
    "Light",
    _tones(
        text="#474d54", bright="#1c2126", dim="#70777f", faint="#b4bac0", line="#d3d7db", accent="#1f78c1",
        working="#5b7f00", waiting="#c2410c", stalled="#a56300", gupp="#c62839", zombie="#a83a45", limited="#8a4fc4",
        info="#1f78c1", done="bold #5b7f00", match="#1c2126 on #ffd37a", badge="bold #ffffff on #1f78c1",
    ),
    {"": "#fafafa", "cursor": "#d6e8f7", "resting": "#eceff1", "glow": "#edf5dc", "bar": "#eceff1"},
    False,
)  # fmt: skip

COLOUR_BLIND = Theme(
    "colour-blind",
    "Colour-blind safe",
    _tones(
        text="#c8c8c8", bright="#f2f2f2", dim="#8a8f98", faint="#4d535c", line="#333a44", accent="#56b4e9",
        working="#009e9b", waiting="#f0e442", stalled="#e69f00", gupp="#ff6a1f", zombie="#cc79a7", limited="#b9a5e0",
        info="#56b4e9", done="bold #2fbfbc", match="#101010 on #f0e442", badge="bold #101010 on #56b4e9",
    ),
    {"": "#101318", "cursor": "#23384a", "resting": "#1c222b", "glow": "#15292b", "bar": "#1c222b"},
    True,
)  # fmt: skip

HIGH_CONTRAST = Theme(
    "high-contrast",
    "High contrast",
    _tones(
        text="#ffffff", bright="bold #ffffff", dim="#d0d0d0", faint="#9a9a9a", line="#b0b0b0", accent="#00e5ff",
        working="#5cff5c", waiting="#ffff00", stalled="#ffc04d", gupp="#ff7070", zombie="#ff9ecb", limited="#d9b3ff",
        info="#7fd4ff", done="bold #5cff5c", match="bold #000000 on #ffff00", badge="bold #000000 on #00e5ff",
    ),
    {"": "#000000", "cursor": "#004a6b", "resting": "#2b2b2b", "glow": "#003300", "bar": "#262626"},
    True,
)  # fmt: skip

AUTO = "auto"
"""The theme that follows the terminal's background: light or dark."""
THEMES: dict[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT, COLOUR_BLIND, HIGH_CONTRAST)}

_PLAIN_TONES = {
    "title": "bold",
    "bright": "bold",
    "heading": "bold",
    "accent": "bold",
    "key": "bold",
    "border_on": "bold",
    "waiting": "bold underline",
    "stopped-short": "bold",
    "gupp": "bold",
    "stalled": "bold",
    "zombie": "bold",
    "bad": "bold",
    "added_word": "bold underline",
    "removed_word": "bold underline",
    "error": "bold",
    "warn": "bold",
    "done": "bold",
    "dim": "dim",
    "faint": "dim",
    "border": "dim",
    "idle": "dim",
    "todo": "dim",
    "match": "reverse",
    "badge": "reverse",
}
_PLAIN_GROUNDS = {"cursor": "reverse"}


class Look:
    """How tones are painted: a theme, with or without colour, Unicode or ASCII only."""

    def __init__(self, theme: Theme = DARK, *, colour: bool = True, ascii_only: bool = False) -> None:
        self.theme = theme
        self.colour = colour
        self.ascii_only = ascii_only
        self._styles: dict[tuple[str | Style, str], Style] = {}

    def style(self, tone: str | Style, ground: str = "") -> Style:
        """Return the style of a tone (or of a ready style) on a background."""
        key = (tone, ground)
        style = self._styles.get(key)
        if style is None:
            if len(self._styles) > 4096:
                self._styles.clear()
            style = self._styles[key] = self._make(tone, ground)
        return style

    def _make(self, tone: str | Style, ground: str) -> Style:
        if not self.colour:
            own = Style.parse(_PLAIN_TONES.get(tone, "")) if isinstance(tone, str) else tone.without_color
            return Style.parse(_PLAIN_GROUNDS.get(ground, "")) + own
        base = Style.parse(f"{self.theme.tones['text']} on {self.theme.grounds.get(ground, self.theme.grounds[''])}")
        return base + (Style.parse(self.theme.tones.get(tone, "")) if isinstance(tone, str) else tone)

    @property
    def key(self) -> tuple[str, bool, bool]:
        """What a painted strip depends on."""
        return (self.theme.name, self.colour, self.ascii_only)


def wanted_theme(*names: str) -> str:
    """Return the first name that is a theme's or AUTO; without one, AUTO."""
    return next((name for name in names if name == AUTO or name in THEMES), AUTO)


def theme_of(name: str, *, is_light: bool = False) -> Theme:
    """Return the theme of a name; for AUTO, light on a light background and dark on any other."""
    return THEMES.get(name) or (LIGHT if is_light else DARK)


def wants_colour(environ: Mapping[str, str]) -> bool:
    """Whether to use colour: unless NO_COLOR is set, or CLICOLOR is 0."""
    return not environ.get("NO_COLOR") and environ.get("CLICOLOR") != "0"


def wants_ascii(environ: Mapping[str, str]) -> bool:
    """Whether to use ASCII only: GT_NO_EMOJI is set, or PYTHONIOENCODING, else the locale, is not UTF-8."""
    if environ.get("GT_NO_EMOJI"):
        return True
    told = environ.get("PYTHONIOENCODING", "").partition(":")[0]
    if told:
        return "utf" not in told.lower()
    charset = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "UTF-8"
    return charset not in ("C", "POSIX") and "utf" not in charset.lower() and "." in charset
