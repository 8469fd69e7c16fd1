"""``gt wl join|leave|status|sync``: the town's place in a commons, and the exchange with it."""

from __future__ import annotations

import os

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.wasteland.exchange import Exchange
    from gastown_core.wasteland.membership import Membership


def join_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl join``."""
    parser.add_argument("commons", metavar="ORG/DB", help="commons on DoltHub, or the URL of a Dolt remote")
    parser.add_argument(
        "--handle", metavar="NAME", help="name of this town in the commons (default: DOLTHUB_ORG, else yours)"
    )
    parser.add_argument("--display-name", metavar="TEXT", default="", help="name to show beside it")
    parser.add_argument(
        "--fork", metavar="URL", default="", help="remote that takes this town's changes (default on DoltHub: a fork)"
    )
    parser.add_argument("--upgrade", action="store_true", help="add tables and columns of it that this program writes")
    context.add_json(parser)


def run_join(args: Namespace) -> int:
    """Fork and clone a commons, and register in it."""
    from gastown_core.wasteland.membership import join

    root = context.town()
    handle = args.handle or os.environ.get("DOLTHUB_ORG") or os.environ.get("USER") or ""
    if not handle:
        raise UsageError("the town needs a name in the commons", "", "--handle NAME")
    member, is_new = join(
        root, args.commons, handle=handle, display_name=args.display_name, fork_url=args.fork, is_upgraded=args.upgrade
    )
    found = exchange(root, member) if is_new else None
    if args.json:
        output.say_json({"upstream": member.upstream, "handle": member.handle, "is_new": is_new, "path": member.path})
        return 0
    if found is None:
        output.say(f"this town has joined {output.clean(member.upstream)} already, as {output.clean(member.handle)}")
        return 0
    output.say(f"joined {output.clean(member.upstream)} as {output.clean(member.handle)}")
    say_exchange(found)
    return 0


def create_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl create``."""
    parser.add_argument("commons", metavar="URL", help="Dolt remote that is empty, such as file:///srv/commons")
    context.add_json(parser)


def run_create(args: Namespace) -> int:
    """Create an empty commons at a Dolt remote; gt wl join then joins it."""
    import tempfile

    from gastown_core.wasteland.membership import create_commons

    with tempfile.TemporaryDirectory(prefix="gtwl") as folder:
        create_commons(args.commons, os.path.join(folder, "new"), "gastown <gastown@localhost>")
    output.say_json({"created": args.commons}) if args.json else output.say(f"created {output.clean(args.commons)}")
    return 0


def leave_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl leave``."""
    parser.add_argument(
        "-f",
        "--force",
        action="store_true",
        help="even if the commons lacks what was done here; the clone is then kept aside",
    )
    context.add_json(parser)


def run_leave(args: Namespace) -> int:
    """Forget the commons and remove its clone; what the commons has stays there."""
    from gastown_core.wasteland.exchange import waiting
    from gastown_core.wasteland.membership import leave, read_membership

    root = context.town()
    member = read_membership(root)
    told = waiting(member.clone()) if member is not None and member.clone().exists else []
    if told and not args.force:
        raise ConflictError(
            f"{len(told)} changes are here only",
            "; ".join(told[:3]),
            "gt wl sync sends them; --force leaves all the same, and keeps the clone",
        )
    aside = leave(root, keep=bool(told))
    name = member.upstream if member is not None else ""
    if args.json:
        output.say_json({"left": name, "kept": aside})
    else:
        output.say(f"left {output.clean(name)}" + (f"; its clone is kept at {output.clean(aside)}" if aside else ""))
    return 0


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl status``."""
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show the commons, what is claimed and posted here, and what waits to be sent."""
    from gastown_core.wasteland.board import read_board
    from gastown_core.wasteland.membership import need_membership

    member = need_membership(context.town())
    board = read_board(member)
    told, mine, to_judge = list(board.to_send), board.mine, [handed for _, handed in board.to_judge]
    version = ".".join(map(str, board.version))
    if args.json:
        output.say_json(
            {
                "upstream": member.upstream,
                "handle": member.handle,
                "joined_at": member.joined_at,
                "goes_to": "commons" if member.is_direct else member.branch,
                "schema": version,
                "read_only": board.is_newer,
                "contact": board.contact.as_json(),
                "to_send": told,
                "claimed": [one.id for one in mine],
                "to_judge": [one.wanted_id for one in to_judge],
            }
        )
        return 0
    age = board.contact.words(SYSTEM_CLOCK.now())
    where = "the commons itself" if member.is_direct else f"branch {member.branch} of the fork"
    output.say(
        f"{output.clean(member.upstream)} as {output.clean(member.handle)}, since {output.clean(member.joined_at)}"
    )
    output.say(f"  {output.clean(age)}" if age else "  no exchange yet; gt wl sync")
    output.say(f"  changes go to {where}; schema {version}{', newer: read only' if board.is_newer else ''}")
    for words, items in (("claimed here", [one.id for one in mine]), ("to judge", [one.wanted_id for one in to_judge])):
        output.say(f"  {words}: {output.clean(', '.join(items)) or 'nothing'}")
    output.say(f"  to send: {len(told) or 'nothing'}" + (f" ({output.clean('; '.join(told[-3:]))})" if told else ""))
    return 0


def sync_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt wl sync``."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would come and go; change nothing")
    parser.add_argument("--upgrade", action="store_true", help="add tables and columns that this program writes")
    context.add_json(parser)


def run_sync(args: Namespace) -> int:
    """Bring what others did and send what was done here; 1 if the commons cannot be reached."""
    from gastown_core.wasteland import schema
    from gastown_core.wasteland.exchange import COMMONS, waiting
    from gastown_core.wasteland.membership import UPSTREAM, need_membership

    root = context.town()
    member = need_membership(root)
    clone = member.clone()
    if args.dry_run:
        clone.fetch(UPSTREAM)
        told = waiting(clone)
        ahead = clone.read(f"SELECT message FROM DOLT_LOG('HEAD..{COMMONS}')")
        come = [str(row["message"]) for row in ahead]
        if args.json:
            output.say_json({"would_come": come, "would_send": told})
        else:
            output.say(
                f"would come: {len(come)} commits{''.join(f'{chr(10)}  {output.clean(one)}' for one in come[:10])}"
            )
            output.say(
                f"would send: {len(told)} changes{''.join(f'{chr(10)}  {output.clean(one)}' for one in told[:10])}"
            )
        return 0
    added = schema.upgrade(clone) if args.upgrade else []
    found = exchange(root, member)
    if args.json:
        output.say_json({**found.as_json(), "added": added})
    else:
        if added:
            output.say(f"added to the schema: {', '.join(added)}")
        say_exchange(found)
    return 1 if found.error else 0


def exchange(root: str, member: Membership) -> Exchange:
    """Bring and send; the beads of claims that were lost are put to rest, and the log says so."""
    from gastown_core.wasteland.errands import rest_lost
    from gastown_core.wasteland.exchange import sync

    found = sync(member)
    rest_lost(root, member, found.lost, context.actor())
    return found


def say_exchange(found: Exchange) -> None:
    """Print what an exchange brought and sent."""
    rows = ", ".join(f"{count} {table}" for table, count in sorted(found.changed.items()))
    output.say(f"came: {found.came} commits{f' ({rows})' if rows else ''}" if found.came else "came: nothing new")
    if found.error:
        waits = f"{found.to_send} changes wait here" if found.to_send else "nothing waits here"
        output.note(f"not sent: {output.clean(found.error)}; {waits}, gt wl sync tries again")
        if found.to_send:
            output.say(f"here only: {found.to_send} change{'s' if found.to_send > 1 else ''}")
    elif found.sent:
        output.say(
            f"sent: to the {output.clean(found.sent)}"
            if found.sent == "commons"
            else f"sent: {output.clean(found.sent)}"
        )
    for item in found.lost:
        output.note(f"lost: others claimed {output.clean(item)} first; its bead rests")
