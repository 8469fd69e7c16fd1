"""``gt mail``: send, list, read, answer and search messages, and the check that prompt hooks run."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output
from gastown_cli.mailing import Post, add_identity, say_done, show_list, show_message, text_of
from gastown_core.errors import GastownError, UsageError, words_of
from gastown_core.messaging import mailbox
from gastown_core.messaging.message import (
    HIGH,
    NORMAL,
    NOTIFICATION,
    PRIORITIES,
    REPLY,
    TYPES,
    URGENT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.messaging.mail import Letter
    from gastown_core.messaging.recipients import Target

PEEKED = 500
"""Characters of a body that ``peek`` shows."""


def _text_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-s", "--subject", default="", help="subject")
    parser.add_argument("-m", "--message", "--body", dest="message", default="", help="body; - reads standard input")
    parser.add_argument(
        "--body-file", default="", metavar="FILE", help="read the body from a file; - is standard input"
    )
    parser.add_argument("--stdin", action="store_true", help="read the body from standard input")
    parser.add_argument("--no-notify", action="store_true", help="no nudge about it")
    parser.add_argument("--fyi", action="store_true", help="it asks nothing: a person finds it under TO READ")
    context.add_json(parser)


def send_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail send``."""
    parser.add_argument(
        "to", nargs="*", metavar="address", help="recipients: agents, rigs, groups, queues, channels, @lists"
    )
    parser.add_argument("--to", action="append", default=[], dest="more", metavar="ADDRESS", help="a further recipient")
    parser.add_argument("--self", action="store_true", dest="to_self", help="send it to yourself")
    parser.add_argument("--human", action="store_true", help="send it to the overseer")
    parser.add_argument("--priority", default="", help="0 urgent, 1 high, 2 normal (default), 3 low; or the word")
    parser.add_argument("--urgent", action="store_true", help="the same as --priority 0")
    parser.add_argument("--type", default=NOTIFICATION, choices=TYPES, metavar="TYPE", help=", ".join(TYPES))
    parser.add_argument("--reply-to", default="", metavar="ID", help="message that it answers")
    parser.add_argument("-n", "--notify", action="store_true", help="make it pressing: normal priority becomes high")
    parser.add_argument("--pinned", action="store_true", help="pin it in the inbox")
    parser.add_argument("--permanent", action="store_true", help="keep it in the ledger, in git")
    parser.add_argument("--wisp", action="store_true", help="keep it beside the ledger (default)")
    parser.add_argument("--cc", action="append", default=[], metavar="ADDRESS", help="who gets a copy")
    parser.add_argument("--from", default="", dest="sender", metavar="ADDRESS", help="send it in another's name")
    _text_arguments(parser)


def run_send(args: Namespace) -> int:
    """Send a message."""
    from gastown_core.messaging.mail import Letter
    from gastown_core.messaging.recipients import Directory

    post = Post(args.sender)
    wanted = [*args.to, *args.more] + ["overseer"] * args.human + [post.me] * args.to_self
    if not wanted:
        raise UsageError("gt mail send needs a recipient", "", "gt mail send ADDRESS -s SUBJECT -m BODY")
    if not args.subject.strip():
        raise UsageError("the message has no subject", "", f"gt mail send {wanted[0]} -s SUBJECT")
    people = Directory(post.root, post.store, post.me)
    targets = list(dict.fromkeys(target for address in wanted for target in people.resolve(address)))
    copies = [target for address in args.cc for target in people.resolve(address)]
    odd = next((target for target in copies if target.kind != "agent"), None)
    if odd is not None:
        raise UsageError(f"{odd.assignee} cannot get a copy", "copies go to agents and the overseer")
    reached = {target.name for target in targets if target.kind == "agent"}
    thread = ""
    if args.reply_to:
        thread = mailbox.get_message(post.store, args.reply_to, post.me).thread
    letter = Letter(
        post.me,
        args.subject,
        text_of(args, args.message),
        _priority(args),
        REPLY if args.reply_to and args.type == NOTIFICATION else args.type,
        thread,
        args.reply_to,
        tuple(dict.fromkeys(target.name for target in copies if target.name not in reached)),
        args.pinned,
        args.permanent,
        args.fyi,
    )
    return _send(post, letter, targets, args, ", ".join(wanted))


def _send(post: Post, letter: Letter, targets: list[Target], args: Namespace, to: str) -> int:
    """Deliver a letter and tell its recipients."""
    from gastown_core.messaging.mail import announce_arrival, deliver

    ids = deliver(post.root, post.store, letter, targets, to=to)
    if not args.no_notify:
        for problem in announce_arrival(post.root, post.ledger, letter, targets, ids):
            output.note(f"warning: {output.clean(problem)}")
    _say_who_reads(post, targets)
    rows = [{"id": made, "to": target.assignee} for made, target in zip(ids, targets, strict=True)]
    names = ", ".join(target.assignee for target in targets[:5]) + (
        f" and {len(targets) - 5} more" if len(targets) > 5 else ""
    )
    return say_done(f"sent to {names}: {letter.subject}", {"sent": rows, "subject": letter.subject}, as_json=args.json)


def _say_who_reads(post: Post, targets: list[Target]) -> None:
    """Tell a sender that a role without a session hands its mail on."""
    from gastown_core.messaging.recipients import is_read_by_code
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.sessions import find_session

    held = {one.name for one in targets if one.kind == "agent" and is_read_by_code(post.root, one.name)}
    if not held:
        return
    entries = [one for one in read_inventory(post.root).agents if one.address.mail in held]
    names = [one.address.mail for one in entries if not has_tmux() or find_session(post.root, one) is None]
    if names:
        verb = "have no sessions: their" if len(names) > 1 else "has no session: its"
        told = ", ".join(map(output.clean, names[:3])) + (" …" if len(names) > 3 else "")
        output.note(f"{told} {verb} mail goes to the mayor or the overseer, if the code cannot act on it")


def _priority(args: Namespace) -> int:
    if args.urgent:
        return URGENT
    word = args.priority.strip().lower().removeprefix("p")
    if word and word not in PRIORITIES and word not in ("0", "1", "2", "3", "4"):
        raise UsageError(f"{args.priority!r} is not a priority", "", "0 urgent, 1 high, 2 normal, 3 low")
    found = PRIORITIES[word] if word in PRIORITIES else min(int(word), 3) if word else NORMAL
    return HIGH if args.notify and found == NORMAL else found


def reply_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail reply``."""
    parser.add_argument("id", help="id of the message, or its number in the inbox")
    parser.add_argument("text", nargs="?", default="", help="body; - reads standard input")
    add_identity(parser)
    _text_arguments(parser)


def run_reply(args: Namespace) -> int:
    """Answer a message, in its thread."""
    from gastown_core.messaging.mail import answer
    from gastown_core.messaging.recipients import Directory

    post = Post(args.identity)
    message = mailbox.get_message(post.store, args.id, post.me)
    people = Directory(post.root, post.store, post.me)
    body = text_of(args, args.text or args.message)
    letter, targets, other = answer(message, body, people, sender=post.me, subject=args.subject)
    mailbox.mark_read(post.store, [message.id], post.me)
    return _send(post, letter._replace(informs=args.fyi), targets, args, other)


def inbox_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail inbox``."""
    parser.add_argument("address", nargs="?", default="", help="whose inbox (default: your own)")
    parser.add_argument("-u", "--unread", action="store_true", help="only unread messages")
    parser.add_argument("-a", "--all", action="store_true", help="archived messages too")
    add_identity(parser)
    context.add_json(parser)


def run_inbox(args: Namespace) -> int:
    """List the messages of an inbox: by priority, then newest first."""
    post = Post(args.identity or args.address)
    found = mailbox.inbox(post.store, post.me)
    unread = sum(not message.is_read(post.me) for message in found)
    listed = [message for message in found if not args.unread or not message.is_read(post.me)]
    if args.all:
        listed += mailbox.inbox(post.store, post.me, archived=True)
    if not found and not listed:
        post.expect_owner()
    if args.json:
        output.say_json_rows([one.as_json(post.me) for one in mailbox.with_bodies(post.store, listed)])
        return 0
    count = f"{len(found)} message{'' if len(found) == 1 else 's'}"
    output.say(output.style(output.clean(f"{post.me}: {count}, {unread} unread"), "bold"))
    show_list(listed, post.me, found)
    return 0


def _one_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", help="id of the message, or its number in the inbox")
    add_identity(parser)
    context.add_json(parser)


read_arguments = thread_arguments = _one_arguments


def run_read(args: Namespace) -> int:
    """Show a message, and mark it as read if it is yours."""
    from gastown_core.messaging.message import is_for

    post = Post(args.identity)
    message = mailbox.get_message(post.store, args.id, post.me)
    if is_for(post.me, message) and not message.is_archived(post.me):
        mailbox.mark_read(post.store, [message.id], post.me)
        message = mailbox.get_message(post.store, message.id, post.me)
    if args.json:
        output.say_json(message.as_json(post.me))
    else:
        show_message(message)
    return 0


def run_thread(args: Namespace) -> int:
    """Show all messages of a thread, the oldest first."""
    post = Post(args.identity)
    if args.id.startswith("thread-"):
        probe = mailbox.in_thread(post.store, args.id)
    else:
        probe = mailbox.thread_of(post.store, mailbox.get_message(post.store, args.id, post.me))
    if args.json:
        output.say_json_rows([message.as_json(post.me) for message in probe])
        return 0
    for number, message in enumerate(probe):
        if number:
            output.say()
        show_message(message)
    return 0


def peek_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail peek``."""
    add_identity(parser)
    context.add_json(parser)


def run_peek(args: Namespace) -> int:
    """Show the first unread message and leave it unread; return 1 if there is none."""
    post = Post(args.identity)
    first = next((one for one in mailbox.inbox(post.store, post.me) if not one.is_read(post.me)), None)
    if first is None:
        if args.json:
            output.say_json(None)
        else:
            output.note("no unread mail")
        return 1
    message = mailbox.with_bodies(post.store, [first])[0]
    cut = len(message.body) > PEEKED
    message = message._replace(body=message.body[:PEEKED] + ("…" if cut else ""))
    if args.json:
        output.say_json(message.as_json(post.me))
    else:
        show_message(message)
    return 0


def search_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail search``."""
    parser.add_argument("query", help="regular expression, of any case")
    parser.add_argument("--from", action="store_true", dest="in_from", help="search the sender")
    parser.add_argument("--subject", action="store_true", dest="in_subject", help="search the subject")
    parser.add_argument("--body", action="store_true", dest="in_body", help="search the body")
    parser.add_argument("--archive", "-a", "--all", action="store_true", dest="archived", help="archived messages too")
    add_identity(parser)
    context.add_json(parser)


def run_search(args: Namespace) -> int:
    """List the messages that match a regular expression, newest first."""
    post = Post(args.identity)
    chosen = {"from": args.in_from, "subject": args.in_subject, "body": args.in_body}
    fields = [name for name, wanted in chosen.items() if wanted]
    found = mailbox.search(post.store, post.me, args.query, fields, archived=args.archived)
    if args.json:
        output.say_json_rows([message.as_json(post.me) for message in found])
    elif found:
        show_list(found, post.me)
    else:
        output.say("no message matches")
    return 0


def check_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mail check``."""
    parser.add_argument("--inject", action="store_true", help="print new mail and nudges for a prompt hook")
    add_identity(parser)
    context.add_json(parser)


def run_check(args: Namespace) -> int:
    """Return 0 if there is new mail, 1 if not; with --inject always 0, and each message is told once."""
    if args.inject:
        return _inject(args.identity, as_json=args.json)
    from gastown_core.messaging.mail_check import look

    post = Post(args.identity)
    found = look(post.store, post.me)
    if not found.unread:
        post.expect_owner()
    if args.json:
        output.say_json({"address": post.me, "unread": found.unread, "has_new": found.unread > 0})
    elif found.unread:
        output.say(f"{found.unread} unread: gt mail inbox")
    else:
        output.say("no new mail")
    return 0 if found.unread else 1


def _inject(identity: str, *, as_json: bool) -> int:
    """Print what is new in the wrapper of hooks; whatever is wrong goes to stderr, since a hook must not fail.

    As JSON the wrapper is ``text``, empty if nothing is new.
    """
    from gastown_core.messaging import mail_check
    from gastown_core.messaging.reminder import reminder
    from gastown_core.town import estop
    from gastown_core.town.identity import caller

    session = "" if identity else os.environ.get("GT_SESSION", "")
    parts, told = [], {"address": identity, "unread": 0, "has_new": False}
    try:
        post = Post(identity)
        stop = estop.stop_of(post.root, caller())
        if stop is not None:
            parts.append(estop.notice(stop))
        found = mail_check.take(post.store, post.me)
        told = {"address": post.me, "unread": found.unread, "has_new": bool(found.fresh)}
        parts.append(mail_check.words(found))
        if session and os.path.isdir(os.path.join(post.root, ".runtime", "nudge_queue", session)):
            from gastown_core.messaging.hook_drain import drain_for_hook

            parts.append(drain_for_hook(post.root, session, "UserPromptSubmit"))
    except GastownError as error:
        output.note(f"mail check: {output.clean(str(error))}")
    except OSError as error:
        output.note(f"mail check: {output.clean(words_of(error))}")
    text = reminder("\n\n".join(part for part in parts if part))
    if as_json:
        output.say_json({**told, "text": text})
    elif text:
        sys.stdout.write(text + "\n")
    return 0
