"""Statistics of the event log and its retention, and pruning when it is due, as ``gt krc`` shows them.

The state of automatic pruning is in ``.krc-autoprune.json`` (feed-and-events.md section 3).
"""

from __future__ import annotations

import os
from collections import Counter

from gastown_core.clock import format_seconds, parse_moment
from gastown_core.events.feed import feed_path
from gastown_core.events.log import log_path, parse_event
from gastown_core.events.retention import Pruned, prune, read_rules, ttl_of
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.files.plain import open_plain
from gastown_core.model.event import DAY
from gastown_core.model.json_text import bulk_decoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AGES = (("0-1d", DAY), ("1-7d", 7 * DAY), ("7-30d", 30 * DAY), ("30d+", float("inf")))


def state_path(root: str) -> str:
    """Return the path of the automatic pruning state."""
    return os.path.join(root, ".krc-autoprune.json")


def stats(root: str, now: float) -> dict[str, Any]:
    """Sizes, counts, ages and lifetimes, with the keys of ``gt krc stats --json``."""
    rules = read_rules(root)
    by_type: Counter[str] = Counter()
    expired: Counter[str] = Counter()
    by_age: Counter[str] = Counter({name: 0 for name, _ in AGES})
    oldest = newest = 0.0
    lines = _lines(log_path(root))
    decode = bulk_decoder()
    for line in lines:
        event = parse_event(line, decode=decode)
        if event is None or not event.ts:
            continue
        age = now - event.ts
        by_type[event.type] += 1
        by_age[next(name for name, limit in AGES if age < limit)] += 1
        expired[event.type] += age > ttl_of(event.type, rules)
        oldest = min(oldest or event.ts, event.ts)
        newest = max(newest, event.ts)
    out: dict[str, Any] = {
        "events_file": _file(log_path(root), len(lines)),
        "feed_file": _file(feed_path(root), len(_lines(feed_path(root)))),
        "by_type": dict(by_type.most_common()),
        "by_age": dict(by_age),
        "ttl_breakdown": {
            name: {"ttl": format_ttl(ttl_of(name, rules)), "count": count, "expired": expired[name]}
            for name, count in by_type.most_common()
        },
    }
    if newest:
        out["oldest_event"], out["newest_event"] = format_seconds(oldest), format_seconds(newest)
    return out


def format_ttl(seconds: float) -> str:
    """Return a lifetime as written in the rules: ``7d``, ``36h``, ``90s``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"


def due_in(root: str, now: float) -> float:
    """Return the seconds until automatic pruning is due; 0 or less if it is due."""
    last = parse_moment((read_json(state_path(root)) or {}).get("last_prune_time"))
    return 0.0 if last is None else last + read_rules(root).prune_interval_s - now


def prune_and_note(root: str, now: float) -> list[Pruned]:
    """Prune, and record the time and the result in the state file."""
    done = prune(root, now)
    dropped, freed = sum(one.dropped for one in done), sum(one.freed for one in done)

    def note(state: dict[str, Any]) -> None:
        state["last_prune_time"] = format_seconds(now)
        state["last_result"] = f"dropped {dropped}, freed {freed} bytes"
        state["prune_count"] = int(state.get("prune_count") or 0) + 1
        state["total_pruned"] = int(state.get("total_pruned") or 0) + dropped
        state["total_bytes_freed"] = int(state.get("total_bytes_freed") or 0) + freed

    edit_json(state_path(root), note)
    return done


def _lines(path: str) -> list[bytes]:
    try:
        with open(open_plain(path), "rb") as handle:
            return handle.read().splitlines()
    except FileNotFoundError:
        return []


def _file(path: str, count: int) -> dict[str, object]:
    return {"path": path, "size": os.path.getsize(path) if os.path.exists(path) else 0, "event_count": count}
