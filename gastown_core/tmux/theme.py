"""The status line of a session: a colour per rig, icon and name on the left, the town's words and the time on the right."""

from __future__ import annotations

from gastown_core.model.address import DEACON, DOG, MAYOR, REFINERY, ROLE_ICONS, WITNESS
from gastown_core.tmux.status_line import RIGHT

PALETTE = {
    "ocean": "1e3a5f",
    "forest": "2d5a3d",
    "rust": "8b4513",
    "plum": "4a3050",
    "slate": "4a5568",
    "ember": "b33a00",
    "midnight": "1a1a2e",
    "wine": "722f37",
    "teal": "0d5c63",
    "copper": "6d4c41",
}
"""Theme → background; the text on it is FOREGROUND."""

FOREGROUND = "e0e0e0"
_ROLE_STYLES = {
    MAYOR: "default",
    DEACON: "bg=#2d1f3d,fg=#c0b0d0",
    DOG: "bg=#3d2f1f,fg=#d0c0a0",
    WITNESS: f"bg=#{PALETTE['rust']},fg=#{FOREGROUND}",
    REFINERY: f"bg=#{PALETTE['plum']},fg=#{FOREGROUND}",
}


def fnv1a(text: str) -> int:
    """FNV-1a, 32 bits, of the UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def rig_theme(rig: str) -> str:
    """The theme that a rig gets when none is set."""
    return tuple(PALETTE)[fnv1a(rig) % len(PALETTE)]


def status_style(role: str, rig: str = "", theme: str = "") -> str:
    """tmux ``status-style``: a named theme, else that of the role, else the rig's colour."""
    if theme in PALETTE:
        return f"bg=#{PALETTE[theme]},fg=#{FOREGROUND}"
    if role in _ROLE_STYLES:
        return _ROLE_STYLES[role]
    return f"bg=#{PALETTE[rig_theme(rig)]},fg=#{FOREGROUND}" if rig else "default"


def status_options(role: str, label: str, rig: str = "", theme: str = "") -> dict[str, str]:
    """Session options of the status line; ``label`` is shown literally, never as a format."""
    icon = ROLE_ICONS.get(role, ROLE_ICONS["other"])[0]
    return {
        "status": "on",
        "status-style": status_style(role, rig, theme),
        "status-left-length": "25",
        "status-left": f" {icon} {label.replace('#', '##')} ",
        "status-right-length": "120",
        "status-right": RIGHT,
        "status-interval": "60",
    }
