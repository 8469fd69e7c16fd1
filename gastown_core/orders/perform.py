"""Performing orders: the same way for every face, reported in stages as receipts.

An order runs as a ``gt`` command in a child process, whose ``--receipts`` lines are the stages: the face stays light, a
crash cannot reach it, and the command log shows what a person could have typed.  A person's answer to a question is typed
from here: the start of a process would take longer than all the rest of it.
"""

from __future__ import annotations

import os
import shlex
import time

from gastown_core import process
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.errors import GastownError, UsageError
from gastown_core.model.json_text import decode_json
from gastown_core.model.order import Order, Receipt
from gastown_core.model.record import Record
from gastown_core.orders import act_log
from gastown_core.orders.act_log import CommandLogEntry
from gastown_core.orders.registry import BY_ID
from gastown_core.orders.task import run_task
from gastown_core.town.identity import in_nobodys_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gastown_core.model.snapshot import AgentView
    from gastown_core.orders.registry import OrderKind
    from gastown_core.orders.task import Task

    Notify = Callable[[Receipt], None]

QUESTION_LIMIT_S = 30.0
ORDER_LIMIT_S = 3600.0
"""How long an order without stages may take: merging a batch runs its gates."""


class Choice(Record):
    """One possible value of an order's argument: the value, its meaning, and its time (Unix seconds).

    ``about`` is the question that the value answers, empty for values that answer none.
    """

    value: str
    what: str
    at: float
    about: str = ""


def perform(
    root: str,
    order: Order,
    notify: Notify,
    *,
    clock: Clock = SYSTEM_CLOCK,
    by: str = "",
    task: Task | None = None,
    face: str = "",
) -> bool:
    """Perform ``order`` and call ``notify`` for each stage; return whether it succeeded. Blocks: call it in a thread.

    ``by`` is the address that stands in the events of what is done, empty for the caller's own; ``task`` can cancel it;
    ``face`` is where a person ordered it.  A GastownError becomes a final receipt with ``ok`` False; other exceptions are raised.
    """
    began = time.monotonic()
    last = Receipt(order.kind, order.target, "failed", "nothing happened", ok=False, final=True, at=clock.now())
    argv: list[str] = []
    act = ""

    def tell(receipt: Receipt) -> None:
        nonlocal last
        last = receipt
        if task is not None:
            task.told(receipt.stage, receipt.detail)
        notify(receipt)

    try:
        argv = command_of(order)
        act = act_log.begin(root, face, "gt " + shlex.join(argv), clock.now())
        _run(root, order, argv, by, tell, task)
    except GastownError as error:
        detail = f"{error}" + (f"; {error.hint}" if error.hint else "")
        tell(Receipt(order.kind, order.target, "failed", detail, ok=False, final=True, at=clock.now()))
    finally:
        if task is not None:
            task.end(clock.now(), ok=last.ok, detail=last.detail or last.stage)
    command = "gt " + shlex.join(argv) if argv else order.kind
    seconds = time.monotonic() - began
    act_log.end(root, act, CommandLogEntry(clock.now(), command, last.ok, seconds, last.detail or last.stage, face))
    return last.ok


DEFAULTS = {"text": "continue", "subject": "fresh session", "wait": "60"}
"""Defaults of arguments."""


def command_of(order: Order) -> list[str]:
    """Return the words after ``gt`` for an order. Raises UsageError for an unknown order."""
    kind = BY_ID.get(order.kind)
    if kind is None or not kind.words:
        raise UsageError(f"there is no order {order.kind}")
    return _filled(kind.words, order)


def _filled(words: Iterable[str | tuple[str, ...]], order: Order) -> list[str]:
    """Return the words with the order's arguments filled in, each as one word whatever it contains."""
    values = {**DEFAULTS, **{key: text for key, text in order.arguments.items() if text}, "target": order.target}
    out: list[str] = []
    for word in words:
        if isinstance(word, tuple):
            filled = [_value(part, values) for part in word]
            out += filled if all(filled) else []
        elif word.endswith("*}"):
            out += values.get(word[1:-2], "").split()
        else:
            out.append(_value(word, values))
    return out


def _value(word: str, values: dict[str, str]) -> str:
    return values.get(word[1:-1], "") if word.startswith("{") and word.endswith("}") else word


def preview_of(root: str, order: Order) -> list[str]:
    """Return what the order would do and lose, from its dry run. Blocks. Raises GastownError if that fails."""
    return previewed(said(root, _filled(BY_ID[order.kind].preview, order)))


def choices_of(root: str, order: Order) -> list[Choice]:
    """Return the possible values of the order's argument. Blocks. Raises GastownError if they cannot be read."""
    try:
        rows = decode_json(said(root, _filled(BY_ID[order.kind].choices, order)))
    except ValueError as error:
        raise GastownError(f"gt gave no list for {order.kind}", str(error)) from error
    found = [row for row in rows if isinstance(row, dict) and "number" in row] if isinstance(rows, list) else []
    return [
        Choice(str(row["number"]), str(row.get("what") or ""), float(row.get("at") or 0.0), str(row.get("about") or ""))
        for row in found
    ]


def said(root: str, argv: list[str], limit_s: float = QUESTION_LIMIT_S, by: str = "") -> str:
    """Run ``gt`` as a person, or as the address ``by``; return its output. Raises GastownError if it failed."""
    env = environment_of(root, by)
    done = process.run(process.gt_argv(*argv), cwd=root, env=env, timeout_s=limit_s, starts_servers=True)
    if done.code != 0:
        raise _failure(argv, done.code, (done.err or done.out).splitlines())
    return done.out


def previewed(said: str) -> list[str]:
    """Return the lines of a dry run: JSON as ``name: value`` lines without empty values, other output as it is."""
    try:
        value = decode_json(said)
    except ValueError:
        return [line.rstrip() for line in said.splitlines() if line.strip()]
    return list(_told(value))


def _told(value: object, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _told(inner, str(key).replace("_", " "))
    elif isinstance(value, list):
        plain = [str(inner) for inner in value if not isinstance(inner, dict | list)]
        if plain:
            yield f"{name}: " + ", ".join(plain[:8]) + (f" and {len(plain) - 8} more" if len(plain) > 8 else "")
        for inner in value:
            if isinstance(inner, dict | list):
                yield from _told(inner, name)
    elif value not in (None, "", 0, False):
        yield f"{name}: {'yes' if value is True else value}"


def environment_of(root: str, by: str = "") -> dict[str, str]:
    """Return the environment of a command for the town: a person's, or that of the address ``by``."""
    if by:
        own = in_nobodys_name() | {"GT_ROLE": by, "BD_ACTOR": by}
    else:
        # a console in a window of an agent's session is still a person's
        own = in_nobodys_name() if os.environ.get("GT_SESSION") else dict(os.environ)
    return {**own, "GT_TOWN_ROOT": root, "NO_COLOR": "1"}


def _answer(root: str, order: Order) -> Iterator[Receipt]:
    """Answer an agent's question from this process, as its person. Raises GastownError."""
    from gastown_core.messaging.answer import answer, check_person, parted
    from gastown_core.town.identity import HUMAN, resolve_agent
    from gastown_core.town.inventory import read_inventory

    check_person(in_console=True)
    entry = resolve_agent(read_inventory(root), order.target)
    expect, choice = parted(order.arguments.get("choice", ""))
    given = order.arguments
    words, expect = given.get("words", ""), expect or given.get("expect", "")
    yield from answer(root, entry, choice, sender=HUMAN.path, expect=expect, words=words)


def _run(root: str, order: Order, argv: list[str], by: str, tell: Notify, task: Task | None) -> None:
    """Run an order's command and tell its stages. Raises GastownError if it failed or was cancelled."""
    if order.kind == "agent.answer" and not by:
        for receipt in _answer(root, order):
            tell(receipt)
        return
    kind = BY_ID[order.kind]
    has_stages = kind.receipts
    words = _with_receipts(kind, argv) if has_stages else argv
    complaints: list[str] = []
    lines: list[str] = []
    is_settled = False

    def take(line: bytes) -> None:
        nonlocal is_settled
        receipt = read_receipt(line, order) if has_stages else None
        if receipt is not None:
            is_settled = is_settled or receipt.final
            tell(receipt)
        elif text := line.decode("utf-8", "replace").strip():
            lines.append(text)

    def complain(line: bytes) -> None:
        complaints.append(line.decode("utf-8", "replace"))

    env = environment_of(root, by)
    full = process.gt_argv(*words)
    code = run_task(full, cwd=root, env=env, limit_s=ORDER_LIMIT_S, task=task, take=take, complain=complain)
    if is_settled:
        return
    if code != 0 or has_stages:
        raise _failure(argv, code, complaints or lines)
    tell(Receipt(order.kind, order.target, "done", lines[-1] if lines else "", final=True))


def _with_receipts(kind: OrderKind, argv: list[str]) -> list[str]:
    """Return the words of a command with ``--receipts`` behind its name, which may have two words."""
    at = next((n for n, word in enumerate(kind.words) if not isinstance(word, str) or word[0] in "{-"), len(argv))
    return [*argv[:at], "--receipts", *argv[at:]]


def _failure(argv: list[str], code: int, said: list[str]) -> GastownError:
    lines = [line.strip() for line in said if line.strip()]
    if code < 0:
        # killed from outside: it may have done everything but say so
        why = f"gt was ended by signal {-code}; what it had done stands"
        return GastownError(f"gt {argv[0]} was interrupted", why, "look whether it was done before you repeat it")
    return GastownError(f"gt {argv[0]} failed", "; ".join(lines[:3]) or f"gt exited with status {code}")


def read_receipt(line: bytes, order: Order) -> Receipt | None:
    """Return the receipt in one line of ``--receipts`` output, None for any other line."""
    try:
        value = decode_json(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    if "error" in value:
        detail = "; ".join(str(value[key]) for key in ("error", "why", "hint") if value.get(key))
        return Receipt(order.kind, order.target, "failed", detail, ok=False, final=True)
    if "stage" not in value:
        return None
    return Receipt(
        order.kind,
        order.target,
        str(value["stage"]),
        str(value.get("detail") or ""),
        ok=value.get("ok") is not False,
        final=bool(value.get("final")),
        at=float(value.get("at") or 0.0),
    )


class Attachment(Record):
    """How to attach to a session: the command, and whether the face must be suspended for it (not inside tmux)."""

    argv: tuple[str, ...]
    needs_suspend: bool


def attachment(root: str, agent: AgentView) -> Attachment:
    """Return how to attach to an agent's session from here. Raises TmuxError for an invalid session name."""
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.tmux.sessions import attach_argv
    from gastown_core.tmux.socket import socket_name

    argv = attach_argv(TmuxServer(socket_name(root)), agent.session)
    is_inside = "switch-client" in argv
    told = WAY_BACK.format(key="L" if is_inside else "d")
    return Attachment((*argv, ";", "display-message", "-d", "6000", told), not is_inside)


WAY_BACK = "#{{prefix}} {key} comes back to the console"
"""What an attached session says at first: tmux puts its own prefix key in."""
