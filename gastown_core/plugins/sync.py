"""Copies plugins from a folder into the town: only what differs, each folder replaced as a whole."""

from __future__ import annotations

import os
import shutil

from gastown_core.errors import GastownError, StoreError, UsageError
from gastown_core.model.record import Record
from gastown_core.plugins.plugin import FILE, read_plugin

NEW, CHANGED, SAME, REMOVED, WRONG = "new", "changed", "same", "removed", "wrong"
MOST_FILES = 1_000


class PluginChange(Record):
    """What happens to one plugin; ``why`` says what is wrong with it."""

    name: str
    what: str
    why: str = ""


def sync_plugins(root: str, source: str, *, clean: bool = False, dry_run: bool = False) -> list[PluginChange]:
    """Bring the plugins of ``source`` (a folder of plugin folders) into the town, and return what changed.

    ``clean`` moves plugins that the source lacks to ``plugins/.removed``; nothing is deleted.  A plugin that cannot be
    read is left out.  Raises UsageError if there is no such folder, StoreError if the town cannot be written.
    """
    place = os.path.join(root, "plugins")
    if not os.path.isdir(source):
        raise UsageError(f"there is no folder {source}", "", "--source FOLDER names one that holds plugin folders")
    if os.path.realpath(source) == os.path.realpath(place):
        raise UsageError("the source is the town's own plugins folder")
    names = sorted(name for name in os.listdir(source) if os.path.isfile(os.path.join(source, name, FILE)))
    changes = [_bring(os.path.join(source, name), place, name, dry_run) for name in names]
    if clean:
        for name in sorted(os.listdir(place)) if os.path.isdir(place) else []:
            if name not in names and os.path.isfile(os.path.join(place, name, FILE)):
                changes.append(PluginChange(name, REMOVED))
                if not dry_run:
                    _put_aside(place, name)
    return changes


def _bring(source: str, place: str, name: str, dry_run: bool) -> PluginChange:
    try:
        read_plugin(source)
        wanted = _content(source)
    except GastownError as error:
        return PluginChange(name, WRONG, str(error))
    target = os.path.join(place, name)
    is_new = not os.path.lexists(target)
    if not is_new and _content(target) == wanted:
        return PluginChange(name, SAME)
    if not dry_run:
        fresh = os.path.join(place, f".{name}.new")
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            # links of a stranger's folder are copied as links, and never followed
            shutil.copytree(source, fresh, symlinks=True)
            if not is_new:
                _put_aside(place, name)
            os.rename(fresh, target)
        except OSError as error:
            raise StoreError(f"cannot write plugin {name}", error.strerror or str(error)) from error
    return PluginChange(name, NEW if is_new else CHANGED)


def _put_aside(place: str, name: str) -> None:
    """Move a plugin to ``.removed``, where its newest earlier version is kept."""
    kept = os.path.join(place, ".removed", name)
    shutil.rmtree(kept, ignore_errors=True)
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    os.rename(os.path.join(place, name), kept)


def _content(folder: str) -> dict[str, tuple[int, bytes]]:
    """Return relative path → (mode, bytes) of every file below; a link counts by its target."""
    found: dict[str, tuple[int, bytes]] = {}
    for here, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(here, name)
            if len(found) >= MOST_FILES:
                raise UsageError(f"more than {MOST_FILES} files in {folder}", "a plugin is a few files")
            try:
                status = os.lstat(path)
                if os.path.islink(path):
                    data = os.fsencode(os.readlink(path))
                else:
                    from gastown_core.files.plain import read_plain

                    data = read_plain(path)
            except OSError as error:
                raise StoreError(f"cannot read {path}", error.strerror or str(error)) from error
            found[os.path.relpath(path, folder)] = (status.st_mode & 0o111, data)
    return found
