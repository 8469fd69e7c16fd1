"""``gt mq status``: one request, or without an id the queue."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead
    from gastown_core.model.merge_request import MergeRequest


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt mq status``."""
    parser.add_argument("request", help="its id")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
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
    facts["why"] = _why_blocked(root, ledger, request) if request.is_open else ""
    if args.json:
        output.say_json(facts)
        return 0
    output.say(output.style(f"{bead.id}  {output.clean(bead.title)}", "bold"))
    points = score(request, SYSTEM_CLOCK.now(), level_of(root, request.rig)) if request.rig else 0.0
    shown = {**facts, "score": f"{points:.0f}" if request.is_open and points else ""}
    for key, value in shown.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if text and key not in ("id", "title", "type"):
            output.say(f"  {key.replace('_', ' '):<13} {output.clean(text)}")
    for comment in bead.comments[-3:]:
        output.say()
        output.say("\n".join("  " + output.clean(line) for line in str(comment.get("text")).splitlines()))
    return 0


def _why_blocked(root: str, ledger: TownLedger, request: MergeRequest) -> str:
    """What keeps it from being merged, as the queue says it; empty if nothing does."""
    from gastown_cli.which_rig import rig_of_request
    from gastown_core.refinery.engine import Engine
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy

    place = Refinery(root, request.rig or rig_of_request(root, request.id), ledger=ledger, policy=Policy())
    return next((why for one, why in Engine(place).queue().blocked if one.id == request.id), "")


def _facts(bead: Bead, request: MergeRequest, blocks: list[str]) -> dict[str, Any]:
    """The request as ``--json`` prints it."""
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
