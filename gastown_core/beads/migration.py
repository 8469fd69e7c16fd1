"""Moves a town's ledgers between files and a Dolt server: copied, compared, and only then switched.

The source stays as it is.  A target that differs from its source after the copy is removed, and nothing is switched.
"""

from __future__ import annotations

import os
import uuid

from gastown_core.beads import ledger_line
from gastown_core.beads.discovery import is_served, metadata_of
from gastown_core.beads.dolt.address import HOST, USER, Address
from gastown_core.beads.dolt.link import Link
from gastown_core.beads.dolt.loading import load
from gastown_core.beads.dolt.mirror import FILES, Mirror
from gastown_core.beads.dolt.schema import create_schema, read_schema
from gastown_core.beads.jsonl_store import JsonlStore
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.settings import read_settings
from gastown_core.clock import SYSTEM_CLOCK, parse_moment
from gastown_core.errors import ConflictError, StoreError
from gastown_core.files import system
from gastown_core.files.atomic import edit_json, write_atomic
from gastown_core.model.bead import Bead
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore

    Raw = dict[str, Any]
DOLT, JSONL = "dolt", "jsonl"
ALL = BeadQuery(sort="id", include_wisps=True)
MEMORIES = "kv.memory."
_CONFIG = ("status.custom", "types.custom")


class Counts(Record):
    """What a ledger holds."""

    beads: int
    wisps: int
    labels: int
    dependencies: int
    comments: int
    memories: int


class Move(Record):
    """The move of one store: from where, to where, what it held, and whether it was done."""

    store: str
    source: str
    target: str
    counts: Counts
    is_done: bool = False
    differing: tuple[str, ...] = ()
    """Ids that the target holds otherwise than the source."""


def stores_to_move(ledger: TownLedger, target: str) -> dict[str, BeadStore]:
    """Return the stores that are not yet where they should be. Raises StoreError if one cannot be read."""
    found = {name: one for name, one in ledger.stores().items() if is_served(one.beads_dir) != (target == DOLT)}
    for name, why in ledger.missing.items():
        raise StoreError(f"the ledger of {name} cannot be read", why, "nothing was moved")
    for name, store in found.items():
        if store.trouble:
            raise StoreError(f"the ledger of {name} is not up to date", store.trouble, "nothing was moved")
    return found


def counted(store: BeadStore) -> Counts:
    """Return what a store holds."""
    beads = store.find(ALL)
    wisps = sum(bead.is_ephemeral for bead in beads)
    return Counts(
        len(beads) - wisps,
        wisps,
        sum(len(bead.labels) for bead in beads),
        sum(len(bead.edges) for bead in beads),
        sum(len(bead.comments) for bead in beads),
        len(store.other_lines(ledger_line.MEMORY)),
    )


def database_name(name: str) -> str:
    """Return the database for a store's name, as the Go tools name them."""
    return "hq" if name == "town" else "".join(c if c.isalnum() else "_" for c in name)


def plan(ledger: TownLedger, target: str, port: int) -> list[Move]:
    """Return what would be moved; changes nothing. Raises StoreError if a store cannot be read."""
    moves = []
    for name, store in stores_to_move(ledger, target).items():
        if target == DOLT:
            place = Address(HOST, port, USER, "", database_name(name)).name
        else:
            place = os.path.join(store.beads_dir, FILES["issues"])
        moves.append(Move(name, store.path(), place, counted(store)))
    return moves


def to_dolt(ledger: TownLedger, port: int) -> list[Move]:
    """Move all stores of the town to databases of the server on ``port``. Raises StoreError, ConflictError."""
    done = []
    for name, store in stores_to_move(ledger, DOLT).items():
        if not isinstance(store, JsonlStore):
            continue
        with store.writer():
            done.append(_to_database(name, store, Address(HOST, port, USER, "", database_name(name))))
        store.close()
    return done


def _to_database(name: str, store: JsonlStore, address: Address) -> Move:
    move = Move(name, store.path(), address.name, counted(store))
    beads = store.find(ALL)
    server = Link(address._replace(database=""))
    if server.ask("SELECT 1 FROM information_schema.schemata WHERE schema_name=%s", (address.database,)):
        raise ConflictError(
            f"there is a database {address.name} already", "it may hold beads", f"rename or drop {address.database}"
        )
    server.tell(f"CREATE DATABASE `{address.database}`")
    project = str(metadata_of(store.beads_dir).get("project_id") or uuid.uuid4())
    try:
        link = Link(address)
        create_schema(link)
        link.tell("INSERT INTO metadata (`key`, value) VALUES ('_project_id', %s)", (project,))
        load(link, read_schema(link), beads, _config_of(store))
        differing = compare(beads, _held(link, store.beads_dir))
        if differing:
            raise StoreError(
                f"{address.name} differs from its source", ", ".join(differing[:5]), "nothing was switched"
            )
        link.close()
    except BaseException:
        server.tell(f"DROP DATABASE `{address.database}`")
        raise
    finally:
        server.close()
    _switch_to_dolt(store.beads_dir, address, project)
    return move._replace(is_done=True)


def _config_of(store: BeadStore) -> dict[str, str]:
    settings = read_settings(store.beads_dir)
    out = {"issue_prefix": store.prefix, **{key: settings[key] for key in _CONFIG if settings.get(key)}}
    for line in store.other_lines(ledger_line.MEMORY):
        value = ledger_line.classify(line)[1]
        out[f"{MEMORIES}{value.get('key')}"] = str(value.get("value", ""))
    return out


def _held(link: Link, beads_dir: str) -> dict[str, Bead]:
    mirror = Mirror(os.path.join(beads_dir, ".cache", "none"), link)
    lines = [line for home in FILES for line in mirror.read(home, None).values()]
    beads = [ledger_line.parse_line(line) for line in lines]
    return {bead.id: bead for bead in beads if bead is not None}


def to_jsonl(ledger: TownLedger) -> list[Move]:
    """Move all stores of the town from their server to files. Raises StoreError."""
    done = []
    for name, store in stores_to_move(ledger, JSONL).items():
        with store.write("gt") as batch:
            batch.discard()
            done.append(_to_files(name, store))
        store.close()
    return done


def _to_files(name: str, store: BeadStore) -> Move:
    move = Move(name, store.path(), os.path.join(store.beads_dir, FILES["issues"]), counted(store))
    beads = store.find(ALL)
    memories = store.other_lines(ledger_line.MEMORY)
    homes = {"issues": [b for b in beads if not b.is_ephemeral], "wisps": [b for b in beads if b.is_ephemeral]}
    for home, mine in homes.items():
        path = os.path.join(store.beads_dir, FILES[home])
        lines = [ledger_line.encode(bead.raw) for bead in mine]
        lines += _stones(path, {bead.id for bead in beads})
        lines += memories if home == "issues" else []
        _keep_old(path)
        write_atomic(path, b"".join(line + b"\n" for line in lines), mode=0o644 if home == "issues" else 0o600)
    _switch_to_jsonl(store.beads_dir)
    written = JsonlStore(store.beads_dir, store.prefix, read_only=True)
    differing = compare(beads, {bead.id: bead for bead in written.find(ALL)})
    written.close()
    if differing:
        edit_json(os.path.join(store.beads_dir, "metadata.json"), lambda raw: raw.update(backend=DOLT))
        raise StoreError(f"{move.target} differs from its source", ", ".join(differing[:5]), "nothing was switched")
    return move._replace(is_done=True)


def _stones(path: str, kept: set[str]) -> list[bytes]:
    """Return tombstones for what an older file still holds and the database does not, so that merges keep it deleted."""
    out: dict[str, bytes] = {}
    stamp = SYSTEM_CLOCK.now()
    from gastown_core.beads.rules import tombstone_of

    try:
        with open(path, "rb") as handle:
            for line in handle:
                bead = ledger_line.parse_line(line.rstrip(b"\n"))
                if bead is not None and bead.id not in kept:
                    stone = bead.raw if bead.is_tombstone else tombstone_of(bead.raw, "gt", "deleted in Dolt", stamp)
                    out[bead.id] = ledger_line.encode(stone)
    except FileNotFoundError:
        pass
    return list(out.values())


def _keep_old(path: str) -> None:
    if os.path.exists(path) and os.path.getsize(path):
        system.replace(path, f"{path}.{int(SYSTEM_CLOCK.now())}.bak")


def _switch_to_dolt(beads_dir: str, address: Address, project: str) -> None:
    _set_no_db(beads_dir, is_on=False)
    values = {
        "backend": DOLT,
        "database": DOLT,
        "dolt_mode": "server",
        "dolt_server_host": address.host,
        "dolt_server_port": address.port,
        "dolt_database": address.database,
        "project_id": project,
    }
    edit_json(os.path.join(beads_dir, "metadata.json"), lambda raw: raw.update(values))


def _switch_to_jsonl(beads_dir: str) -> None:
    _set_no_db(beads_dir, is_on=True)
    edit_json(os.path.join(beads_dir, "metadata.json"), lambda raw: raw.update(backend=JSONL, database=FILES["issues"]))


def _set_no_db(beads_dir: str, *, is_on: bool) -> None:
    """Tell other programs in ``config.yaml`` whether the files are the truth."""
    path = os.path.join(beads_dir, "config.yaml")
    try:
        with open(path, encoding="utf-8") as handle:
            lines = handle.read().splitlines()
    except FileNotFoundError:
        lines = []
    kept = [line for line in lines if not line.startswith("no-db:")]
    write_atomic(path, ("\n".join([*kept, f"no-db: {str(is_on).lower()}"]) + "\n").encode())


def compare(source: Iterable[Bead], target: Mapping[str, Bead]) -> tuple[str, ...]:
    """Return the ids of beads that the target lacks, has beside them, or holds otherwise."""
    wanted = {bead.id: _canonical(bead.raw) for bead in source}
    found = {bead_id: _canonical(bead.raw) for bead_id, bead in target.items()}
    return tuple(sorted(one for one in wanted.keys() | found.keys() if wanted.get(one) != found.get(one)))


def _canonical(raw: Mapping[str, Any]) -> Raw:
    """Return what a record says, however its moments are written and its lists are ordered."""
    from gastown_core.beads.dolt.rows import MOMENTS, objects

    out: Raw = {}
    for key, value in ledger_line.pruned(dict(raw)).items():
        if key in MOMENTS:
            out[key] = parse_moment(value) or value
        elif value not in ({}, [], "", None, False):
            out[key] = value
    out["labels"] = sorted(map(str, Bead(dict(raw)).labels))
    edges = [
        {k: v for k, v in edge.items() if k != "issue_id" and v not in ("", "{}", None)}
        for edge in objects(raw, "dependencies")
    ]
    out["dependencies"] = sorted((_timed(edge) for edge in edges), key=str)
    comments = [{k: v for k, v in one.items() if k not in ("id", "issue_id")} for one in objects(raw, "comments")]
    out["comments"] = sorted((_timed(one) for one in comments), key=str)
    return out


def _timed(entry: Raw) -> Raw:
    return dict(
        sorted({**entry, "created_at": parse_moment(entry.get("created_at")) or entry.get("created_at")}.items())
    )


__all__ = ["DOLT", "JSONL", "Counts", "Move", "compare", "counted", "plan", "to_dolt", "to_jsonl"]
