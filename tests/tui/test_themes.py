from __future__ import annotations

import pytest
from rich.color import Color

from gastown_core.model.agent import Health
from gastown_core.model.event import TONES
from gastown_tui.themes import AUTO, THEMES, Look, theme_of, wanted_theme, wants_ascii, wants_colour


def luminance(colour: Color) -> float:
    def part(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = colour.get_truecolor()
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)


def contrast(one: Color, other: Color) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", list(THEMES))
def test_every_meaning_has_a_readable_colour(name: str) -> None:
    look = Look(THEMES[name])
    tones = ["text", "bright", "dim", "accent", "info", *(state.value for state in Health), *TONES]
    for ground in THEMES[name].grounds:
        for tone in tones:
            style = look.style(tone, ground)
            least = 3.0 if tone in ("dim", "idle", "unknown", "zombie") or ground else 4.0
            assert contrast(style.color, style.bgcolor) >= least, (name, tone, ground)


def test_without_colour_there_is_none() -> None:
    look = Look(colour=False)
    for theme_tone in (*THEMES["dark"].tones, "text"):
        for ground in THEMES["dark"].grounds:
            style = look.style(theme_tone, ground)
            assert style.color is None and style.bgcolor is None


def test_the_environment_chooses() -> None:
    assert wanted_theme("", "light") == "light"
    assert wanted_theme("high-contrast", "light") == "high-contrast"
    assert wanted_theme("no such") == AUTO
    assert theme_of(AUTO).name == "dark" and theme_of(AUTO, is_light=True).name == "light"
    assert theme_of("dark", is_light=True).name == "dark", "a theme by name does not follow the background"
    assert not wants_colour({"NO_COLOR": "1"}) and not wants_colour({"CLICOLOR": "0"}) and wants_colour({})
    assert wants_ascii({"GT_NO_EMOJI": "1"}) and wants_ascii({"LANG": "de_DE.ISO-8859-1"})
    assert not wants_ascii({"LANG": "en_US.UTF-8"}) and not wants_ascii({"LC_ALL": "C"})
