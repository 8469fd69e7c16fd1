"""A lighter start of Textual: parts of it that the console never uses stand aside while it is imported.

Measured on the way to the first live frame: the command palette with its six stock widgets 20 ms, TLS 5 ms and
4 MB, the download folder 7 ms.  ``stand_aside`` runs before Textual is first imported, ``come_back`` right after,
so that anybody who asks for the real modules later gets them.  In a process that has Textual already it does nothing.
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
    """Put stand-ins where the unused modules would be."""
    if "textual.app" in sys.modules:
        return
    palette = ModuleType(_PALETTE)
    for name in _PALETTE_NAMES:
        setattr(palette, name, type(name, (), {}))
    folders = ModuleType(_FOLDERS)
    folders.user_downloads_path = _user_downloads_path  # type: ignore[attr-defined]
    for name, stand_in in ((_PALETTE, palette), (_FOLDERS, folders), (_TLS, None)):
        if name not in sys.modules:
            # None makes ``import ssl`` fail, which asyncio takes as "no TLS here"
            sys.modules[name] = stand_in  # type: ignore[assignment]
            _held.append(name)


def come_back() -> None:
    """Let the real modules be imported from now on."""
    while _held:
        sys.modules.pop(_held.pop(), None)


def _user_downloads_path() -> object:
    """The real function, for a screenshot that somebody asks for."""
    from platformdirs import user_downloads_path

    return user_downloads_path()
