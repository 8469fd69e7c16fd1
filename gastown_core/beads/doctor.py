"""Checks of a store, each with its result and a hint, and repairs that lose nothing."""

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


class LedgerFinding(Record):
    """The result of a check; ``level`` is ok, warning or error."""

    name: str
    level: str
    message: str
    details: tuple[str, ...] = ()
    hint: str = ""


def examine(store: BeadStore, *, only: tuple[str, ...] = ()) -> list[LedgerFinding]:
    """Run all checks for the store's engine, or those named; changes nothing."""
    found = []
    for name in CHECKS:
        if only and name not in only:
            continue
        if name in STORE_CHECKS:
            found.append(STORE_CHECKS[name](store))
        elif isinstance(store, JsonlStore) and _is_in_files(store):
            found.append(FILE_CHECKS[name](store))
    return found


def _is_in_files(store: BeadStore) -> bool:
    """Whether the files are the truth, and not a mirror of a database."""
    return store.files_dir == store.beads_dir


def _layout(store: JsonlStore) -> LedgerFinding:
    wanted = (store.index.names[0], "config.yaml", "metadata.json")
    missing = tuple(name for name in wanted if not os.path.exists(os.path.join(store.beads_dir, name)))
    if missing:
        return LedgerFinding(
            "layout", "warning", f"missing: {', '.join(missing)}", (), "run bd doctor --fix to create them"
        )
    return LedgerFinding("layout", "ok", f"{store.beads_dir}, prefix {store.prefix}")


def _junk(store: JsonlStore) -> LedgerFinding:
    found = [odd for odd in store.oddities() if odd[2] == "junk"]
    if not found:
        return LedgerFinding("junk lines", "ok", "every line is readable")
    details = tuple(f"{name} byte {at}: {reason}" for name, at, _, reason in found)
    return LedgerFinding(
        "junk lines",
        "warning" if store.count(BeadQuery(include_wisps=True)) else "error",
        f"{len(found)} lines cannot be read; they are kept",
        details,
        "inspect them in the file; a killed writer leaves a torn line",
    )


def _conflicts(store: JsonlStore) -> LedgerFinding:
    found = [odd for odd in store.oddities() if odd[2] == "conflict"]
    if not found:
        return LedgerFinding("conflict markers", "ok", "none")
    details = tuple(f"{name} byte {at}: {marker}" for name, at, _, marker in found)
    return LedgerFinding(
        "conflict markers",
        "error",
        f"{len(found)} git conflict markers; both sides are read and kept",
        details,
        "run bd doctor --fix to merge both sides field by field",
    )


def _torn(store: JsonlStore) -> LedgerFinding:
    for name, position in store.positions().items():
        path = os.path.join(store.beads_dir, name)
        left = (os.stat(path).st_size if os.path.exists(path) else 0) - position.offset
        if left > 0:
            return LedgerFinding(
                "torn line",
                "warning",
                f"{name} ends in {left} bytes of an unfinished line; the next write terminates it",
            )
    return LedgerFinding("torn line", "ok", "files end with complete lines")


def _cycles(store: BeadStore) -> LedgerFinding:
    targets: dict[str, list[str]] = {}
    for source, target, kind in store.all_edges():
        if kind in ORDERING_TYPES:
            targets.setdefault(source, []).append(target)
    cycles = find_cycles(targets)
    if not cycles:
        return LedgerFinding("cycles", "ok", "none")
    details = tuple(" → ".join(cycle) for cycle in cycles)
    return LedgerFinding(
        "cycles", "error", f"{len(cycles)} cycles of beads wait for each other", details, "bd dep remove A B breaks one"
    )


def _orphans(store: BeadStore) -> LedgerFinding:
    lost = [edge for edge in store.all_edges() if store.excerpt(edge[1]) is None]
    if not lost:
        return LedgerFinding("dependencies", "ok", "every target exists")
    unknown = tuple(f"{source} {kind} {target}" for source, target, kind in lost)
    blocking = sum(kind in BLOCKING_TYPES and not store.is_absent(target) for _, target, kind in lost)
    return LedgerFinding(
        "dependencies",
        "warning",
        f"{len(unknown)} dependencies on unknown beads, {blocking} of them blocking",
        unknown,
        "remove an obsolete one with bd dep remove A B",
    )


def _duplicates(store: BeadStore) -> LedgerFinding:
    by_title: dict[str, list[str]] = {}
    for bead in store.excerpts(BeadQuery(exclude_statuses=(CLOSED,))):
        by_title.setdefault(" ".join(bead.title.lower().split()), []).append(bead.id)
    twice = tuple(f"{title}: {', '.join(ids)}" for title, ids in sorted(by_title.items()) if len(ids) > 1)
    if not twice:
        return LedgerFinding("duplicates", "ok", "no two open beads share a title")
    return LedgerFinding("duplicates", "warning", f"{len(twice)} titles are shared by several open beads", twice)


def _gitignore(store: JsonlStore) -> LedgerFinding:
    lines = _lines(os.path.join(store.beads_dir, ".gitignore"))
    missing = tuple(name for name in IGNORED if name not in lines)
    if missing:
        return LedgerFinding(
            "gitignore", "warning", f"{len(missing)} names are not ignored", missing, "run bd doctor --fix"
        )
    return LedgerFinding("gitignore", "ok", "git ignores local files")


def _driver(store: JsonlStore) -> LedgerFinding:
    known = driver_registered(store.beads_dir)
    if known is None:
        return LedgerFinding("merge driver", "ok", "not in a git repository")
    ledger = store.index.names[0]
    named = merge_attribute(store.beads_dir, ledger)
    if known and named == DRIVER_NAME:
        return LedgerFinding("merge driver", "ok", f"git merges {ledger} field by field")
    why = "it is not registered in this clone"
    if named != DRIVER_NAME:
        why = f".gitattributes names another: {named}" if named else "no .gitattributes names it"
    return LedgerFinding("merge driver", "warning", why, (), "run bd doctor --fix to register it")


def _index(store: JsonlStore) -> LedgerFinding:
    store.index.refresh()
    if store.index.is_in_memory:
        return LedgerFinding("index", "warning", "it cannot be stored on disk, so every command reads the whole ledger")
    state = store.index.db.execute("PRAGMA quick_check").fetchone()[0]
    if state != "ok":
        return LedgerFinding("index", "error", f"damaged: {state}", (), "run bd doctor --fix to rebuild it")
    return LedgerFinding(
        "index", "ok", f"{store.count(BeadQuery(include_wisps=True))} beads, {store.index.garbage()} outdated lines"
    )


STORE_CHECKS: dict[str, Callable[[BeadStore], LedgerFinding]] = {
    "cycles": _cycles,
    "dependencies": _orphans,
    "duplicates": _duplicates,
}
"""Checks for any store, by name."""
FILE_CHECKS: dict[str, Callable[[JsonlStore], LedgerFinding]] = {
    "layout": _layout,
    "junk": _junk,
    "conflicts": _conflicts,
    "torn": _torn,
    "gitignore": _gitignore,
    "merge-driver": _driver,
    "index": _index,
}
"""Checks of the files of a JSONL store, by name."""
CHECKS = tuple("layout junk conflicts torn cycles dependencies duplicates gitignore merge-driver index".split())
"""All checks, in the order in which they run."""


def mend(store: BeadStore) -> list[str]:
    """Repair what can be repaired in files without loss; returns sentences about what was done."""
    done: list[str] = []
    if not isinstance(store, JsonlStore) or not _is_in_files(store):
        return done
    made = init_store(os.path.dirname(store.beads_dir), store.prefix)
    if made:
        done.append(f"created or completed {', '.join(made)}")
    if any(odd[2] == "conflict" for odd in store.oddities()):
        done += _merge_conflicts(store)
    if _index(store).level == "error":
        store.index.rebuild()
        done.append("rebuilt the index")
    return done


def _merge_conflicts(store: JsonlStore) -> list[str]:
    from gastown_core.beads.merge_driver import resolve_conflicts
    from gastown_core.files.atomic import write_atomic, write_inside

    with store.writer():
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
        "merged both sides of the conflict markers; the original file is issues.jsonl.conflict.bak",
    ]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read().splitlines()
    except OSError:
        return []
