"""Questions to a predecessor: its session is forked where the program can, and otherwise read out to a fresh one.

Either way the session itself stays as it is, and the one that answers may read but not change anything.
"""

from __future__ import annotations

import os
import shutil

from gastown_core.errors import GastownError, UsageError
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.process import run
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.town.runtime_settings import list_agents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.runtimes.adapter import Adapter
    from gastown_core.runtimes.preset import Preset
    from gastown_core.seance.predecessors import Predecessor

ANSWER_S = 600.0
MOST_CONTEXT = 200_000
"""So many characters of a transcript are read out, the newest ones."""
READ_BYTES = 8 << 20
IDENTITY = ("GT_", "BD_", "BEADS_", "GIT_AUTHOR_", "GIT_COMMITTER_", "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT")
"""Variables that would make the one that answers an agent of the town, or a part of the program that asks."""

FORKED, READ_OUT = "forked", "read out"


class Answer(Record):
    """What was answered, and how it came about: ``forked`` or ``read out``."""

    text: str
    how: str


def ask(root: str, one: Predecessor, question: str, *, patience_s: float = ANSWER_S) -> Answer:
    """Ask a predecessor one question. Raises UsageError without one, GastownError with the program's own words."""
    if not question.strip():
        raise UsageError("a question is missing", "", "-p says what to ask")
    adapter, preset = _program(root, one)
    words = adapter.fork_words(one.id, question) if os.path.isdir(one.folder) else []
    if words:
        done = run([preset.command, *words], cwd=one.folder, env=_environment(preset), timeout_s=patience_s)
        if done.code == 0 and done.out.strip():
            return Answer(done.out.strip(), FORKED)
        # the program may have lost what it needs for a fork; its transcript is still there
    return Answer(_read_out(adapter, preset, one, question, patience_s), READ_OUT)


def interactive_line(root: str, one: Predecessor) -> tuple[list[str], str, dict[str, str]]:
    """Return command line, folder and environment of a conversation with a fork of the session.

    Raises UsageError if the program cannot fork one, or its folder is gone; a question can still be asked then.
    """
    adapter, preset = _program(root, one)
    words = adapter.fork_words(one.id, "")
    if not words:
        raise UsageError(f"{one.runtime} cannot fork a session", "", f"gt seance --talk {one.id[:12]} -p QUESTION")
    if not os.path.isdir(one.folder):
        raise UsageError(
            "the folder of that session is gone", one.folder, f"gt seance --talk {one.id[:12]} -p QUESTION"
        )
    return [preset.command, *words], one.folder, _environment(preset)


def _program(root: str, one: Predecessor) -> tuple[Adapter, Preset]:
    """Return the adapter, and a preset of this runtime whose program is installed. Raises GastownError."""
    adapter = adapter_for(one.runtime)
    rig = one.agent.split("/")[0] if "/" in one.agent else ""
    rows = list_agents(root, rig if os.path.isdir(os.path.join(root, rig)) else "")
    for preset in rows:
        if preset.screens == one.runtime and adapter is not None and shutil.which(preset.command):
            return adapter, preset
    raise GastownError(f"{one.runtime} is not installed", "only it can read this session", f"install {one.runtime}")


def _environment(preset: Preset) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(IDENTITY)}
    return {**kept, **preset.env}


def _read_out(adapter: Adapter, preset: Preset, one: Predecessor, question: str, patience_s: float) -> str:
    words = adapter.ask_words()
    if not words:
        raise UsageError(f"{one.runtime} cannot answer a single question", "", "")
    text = (
        f"Below is the record of an earlier session of {one.agent}. Answer this question from it, in a few sentences. "
        f"Change nothing, run nothing. Say so if the record does not tell.\n\nQuestion: {question}\n\n"
        f"--- record ---\n{conversation(adapter, one.path)}\n--- end of record ---\n"
    )
    folder = one.folder if os.path.isdir(one.folder) else None
    done = run(
        [preset.command, *words], cwd=folder, env=_environment(preset), stdin=text.encode(), timeout_s=patience_s
    )
    if done.code or not done.out.strip():
        why = (done.err.strip() or done.out.strip() or f"it ended with status {done.code}")[-300:]
        raise GastownError(
            f"{preset.command} gave no answer", why, "ask it by hand: gt doctor agents says what it needs"
        )
    return done.out.strip()


def conversation(adapter: Adapter, path: str) -> str:
    """Return what was said in a transcript, as ``who: text`` lines; its end, if it is long. Raises GastownError."""
    try:
        with open(open_plain(path), "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            handle.seek(max(0, size - READ_BYTES))
            data = handle.read(READ_BYTES)
    except OSError as error:
        raise GastownError(f"cannot read {path}", error.strerror or str(error)) from error
    said = []
    for line in data.split(b"\n"):
        try:
            told = decode_json(line) if line.strip() else None
        except ValueError:
            continue
        if isinstance(told, dict):
            said += [f"{who}: {text.strip()}" for who, text in _spoken(adapter, told) if text.strip()]
    return "\n\n".join(said)[-MOST_CONTEXT:]


def _spoken(adapter: Adapter, line: Mapping[str, object]) -> list[tuple[str, str]]:
    return list(adapter.spoken(line))
