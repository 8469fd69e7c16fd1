"""``gt seance``: list the sessions that agents had before, and ask one of them."""

from __future__ import annotations

import sys

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_seconds
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.seance.predecessors import Predecessor


def seance_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt seance``."""
    parser.add_argument("--agent", "--role", default="", help="only agents whose address contains this")
    parser.add_argument("--rig", default="", help="only agents of this rig")
    parser.add_argument("-n", "--recent", type=int, default=20, help="how many (default 20; 0: all)")
    parser.add_argument("-t", "--talk", default="", metavar="ID", help="talk to this session, or begin of an id")
    parser.add_argument(
        "-p", "--prompt", default="", metavar="QUESTION", help="with --talk: ask this, print the answer"
    )
    parser.add_argument("--timeout", type=float, default=0.0, metavar="SECONDS", help="how long an answer may take")
    context.add_json(parser)


def run_seance(args: Namespace) -> int:
    """List sessions, newest first; or talk to one, which itself stays as it is."""
    from gastown_core.seance.predecessors import find, predecessors

    if args.recent < 0:
        raise UsageError(f"--recent {args.recent} is negative")
    if args.prompt and not args.talk:
        raise UsageError("--prompt needs --talk", "it must be clear whom to ask", "gt seance --talk ID -p QUESTION")
    root = context.town()
    known = predecessors(root, agent=args.agent, rig=context.check_rig(root, args.rig))
    if args.talk:
        return _talk(root, find(known, args.talk), args)
    shown = known[: args.recent] if args.recent else known
    if args.json:
        output.say_json([_as_json(one) for one in shown])
        return 0
    if not shown:
        output.note("no sessions: no program has kept a record of one in this town")
        return 0
    now = SYSTEM_CLOCK.now()
    rows = [
        [
            one.id[:12] + ("…" if len(one.id) > 12 else ""),
            output.clean(one.agent),
            one.runtime,
            format_ago(max(0.0, now - one.began)),
            format_ago(max(0.0, now - one.ended)),
            output.clean(one.topic),
        ]
        for one in shown
    ]
    output.say(output.table(rows, header=("SESSION", "AGENT", "RUNTIME", "STARTED", "LAST LINE", "TOPIC")))
    if len(shown) < len(known):
        output.note(f"{len(known) - len(shown)} older ones; --recent 0 shows all")
    return 0


def _as_json(one: Predecessor) -> dict[str, object]:
    return {
        "session_id": one.id,
        "agent": one.agent,
        "runtime": one.runtime,
        "started_at": format_seconds(one.began),
        "last_at": format_seconds(one.ended),
        "topic": one.topic,
        "cwd": one.folder,
        "transcript": one.path,
    }


def _talk(root: str, one: Predecessor, args: Namespace) -> int:
    from gastown_core.seance.talk import ANSWER_S, ask, interactive_line

    if args.prompt:
        answer = ask(root, one, args.prompt, patience_s=args.timeout or ANSWER_S)
        if args.json:
            output.say_json({**_as_json(one), "question": args.prompt, "answer": answer.text, "how": answer.how})
        else:
            for line in answer.text.splitlines():
                output.say(output.clean(line))
        return 0
    argv, folder, env = interactive_line(root, one)
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise UsageError("a conversation needs a terminal", "", f"gt seance --talk {one.id[:12]} -p QUESTION")
    from gastown_core.process import run_on_terminal

    return run_on_terminal(argv, cwd=folder, env=env)
