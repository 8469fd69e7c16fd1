"""``gt mq``: list, show, submit, retry and reject merge requests."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output, who
from gastown_cli.commands.mq_lanes import add_lanes, gates_of
from gastown_cli.commands.mq_outlook import say_ahead, say_trouble
from gastown_cli.context import add_rig, rig_and_request, rig_of_request, which_rig
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_seconds
from gastown_core.errors import UsageError
from gastown_core.model.bead import NO_PRIORITY, known_priority, priority_word
from gastown_core.model.queue_words import BLOCKED, CLOSED, HELD, MERGING, OLDER, READY, TO_APPROVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.merge_queue import MergeQueue
    from gastown_core.refinery.place import Refinery
COLOURS = {READY: "green", HELD: "red", MERGING: "cyan", TO_APPROVE: "yellow", BLOCKED: "yellow", CLOSED: "dim"}
LONGEST_LINE = 500
"""Cells of a title, a reason or a fact of a request."""
STATUSES = ("ready", "held", "merging", "to-approve", "blocked", "closed", "all", "active", "unapproved")
"""Two of them are older names."""


def _refinery(root: str, rig: str, *, ledger: TownLedger | None = None, is_scored: bool = False) -> Refinery:
    """Return a rig's refinery without its gates; with ``is_scored`` for a queue in the order of scores."""
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy, of_hours

    return Refinery(root, rig, ledger=ledger, policy=of_hours(root, rig) if is_scored else Policy())


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq list``."""
    add_rig(parser)
    parser.add_argument("--ready", action="store_true", help="only requests that are ready to merge")
    parser.add_argument(
        "--status",
        default="",
        choices=STATUSES,
        metavar="STATUS",
        help=f"only requests with this status: {', '.join(STATUSES[:7])}; closed and all include merged ones",
    )
    parser.add_argument("--worker", default="", help="only requests of this worker")
    parser.add_argument("--epic", default="", help="only requests that target this epic's integration branch")
    parser.add_argument("--verify", action="store_true", help="check that each branch exists on origin")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List merge requests in queue order."""
    from gastown_core.refinery.engine import RefineryEngine
    from gastown_core.refinery.held_targets import holds_of

    root = context.town()
    rig = which_rig(root, args.rig)
    place = _refinery(root, rig, is_scored=True)
    wanted = READY if args.ready else OLDER.get(args.status, args.status)
    queue = RefineryEngine(place).queue()
    rows = rows_of(queue, SYSTEM_CLOCK.now(), holds_of(place, (one.target for one in queue.ready)))
    add_lanes(place, rows, queue.open())
    if wanted in (CLOSED, "all"):
        rows += _closed(place)
    rows = [row for row in rows if wanted in ("", "all", row["status"])]
    rows = [row for row in rows if args.worker in ("", row["worker"])]
    if args.epic:
        rows = [row for row in rows if row["target"] == _branch_of(place, args.epic)]
    if args.verify:
        _verify(place, rows)
    if args.json:
        output.say_json_rows(rows)
        return 0
    say_trouble(place, queue)
    say_ahead(place, queue)
    if rows:
        output.say(_table(rows, verified=args.verify))
        if queue.ready:
            output.say(_longest_wait(queue, SYSTEM_CLOCK.now()))
    else:
        output.say(f"no request of {rig} is like that" if queue.open() else f"the merge queue of {rig} is empty")
    return 0


def rows_of(queue: MergeQueue, now: float, holds: dict[str, str]) -> list[dict[str, Any]]:
    """Return every open request as a row, in queue order; requests for a target in ``holds`` are held, not ready."""
    return [row_of(request, word, why, now, queue.level_s) for request, word, why in queue.told(holds)]


def row_of(request: MergeRequest, status: str, why: str, now: float, level_s: float) -> dict[str, object]:
    """Return one request as ``--json`` prints it; after ``overtaken_until`` no newer request goes first."""
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
        "lanes": [],
    }


def _closed(place: Refinery) -> list[dict[str, Any]]:
    from gastown_core.beads.query import BeadQuery
    from gastown_core.model.bead import CLOSED
    from gastown_core.model.merge_request import LABEL, read_request

    found = place.store.find(BeadQuery(labels_all=(LABEL,), statuses=(CLOSED,), include_wisps=True, sort="updated"))
    now = SYSTEM_CLOCK.now()
    requests = sorted(map(read_request, found), key=lambda one: -one.updated_at)
    return [row_of(one, CLOSED, one.close_reason, now, place.policy.level_s) for one in requests]


def _branch_of(place: Refinery, epic: str) -> str:
    from gastown_core.refinery.integration import need_epic
    from gastown_core.work.sling.bases import branch_of_epic

    return branch_of_epic(need_epic(place, epic)) or "-"


def _verify(place: Refinery, rows: list[dict[str, Any]]) -> None:
    from gastown_core.errors import GastownError
    from gastown_core.refinery.tips import remote_heads

    try:
        heads, error = remote_heads(place.git), ""
    except GastownError as problem:
        heads, error = {}, str(problem)
    for row in rows:
        row["branch_exists"] = row["branch"] in heads
        row["verify_error"] = error


def _longest_wait(queue: MergeQueue, now: float) -> str:
    """Return a line on the ready request that has waited longest, and how long newer ones may still overtake it."""
    from gastown_core.model.merge_request import overtaken_until

    oldest = min(queue.ready, key=lambda one: (one.created_at, one.id))
    left = overtaken_until(oldest, now, queue.level_s) - now
    bound = f"newer requests may go first for another {format_age(left)}" if left > 0 else "no newer request goes first"
    waited = format_age(max(0.0, now - oldest.created_at)).replace("now", "a moment")
    return output.style(f"longest wait: {oldest.id} for {waited}; {bound}", "dim")


def _table(rows: list[dict[str, Any]], *, verified: bool) -> str:
    lines, has_lanes = [], any(row["lanes"] for row in rows)
    for row in rows:
        git = ["ERR" if row["verify_error"] else "OK" if row["branch_exists"] else "MISSING"] if verified else []
        colour = COLOURS[row["status"]]
        why = f" ({output.brief(row['why'], LONGEST_LINE)})" if row["why"] and row["status"] != READY else ""
        lines.append(
            [
                row["id"],
                f"{row['score']:.0f}",
                priority_word(NO_PRIORITY if row["priority"] is None else row["priority"]),
                row["convoy"] or "-",
                output.brief(row["branch"]),
                output.brief(row["target"]),
                *([output.clean("+".join(row["lanes"]) or "-")] if has_lanes else []),
                *git,
                format_age(row["age_s"]),
                output.style(row["status"], colour) + why,
            ]
        )
    more = [*(["LANES"] if has_lanes else []), *(["GIT"] if verified else [])]
    header = ["ID", "SCORE", "PRI", "CONVOY", "BRANCH", "TARGET", *more, "AGE", "STATUS"]
    return output.table(lines, header=header, right=(1,))


def next_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq next``."""
    add_rig(parser)
    parser.add_argument(
        "--strategy", default="priority", choices=("priority", "fifo"), help="choose by score, or the oldest request"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print only its id")
    context.add_json(parser)


def run_next(args: Namespace) -> int:
    """Show the request that is merged next; return 1 if none is ready."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.refinery.held_targets import holds_of
    from gastown_core.refinery.merge_queue import pending
    from gastown_core.refinery.policy import level_of

    root = context.town()
    rig = which_rig(root, args.rig)
    now = SYSTEM_CLOCK.now()
    ready = pending(root, TownLedger(root), rig, now)
    holds = holds_of(_refinery(root, rig, is_scored=True), {one.target for one in ready})
    ready = [one for one in ready if one.target not in holds]
    best = min(ready, key=lambda one: (one.created_at, one.id), default=None) if args.strategy == "fifo" else None
    found = best or (ready[0] if ready else None)
    if args.json:
        output.say_json(row_of(found, READY, "", now, level_of(root, rig)) if found is not None else None)
    elif found is None:
        if not args.quiet:
            output.say(f"no request is ready in the merge queue of {rig}")
            for target, why in sorted(holds.items()):
                output.say(f"{output.brief(target)} is held: {output.clean(why)}")
    elif args.quiet:
        output.say(found.id)
    else:
        output.say(f"{found.id}  {output.brief(found.branch)} → {output.brief(found.target)}  ({found.source_issue})")
    return 0 if found is not None else 1


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq status``."""
    parser.add_argument("request", help="id of the merge request")
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show one merge request and what blocks it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.merge_request import read_request, score
    from gastown_core.refinery.policy import level_of
    from gastown_core.refinery.requests import find_request

    root = context.town()
    ledger = TownLedger(root)
    bead = find_request(ledger, args.request)
    request = read_request(bead)
    home = ledger.home_of(bead.id) or ledger.store_for(bead.id)
    facts = _facts(bead, request, [source for source, _ in home.dependents(bead.id)])
    facts["queue"], facts["why"] = (
        _in_queue(root, ledger, request) if request.is_open else (CLOSED, _ended(bead, request))
    )
    facts |= gates_of(root, request)
    if args.json:
        output.say_json(facts)
        return 0
    output.say(output.style(f"{bead.id}  {output.brief(bead.title, LONGEST_LINE)}", "bold"))
    points = score(request, SYSTEM_CLOCK.now(), level_of(root, request.rig)) if request.rig else 0.0
    shown = {**facts, "score": f"{points:.0f}" if request.is_open and points else ""}
    for key, value in shown.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if text and key not in ("id", "title", "type"):
            output.say(f"  {key.replace('_', ' '):<13} {output.brief(text, LONGEST_LINE)}")
    for comment in bead.comments[-3:]:
        output.say()
        output.say("\n".join("  " + output.clean(line) for line in str(comment.get("text")).splitlines()))
    return 0


def _in_queue(root: str, ledger: TownLedger, request: MergeRequest) -> tuple[str, str]:
    """Return the queue's word for where the request stands, and why."""
    from gastown_core.refinery.engine import RefineryEngine
    from gastown_core.refinery.held_targets import holds_of

    place = _refinery(root, request.rig or rig_of_request(root, request.id), ledger=ledger, is_scored=True)
    queue = RefineryEngine(place).queue()
    told = queue.told(holds_of(place, (one.target for one in queue.ready)))
    return next(((word, why) for one, word, why in told if one.id == request.id), (BLOCKED, ""))


def _ended(bead: Bead, request: MergeRequest) -> str:
    """Return why a closed request was closed, where its ledger says more than how."""
    said = bead.text("close_reason")
    return said if said != request.close_reason else ""


def _facts(bead: Bead, request: MergeRequest, blocks: list[str]) -> dict[str, object]:
    """Return the request as ``--json`` prints it."""
    return {
        "id": bead.id,
        "title": bead.title,
        "status": bead.status,
        "priority": bead.raw.get("priority", 0),
        "type": bead.issue_type,
        "assignee": bead.assignee,
        "created_at": bead.text("created_at"),
        "updated_at": bead.text("updated_at"),
        "closed_at": bead.text("closed_at"),
        "branch": request.branch,
        "target": request.target,
        "source_issue": request.source_issue,
        "worker": request.worker,
        "rig": request.rig,
        "commit_sha": request.commit_sha,
        "merge_commit": request.merge_commit,
        "close_reason": request.close_reason or bead.text("close_reason"),
        "retry_count": request.retry_count,
        "labels": list(bead.labels),
        "depends_on": [edge.target for edge in bead.edges],
        "blocks": blocks,
    }


def submit_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq submit``."""
    parser.add_argument("--branch", default="", help="branch to submit (default: the current branch)")
    parser.add_argument("--issue", default="", help="bead to submit (default: from the branch's name)")
    parser.add_argument("--epic", default="", help="target this epic's integration branch")
    parser.add_argument("-p", "--priority", type=int, choices=range(5), help="0 to 4 (default: the bead's)")
    parser.add_argument("--rig", default="", help="rig (default: the one you are in)")
    parser.add_argument("--skip-deps", action="store_true", help="submit even if beads it depends on are open")
    parser.add_argument("--resubmit", action="store_true", help="submit even if the bead is closed")
    parser.add_argument("--no-cleanup", action="store_true", help="accepted for compatibility; has no effect")
    context.add_json(parser)


def run_submit(args: Namespace) -> int:
    """Submit a branch as a merge request."""
    from gastown_core.git.repo import Git
    from gastown_core.refinery.requests import submit

    root = context.town()
    place = _refinery(root, which_rig(root, args.rig))
    git = Git(os.getcwd())
    if not git.is_repository():
        raise UsageError("not in a git worktree", "", "change to the worktree of the branch")
    me = who.acting(root)
    made, is_new = submit(
        place,
        git,
        actor=me,
        worker=me.rpartition("/")[2] if "/" in me else "",
        branch=args.branch,
        issue=args.issue,
        epic=args.epic,
        priority=args.priority,
        skip_deps=args.skip_deps,
        resubmit=args.resubmit,
    )
    if args.json:
        output.say_json({"mr": made, "new": is_new})
    else:
        said = "is in the merge queue" if is_new else "is already in the merge queue"
        output.say(f"{output.style('✓', 'green')} {made} {said}")
    return 0


def retry_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq retry``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request", help="id of the request")
    parser.add_argument("--now", action="store_true", help="also merge what is ready, in the foreground")
    context.add_json(parser)


def run_retry(args: Namespace) -> int:
    """Clear what delays a request."""
    from gastown_core.refinery.engine import RefineryEngine
    from gastown_core.refinery.requests import retry

    root = context.town()
    rig, request_id = rig_and_request(root, args.words)
    place = _refinery(root, rig)
    request = retry(place, request_id, actor=who.acting(root))
    blocked = {one.id: why for one, why in RefineryEngine(place).queue().blocked}
    if args.now:
        from gastown_cli.commands.merging import merge

        return merge(root, rig, once=False, as_json=args.json)
    if args.json:
        output.say_json({"mr": request.id, "status": request.status, "why": blocked.get(request.id, "")})
    elif request.id in blocked:
        output.say(f"{output.style('!', 'yellow')} {request.id} is still blocked: {output.clean(blocked[request.id])}")
    else:
        output.say(f"{output.style('✓', 'green')} {request.id} is back in the queue")
    return 0


def reject_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq reject``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request|branch", help="id of the request, or its branch")
    parser.add_argument("-r", "--reason", default="", help="what has to change")
    parser.add_argument("--stdin", action="store_true", help="read the reason from stdin")
    parser.add_argument("--notify", action="store_true", help="notify the worker by mail")
    context.add_json(parser)


def run_reject(args: Namespace) -> int:
    """Reject a merge request and reopen its bead."""
    from gastown_core.refinery.requests import reject

    root = context.town()
    rig, name = rig_and_request(root, args.words)
    reason = sys.stdin.read() if args.stdin else args.reason
    place = _refinery(root, rig)
    request = reject(place, name, reason, actor=who.acting(root), notify=args.notify)
    if args.json:
        output.say_json({"mr": request.id, "source_issue": request.source_issue})
    else:
        output.say(
            f"{output.style('✓', 'green')} rejected {request.id}; {request.source_issue or 'its bead'} is open again"
        )
    return 0


def post_merge_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq post-merge``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request", help="id of the request")
    parser.add_argument("--skip-branch-delete", action="store_true", help="keep its branch")
    context.add_json(parser)


def run_post_merge(args: Namespace) -> int:
    """Close the request and its bead, if git proves that the branch is merged."""
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.requests import note_merged

    root = context.town()
    rig, request_id = rig_and_request(root, args.words)
    request = note_merged(Refinery(root, rig), request_id, keep_branch=args.skip_branch_delete)
    if args.json:
        output.say_json({"mr": request.id, "source_issue": request.source_issue, "merged": True})
    else:
        output.say(f"{output.style('✓', 'green')} {request.id} is merged; closed {request.source_issue or 'its bead'}")
    return 0
