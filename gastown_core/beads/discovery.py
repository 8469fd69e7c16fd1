"""Finds the ``.beads`` folder of a place, following redirects and git worktrees (beads.md section 7)."""

from __future__ import annotations

import os

from gastown_core.errors import NotFoundError, SettingsError, StoreError
from gastown_core.files.plain import open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BEADS = ".beads"
REDIRECT = "redirect"
MAX_HOPS = 4
_SIGNS = ("issues.jsonl", "config.yaml", "metadata.json", "beads.jsonl")
LEDGER, WISPS = "issues.jsonl", "wisps.jsonl"
_OLD_LEDGER = "beads.jsonl"
_DATABASES = ("dolt", "embeddeddolt", "beads.db")
TOWN_MARKER = os.path.join("mayor", "town.json")
_TOWN_SIGNS = (
    *(os.path.join("mayor", name) for name in ("rigs.json", "daemon.json")),
    *(os.path.join(BEADS, "routes.jsonl"), ".events.jsonl", "daemon", "deacon"),
)
"""Any of these beside a folder ``mayor`` without ``town.json`` marks a town (a clone lacks ignored files)."""


def is_store(beads_dir: str) -> bool:
    """Return whether the folder has a ledger, its configuration, or an unsupported database."""
    return any(os.path.exists(os.path.join(beads_dir, sign)) for sign in (*_SIGNS, *_DATABASES))


def read_redirect(beads_dir: str) -> str:
    """Return the ``.beads`` folder that this one redirects to, empty if none or itself."""
    try:
        with open(open_plain(os.path.join(beads_dir, REDIRECT)), encoding="utf-8", errors="replace") as handle:
            lines = [line.strip() for line in handle]
    except OSError:
        return ""
    target = next((line for line in lines if line and not line.startswith("#")), "")
    if not target:
        return ""
    path = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(beads_dir)), target))
    return "" if os.path.realpath(path) == os.path.realpath(beads_dir) else path


def holds_records(beads_dir: str) -> bool:
    """Return whether the folder itself contains a file of records."""
    try:
        names = (ledger_name(beads_dir), WISPS)
    except StoreError:
        return False
    return any(os.path.exists(os.path.join(beads_dir, name)) for name in names)


def ledger_name(beads_dir: str) -> str:
    """Return the name of the ledger file in the folder: ``jsonl_export`` of ``metadata.json``, or ``issues.jsonl``.

    An older folder may only have ``beads.jsonl``.  Raises StoreError if ``jsonl_export`` points outside the folder, or
    if there is only a database.
    """
    named = _exported_name(beads_dir)
    if named and os.path.exists(os.path.join(beads_dir, named)):
        return named
    if os.path.exists(os.path.join(beads_dir, LEDGER)):
        return LEDGER
    if os.path.exists(os.path.join(beads_dir, _OLD_LEDGER)):
        return _OLD_LEDGER
    databases = [name for name in _DATABASES if os.path.exists(os.path.join(beads_dir, name))]
    if databases:
        raise StoreError(
            f"the beads of {os.path.dirname(beads_dir)} are in a database",
            f"{os.path.join(beads_dir, databases[0])} is not supported, and there is no {named or LEDGER}",
            f"export them with the bd that made it: bd export -o {os.path.join(beads_dir, named or LEDGER)}",
        )
    return named or LEDGER


def metadata_of(beads_dir: str) -> dict[str, Any]:
    """Return what ``metadata.json`` says of the folder's store, empty if it is missing or no JSON object."""
    from gastown_core.files.atomic import read_json

    try:
        return read_json(os.path.join(beads_dir, "metadata.json")) or {}
    except SettingsError:
        return {}


def is_served(beads_dir: str) -> bool:
    """Return whether the folder's own files say that its beads are in a Dolt server's database."""
    metadata = metadata_of(beads_dir)
    if metadata.get("backend", "dolt") != "dolt":
        return False
    mode = metadata.get("dolt_mode")
    if not mode and "backend" in metadata:
        # imported here: hardly any folder leaves its mode to its other files
        from gastown_core.beads.settings import read_settings

        mode = (
            "server" if os.environ.get("BEADS_DOLT_SERVER_MODE") == "1" else read_settings(beads_dir).get("dolt.mode")
        )
    return mode == "server"


def _exported_name(beads_dir: str) -> str:
    path = os.path.join(beads_dir, "metadata.json")
    value = metadata_of(beads_dir).get("jsonl_export")
    if not isinstance(value, str) or not value:
        return ""
    name = value.removeprefix(BEADS + "/")
    if os.path.basename(name) != name or not name.endswith(".jsonl"):
        raise StoreError(
            f"cannot read the ledger of {os.path.dirname(beads_dir)}",
            f"jsonl_export in {path} is {value!r}, which is not a .jsonl file beside it",
            f"set it to {LEDGER}, and move the records to {os.path.join(beads_dir, LEDGER)}",
        )
    return name


def broken_redirect(beads_dir: str) -> str:
    """Return the missing target of a redirect that has a ledger beside it; empty otherwise."""
    target = read_redirect(beads_dir)
    return target if target and not os.path.isdir(target) and holds_records(beads_dir) else ""


def follow_redirects(beads_dir: str) -> str:
    """The folder at the end of at most MAX_HOPS redirects; the ledger beside a redirect to a missing folder counts.

    Raises StoreError for a loop, too many redirects, or a missing target without a ledger beside the redirect.
    """
    here = os.path.abspath(beads_dir)
    seen = [here]
    while target := read_redirect(here):
        if target in seen:
            raise StoreError(f"{beads_dir} has a redirect loop", " → ".join([*seen, target]), "fix one redirect file")
        if len(seen) > MAX_HOPS:
            raise StoreError(
                f"{beads_dir} is redirected more than {MAX_HOPS} times",
                " → ".join(seen),
                "point its redirect to the last folder",
            )
        if not os.path.isdir(target):
            if holds_records(here):
                return here
            raise StoreError(f"{here} is redirected to a missing folder", target, f"fix {os.path.join(here, REDIRECT)}")
        seen.append(target)
        here = target
    return here


def write_redirect(folder: str, target_beads_dir: str) -> None:
    """Redirect ``<folder>/.beads`` to another store's final folder, by a relative path.

    Raises StoreError if that is its own store, or if ``.beads`` is a symbolic link, which may point outside.
    """
    from gastown_core.files.atomic import write_inside

    own = os.path.join(os.path.abspath(folder), BEADS)
    final = follow_redirects(target_beads_dir)
    if os.path.realpath(final) == os.path.realpath(own):
        raise StoreError(f"{own} cannot be redirected to itself", final)
    relative = os.path.relpath(final, os.path.abspath(folder))
    write_inside(os.path.abspath(folder), f"{BEADS}/{REDIRECT}", (relative + "\n").encode())


def find_beads_dir(start: str = ".", env: Mapping[str, str] | None = None) -> str | None:
    """Return the store around ``start``, redirects followed; None if there is none.

    BEADS_DIR has priority.  Otherwise folders are searched upwards to the top of the git repository (a worktree
    continues in its main repository), or inside a town to the town's root.
    """
    given = (os.environ if env is None else env).get("BEADS_DIR", "")
    if given:
        return follow_redirects(given)
    here = os.path.abspath(start)
    passed_git = False
    town = town_above(here)
    while True:
        beads_dir = os.path.join(here, BEADS)
        if os.path.isdir(beads_dir) and (is_store(beads_dir) or read_redirect(beads_dir)):
            return follow_redirects(beads_dir)
        git = os.path.join(here, ".git")
        if os.path.exists(git):
            main = os.path.join(_main_repository(git), BEADS)
            if os.path.isdir(main) and is_store(main):
                return follow_redirects(main)
            passed_git = True
        above = os.path.dirname(here)
        if above == here or here == town or (passed_git and not town):
            return None
        here = above


def need_beads_dir(start: str = ".") -> str:
    """As ``find_beads_dir``. Raises NotFoundError."""
    found = find_beads_dir(start)
    if found is None:
        raise NotFoundError(
            f"no beads at or above {os.path.abspath(start)}", "no .beads folder was found", "run bd init to create one"
        )
    return found


def is_town(path: str) -> bool:
    """Return whether the folder is a town: it has ``mayor/town.json``, or ``mayor`` and other files of a town."""
    return os.path.isfile(os.path.join(path, TOWN_MARKER)) or _is_unmarked_town(path)


def _is_unmarked_town(path: str) -> bool:
    mayor = os.path.join(path, "mayor")
    if not os.path.isdir(mayor) or os.path.exists(os.path.join(mayor, ".git")):
        return False
    if any(os.path.exists(os.path.join(path, sign)) for sign in _TOWN_SIGNS):
        return True
    # a rig also has a ledger and a mayor folder, but with a clone in it
    return os.path.isdir(os.path.join(path, BEADS)) and not os.path.exists(os.path.join(mayor, "rig"))


def town_above(start: str) -> str:
    """Return the outermost town around a folder, empty if there is none; ``mayor/town.json`` takes precedence."""
    marked = unmarked = ""
    here = os.path.abspath(start)
    while True:
        if os.path.isfile(os.path.join(here, TOWN_MARKER)):
            marked = here
        elif _is_unmarked_town(here):
            unmarked = here
        above = os.path.dirname(here)
        if above == here:
            return marked or unmarked
        here = above


def _main_repository(git: str) -> str:
    """Return the top folder of the main repository that a ``.git`` folder or file belongs to."""
    if os.path.isdir(git):
        return os.path.dirname(git)
    try:
        with open(open_plain(git), encoding="utf-8", errors="replace") as handle:
            line = handle.readline()
        gitdir = os.path.join(os.path.dirname(git), line.partition("gitdir:")[2].strip())
        with open(open_plain(os.path.join(gitdir, "commondir")), encoding="utf-8", errors="replace") as handle:
            common = os.path.normpath(os.path.join(gitdir, handle.read().strip()))
    except OSError:
        return os.path.dirname(git)
    return os.path.dirname(common)
