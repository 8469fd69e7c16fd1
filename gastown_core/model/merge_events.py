"""Rows of the event kind table for merge requests, batches, held queues and integration branches."""

from __future__ import annotations

from gastown_core.model.event_kinds import (
    BAD,
    DONE,
    GOOD,
    INFO,
    WARN,
    WORK,
    kind,
    reason_of,
    text_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def _batch_sentence(p: Mapping[str, object]) -> str:
    """Return how many requests are tested together, and for which target."""
    requests = p.get("mrs")
    count = len(requests) if isinstance(requests, list) else 0
    what = "1 request" if count == 1 else f"{count or 'some'} requests"
    return f"testing {what} for {text_of(p, 'target', 'the target')} of {text_of(p, 'rig', 'the rig')}"


def _probe_sentence(p: Mapping[str, object]) -> str:
    """Return which stack a probe tested, and its result."""
    requests = p.get("mrs")
    names = ", ".join(map(str, requests)) if isinstance(requests, list) and requests else "the target alone"
    return f"probe of {names}: {text_of(p, 'result', '?')}"


def _killed_sentence(p: Mapping[str, object]) -> str:
    """Return in which batch the engine died, what that cost and what has landed of it."""
    requests, merged, runs = p.get("mrs"), p.get("merged"), p.get("runs")
    count, landed = (len(one) if isinstance(one, list) else 0 for one in (requests, merged))
    cost = f" after {runs} gate run{'' if runs == 1 else 's'}" if isinstance(runs, int) else ""
    left = f", {landed} of {count} had landed" if landed else "; what it tested is in the queue again" if count else ""
    return f"the engine of {text_of(p, 'rig', 'the rig')} died in batch {text_of(p, 'batch', '?')}{cost}{left}"


MERGES = (
    kind(
        "mr_queued",
        WORK,
        "○",
        "o",
        INFO,
        30,
        "mr worker branch bead",
        lambda p: f"queued {text_of(p, 'branch')} for merge",
    ),
    kind(
        "merge_started",
        WORK,
        "⚙",
        "*",
        INFO,
        30,
        "mr worker branch",
        lambda p: f"merging {text_of(p, 'branch') or text_of(p, 'mr')}{' again' if p.get('again') else ''}",
    ),
    kind(
        "merged",
        WORK,
        "✓",
        "v",
        DONE,
        30,
        "mr worker branch",
        lambda p: f"merged {text_of(p, 'branch') or 'work from ' + text_of(p, 'worker')}",
    ),
    kind(
        "merge_failed",
        WORK,
        "✗",
        "x",
        BAD,
        30,
        "mr worker branch reason",
        lambda p: f"merge failed: {text_of(p, 'branch')}{reason_of(p)}",
    ),
    kind(
        "merge_skipped",
        WORK,
        "⊘",
        "-",
        WARN,
        30,
        "mr worker branch reason",
        lambda p: f"merge skipped: {text_of(p, 'branch')}{reason_of(p)}",
    ),
    kind("batch_started", WORK, "⚙", "*", INFO, 14, "batch mrs rig target", _batch_sentence),
    kind("batch_killed", WORK, "✗", "x", WARN, 14, "batch mrs merged runs rig target", _killed_sentence),
    kind("bisect_probe", WORK, "⑂", "Y", INFO, 3, "batch mrs result purpose", _probe_sentence),
    kind(
        "queue_held",
        WORK,
        "⏸",
        "=",
        BAD,
        30,
        "rig target reason kind",
        lambda p: f"merging into {text_of(p, 'target')} of {text_of(p, 'rig')} is held{reason_of(p)}",
    ),
    kind(
        "queue_released",
        WORK,
        "▶",
        ">",
        GOOD,
        30,
        "rig target reason kind",
        lambda p: f"merging into {text_of(p, 'target')} of {text_of(p, 'rig')} resumed{reason_of(p)}",
    ),
    kind(
        "union_tested",
        WORK,
        "⋃",
        "U",
        INFO,
        14,
        "rig target batch batches result reason requests",
        lambda p: (
            f"what landed in {text_of(p, 'rig')} from lanes of its own is "
            f"{'green' if text_of(p, 'result') == 'pass' else 'red'} together on {text_of(p, 'target')}{reason_of(p)}"
        ),
    ),
    kind(
        "queue_frozen",
        WORK,
        "⏸",
        "=",
        WARN,
        30,
        "rig reason until",
        lambda p: f"merging in {text_of(p, 'rig')} is {text_of(p, 'reason', 'frozen')}",
    ),
    kind(
        "queue_thawed",
        WORK,
        "▶",
        ">",
        GOOD,
        30,
        "rig reason",
        lambda p: f"merging in {text_of(p, 'rig')} goes on; it was {text_of(p, 'reason', 'frozen')}",
    ),
    kind(
        "conflict_ahead",
        WORK,
        "⚔",
        "!",
        WARN,
        14,
        "rig one other branches beads files hunks reason",
        lambda p: (
            f"conflict ahead in {text_of(p, 'rig')}: {text_of(p, 'reason', 'two branches change the same lines')}"
        ),
    ),
    kind(
        "test_quarantined",
        WORK,
        "☣",
        "q",
        WARN,
        30,
        "rig gate test bead until reason",
        lambda p: (
            f"{text_of(p, 'test')} of {text_of(p, 'rig')} is in quarantine{reason_of(p)}; issue {text_of(p, 'bead')}"
        ),
    ),
    kind(
        "test_released",
        WORK,
        "▶",
        ">",
        INFO,
        30,
        "rig gate test bead reason",
        lambda p: f"{text_of(p, 'test')} of {text_of(p, 'rig')} counts again{reason_of(p)}",
    ),
    kind(
        "display_failed",
        WORK,
        "⚠",
        "!",
        WARN,
        14,
        "rig what reason",
        lambda p: (
            f"{text_of(p, 'what', 'a display')} of {text_of(p, 'rig')} cannot be made{reason_of(p)}; merging goes on"
        ),
    ),
    kind(
        "display_works",
        WORK,
        "▶",
        ">",
        INFO,
        14,
        "rig what",
        lambda p: f"{text_of(p, 'what', 'a display')} of {text_of(p, 'rig')} is made again",
    ),
    kind(
        "mr_dequeued",
        WORK,
        "⊘",
        "-",
        WARN,
        30,
        "mr worker branch bead reason",
        lambda p: f"out of the merge queue: {text_of(p, 'branch') or text_of(p, 'mr')}{reason_of(p)}",
    ),
    kind(
        "merge_reverted",
        WORK,
        "↩",
        "<",
        BAD,
        30,
        "mr worker branch bead target commit reason",
        lambda p: f"taken back from {text_of(p, 'target')}: {text_of(p, 'branch') or text_of(p, 'mr')}{reason_of(p)}",
    ),
    kind(
        "push_red",
        WORK,
        "✗",
        "x",
        BAD,
        30,
        "rig target commit reason log",
        lambda p: f"{text_of(p, 'target')} of {text_of(p, 'rig')} is red after a push{reason_of(p)}",
    ),
    kind(
        "mr_approved",
        WORK,
        "✓",
        "v",
        GOOD,
        30,
        "mr worker branch bead commit",
        lambda p: f"approved {text_of(p, 'branch') or text_of(p, 'mr')} at {text_of(p, 'commit')[:12]}",
    ),
    kind(
        "mr_unapproved",
        WORK,
        "⊘",
        "-",
        WARN,
        30,
        "mr worker branch bead commit",
        lambda p: f"withdrew the approval of {text_of(p, 'branch') or text_of(p, 'mr')} at {text_of(p, 'commit')[:12]}",
    ),
    kind(
        "mr_rejected",
        WORK,
        "↩",
        "<",
        WARN,
        30,
        "mr worker branch bead reason",
        lambda p: f"rejected {text_of(p, 'branch') or text_of(p, 'mr')}{reason_of(p)}",
    ),
    kind(
        "mr_retried",
        WORK,
        "↻",
        "o",
        INFO,
        30,
        "mr worker branch bead",
        lambda p: f"back in the merge queue: {text_of(p, 'branch') or text_of(p, 'mr')}",
    ),
    kind(
        "integration_created",
        WORK,
        "⎇",
        "Y",
        GOOD,
        30,
        "epic branch base rig",
        lambda p: f"integration branch {text_of(p, 'branch')} for {text_of(p, 'epic')}",
    ),
    kind(
        "integration_landed",
        WORK,
        "⎇",
        "Y",
        DONE,
        30,
        "epic branch base rig commit",
        lambda p: f"landed {text_of(p, 'branch')} on {text_of(p, 'base')}",
    ),
)
