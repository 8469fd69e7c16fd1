"""A faster import of Textual: modules that the console never uses are replaced while Textual is imported.

Measured up to the first live frame: the command palette with its six stock widgets costs 20 ms, TLS 5 ms and 4 MB,
the download folder 7 ms.  ``stand_aside`` runs before Textual's first import, ``come_back`` right after it, so that
later imports get the real modules.  If Textual is already imported, nothing is replaced.
"""

from __future__ import annotations

import sys
from types import ModuleType

_PALETTE = "textual.command"
_FOLDERS = "platformdirs"
_TLS = "ssl"
_PALETTE_NAMES = ("CommandListItem", "CommandPalette", "DiscoveryHit", "Hit", "Hits", "Provider", "SimpleProvider")
_held: list[str] = []


def stand_aside() -> None:
    """Replace the unused modules."""
    if "textual.app" in sys.modules:
        return
    palette = ModuleType(_PALETTE)
    for name in _PALETTE_NAMES:
        setattr(palette, name, type(name, (), {}))
    folders = ModuleType(_FOLDERS)
    folders.user_downloads_path = _user_downloads_path  # type: ignore[attr-defined]
    for name, stand_in in ((_PALETTE, palette), (_FOLDERS, folders), (_TLS, None)):
        if name not in sys.modules:
            # None makes ``import ssl`` fail, and asyncio then goes without TLS
            sys.modules[name] = stand_in  # type: ignore[assignment]
            _held.append(name)


def come_back() -> None:
    """Let later imports find the real modules."""
    while _held:
        sys.modules.pop(_held.pop(), None)


def _user_downloads_path() -> object:
    """Call the real function, for a screenshot."""
    from platformdirs import user_downloads_path

    return user_downloads_path()
