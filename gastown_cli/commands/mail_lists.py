"""``gt mail group|queue|channel|announces|directory``: whom mail can reach."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.mailing import Post, say_done, show_message
from gastown_core.errors import UsageError
from gastown_core.messaging import mail_lists, mailbox
from gastown_core.messaging.mail_lists import CHANNEL, GROUP, QUEUE
from gastown_core.messaging.recipients import Directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from gastown_core.messaging.mail_lists import MailList


def _arguments(parser: ArgumentParser, acts: Iterable[str], members: str) -> None:
    parser.add_argument("act", nargs="?", default="list", choices=tuple(acts), metavar="ACT", help=", ".join(acts))
    parser.add_argument("name", nargs="?", default="", help="its name")
    parser.add_argument("members", nargs="*", metavar="address", help=members)
    context.add_json(parser)


def _run(kind: str, args: Namespace, members: list[str]) -> int:
    """Run what groups, queues and channels have in common."""
    post = Post()
    if args.act == "list":
        return _list(mail_lists.all_lists(post.store, kind), kind, as_json=args.json)
    if not args.name:
        raise UsageError(f"which {kind}?", "", f"gt mail {kind} {args.act} NAME")
    if args.act == "delete":
        mail_lists.delete_list(post.store, kind, args.name, actor=post.me)
        return say_done(f"{kind} {args.name} is deleted", {"name": args.name, "deleted": True}, as_json=args.json)
    if args.act == "create":
        more = {} if kind != CHANNEL else {"keep_count": args.retain_count, "keep_hours": args.retain_hours}
        if kind != QUEUE:
            _check(post, members)
        made = mail_lists.create_list(post.store, kind, args.name, members, actor=post.me, **more)
        return say_done(f"{kind} {made.name} is created", made.as_json(), as_json=args.json)
    if args.act in ("add", "subscribe"):
        _check(post, members)
        one = mail_lists.change_members(post.store, kind, args.name, actor=post.me, added=members or [post.me])
        return say_done(f"{kind} {one.name}: {', '.join(one.members)}", one.as_json(), as_json=args.json)
    if args.act in ("remove", "unsubscribe"):
        one = mail_lists.change_members(post.store, kind, args.name, actor=post.me, gone=members or [post.me])
        return say_done(f"{kind} {one.name}: {', '.join(one.members) or 'empty'}", one.as_json(), as_json=args.json)
    return _show(post, mail_lists.need_list(post.store, kind, args.name), as_json=args.json)


def _check(post: Post, members: list[str]) -> None:
    """Refuse a member that is nobody's address."""
    people = Directory(post.root, post.store, post.me)
    for member in members:
        people.resolve(member)


def _list(found: list[MailList], kind: str, *, as_json: bool) -> int:
    if as_json:
        output.say_json([one.as_json() for one in found])
        return 0
    for one in found:
        output.say(output.clean(f"{one.name}  {', '.join(one.members)}"))
    if not found:
        output.say(f"no {kind}s yet: gt mail {kind} create NAME")
    return 0


def _show(post: Post, one: MailList, *, as_json: bool) -> int:
    assignee = f"{one.kind}:{one.name}"
    waiting = mailbox.standing(post.store, assignee) if one.kind != GROUP else []
    if as_json:
        whole = mailbox.with_bodies(post.store, waiting)
        output.say_json({**one.as_json(), "messages": [message.as_json(assignee) for message in whole]})
        return 0
    output.say(output.style(output.clean(one.name), "bold"))
    for member in one.members:
        output.say(f"  {output.clean(member)}")
    for message in waiting:
        held = f"  held by {message.claimed_by}" if message.claimed_by else ""
        output.say(output.clean(f"  {message.id}  {message.subject}  from {message.sender}{held}"))
    return 0


def group_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail group``."""
    _arguments(parser, ("list", "show", "create", "add", "remove", "delete"), "members")


def run_group(args: Namespace) -> int:
    """Manage groups: each member gets a copy of what is sent to the group."""
    return _run(GROUP, args, args.members)


def queue_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail queue``."""
    _arguments(parser, ("list", "show", "create", "delete"), "claimers")
    parser.add_argument("--claimers", action="append", default=[], metavar="PATTERN", help="who may claim: shop/* or *")


def run_queue(args: Namespace) -> int:
    """Manage queues: one of the claimers takes each message."""
    return _run(QUEUE, args, [*args.members, *args.claimers])


def channel_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail channel``."""
    acts = ("list", "show", "create", "delete", "subscribe", "unsubscribe", "subscribers")
    _arguments(parser, acts, "subscribers (default: you)")
    parser.add_argument("--retain-count", type=int, default=0, help="messages to keep; 0: all")
    parser.add_argument("--retain-hours", type=int, default=0, help="hours to keep messages; 0: for ever")


def run_channel(args: Namespace) -> int:
    """Manage channels: they keep what is sent, and each subscriber gets a copy."""
    return _run(CHANNEL, args, args.members)


def announces_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail announces``."""
    parser.add_argument("name", nargs="?", default="", help="announcement channel to read")
    context.add_json(parser)


def run_announces(args: Namespace) -> int:
    """List the announcement channels, or the messages of one."""
    post = Post()
    known = mail_lists.old_config(post.root).announces
    if not args.name:
        rows = [
            {"name": name, "readers": list(readers), "retain_count": keep} for name, (readers, keep) in known.items()
        ]
        if args.json:
            output.say_json(rows)
        for name in [] if args.json else known:
            output.say(output.clean(f"{name}  {', '.join(known[name][0])}"))
        if not known and not args.json:
            output.say("no announcement channels: config/messaging.json defines them")
        return 0
    if args.name not in known:
        raise UsageError(f"no announcement channel {args.name}", "", f"known: {', '.join(known) or 'none'}")
    found = mailbox.with_bodies(post.store, mailbox.standing(post.store, f"announce:{args.name}"))
    if args.json:
        output.say_json_rows([message.as_json(post.me) for message in found])
        return 0
    for message in found:
        show_message(message)
    return 0


def directory_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail directory``."""
    context.add_json(parser)


def run_directory(args: Namespace) -> int:
    """List every address that mail can be sent to."""
    post = Post()
    found = Directory(post.root, post.store, post.me).addresses()
    if args.json:
        output.say_json([{"address": address, "type": kind} for address, kind in found])
        return 0
    output.say(output.table([[output.clean(address), kind] for address, kind in found]))
    return 0
