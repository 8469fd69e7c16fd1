"""``gt wl stamp|stamps|charsheet|scorekeeper``: what towns say of each other's work, and what follows from it."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.commands.wl_commons import exchange, say_exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.wasteland.reputation import Sheet
    from gastown_core.wasteland.stamps import Stamp


def stamp_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl stamp``."""
    parser.add_argument("--subject", metavar="HANDLE", required=True, help="whose work it is about")
    for name in ("quality", "speed", "complexity", "reliability", "creativity"):
        parser.add_argument(f"--{name}", type=float, metavar="0-5", help=f"{name}, from 0 to 5")
    parser.add_argument("--confidence", type=float, default=0.7, metavar="0-1", help="how sure you are (default 0.7)")
    parser.add_argument("--severity", default="leaf", help="leaf (default), branch, or root for a warning")
    parser.add_argument("--skills", metavar="A,B", default="", help="skills that it shows")
    parser.add_argument(
        "--stamp-type", default="work", help="work (default), mentoring, peer_review, endorsement or boot_block"
    )
    parser.add_argument("--context-type", default="", help="completion, endorsement, boot_block, …")
    parser.add_argument("--completion", metavar="ID", default="", help="completion that it is about")
    parser.add_argument("--message", metavar="TEXT", default="", help="words")
    parser.add_argument("--pilot-cohort", metavar="NAME", default="", help="cohort that it belongs to")
    parser.add_argument("--offline", action="store_true", help="only here; gt wl sync sends it later")
    context.add_json(parser)


def run_stamp(args: Namespace) -> int:
    """Stamp another town's work."""
    from gastown_core.events.log import append_event
    from gastown_core.wasteland.membership import need_membership
    from gastown_core.wasteland.stamps import DIMENSIONS, add_stamp

    root = context.town()
    member = need_membership(root)
    valence = {name: getattr(args, name) for name in DIMENSIONS if getattr(args, name) is not None}
    with member.clone().lock():
        made = add_stamp(
            member.clone(),
            member.handle,
            args.subject,
            valence,
            confidence=args.confidence,
            severity=args.severity,
            skills=[word.strip() for word in args.skills.split(",") if word.strip()],
            kind=args.stamp_type,
            context_type=args.context_type,
            context_id=args.completion,
            message=args.message,
            cohort=args.pilot_cohort,
        )
    found = None if args.offline else exchange(root, member)
    append_event(root, "wasteland", context.actor(), {"act": "stamped", "item": made.id, "subject": made.subject})
    if args.json:
        output.say_json({**made.as_json(), "exchange": found.as_json() if found else None})
    else:
        output.say(f"stamped {output.clean(made.subject)}: {output.clean(made.id)}  {_figures(made)}")
        if found is not None:
            say_exchange(found)
    return 0


def stamps_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl stamps``."""
    parser.add_argument("handle", metavar="HANDLE", nargs="?", default="", help="subject (default: this town)")
    parser.add_argument("--author", metavar="HANDLE", default="", help="only stamps by this one")
    parser.add_argument("--skill", default="", help="only stamps that show this skill")
    parser.add_argument("--stamp-type", default="", help="only this kind")
    parser.add_argument("--cohort", default="", help="only this cohort")
    parser.add_argument("--severity", default="", help="only this severity")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50; 0: all)")
    context.add_json(parser)


def run_stamps(args: Namespace) -> int:
    """List a town's stamps, the newest first; those that do not count are marked with the reason."""
    from gastown_core.wasteland.board import read_board
    from gastown_core.wasteland.membership import need_membership

    member = need_membership(context.town())
    subject = args.handle or member.handle
    wants = {"author": args.author, "kind": args.stamp_type, "cohort": args.cohort, "severity": args.severity}
    found = [
        one
        for one in reversed(read_board(member).stamps)
        if one.subject == subject
        and all(getattr(one, name) == value for name, value in wants.items() if value)
        and (not args.skill or args.skill in one.skills)
    ]
    found = found[: args.limit] if args.limit > 0 else found
    if args.json:
        output.say_json([one.as_json() for one in found])
    elif not found:
        output.say(f"{output.clean(subject)} has no such stamps")
    else:
        rows = [
            [
                one.id,
                one.author,
                _figures(one),
                f"{one.confidence:.2f}",
                one.severity,
                ",".join(one.skills),
                one.wrong or one.message,
            ]
            for one in found
        ]
        header = ("ID", "AUTHOR", "FIGURES", "SURE", "SEVERITY", "SKILLS", "SAID, OR WHY IT DOES NOT COUNT")
        output.say(output.table([[output.clean(cell) for cell in row] for row in rows], header=header))
    return 0


def charsheet_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl charsheet``."""
    parser.add_argument("handle", metavar="HANDLE", nargs="?", default="", help="whose sheet (default: this town's)")
    context.add_json(parser)


def run_charsheet(args: Namespace) -> int:
    """Show a town's reputation and the stamps that it comes from."""
    from gastown_core.wasteland.board import read_board
    from gastown_core.wasteland.membership import need_membership
    from gastown_core.wasteland.reputation import history_of

    member = need_membership(context.town())
    sheet = read_board(member).sheet(args.handle or member.handle)
    steps = history_of(sheet)
    if args.json:
        output.say_json({**sheet.as_json(), "history": [one.as_json() for one in steps]})
        return 0
    _say_sheet(sheet)
    for one in steps:
        stood = f"{one.quality:.1f} {one.tier}" if one.quality is not None else one.tier
        output.say(output.clean(f"  {one.stamp.created_at}  {one.stamp.author}: {_figures(one.stamp)} → {stood}"))
    return 0


def _say_sheet(sheet: Sheet) -> None:
    name = f" ({output.clean(sheet.display_name)})" if sheet.display_name else ""
    output.say(f"{output.style(output.clean(sheet.handle), 'bold')}{name}: {sheet.tier}")
    figures = ", ".join(f"{output.clean(key)} {value:.1f}" for key, value in sorted(sheet.averages.items()))
    output.say(f"  averages      {figures or 'none'}")
    output.say(
        f"  from          {len(sheet.from_)} stamps that count, by {sheet.breadth} authors; {len(sheet.refused)} do not count"
    )
    for words, value in (
        ("skills", ", ".join(f"{skill} {count}" for skill, count in list(sheet.skills.items())[:8])),
        ("best", ", ".join(one.id for one in sheet.best)),
        ("badges", ", ".join(sheet.badges)),
    ):
        output.say(f"  {words:13} {output.clean(value) or 'none'}")
    for one in sheet.warnings:
        output.note(output.clean(f"  warning by {one.author}: {one.message or one.id}"))
    for one in sheet.refused:
        output.say(output.clean(f"  {one.id} by {one.author} does not count: {one.wrong}"))
    for signal in sheet.signals:
        output.note(output.clean(f"  look closer: {signal}"))


def scorekeeper_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl scorekeeper``."""
    parser.add_argument("--push", action="store_true", help="write the leaderboard into the commons")
    context.add_json(parser)


def run_scorekeeper(args: Namespace) -> int:
    """Compute the leaderboard from the stamps that count."""
    from gastown_core.wasteland.board import read_board
    from gastown_core.wasteland.membership import need_membership
    from gastown_core.wasteland.reputation import store_leaderboard

    root = context.town()
    member = need_membership(root)
    sheets = read_board(member).sheets()
    found = None
    if args.push:
        with member.clone().lock():
            store_leaderboard(member.clone(), member.handle, sheets)
        found = exchange(root, member)
    if args.json:
        output.say_json({"rigs": [one.as_json() for one in sheets], "exchange": found.as_json() if found else None})
        return 0
    rows = [
        [
            output.clean(one.handle),
            one.tier,
            f"{one.averages.get('quality', 0.0):.1f}",
            str(len(one.from_)),
            str(one.breadth),
        ]
        for one in sheets
    ]
    output.say(
        output.table(rows, header=("HANDLE", "TIER", "QUALITY", "STAMPS", "AUTHORS"))
        if rows
        else "nobody has stamps yet"
    )
    if found is not None:
        say_exchange(found)
    return 0


def _figures(one: Stamp) -> str:
    return " ".join(f"{output.clean(name)[:1].upper()}:{value:g}" for name, value in one.valence.items())
