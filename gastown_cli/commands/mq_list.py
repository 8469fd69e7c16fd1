"""``gt mq list``: the merge queue of a rig, best score first."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.which_rig import add_rig, which_rig
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_seconds
from gastown_core.model.bead import NO_PRIORITY, known_priority, priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.queue import Queue

STATUSES = ("ready", "held", "active", "blocked", "closed", "all")


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt mq list``."""
    add_rig(parser)
    parser.add_argument("--ready", action="store_true", help="only those that may be merged now")
    parser.add_argument(
        "--status", default="", choices=STATUSES, help="only these; closed and all show merged ones too"
    )
    parser.add_argument("--worker", default="", help="only this worker's")
    parser.add_argument("--epic", default="", help="only those for this epic's integration branch")
    parser.add_argument("--verify", action="store_true", help="ask origin whether each branch is there")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.refinery.engine import Engine
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy, level_of

    root = context.town()
    rig = which_rig(root, args.rig)
    place = Refinery(root, rig, policy=Policy(level_s=level_of(root, rig)))
    wanted = "ready" if args.ready else args.status
    queue = Engine(place).queue()
    rows = rows_of(queue, SYSTEM_CLOCK.now(), holds_of(place, (one.target for one in queue.ready)))
    if wanted in ("closed", "all"):
        rows += _closed(place)
    rows = [row for row in rows if wanted in ("", "all", row["status"])]
    rows = [row for row in rows if args.worker in ("", row["worker"])]
    if args.epic:
        rows = [row for row in rows if row["target"] == _branch_of(place, args.epic)]
    if args.verify:
        _verify(place, rows)
    if args.json:
        output.say_json_rows(rows)
    elif rows:
        output.say(_table(rows, verified=args.verify))
        if queue.ready:
            output.say(_longest_wait(queue, SYSTEM_CLOCK.now()))
    else:
        output.say(f"nothing waits in the merge queue of {rig}")
    return 0


def holds_of(place: Any, targets: Iterable[str]) -> dict[str, str]:
    """Why nothing is merged into a target, by those of the targets that are held."""
    from gastown_core.refinery.hold import read_hold

    found = {target: read_hold(place, target) for target in set(targets)}
    return {target: hold.reason for target, hold in found.items() if hold is not None}


def rows_of(queue: Queue, now: float, holds: dict[str, str]) -> list[dict[str, Any]]:
    """Every open request as a row, in the order of the queue; what waits for a held target (``holds``) is not ready."""
    kinds = [(one, "held" if one.target in holds else "ready", holds.get(one.target, "")) for one in queue.ready]
    kinds += [(one, "active", one.assignee) for one in queue.claimed]
    kinds += [(one, "blocked", why) for one, why in queue.blocked]
    return [row_of(request, status, why, now, queue.level_s) for request, status, why in kinds]


def row_of(request: MergeRequest, status: str, why: str, now: float, level_s: float) -> dict[str, Any]:
    """One request as ``--json`` prints it; ``overtaken_until`` is from when on nothing newer goes before it."""
    from gastown_core.model.merge_request import overtaken_until, score

    return {
        "id": request.id,
        "score": round(score(request, now, level_s), 1),
        "overtaken_until": format_seconds(overtaken_until(request, now, level_s)) if request.is_open else "",
        "priority": known_priority(request.priority),
        "status": status,
        "why": why,
        "convoy": request.convoy_id,
        "branch": request.branch,
        "target": request.target,
        "source_issue": request.source_issue,
        "worker": request.worker,
        "retry_count": request.retry_count,
        "labels": [label for label in request.labels if label.startswith("needs-")],
        "commit_sha": request.commit_sha,
        "merge_commit": request.merge_commit,
        "close_reason": request.close_reason,
        "created_at": format_seconds(request.created_at),
        "age_s": int(max(0.0, now - request.created_at)),
    }


def _closed(place: Any) -> list[dict[str, Any]]:
    from gastown_core.beads.store import BeadQuery
    from gastown_core.model.bead import CLOSED
    from gastown_core.model.merge_request import LABEL, read_request

    found = place.store.find(BeadQuery(labels_all=(LABEL,), statuses=(CLOSED,), include_wisps=True, sort="updated"))
    now = SYSTEM_CLOCK.now()
    requests = sorted(map(read_request, found), key=lambda one: -one.updated_at)
    return [row_of(one, "closed", one.close_reason, now, place.policy.level_s) for one in requests]


def _branch_of(place: Any, epic: str) -> str:
    from gastown_core.refinery.integration import need_epic
    from gastown_core.work.sling.bases import branch_of_epic

    return branch_of_epic(need_epic(place, epic)) or "-"


def _verify(place: Any, rows: list[dict[str, Any]]) -> None:
    from gastown_core.errors import GastownError
    from gastown_core.refinery.tips import remote_heads

    try:
        heads, error = remote_heads(place.git), ""
    except GastownError as problem:
        heads, error = {}, str(problem)
    for row in rows:
        row["branch_exists"] = row["branch"] in heads
        row["verify_error"] = error


def _longest_wait(queue: Queue, now: float) -> str:
    """The request that nothing holds and that waits longest, and for how long newer ones may still go before it."""
    from gastown_core.model.merge_request import overtaken_until

    oldest = min(queue.ready, key=lambda one: (one.created_at, one.id))
    left = overtaken_until(oldest, now, queue.level_s) - now
    bound = f"newer ones may go before it for {format_age(left)} more" if left > 0 else "nothing newer goes before it"
    return output.style(
        f"longest wait: {oldest.id} for {format_age(max(0.0, now - oldest.created_at))}; {bound}", "dim"
    )


def _table(rows: list[dict[str, Any]], *, verified: bool) -> str:
    lines = []
    for row in rows:
        git = ["ERR" if row["verify_error"] else "OK" if row["branch_exists"] else "MISSING"] if verified else []
        colour = {"ready": "green", "held": "red", "active": "cyan", "blocked": "yellow", "closed": "dim"}[
            row["status"]
        ]
        why = f" ({output.clean(row['why'])})" if row["why"] and row["status"] != "ready" else ""
        lines.append(
            [
                row["id"],
                f"{row['score']:.0f}",
                priority_word(NO_PRIORITY if row["priority"] is None else row["priority"]),
                row["convoy"] or "-",
                output.clean(row["branch"]),
                output.clean(row["target"]),
                *git,
                format_age(row["age_s"]),
                output.style(row["status"], colour) + why,
            ]
        )
    header = ["ID", "SCORE", "PRI", "CONVOY", "BRANCH", "TARGET", *(["GIT"] if verified else []), "AGE", "STATUS"]
    return output.table(lines, header=header, right=(1,))
