"""How long events are kept, and deletion of expired ones under the log's lock.

Defaults and formats: feed-and-events.md section 3.  An unreadable line is kept; a file is rewritten only if something
expired; the newest ``min_retain_count`` lines always stay.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

from gastown_core.clock import parse_duration
from gastown_core.events.feed import feed_path
from gastown_core.events.log import log_path, parse_event
from gastown_core.files.atomic import edit_json, read_json, write_atomic
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import open_plain
from gastown_core.model.event import CATALOGUE, DAY, DEFAULT_TTL_S
from gastown_core.model.json_text import bulk_decoder, decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class RetentionRules(Record):
    """Lifetimes in seconds: ``ttls`` maps an event type or glob to one; the last ``min_retain_count`` lines stay."""

    default_ttl_s: float
    prune_interval_s: float
    min_retain_count: int
    ttls: dict[str, float]


class Pruned(Record):
    """The result of pruning one file: lines dropped, lines kept, bytes freed."""

    path: str
    dropped: int
    kept: int
    freed: int


def rules_path(root: str) -> str:
    """Return the path of the rules; the file contains JSON despite its name, as in the Go tools."""
    return os.path.join(root, ".krc.yaml")


def read_rules(root: str) -> RetentionRules:
    """Return the town's rules; durations may be text (``7d``) or integer nanoseconds. Defaults if there is no file."""
    value: dict[str, object] = read_json(rules_path(root)) or {}
    count = value.get("min_retain_count")
    ttls = value.get("ttls")
    own = {str(k): d for k, v in (ttls if isinstance(ttls, dict) else {}).items() if (d := parse_duration(v))}
    return RetentionRules(
        parse_duration(value.get("default_ttl")) or DEFAULT_TTL_S,
        parse_duration(value.get("prune_interval")) or 3600.0,
        count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else 100,
        own,
    )


def set_ttl(root: str, pattern: str, ttl: str) -> None:
    """Set one lifetime as text; the pattern ``default`` sets the default."""

    def change(value: dict[str, Any]) -> None:
        if pattern == "default":
            value["default_ttl"] = ttl
        else:
            value.setdefault("ttls", {})[pattern] = ttl

    edit_json(rules_path(root), change)


def reset_rules(root: str) -> None:
    """Remove the town's own rules; other keys of the file stay."""

    def change(value: dict[str, object]) -> None:
        for key in ("default_ttl", "ttls", "prune_interval", "min_retain_count"):
            value.pop(key, None)

    if os.path.exists(rules_path(root)):
        edit_json(rules_path(root), change)


def ttl_of(event_type: str, rules: RetentionRules) -> float:
    """Return the lifetime of an event type in seconds: exact rule, longest matching glob, catalogue, default."""
    exact = rules.ttls.get(event_type)
    if exact is not None:
        return exact
    globs = [pattern for pattern in rules.ttls if "*" in pattern and fnmatchcase(event_type, pattern)]
    if globs:
        return rules.ttls[max(globs, key=len)]
    kind = CATALOGUE.get(event_type)
    if kind is not None:
        return kind.ttl_s
    return 30 * DAY if event_type.startswith("merge_") else rules.default_ttl_s


def prune(root: str, now: float, *, dry_run: bool = False) -> list[Pruned]:
    """Drop expired lines from the raw log and the curated feed; returns a result for each file that exists."""
    rules = read_rules(root)
    return [
        done
        for path in (log_path(root), feed_path(root))
        if (done := _prune_file(path, rules, now, dry_run)) is not None
    ]


def _prune_file(path: str, rules: RetentionRules, now: float, dry_run: bool) -> Pruned | None:
    if not os.path.exists(path):
        return None
    with FileLock(path + ".lock"):
        with open(open_plain(path), "rb") as handle:
            lines = handle.readlines()
        spare = len(lines) - rules.min_retain_count
        decode = bulk_decoder() if spare > 0 else decode_json
        expired = [number < spare and _is_expired(line, rules, now, decode) for number, line in enumerate(lines)]
        keep = [line for line, gone in zip(lines, expired, strict=True) if not gone]
        dropped = len(lines) - len(keep)
        freed = sum(map(len, lines)) - sum(map(len, keep))
        if dropped and not dry_run:
            write_atomic(path, b"".join(keep))
    return Pruned(path, dropped, len(keep), freed)


def reword(root: str, change: Callable[[bytes], bytes]) -> None:
    """Apply ``change`` to every line of the raw log and the curated feed; an unchanged file is not rewritten."""
    for path in (log_path(root), feed_path(root)):
        if not os.path.exists(path):
            continue
        with FileLock(path + ".lock"):
            with open(open_plain(path), "rb") as handle:
                lines = handle.readlines()
            changed = [change(line) for line in lines]
            if changed != lines:
                write_atomic(path, b"".join(changed))


def _is_expired(line: bytes, rules: RetentionRules, now: float, decode: Callable[[bytes], object]) -> bool:
    event = parse_event(line, decode=decode)
    return event is not None and event.ts > 0 and now - event.ts > ttl_of(event.type, rules)
