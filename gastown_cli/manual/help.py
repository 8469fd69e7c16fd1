"""What ``gt help WORDS`` answers: the list of commands, a group of them, one command's options, or a topic."""

from __future__ import annotations

from gastown_cli import output
from gastown_cli.lazy import below, expand, find, handlers, help_text
from gastown_cli.manual.topics import TOPICS, find_topic, text_of
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from gastown_cli.lazy import Root


def gt_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt help``."""
    parser.add_argument("words", nargs="*", metavar="COMMAND|TOPIC", help="a command, a group of commands, or a topic")


def run_gt(args: Namespace) -> int:
    """Show the help of ``gt``."""
    from gastown_cli.gt import ROOT

    output.say(help_for(ROOT, args.words))
    return 0


def bd_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd help``."""
    gt_arguments(parser)


def run_bd(args: Namespace) -> int:
    """Show the help of ``bd``."""
    from gastown_cli.bd import ROOT

    output.say(help_for(ROOT, args.words))
    return 0


def help_for(root: Root, words: Sequence[str]) -> str:
    """Return the answer. Raises UsageError with near matches for a word that is neither a command nor a topic."""
    if not words:
        return f"{help_text(root)}\n\n{topic_list(root)}"
    if words[0] == "topics" and len(words) == 1:
        return topic_list(root)
    head = expand(root, words[0])
    rows = [row for row in root.commands if row.name.split()[0] == head]
    topic = find_topic(words[0]) if len(words) == 1 else None
    told = []
    if len(rows) > 1 and len(words) == 1:
        told.append(help_text(root, head))
    elif rows:
        told.append(_command_help(root, words))
    if topic is not None and (not rows or topic.name == words[0]):
        told.append(_shown(text_of(topic)))
    if not told:
        raise _unknown(root, words[0])
    return "\n\n".join(told)


def topic_list(root: Root) -> str:
    """Return the topics, a line each."""
    width = max(len(topic.name) for topic in TOPICS)
    rows = [f"  {topic.name.ljust(width)}  {topic.about}" for topic in TOPICS]
    return "\n".join([output.style("Topics", "bold"), *rows, "", f"{root.program} help TOPIC shows one."])


def _command_help(root: Root, words: Sequence[str]) -> str:
    from gastown_cli.parser import built

    command, _ = find(root, words)
    parser = built(f"{root.program} {command.name}", command.help, handlers(command)[0], below(root, command))
    return parser.format_help().rstrip("\n")


def _unknown(root: Root, word: str) -> UsageError:
    import difflib

    names = [*dict.fromkeys(row.name.split()[0] for row in root.commands), *(topic.name for topic in TOPICS)]
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"{root.program} help lists commands and topics"
    return UsageError(f"neither a command nor a topic: {word}", "", hint)


def _shown(text: str) -> str:
    """Return a topic's text for the terminal: bold headings, rows in columns."""
    lines: list[str] = []
    rows: list[list[str]] = []
    for line in (*text.split("\n"), ""):
        if line.startswith("| "):
            rows.append(line[2:-2].split(" | "))
            continue
        if rows:
            lines += ["  " + row for row in output.table(rows).split("\n")]
            rows = []
        lines.append(output.style(line[3:], "bold") if line.startswith("## ") else line)
    return "\n".join(lines).rstrip("\n")
