"""What may be wrong with a store, each check with what it found and what to do; and mending without loss."""

from __future__ import annotations

import os

from gastown_core.beads.graph import BLOCKING_TYPES, ORDERING_TYPES, find_cycles
from gastown_core.beads.jsonl_store import JsonlStore
from gastown_core.beads.opening import DRIVER_NAME, IGNORED, driver_registered, init_store, merge_attribute
from gastown_core.beads.query import BeadQuery
from gastown_core.model.bead import CLOSED
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.store import BeadStore


class Finding(Record):
    """The result of a check; ``level`` is ok, warning or error."""

    name: str
    level: str
    message: str
    details: tuple[str, ...] = ()
    hint: str = ""


def examine(store: BeadStore, *, only: tuple[str, ...] = ()) -> list[Finding]:
    """All checks that fit the store's engine, or those named. Changes nothing."""
    found = []
    for name in CHECKS:
        if only and name not in only:
            continue
        if name in STORE_CHECKS:
            found.append(STORE_CHECKS[name](store))
        elif isinstance(store, JsonlStore):
            found.append(FILE_CHECKS[name](store))
    return found


def _layout(store: JsonlStore) -> Finding:
    wanted = (store.index.names[0], "config.yaml", "metadata.json")
    missing = tuple(name for name in wanted if not os.path.exists(os.path.join(store.beads_dir, name)))
    if missing:
        return Finding("layout", "warning", f"missing: {', '.join(missing)}", (), "bd doctor --fix makes them")
    return Finding("layout", "ok", f"{store.beads_dir}, prefix {store.prefix}")


def _junk(store: JsonlStore) -> Finding:
    found = [odd for odd in store.oddities() if odd[2] == "junk"]
    if not found:
        return Finding("junk lines", "ok", "every line is readable")
    details = tuple(f"{name} byte {at}: {reason}" for name, at, _, reason in found)
    return Finding(
        "junk lines",
        "warning" if store.count(BeadQuery(include_wisps=True)) else "error",
        f"{len(found)} lines cannot be read; they are kept where they are",
        details,
        "look at them in the file; a torn line is what a killed writer left",
    )


def _conflicts(store: JsonlStore) -> Finding:
    found = [odd for odd in store.oddities() if odd[2] == "conflict"]
    if not found:
        return Finding("conflict markers", "ok", "none")
    details = tuple(f"{name} byte {at}: {marker}" for name, at, _, marker in found)
    return Finding(
        "conflict markers",
        "error",
        f"{len(found)} git conflict markers; both sides are read and kept",
        details,
        "bd doctor --fix merges both sides field by field",
    )


def _torn(store: JsonlStore) -> Finding:
    for name, position in store.positions().items():
        path = os.path.join(store.beads_dir, name)
        left = (os.stat(path).st_size if os.path.exists(path) else 0) - position.offset
        if left > 0:
            return Finding(
                "torn line",
                "warning",
                f"{name} ends in {left} bytes of an unfinished line; the next write closes it off",
            )
    return Finding("torn line", "ok", "files end in whole lines")


def _cycles(store: BeadStore) -> Finding:
    targets: dict[str, list[str]] = {}
    for source, target, kind in store.all_edges():
        if kind in ORDERING_TYPES:
            targets.setdefault(source, []).append(target)
    cycles = find_cycles(targets)
    if not cycles:
        return Finding("cycles", "ok", "none")
    details = tuple(" → ".join(cycle) for cycle in cycles)
    return Finding(
        "cycles", "error", f"{len(cycles)} knots of beads wait for each other", details, "bd dep remove A B unties one"
    )


def _orphans(store: BeadStore) -> Finding:
    lost = [edge for edge in store.all_edges() if store.excerpt(edge[1]) is None]
    if not lost:
        return Finding("dependencies", "ok", "every target is known")
    unknown = tuple(f"{source} {kind} {target}" for source, target, kind in lost)
    blocking = sum(kind in BLOCKING_TYPES and not store.is_absent(target) for _, target, kind in lost)
    return Finding(
        "dependencies",
        "warning",
        f"{len(unknown)} point to unknown beads, {blocking} of them blocking",
        unknown,
        "bd dep remove A B drops one that will never come",
    )


def _duplicates(store: BeadStore) -> Finding:
    by_title: dict[str, list[str]] = {}
    for bead in store.excerpts(BeadQuery(exclude_statuses=(CLOSED,))):
        by_title.setdefault(" ".join(bead.title.lower().split()), []).append(bead.id)
    twice = tuple(f"{title}: {', '.join(ids)}" for title, ids in sorted(by_title.items()) if len(ids) > 1)
    if not twice:
        return Finding("duplicates", "ok", "no two open beads have one title")
    return Finding("duplicates", "warning", f"{len(twice)} titles are shared by several open beads", twice)


def _gitignore(store: JsonlStore) -> Finding:
    lines = _lines(os.path.join(store.beads_dir, ".gitignore"))
    missing = tuple(name for name in IGNORED if name not in lines)
    if missing:
        return Finding(
            "gitignore", "warning", f"{len(missing)} names are not ignored", missing, "bd doctor --fix adds them"
        )
    return Finding("gitignore", "ok", "local files stay out of git")


def _driver(store: JsonlStore) -> Finding:
    known = driver_registered(store.beads_dir)
    if known is None:
        return Finding("merge driver", "ok", "not in a git repository")
    ledger = store.index.names[0]
    named = merge_attribute(store.beads_dir, ledger)
    if known and named == DRIVER_NAME:
        return Finding("merge driver", "ok", f"git merges {ledger} field by field")
    why = "git does not know it in this clone"
    if named != DRIVER_NAME:
        why = f".gitattributes names another: {named}" if named else "no .gitattributes names it"
    return Finding("merge driver", "warning", why, (), "bd doctor --fix registers it")


def _index(store: JsonlStore) -> Finding:
    store.index.refresh()
    if store.index.is_in_memory:
        return Finding("index", "warning", "it cannot be kept on disk, so every command reads the whole ledger")
    state = store.index.db.execute("PRAGMA quick_check").fetchone()[0]
    if state != "ok":
        return Finding("index", "error", f"damaged: {state}", (), "bd doctor --fix makes it anew")
    return Finding(
        "index", "ok", f"{store.count(BeadQuery(include_wisps=True))} beads, {store.index.garbage()} outdated lines"
    )


STORE_CHECKS: dict[str, Callable[[BeadStore], Finding]] = {
    "cycles": _cycles,
    "dependencies": _orphans,
    "duplicates": _duplicates,
}
"""What may be wrong in any store, by the name that asks for it."""
FILE_CHECKS: dict[str, Callable[[JsonlStore], Finding]] = {
    "layout": _layout,
    "junk": _junk,
    "conflicts": _conflicts,
    "torn": _torn,
    "gitignore": _gitignore,
    "merge-driver": _driver,
    "index": _index,
}
"""What may be wrong with the files of a store that keeps its records in git."""
CHECKS = tuple("layout junk conflicts torn cycles dependencies duplicates gitignore merge-driver index".split())
"""All checks, in the order in which they are made."""


def mend(store: BeadStore) -> list[str]:
    """Mend what can be mended in files without losing anything; returns what was done, in words."""
    done: list[str] = []
    if not isinstance(store, JsonlStore):
        return done
    made = init_store(os.path.dirname(store.beads_dir), store.prefix)
    if made:
        done.append(f"made or completed {', '.join(made)}")
    if any(odd[2] == "conflict" for odd in store.oddities()):
        done += _merge_conflicts(store)
    if _index(store).level == "error":
        store.index.rebuild()
        done.append("made the index anew")
    return done


def _merge_conflicts(store: JsonlStore) -> list[str]:
    from gastown_core.beads.merge_driver import resolve_conflicts
    from gastown_core.files.atomic import write_atomic, write_inside

    with store.writer().locked():
        with open(store.path(), "rb") as handle:
            data = handle.read()
        found = resolve_conflicts(data)
        if found is None:
            return []
        write_inside(store.beads_dir, f"{os.path.basename(store.path())}.conflict.bak", data)
        write_atomic(store.path(), found[0])
        store.index.refresh()
    return [
        *found[1].sentences(),
        "merged both sides of the conflict markers; the file as it was is issues.jsonl.conflict.bak",
    ]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read().splitlines()
    except OSError:
        return []
