"""Towns for the benchmarks: S (1 rig, 6 agents) and L (5 000 beads, 200 convoys, 30 agents, 200 000 events)."""

from __future__ import annotations

import json
import os
import random
import subprocess
from dataclasses import dataclass

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.ledger_line import encode
from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_seconds
from gastown_core.town.install import install_town
from gastown_core.town.rigs import add_rig


@dataclass(frozen=True)
class Size:
    rigs: int
    polecats: int
    beads: int
    convoys: int
    events: int


SIZES = {"S": Size(1, 3, 30, 2, 200), "L": Size(2, 12, 5_000, 200, 200_000)}
RIGS = ("shop", "billing")


def make_town(root: str, size: Size) -> str:
    """Install, add rigs from a tiny repository, then fill ledger and log by writing files directly."""
    source = os.path.join(os.path.dirname(root), "source")
    if not os.path.isdir(source):
        subprocess.run(["git", "init", "-q", "-b", "main", source], check=True)
        who = ["-c", "user.name=op", "-c", "user.email=op@example.org"]
        subprocess.run(["git", *who, "-C", source, "commit", "-q", "--allow-empty", "-m", "begin"], check=True)
    install_town(root, name="bench", git=True)
    for rig in RIGS[: size.rigs]:
        add_rig(root, rig, source, prefix=rig[:2])
        for number in range(size.polecats):
            os.makedirs(os.path.join(root, rig, "polecats", f"cat{number}", rig))
    fill_ledger(root, size)
    fill_log(os.path.join(root, ".events.jsonl"), size.events)
    return root


def fill_ledger(root: str, size: Size) -> None:
    """Beads spread over the rigs, a third closed, some hooked; convoys over random members."""
    rng = random.Random(7)
    ledger = TownLedger(root)
    ids: list[tuple[str, str]] = []
    lines: dict[str, list[bytes]] = {rig: [] for rig in RIGS[: size.rigs]}
    now = SYSTEM_CLOCK.now()
    for number in range(size.beads):
        rig = RIGS[number % size.rigs]
        bead_id = f"{rig[:2]}-{number:05d}"
        ids.append((rig[:2], bead_id))
        lines[rig].append(encode(record(bead_id, number, now, rng, rig, size)))
    for rig, rows in lines.items():
        with open(os.path.join(ledger.stores()[rig].beads_dir, "issues.jsonl"), "ab") as handle:
            handle.write(b"".join(row.rstrip(b"\n") + b"\n" for row in rows))
    with open(os.path.join(ledger.stores()["town"].beads_dir, "issues.jsonl"), "ab") as handle:
        for number in range(size.convoys):
            handle.write(encode(convoy(number, rng.sample(ids, min(20, len(ids))), now)).rstrip(b"\n") + b"\n")
    for store in ledger.stores().values():
        store.count_by("status", _EVERYTHING)


def record(bead_id: str, number: int, now: float, rng: random.Random, rig: str, size: Size) -> dict[str, object]:
    """One bead of a realistic length."""
    status = "closed" if number % 3 == 0 else "open"
    raw: dict[str, object] = {
        "id": bead_id,
        "title": f"Task {number}: {rng.choice(('retry', 'cache', 'render', 'index'))} the {rng.choice(('cart', 'queue', 'page'))}",
        "description": "Some words about what is to be done here, and why. " * 8,
        "status": status,
        "priority": rng.randint(0, 4),
        "issue_type": rng.choice(("task", "bug", "feature")),
        "created_at": format_micros(now - 86400 * 30 + number),
        "updated_at": format_micros(now - 86400 * 20 + number),
    }
    if status == "closed":
        raw["closed_at"] = format_micros(now - 86400 * 10)
    elif number <= 2 * size.polecats * size.rigs and number % 2:
        raw["status"] = "hooked"
        raw["assignee"] = f"{rig}/polecats/cat{number % size.polecats}"
        raw["updated_at"] = format_micros(now - 60)
    if number % 5 == 1 and number > 10:
        raw["dependencies"] = [
            {
                "issue_id": bead_id,
                "depends_on_id": f"{rig[:2]}-{number - 2 * size.rigs:05d}",
                "type": "blocks",
                "created_at": format_micros(now),
            }
        ]
    return raw


def convoy(number: int, members: list[tuple[str, str]], now: float) -> dict[str, object]:
    """One convoy bead."""
    convoy_id = f"hq-cv-b{number:04d}"
    return {
        "id": convoy_id,
        "title": "Bench convoy" if number == 0 else f"Convoy {number}",
        "status": "open" if number % 4 == 0 else "closed",
        "priority": 2,
        "issue_type": "convoy",
        "created_at": format_micros(now - 86400 * 5 + number),
        "updated_at": format_micros(now - 86400 * 5 + number),
        **({} if number % 4 == 0 else {"closed_at": format_micros(now - 86400 * 3)}),
        "dependencies": [
            {
                "issue_id": convoy_id,
                "depends_on_id": f"external:{prefix}:{bead}",
                "type": "tracks",
                "created_at": format_micros(now),
            }
            for prefix, bead in members
        ],
    }


def fill_log(path: str, count: int) -> None:
    """Events of several kinds, ending a minute ago."""
    now = SYSTEM_CLOCK.now()
    with open(path, "ab") as handle:
        for number in range(count):
            event = {
                "ts": format_seconds(now - 60 - (count - number) * 0.5),
                "source": "gt",
                "type": ("sling", "done", "nudge", "mail", "hook")[number % 5],
                "actor": f"shop/polecats/cat{number % 3}",
                "payload": {
                    "bead": f"sh-{number % 5000:05d}",
                    "target": "shop/polecats/cat1",
                    "subject": f"note {number}",
                },
                "visibility": "feed",
            }
            handle.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")


def _everything() -> object:
    from gastown_core.beads.query import BeadQuery

    return BeadQuery()


_EVERYTHING = _everything()
