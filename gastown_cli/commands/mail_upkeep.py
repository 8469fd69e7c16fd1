"""``gt mail``: mark, archive and delete messages, clear and drain an inbox, and claim the messages of queues."""

from __future__ import annotations

import os

from gastown_cli import context, output
from gastown_cli.mailing import Post, add_identity, say_done, show_list, show_message
from gastown_core.clock import parse_duration
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.messaging import mailbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable

    from gastown_core.beads.store import BeadStore
    from gastown_core.messaging.message import Message

    Change = Callable[[BeadStore, Iterable[str], str], list[Message]]


def _many_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="id", help="ids of messages, or their numbers in the inbox")
    add_identity(parser)
    context.add_json(parser)


def _chosen(post: Post, words: list[str], command: str) -> list[str]:
    """Return the ids that the words mean. Raises UsageError without any, NotFoundError."""
    if not words:
        raise UsageError(
            f"gt mail {command} needs a message", "", f"gt mail {command} ID, or a number of gt mail inbox"
        )
    return [mailbox.get_message(post.store, word, post.me).id for word in words]


def _apply(post: Post, change: Change, ids: list[str], done: str, *, as_json: bool) -> int:
    changed = change(post.store, ids, post.me) if ids else []
    word = "message" if len(changed) == 1 else "messages"
    return say_done(f"{len(changed)} {word} {done}", {"changed": [one.id for one in changed]}, as_json=as_json)


def mark_read_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail mark-read``."""
    _many_arguments(parser)
    parser.add_argument("--all", action="store_true", help="all unread messages")


def run_mark_read(args: Namespace) -> int:
    """Mark messages as read."""
    post = Post(args.identity)
    if args.all:
        ids = [one.id for one in mailbox.inbox(post.store, post.me) if not one.is_read(post.me)]
    else:
        ids = _chosen(post, args.ids, "mark-read")
    return _apply(post, mailbox.mark_read, ids, "marked as read", as_json=args.json)


mark_unread_arguments = delete_arguments = _many_arguments


def run_mark_unread(args: Namespace) -> int:
    """Mark messages as unread."""
    post = Post(args.identity)
    return _apply(
        post, mailbox.mark_unread, _chosen(post, args.ids, "mark-unread"), "marked as unread", as_json=args.json
    )


def run_delete(args: Namespace) -> int:
    """Delete messages for good."""
    post = Post(args.identity)
    return _apply(post, mailbox.delete, _chosen(post, args.ids, "delete"), "deleted", as_json=args.json)


def hook_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail hook``."""
    parser.add_argument("id", help="id of the message, or its number in the inbox")
    add_identity(parser)
    context.add_json(parser)


def run_hook(args: Namespace) -> int:
    """Put a message on its reader's hook; archiving it takes it off."""
    from gastown_core.events.log import append_event
    from gastown_core.model.address import parse_address

    post = Post(args.identity)
    message = mailbox.hook(post.store, mailbox.get_message(post.store, args.id, post.me).id, post.me)
    append_event(post.root, "hook", parse_address(post.me).path, {"bead": message.id})
    told = {"hooked": message.id, "address": post.me}
    return say_done(f"{message.id} is on the hook of {post.me}", told, as_json=args.json)


def archive_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail archive``."""
    _many_arguments(parser)
    parser.add_argument("--stale", action="store_true", help="all from before your session began")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be archived; change nothing")


def run_archive(args: Namespace) -> int:
    """Archive messages: they leave the inbox, and search --archive finds them."""
    post = Post(args.identity)
    if args.stale:
        began = _session_began(post.root)
        found = [one for one in mailbox.inbox(post.store, post.me) if 0 < one.at < began and not one.is_pinned]
        ids = [one.id for one in found]
    else:
        ids = _chosen(post, args.ids, "archive")
    if args.dry_run:
        return _preview(post, ids, as_json=args.json)
    return _apply(post, mailbox.archive, ids, "archived", as_json=args.json)


def _session_began(root: str) -> float:
    """Return when the caller's tmux session was made. Raises UsageError outside one, NotFoundError if it is gone."""
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.tmux.socket import socket_name

    session = os.environ.get("GT_SESSION", "")
    if not session:
        raise UsageError("there is no session whose start could tell what is stale", "GT_SESSION is not set")
    told = (
        TmuxServer(socket_name(root)).run("display-message", "-p", "-t", f"={session}:", "#{session_created}").strip()
    )
    if not told.isdecimal():
        raise NotFoundError(f"no session {session}", "tmux does not know it")
    return float(told)


def _preview(post: Post, ids: list[str], *, as_json: bool) -> int:
    listed = [one for one in mailbox.inbox(post.store, post.me) if one.id in set(ids)]
    if as_json:
        output.say_json({"would_change": [one.id for one in listed]})
        return 0
    output.say(f"would archive {len(listed)}")
    show_list(listed, post.me)
    return 0


def clear_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail clear``."""
    parser.add_argument("address", nargs="?", default="", help="whose inbox (default: your own)")
    add_identity(parser)
    context.add_json(parser)


def run_clear(args: Namespace) -> int:
    """Archive a whole inbox, except what is pinned."""
    post = Post(args.identity or args.address)
    ids = [one.id for one in mailbox.inbox(post.store, post.me) if not one.is_pinned]
    return _apply(post, mailbox.archive, ids, "archived", as_json=args.json)


def drain_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail drain``."""
    parser.add_argument("--max-age", default="30m", help="archive only what is older (default: 30m)")
    parser.add_argument("--all", action="store_true", help="of any age")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be archived; change nothing")
    add_identity(parser)
    context.add_json(parser)


def run_drain(args: Namespace) -> int:
    """Archive old messages between programs and read wisps; HELP and HANDOFF stay."""
    post = Post(args.identity)
    span = parse_duration(args.max_age)
    if span is None:
        raise UsageError(f"{args.max_age!r} is not a duration", "", "for example 30m or 2h")
    before = post.store.clock.now() - span
    found = mailbox.drainable(mailbox.inbox(post.store, post.me), post.me, before, everything=args.all)
    ids = [one.id for one in found]
    if args.dry_run:
        return _preview(post, ids, as_json=args.json)
    return _apply(post, mailbox.archive, ids, "archived", as_json=args.json)


def claim_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail claim``."""
    parser.add_argument("queue", nargs="?", default="", help="queue (default: the first one with a message for you)")
    add_identity(parser)
    context.add_json(parser)


def run_claim(args: Namespace) -> int:
    """Claim the oldest free message of a queue; return 1 if there is none."""
    from gastown_core.messaging.mail_lists import claimers_of, fits, queue_names
    from gastown_core.model.address import parse_address
    from gastown_core.town.settings import load_settings

    post = Post(args.identity)
    names = [args.queue.removeprefix("queue:")] if args.queue else queue_names(post.root, post.store)
    lease_s = load_settings(post.root).seconds("operational.mail.claim_lease")
    mine = {
        post.me,
        parse_address(post.me).path,
        post.me.replace("/", "/crew/", 1),
        post.me.replace("/", "/polecats/", 1),
    }
    for name in names:
        patterns, most = claimers_of(post.root, post.store, name)
        if not any(fits(pattern, form) for pattern in patterns for form in mine):
            if args.queue:
                who = ", ".join(patterns) or "nobody"
                raise UsageError(f"{post.me} may not claim from {name}", f"its claimers: {who}")
            continue
        message = mailbox.claim(post.store, name, post.me, lease_s, most=most)
        if message is not None:
            if args.json:
                output.say_json(message.as_json(post.me))
            else:
                show_message(message)
            return 0
    if args.json:
        output.say_json(None)
    else:
        output.note("nothing to claim")
    return 1


def release_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail release``."""
    parser.add_argument("id", help="id of the message")
    add_identity(parser)
    context.add_json(parser)


def run_release(args: Namespace) -> int:
    """Give a claimed message back to its queue."""
    post = Post(args.identity)
    message = mailbox.get_message(post.store, args.id, post.me)
    freed = mailbox.release(post.store, message.id, post.me)
    return say_done(
        f"{freed.id} is free again in queue {freed.value('queue:')}", freed.as_json(post.me), as_json=args.json
    )
