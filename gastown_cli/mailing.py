"""What the commands of ``gt mail`` share: the town's store, whose mailbox it is, and how a message is printed."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output
from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_seconds
from gastown_core.errors import StoreError, UsageError
from gastown_core.messaging.message import HIGH, LATEST, NOTIFICATION, mail_identity
from gastown_core.model.address import parse_address
from gastown_core.town.identity import caller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from gastown_core.beads.store import BeadStore
    from gastown_core.messaging.message import Message


class Post:
    """The town, its ledger, and the mailbox that the command works on."""

    def __init__(self, identity: str = "") -> None:
        self.root = context.town()
        self.ledger = TownLedger(self.root)
        self._is_named = bool(identity)
        self.me = mail_identity(identity) if identity else own_identity(self.root)
        store = self.ledger.store("town")
        if store is None:
            raise StoreError(
                "the town's ledger cannot be read", self.ledger.missing.get("town", "it is missing"), "run bd doctor"
            )
        self.store: BeadStore = store
        if identity and not {"/", ":"} & set(identity) and not parse_address(identity).is_agent:
            self.me = self._owner(identity)

    def _owner(self, address: str) -> str:
        """Return whose inbox an address names that is no path. Raises NotFoundError, UsageError."""
        from gastown_core.messaging.recipients import AGENT, Directory

        targets = Directory(self.root, self.store).resolve(address)
        if len(targets) != 1 or targets[0].kind != AGENT:
            raise UsageError(
                f"{address} has no inbox of its own", "it stands for others", "gt mail directory says what it is"
            )
        return targets[0].name

    def expect_owner(self) -> None:
        """An empty inbox under a name that was given is that of somebody. Raises NotFoundError for nobody's."""
        if self._is_named:
            self._owner(self.me)


def own_identity(root: str) -> str:
    """Return the caller's mail identity: by GT_ROLE, else by the agent's folder it stands in, else the overseer's."""
    if os.environ.get("GT_ROLE", "").strip():
        return caller().mail
    parts = os.path.relpath(os.path.realpath(os.getcwd()), os.path.realpath(root)).split(os.sep)
    if parts[0] in ("mayor", "deacon"):
        return mail_identity("/".join(parts[:3]) if parts[1:2] == ["dogs"] and len(parts) > 2 else parts[0])
    if len(parts) > 2 and parts[1] in ("crew", "polecats"):
        return mail_identity("/".join(parts[:3]))
    if len(parts) > 1 and parts[1] in ("witness", "refinery"):
        return mail_identity("/".join(parts[:2]))
    return "overseer"


def add_identity(parser: ArgumentParser) -> None:
    """Add the option that names another mailbox."""
    parser.add_argument("--identity", default="", metavar="ADDRESS", help="mailbox to use (default: your own)")


def text_of(args: Namespace, given: str) -> str:
    """Return the body: ``-`` or --stdin reads standard input, ``@FILE`` of --body-file a file, else the text given."""
    path = getattr(args, "body_file", "")
    if path and path != "-":
        try:
            with open(path, encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except OSError as error:
            raise UsageError(f"cannot read {path}", error.strerror or str(error)) from error
    if args.stdin or given == "-" or path == "-":
        if given not in ("", "-"):
            raise UsageError("two bodies are given", "one in the command, one on standard input", "give one of them")
        return sys.stdin.read()
    return given


def say_done(words: str, value: object, *, as_json: bool) -> int:
    """Print the outcome of a change, as one line or as JSON; returns exit code 0."""
    if as_json:
        output.say_json(value)
    else:
        output.say(f"{output.style('✓', 'green')} {output.clean(words)}")
    return 0


def show_list(messages: Iterable[Message], reader: str, numbered: Iterable[Message] = ()) -> None:
    """Print one line per message, with its place in ``numbered`` (the inbox as commands count it), if it is there."""
    places = {message.id: str(place) for place, message in enumerate(numbered, 1)}
    now = SYSTEM_CLOCK.now()
    rows = []
    for message in messages:
        kind = f"[{message.type}] " if message.type != NOTIFICATION else ""
        pressing = "! " if message.priority <= HIGH else ""
        subject = output.shorten(output.clean(f"{pressing}{kind}{message.subject}"), 70)
        unread = not message.is_read(reader)
        rows.append(
            [
                places.get(message.id, ""),
                output.style("●", "green") if unread else "○",
                output.style(subject, "bold") if unread else subject,
                output.clean(message.sender),
                format_age(max(0.0, now - message.at)) if 0 < message.at <= now else "–",
                message.id,
            ]
        )
    if rows:
        output.say(output.table(rows, right=(0,)))


def show_message(message: Message) -> None:
    """Print one message with its heading and its body."""
    heading = {
        "From": message.sender,
        "To": message.to,
        "Cc": ", ".join(message.copies),
        "Date": format_seconds(min(message.at, LATEST)) if message.at else "unknown",
        "Type": message.type if message.type != NOTIFICATION else "",
        "Thread": message.thread,
        "Reply to": message.value("reply-to:"),
        "Claimed": message.claimed_by,
        "Id": message.id,
    }
    output.say(output.style(output.clean(message.subject), "bold"))
    for label, value in heading.items():
        if value:
            output.say(f"  {label + ':':<10}{output.clean(value)}")
    if message.body.strip():
        output.say()
        for line in output.clean_lines(message.body.rstrip()):
            output.say(line)
