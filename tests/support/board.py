"""A commons that a town has joined, as files only: the kept board of a clone, without dolt."""

from __future__ import annotations

import json
from pathlib import Path

from gastown_core.wasteland.board import FORM, mark_of
from gastown_core.wasteland.clone import Clone
from gastown_core.wasteland.membership import BOARD
from gastown_core.wasteland.schema import COLUMNS, VERSION
from gastown_core.wasteland.stamps import Stamp

HOSTILE = "\x1b[31mred\x1b[0m <b>bold</b> \u202eleft"


def item(number: int, title: str, **more: object) -> dict[str, object]:
    named = {"project": "roof", "type": "bug", "priority": number % 5, "posted_by": "mill", "status": "open"}
    times = {"created_at": "2026-03-02 10:11:12", "updated_at": "2026-03-02 10:11:12"}
    return {"id": f"w-{number:03d}", "title": title, "effort_level": "small", **named, **times, **more}


def stamp(number: int, quality: float, previous: str = "") -> dict[str, object]:
    """A sealed stamp of mill about fern."""
    words = ("leaf", "", "endorsement", "work", "", (), f"stamp {number}", previous, number, "")
    made = Stamp(f"s-{number}", "mill", "fern", {"quality": quality}, 0.7, *words, f"2026-03-0{number} 10:00:00")
    return {
        "id": made.id,
        "author": made.author,
        "subject": made.subject,
        "valence": made.valence,
        "confidence": made.confidence,
        "severity": made.severity,
        "context_type": made.context_type,
        "stamp_type": made.kind,
        "message": made.message,
        "prev_stamp_hash": previous,
        "stamp_index": number,
        "block_hash": made.own_seal,
        "created_at": made.created_at,
    }


def keep_board(root: str, **more: list[dict[str, object]]) -> None:
    """Have the town be mill of ``org/commons``, with three items, one of them handed in, and two stamps about fern."""
    first = stamp(1, 5.0)
    tables = {
        "wanted": [
            item(1, "Mend the roof", description=f"All of it.\n{HOSTILE}"),
            item(2, HOSTILE, project="yard"),
            item(3, "A ladder", status="in_review", claimed_by="fern"),
            item(4, "A bucket", status="claimed", claimed_by="mill", posted_by="fern"),
        ],
        "completions": [
            {
                "id": "c-1",
                "wanted_id": "w-003",
                "completed_by": "fern",
                "evidence": f"https://example.org/1 {HOSTILE}",
                "completed_at": "2026-03-02 12:00:00",
            }
        ],
        "stamps": [first, stamp(2, 3.0, str(first["block_hash"]))],
        "rigs": [{"handle": "mill", "display_name": "The mill"}, {"handle": "fern"}],
        "badges": [{"rig_handle": "fern", "badge_type": "first"}],
        "columns": [{"t": table, "c": name} for table, columns in COLUMNS.items() for name in columns],
        "version": [{"value": ".".join(map(str, VERSION))}],
        "waiting": [],
        **more,
    }
    Path(root, "mayor").mkdir(exist_ok=True)
    named = {"upstream": "org/commons", "rig_handle": "mill", "upstream_url": "file:///nowhere"}
    Path(root, "mayor", "wasteland.json").write_text(json.dumps(named))
    clone = Clone(str(Path(root, ".wasteland", "org", "commons")))
    store = Path(clone.path, ".dolt", "noms")
    store.mkdir(parents=True, exist_ok=True)
    count = int(store.joinpath("manifest").read_text()) + 1 if store.joinpath("manifest").exists() else 1
    store.joinpath("manifest").write_text(str(count))
    Path(clone.path + BOARD).write_text(json.dumps({"form": FORM, "mark": mark_of(clone), "tables": tables}))
