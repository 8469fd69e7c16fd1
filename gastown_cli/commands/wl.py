"""``gt wl``: wanted items of a commons: found, posted, claimed, handed in and judged."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.commands.wl_commons import exchange, say_exchange
from gastown_core.errors import ConflictError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Mapping
    from typing import Any

    from gastown_core.model.wanted import Completion, Wanted
    from gastown_core.wasteland.membership import Membership


def browse_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl browse``."""
    parser.add_argument("--project", metavar="NAME", default="", help="only this project")
    parser.add_argument(
        "--status", default="open", help="open (default), claimed, in_review, completed, withdrawn or all"
    )
    parser.add_argument("--type", default="", help="feature, bug, design, rfc or docs")
    parser.add_argument("--priority", type=int, help="only this priority, 0 to 4")
    parser.add_argument("--mine", action="store_true", help="only what this town has claimed")
    parser.add_argument("--posted", action="store_true", help="only what this town has posted")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50; 0: all)")
    context.add_json(parser)


def run_browse(args: Namespace) -> int:
    """List wanted items, the most urgent first."""
    from gastown_core.wasteland.membership import need_membership

    found = _browsed(args, need_membership(context.town()))
    if args.json:
        output.say_json([one.as_json() for one in found])
    elif not found:
        output.say("nothing is wanted that fits; gt wl sync brings what is new")
    else:
        rows = [
            [one.id, f"P{one.priority}", one.type, one.status, one.effort, one.posted_by, one.project, one.title]
            for one in found
        ]
        header = ("ID", "PRI", "TYPE", "STATUS", "EFFORT", "POSTED BY", "PROJECT", "TITLE")
        output.say(output.table([[output.clean(cell) for cell in row] for row in rows], header=header))
    return 0


def _browsed(args: Namespace, member: Membership) -> list[Wanted]:
    from gastown_core.model.wanted import WantedFilter
    from gastown_core.wasteland import wanted

    handles: dict[str, Any] = {
        "claimed_by": member.handle if args.mine else "",
        "posted_by": member.handle if args.posted else "",
    }
    fits = WantedFilter(args.status, args.project, args.type, args.priority)
    if args.limit > 0:
        return wanted.browse(member.clone(), fits, **handles, limit=args.limit)
    # thousands of rows come faster from what was kept of the clone
    from gastown_core.wasteland.board import read_board

    found = fits.of(read_board(member).wanted)
    return [one for one in found if all(not name or getattr(one, key) == name for key, name in handles.items())]


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl show``."""
    parser.add_argument("item", metavar="ITEM", help="id of the item")
    parser.add_argument("--for-agent", action="store_true", help="print its text in a wrapper that marks it as foreign")
    context.add_json(parser)


def run_show(args: Namespace) -> int:
    """Show a wanted item and what was handed in for it."""
    from gastown_core.wasteland.board import read_board
    from gastown_core.wasteland.errands import foreign_text
    from gastown_core.wasteland.membership import need_membership
    from gastown_core.wasteland.wanted import no_item

    board = read_board(need_membership(context.town()))
    item = board.item(args.item)
    if item is None:
        raise no_item(args.item)
    handed = board.handed_in(item.id)
    if args.for_agent:
        output.say(foreign_text(item))
    elif args.json:
        output.say_json({**item.as_json(), "completions": [one._asdict() for one in handed]})
    else:
        _say_item(item, handed)
    return 0


_SHOWN = ("status", "project", "type", "effort", "posted_by", "claimed_by", "evidence_url", "created_at", "updated_at")


def _say_item(item: Wanted, handed: Iterable[Completion]) -> None:
    from gastown_core.model.plain_text import clean_lines

    output.say(f"{output.clean(item.id)}  {output.style(output.clean(item.title), 'bold')}")
    told = [(name, getattr(item, name)) for name in _SHOWN]
    told += [("priority", f"P{item.priority}"), ("tags", ", ".join(item.tags))]
    for name, value in told:
        if value:
            output.say(f"  {name.replace('_', ' '):13} {output.clean(value)}")
    for one in handed:
        judged = f", judged by {one.validated_by}" if one.validated_by else ""
        output.say(output.clean(f"  {one.id} by {one.completed_by}: {one.evidence}{judged}"))
    if item.description:
        output.say("")
        for line in clean_lines(item.description):
            output.say(f"  {line}")


def _add_fields(parser: ArgumentParser) -> None:
    parser.add_argument("--title", help="what is wanted, in a line")
    parser.add_argument("-d", "--description", help="what is wanted, in full")
    parser.add_argument("--project", metavar="NAME", help="project that it is for")
    parser.add_argument("--type", help="feature, bug, design, rfc or docs")
    parser.add_argument("--priority", type=int, help="0 (most urgent) to 4; default 2")
    parser.add_argument("--effort", help="trivial, small, medium, large or epic")
    parser.add_argument("--tags", help="words, with commas between")


def _fields(args: Namespace) -> dict[str, object]:
    tags = [word.strip() for word in (args.tags or "").split(",") if word.strip()]
    return {
        "title": args.title,
        "description": args.description,
        "project": args.project,
        "type": args.type,
        "priority": args.priority,
        "effort_level": args.effort,
        "tags": tags or None,
    }


def _add_changing(parser: ArgumentParser) -> None:
    parser.add_argument("--offline", action="store_true", help="only here; gt wl sync sends it later")
    context.add_json(parser)


def post_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl post``."""
    _add_fields(parser)
    _add_changing(parser)


def run_post(args: Namespace) -> int:
    """Post a wanted item."""
    from gastown_core.wasteland.wanted import post

    root, member = _here()
    with member.clone().lock():
        item = post(member.clone(), member.handle, _fields(args))
    return _finish(args, root, member, item, "posted")


def update_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl update``."""
    parser.add_argument("item", metavar="ITEM", help="id of the item")
    _add_fields(parser)
    _add_changing(parser)


def run_update(args: Namespace) -> int:
    """Change an item of your own that nobody has claimed."""
    from gastown_core.wasteland.wanted import update

    root, member = _here()
    with member.clone().lock():
        item = update(member.clone(), member.handle, args.item, _fields(args))
    return _finish(args, root, member, item, "changed")


def claim_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl claim``."""
    parser.add_argument("item", metavar="ITEM", help="id of the item")
    parser.add_argument("--rig", metavar="NAME", default="", help="rig to make a bead in (default, or -: make none)")
    parser.add_argument(
        "--choices", action="store_true", help="list the rigs in which it may become a bead; change nothing"
    )
    _add_changing(parser)


def run_claim(args: Namespace) -> int:
    """Claim an open item, and make a bead of it; 1 if others were first."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.errors import GastownError
    from gastown_core.wasteland.errands import make_bead, wake
    from gastown_core.wasteland.exchange import bring
    from gastown_core.wasteland.wanted import claim

    root, member = _here()
    if args.choices:
        return _say_rigs(args, root)
    rig = context.which_rig(root, args.rig) if args.rig not in ("", "-") else ""
    with member.clone().lock():
        if not args.offline:
            try:
                bring(member)
            except GastownError as error:
                output.note(f"not up to date: {output.clean(str(error))}")
        item = claim(member.clone(), member.handle, args.item)
    found = None if args.offline else exchange(root, member)
    if found is not None and item.id in found.lost:
        raise ConflictError(
            f"others claimed {item.id} first",
            "their claim reached the commons before this one",
            f"gt wl show {item.id}",
        )
    bead = None
    if rig:
        ledger = TownLedger(root)
        bead = make_bead(ledger, member, item, rig, context.actor())
        wake(ledger, bead, context.actor())
    name = bead.id if bead is not None else ""
    _tell(root, "claimed", item, name)
    if args.json:
        output.say_json({**item.as_json(), "bead": name, "exchange": found.as_json() if found else None})
        return 0
    output.say(f"claimed {output.clean(item.id)}" + (f", as {name}; gt sling {name} {rig} starts it" if name else ""))
    if found is not None:
        say_exchange(found)
    return 0


def _say_rigs(args: Namespace, root: str) -> int:
    from gastown_core.town.discover import read_rigs

    rigs = [
        {"number": name, "what": f"{name}: make a bead of it in this rig", "at": 0.0}
        for name in sorted(read_rigs(root))
    ]
    found = [*rigs, {"number": "-", "what": "make no bead of it", "at": 0.0}]
    if args.json:
        output.say_json(found)
    else:
        output.say(output.table([[output.clean(str(one["number"])), str(one["what"])] for one in found]))
    return 0


def done_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl done``."""
    parser.add_argument("item", metavar="ITEM", help="id of the item")
    parser.add_argument(
        "--evidence", metavar="TEXT", default="", help="address or commit (default: the commit that landed its bead)"
    )
    _add_changing(parser)


def run_done(args: Namespace) -> int:
    """Hand in an item that this town has claimed."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.wasteland.errands import landed_evidence
    from gastown_core.wasteland.wanted import done, find

    root, member = _here()
    evidence = args.evidence or landed_evidence(root, TownLedger(root), member, args.item)
    with member.clone().lock():
        done(member.clone(), member.handle, args.item, evidence)
    return _finish(args, root, member, find(member.clone(), args.item), "handed in", {"evidence": evidence})


def accept_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl accept``."""
    parser.add_argument("item", metavar="ITEM", help="id of an item that you posted")
    parser.add_argument("--quality", type=float, metavar="0-5", help="stamp the work: how good it is")
    parser.add_argument("--speed", type=float, metavar="0-5", help="how fast it came")
    parser.add_argument("--complexity", type=float, metavar="0-5", help="how hard it was")
    parser.add_argument("--message", metavar="TEXT", default="", help="words for the stamp")
    parser.add_argument("--skills", metavar="A,B", default="", help="skills that it shows")
    _add_changing(parser)


def run_accept(args: Namespace) -> int:
    """Accept what was handed in, with a stamp if figures are given."""
    from gastown_core.wasteland.stamps import stamp_statement
    from gastown_core.wasteland.wanted import accept, completions

    root, member = _here()
    clone = member.clone()
    told = {name: getattr(args, name) for name in ("quality", "speed", "complexity") if getattr(args, name) is not None}
    with clone.lock():
        stamp_id, also = "", ""
        handed = completions(clone, item=args.item)
        if told and handed:
            skills = [word.strip() for word in args.skills.split(",") if word.strip()]
            stamp_id, also = stamp_statement(
                clone,
                member.handle,
                handed[-1].completed_by,
                told,
                context_id=handed[-1].id,
                message=args.message,
                skills=skills,
            )
        item = accept(clone, member.handle, args.item, also=also, stamp_id=stamp_id)
    return _finish(args, root, member, item, "accepted", {"stamp": stamp_id} if stamp_id else {})


def _one_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("item", metavar="ITEM", help="id of the item")
    _add_changing(parser)


unclaim_arguments = reject_arguments = close_arguments = delete_arguments = _one_arguments


def run_unclaim(args: Namespace) -> int:
    """Give a claim back; the bead that was made of it rests."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.wasteland.errands import rest

    root, member = _here()
    code = _change(args, "unclaim", "given back")
    rest(TownLedger(root), member, args.item, f"{member.upstream}: this town gave {args.item} back", context.actor())
    return code


def run_reject(args: Namespace) -> int:
    """Send work back to the town that handed it in."""
    return _change(args, "reject", "sent back")


def run_close(args: Namespace) -> int:
    """Withdraw an item of your own."""
    return _change(args, "close", "withdrawn")


def run_delete(args: Namespace) -> int:
    """Remove an item of your own that nobody ever claimed."""
    return _change(args, "delete", "deleted")


def _change(args: Namespace, verb: str, done: str) -> int:
    from gastown_core.wasteland import wanted

    root, member = _here()
    with member.clone().lock():
        item: Wanted = getattr(wanted, verb)(member.clone(), member.handle, args.item)
    return _finish(args, root, member, item, done)


def _here() -> tuple[str, Membership]:
    from gastown_core.wasteland.membership import need_membership

    root = context.town()
    return root, need_membership(root)


def _finish(
    args: Namespace, root: str, member: Membership, item: Wanted, done: str, more: Mapping[str, str] | None = None
) -> int:
    """Send the change unless it is to stay here, note it in the log, and print it."""
    found = None if args.offline else exchange(root, member)
    _tell(root, done, item)
    if args.json:
        output.say_json({**item.as_json(), **(more or {}), "exchange": found.as_json() if found else None})
        return 0
    output.say(f"{done}: {output.clean(item.id)}  {output.clean(item.title)}")
    for name, value in (more or {}).items():
        output.say(f"  {name} {output.clean(value)}")
    if found is not None:
        say_exchange(found)
    return 0


def _tell(root: str, act: str, item: Wanted, bead: str = "") -> None:
    from gastown_core.events.log import append_event

    append_event(root, "wasteland", context.actor(), {"act": act, "item": item.id, "bead": bead})
