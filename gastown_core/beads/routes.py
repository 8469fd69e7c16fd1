"""Which store an id belongs to: ``routes.jsonl`` of a town, one ``{"prefix","path"}`` per line, and its rig register.

``path`` is relative to the town's root and names the folder that contains ``.beads``; ``.`` is the town itself.
"""

from __future__ import annotations

import os

from gastown_core.errors import ConflictError, StoreError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import open_plain, read_plain
from gastown_core.model.json_text import decode_json, encode_json
from gastown_core.model.record import Record


class Route(Record):
    """Ids that begin with ``prefix`` (with its hyphen) belong to the store at ``path``."""

    prefix: str
    path: str


def routes_path(root: str) -> str:
    """Return the path of a town's routes."""
    return os.path.join(root, ".beads", "routes.jsonl")


def read_routes(root: str) -> list[Route]:
    """Return the town's routes in order; skips ``#`` comments and invalid lines. Raises StoreError if unreadable."""
    try:
        lines = read_plain(routes_path(root)).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot read {routes_path(root)}", error.strerror or str(error)) from error
    return [route for route in map(_read_line, lines) if route is not None]


def read_rigs(root: str) -> dict[str, str]:
    """Registered rigs as name → bead prefix, in the order of ``mayor/rigs.json``; empty if the file is missing."""
    value = read_json(os.path.join(root, "mayor", "rigs.json")) or {}
    rigs = value.get("rigs")
    out: dict[str, str] = {}
    if isinstance(rigs, dict):
        for name, entry in rigs.items():
            beads = entry.get("beads") if isinstance(entry, dict) else None
            prefix = beads.get("prefix") if isinstance(beads, dict) else None
            out[str(name)] = str(prefix or "gt").rstrip("-")
    return out


def _read_line(line: bytes) -> Route | None:
    if line.lstrip().startswith(b"#"):
        return None
    try:
        value = decode_json(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    prefix, path = value.get("prefix"), value.get("path")
    if not isinstance(prefix, str) or not isinstance(path, str) or not prefix or not path:
        return None
    return Route(prefix if prefix.endswith("-") else prefix + "-", os.path.normpath(path))


def add_route(root: str, prefix: str, path: str) -> None:
    """Add a route unless it exists; other lines and comments are kept.

    Raises ConflictError if the prefix has another route, UsageError for an invalid prefix.
    """
    # imported here since it loads regular expressions, which readers of routes do not need
    from gastown_core.beads.ids import check_prefix

    wanted = Route(check_prefix(prefix) + "-", os.path.normpath(path))
    target = routes_path(root)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with FileLock(target + ".lock"):
        for route in read_routes(root):
            if route == wanted:
                return
            if route.prefix == wanted.prefix:
                raise ConflictError(
                    f"the prefix {wanted.prefix} is taken", f"it leads to {route.path}", "choose another with --prefix"
                )
        line = encode_json({"prefix": wanted.prefix, "path": wanted.path}, ascii_only=True)
        write_atomic(target, _existing(target) + line.encode() + b"\n")


def remove_route(root: str, prefix: str) -> None:
    """Remove the routes of a prefix, if any."""
    target = routes_path(root)
    wanted = prefix.rstrip("-") + "-"
    with FileLock(target + ".lock"):
        lines = _existing(target).splitlines(keepends=True)
        kept = [line for line in lines if (route := _read_line(line)) is None or route.prefix != wanted]
        if len(kept) != len(lines):
            write_atomic(target, b"".join(kept))


def _existing(target: str) -> bytes:
    try:
        with open(open_plain(target), "rb") as handle:
            data = handle.read()
    except FileNotFoundError:
        return b""
    return data if not data or data.endswith(b"\n") else data + b"\n"


def routes_of(bead_id: str, routes: list[Route]) -> list[Route]:
    """Return the routes whose prefix the id begins with, longest prefix first."""
    return sorted((route for route in routes if bead_id.startswith(route.prefix)), key=lambda one: -len(one.prefix))
