"""The settings in ``.beads/config.yaml``: the store's prefix and vocabulary.

The file is read as flat YAML: ``key: value`` lines, one level of nesting joined by a dot, and comma or bracket
lists.  ``config.local.yaml`` overrides it.
"""

from __future__ import annotations

import os

from gastown_core.errors import UsageError
from gastown_core.files.plain import open_plain
from gastown_core.model.bead import STATUS_CATEGORY, TYPE_ALIASES, TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_CATEGORIES = ("active", "wip", "done", "frozen")


class Vocabulary:
    """The words a store accepts: built-in statuses and types, and those its configuration adds."""

    __slots__ = ("statuses", "types")

    def __init__(self, statuses: Mapping[str, str] | None = None, types: tuple[str, ...] = ()) -> None:
        self.statuses = {**STATUS_CATEGORY, **(statuses or {})}
        self.types = (*TYPES, *types)

    def status(self, word: str) -> str:
        """Return the status. Raises UsageError that lists the known ones."""
        if word in self.statuses:
            return word
        raise UsageError(f"unknown status {word!r}", "", f"statuses: {', '.join(self.statuses)}")

    def issue_type(self, word: str) -> str:
        """Return the type, with aliases resolved. Raises UsageError that lists the known ones."""
        lower = TYPE_ALIASES.get(word.lower(), word)
        if lower in self.types:
            return lower
        raise UsageError(
            f"unknown type {word!r}", "", f"types: {', '.join(self.types)}; set types.custom to add others"
        )


def read_settings(beads_dir: str) -> dict[str, str]:
    """Return the settings as dotted keys; unreadable files are skipped."""
    out: dict[str, str] = {}
    for name in ("config.yaml", "config.local.yaml"):
        try:
            with open(open_plain(os.path.join(beads_dir, name)), encoding="utf-8", errors="replace") as handle:
                out.update(_read_lines(handle.read()))
        except OSError:
            continue
    return out


def _read_lines(text: str) -> dict[str, str]:
    out: dict[str, str] = {}
    above = ""
    for line in text.splitlines():
        key, colon, rest = line.partition(":")
        name = key.strip()
        if not colon or not name or name[0] in "#-" or (rest and not rest[0].isspace()):
            continue
        value = _bare(rest.strip())
        if key[0].isspace() and above:
            out[f"{above}.{name}"] = value
            continue
        above = "" if value else name
        if value:
            out[name] = value
    return out


def _bare(value: str) -> str:
    if value[:1] in ('"', "'"):
        return value[1:].partition(value[0])[0]
    return "" if value.startswith("#") else value.partition(" #")[0].strip()


def prefix_in(settings: dict[str, str]) -> str:
    """Return the configured prefix without its hyphen, empty if not set."""
    for key in ("issue-prefix", "issue_prefix", "prefix"):
        if settings.get(key):
            return settings[key].rstrip("-")
    return ""


def vocabulary(settings: dict[str, str]) -> Vocabulary:
    """Return the vocabulary of a store: built-in words, and those of ``status.custom`` and ``types.custom``."""
    statuses: dict[str, str] = {}
    for word in _list(settings.get("status.custom", "")):
        name, _, category = word.partition(":")
        if name[:1].isalpha() and name == name.lower() and name.replace("_", "").replace("-", "").isalnum():
            statuses[name] = category if category in _CATEGORIES else "active"
    return Vocabulary(statuses, tuple(_list(settings.get("types.custom", ""))))


def _list(text: str) -> list[str]:
    return [word.strip().strip("\"'") for word in text.strip("[] ").split(",") if word.strip()]
