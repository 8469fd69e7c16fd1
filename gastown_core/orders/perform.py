"""Performing orders: one way for every face, told stage by stage as receipts.

An order runs as the ``gt`` command of the same name in a child process, whose ``--receipts`` lines are the stages:
the face stays light and cannot be hurt, and the command log shows what a person could have typed.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass

from gastown_core import process
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.errors import GastownError, UsageError
from gastown_core.model.order import Order, Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_core.model.snapshot import AgentView

    Notify = Callable[[Receipt], None]

LOG_LENGTH = 500


@dataclass(frozen=True, slots=True)
class CommandLogEntry:
    """One performed order: when, the command a person would type, whether it worked, how long it took, last detail."""

    at: float
    command: str
    ok: bool
    seconds: float
    detail: str


command_log: deque[CommandLogEntry] = deque(maxlen=LOG_LENGTH)
"""What this process performed, oldest first."""


def perform(root: str, order: Order, notify: Notify, *, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Perform ``order``, calling ``notify`` for each stage; returns whether it was done. Blocks: call from a thread.

    Failures become a final receipt with ``ok`` False, never an exception.
    """
    began = time.monotonic()
    last = Receipt(order.kind, order.target, "failed", "nothing happened", ok=False, final=True, at=clock.now())
    argv: list[str] = []
    try:
        argv = command_of(order)
        for receipt in _stages(root, order, argv):
            last = receipt
            notify(receipt)
    except GastownError as error:
        detail = f"{error}" + (f"; {error.hint}" if error.hint else "")
        last = Receipt(order.kind, order.target, "failed", detail, ok=False, final=True, at=clock.now())
        notify(last)
    command = "gt " + shlex.join(argv) if argv else order.kind
    seconds = time.monotonic() - began
    command_log.append(CommandLogEntry(clock.now(), command, last.ok, seconds, last.detail or last.stage))
    return last.ok


def command_of(order: Order) -> list[str]:
    """The words after ``gt`` that do the same. Raises UsageError for an unknown order."""
    arguments = order.arguments
    if order.kind == "agent.nudge":
        return ["nudge", order.target, "--", arguments.get("text") or "continue"]
    if order.kind == "agent.handoff":
        words = ["handoff", order.target, "-y", "-s", arguments.get("subject") or "fresh session"]
        return [*words, "-m", arguments["note"]] if arguments.get("note") else words
    if order.kind == "bead.sling":
        words = ["sling", arguments.get("bead", ""), order.target]
        return [*words, "--agent", arguments["agent"]] if arguments.get("agent") else words
    if order.kind == "agent.restart":
        return ["session", "restart", order.target]
    if order.kind == "agent.stop":
        return ["session", "stop", order.target]
    raise UsageError(f"there is no order {order.kind}")


def _stages(root: str, order: Order, argv: list[str]) -> Iterable[Receipt]:
    words = [argv[0], "--receipts", *argv[1:]]
    child = process.spawn(
        [sys.executable, "-P", "-m", "gastown_cli", *words],
        cwd=root,
        env={**os.environ, "GT_TOWN_ROOT": root},
        stdout=process.PIPE,
        stderr=process.PIPE,
    )
    complaints: list[bytes] = []
    reader = threading.Thread(target=lambda: complaints.append(child.stderr.read() if child.stderr else b""))
    reader.start()
    final = False
    try:
        for line in child.stdout or ():
            receipt = read_receipt(line, order)
            if receipt is not None:
                final = final or receipt.final
                yield receipt
    finally:
        code = child.wait()
        reader.join()
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()
    if not final:
        said = b"".join(complaints).decode("utf-8", "replace").strip().splitlines()
        why = "; ".join(line.strip() for line in said[:3]) or f"gt ended with status {code}"
        raise GastownError(f"gt {argv[0]} failed", why)


def read_receipt(line: bytes, order: Order) -> Receipt | None:
    """The receipt in one line of ``--receipts`` output, None for any other line."""
    try:
        value = json.loads(line)
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


@dataclass(frozen=True, slots=True)
class Attachment:
    """How to go to a session: the command, and whether the face must step aside for it (not when tmux switches client)."""

    argv: tuple[str, ...]
    needs_suspend: bool


def attach_argv(root: str, agent: AgentView) -> Attachment:
    """How to attach to an agent's session from here."""
    from gastown_core.tmux.socket import socket_name, socket_path

    socket = socket_name(root)
    target = f"={agent.session}"
    inside = os.environ.get("TMUX", "").split(",")[0]
    if inside and os.path.realpath(inside) == os.path.realpath(socket_path(socket)):
        return Attachment(("tmux", "-L", socket, "switch-client", "-t", target), False)
    return Attachment(("env", "-u", "TMUX", "tmux", "-u", "-L", socket, "attach-session", "-t", target), True)
