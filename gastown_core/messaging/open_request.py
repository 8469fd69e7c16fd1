"""Requests for permission that a program's own hook holds open, and the decision that the hook gives back.

The hook of a program that takes a decision from it (``gt signal``) writes what is asked beside a pipe and waits there,
while the program shows the same question on its screen.  Whoever answers writes one line to the pipe: no key is pressed.
The hook ends without a decision once its program or its turn has ended, so that nothing is answered late.
"""

from __future__ import annotations

import json
import os
import select

from gastown_core.errors import DeliveryError, StoreError
from gastown_core.files import system
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.process_table import lives, read_process, start_of
from gastown_core.runtimes.adapter import WAITING
from gastown_core.runtimes.heartbeat import read_heartbeat

LOOK_EVERY_S = 2.0
"""How often a waiting hook looks whether its question still stands; a decision wakes it at once."""
MOST_BYTES = 64 << 10
_PIPE, _ASKED = ".pipe", ".json"


class Decision(Record):
    """What a person decided: yes or no, and words of their own."""

    is_yes: bool
    words: str = ""


class OpenRequest(Record):
    """A request that a hook holds open: the hook's process, and what is asked, word for word.

    ``is_question``: the program asks for an answer, and not for a permission.
    """

    path: str
    pid: int
    words: str
    is_question: bool = False

    def is_of(self, shown: str) -> bool:
        """Whether a question on a screen, however it is wrapped, is this one."""
        return bool(_bare(self.words)) and _bare(self.words) in _bare(shown)

    def decide(self, decision: Decision) -> None:
        """Give the hook its decision. Raises DeliveryError if it no longer waits."""
        line = json.dumps([decision.is_yes, decision.words]).encode() + b"\n"
        try:
            fd = os.open(self.path, os.O_WRONLY | system.NONBLOCK | system.NOFOLLOW)
            try:
                if os.write(fd, line) != len(line):
                    raise DeliveryError("the answer is too long for the agent's hook", "", "a shorter one")
            finally:
                os.close(fd)
        except OSError as error:
            raise DeliveryError("the agent's hook no longer waits", error.strerror or "", "read it again") from error


def _bare(text: str) -> str:
    return "".join(text.split())


def requests_of(root: str, session: str) -> list[OpenRequest]:
    """Return the requests that the session's hooks hold open now."""
    folder = _folder(root, session)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = []
    for name in names:
        pid, suffix = os.path.splitext(name)
        if suffix != _ASKED or not pid.isdigit() or not lives(int(pid)):
            continue
        try:
            told = read_json(os.path.join(folder, name)) or {}
        except StoreError:
            # it is being withdrawn
            continue
        if isinstance(told.get("words"), str):
            found.append(
                OpenRequest(
                    os.path.join(folder, f"{pid}{_PIPE}"), int(pid), told["words"], told.get("is_question") is True
                )
            )
    return found


def request_of(root: str, session: str, shown: str) -> OpenRequest | None:
    """Return the one open request that is the question on the session's screen; None if none or several are."""
    found = [one for one in requests_of(root, session) if one.is_of(shown)]
    return found[0] if len(found) == 1 else None


def hold_open(root: str, session: str, words: str, at: float, *, is_question: bool) -> Decision | None:
    """Hold a request open until it is decided; None if its turn, its program or its session's run ends first.

    ``at`` is when the program asked.  Run by the hook, whose ancestor is the program. Raises StoreError, OSError.
    """
    if not hasattr(os, "mkfifo"):
        # Windows: there are no sessions whose question could be answered
        return None
    folder = private_folder(_folder(root, session))
    _tidy(folder)
    own = os.path.join(folder, str(os.getpid()))
    os.mkfifo(own + _PIPE, 0o600)
    # open at both ends: a writer that leaves does not end it
    fd = os.open(own + _PIPE, os.O_RDWR | system.NONBLOCK)
    try:
        write_json(own + _ASKED, {"words": words, "is_question": is_question, "at": at}, mode=0o600)
        return _await(fd, root, session, at, _program_above(os.getppid()))
    finally:
        os.close(fd)
        for suffix in (_ASKED, _PIPE):
            _remove(own + suffix)


def _await(fd: int, root: str, session: str, at: float, program: int) -> Decision | None:
    got, started = b"", start_of(program)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        if poll.poll(LOOK_EVERY_S * 1000):
            got += os.read(fd, MOST_BYTES)
            line, ends, _ = got.partition(b"\n")
            if ends:
                given = decode_json(line)
                is_yes, words = given if isinstance(given, list) and len(given) == 2 else (None, "")
                return Decision(is_yes is True, str(words)) if isinstance(is_yes, bool) else None
        elif not lives(program, started) or _is_over(root, session, at):
            return None


def _is_over(root: str, session: str, at: float) -> bool:
    """Whether the session has reported another state since it asked."""
    beat = read_heartbeat(root, session)
    said = beat.said if beat is not None else None
    return said is None or (said.state != WAITING and said.at > at)


def _program_above(pid: int) -> int:
    """Return the process whose hook this is: the parent of the shell that runs the hook's command."""
    parent = read_process(pid)
    is_shell = parent is not None and parent.name.rpartition("/")[2] in ("sh", "dash", "bash", "zsh", "ash", "busybox")
    return parent.parent if is_shell and parent is not None and parent.parent > 1 else pid


def _folder(root: str, session: str) -> str:
    return os.path.join(root, ".runtime", "requests", session)


def _tidy(folder: str) -> None:
    """Remove what killed hooks left."""
    for name in os.listdir(folder):
        pid = os.path.splitext(name)[0]
        if not pid.isdigit() or not lives(int(pid)):
            _remove(os.path.join(folder, name))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
