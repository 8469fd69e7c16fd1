"""The words an agent is started with, as a list that never passes through a shell."""

from __future__ import annotations

import re
import sys

from gastown_core.errors import UsageError
from gastown_core.runtimes.preset import (
    PROMPT_ARG,
    PROMPT_FLAG,
    PROMPT_NONE,
    RESUME_NONE,
    RESUME_SUBCOMMAND,
)
from gastown_core.runtimes.presets import SCRIPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset

_SESSION_ID = re.compile(r"[A-Za-z0-9._-]+")


def command_line(preset: Preset, prompt: str = "") -> list[str]:
    """argv that starts the runtime, with ``prompt`` where its mode wants it (left out if it takes none)."""
    return [*_program(preset), *preset.all_args, *_prompt_words(preset, prompt)]


def resume_line(preset: Preset, session_id: str = "", prompt: str = "") -> list[str]:
    """argv that resumes a session by id, or the last one (empty id). Raises UsageError if it can't, or for a bad id."""
    if session_id and not _SESSION_ID.fullmatch(session_id):
        raise UsageError(f"{session_id!r} is no session id", "", "letters, digits, - _ and . are allowed")
    if not session_id:
        if not preset.continue_flag:
            raise UsageError(f"{preset.name} cannot go on with its last session", "", "give a session id")
        return [*_program(preset), *preset.all_args, preset.continue_flag, *_prompt_words(preset, prompt)]
    if preset.resume_style == RESUME_NONE or not preset.resume_words:
        raise UsageError(f"{preset.name} cannot resume a session")
    words = [*preset.resume_words, session_id]
    if preset.resume_style == RESUME_SUBCOMMAND:
        return [*_program(preset), *words, *preset.all_args, *_prompt_words(preset, prompt)]
    return [*_program(preset), *preset.all_args, *words, *_prompt_words(preset, prompt)]


def session_env(preset: Preset) -> dict[str, str]:
    """Environment a session of this runtime gets on top of its identity: GT_AGENT, GT_PROCESS_NAMES, the preset's own."""
    env = {
        "GT_AGENT": preset.name,
        "GT_RUNTIME": preset.screens,
        "GT_PROCESS_NAMES": ",".join(process_names(preset)),
        "GT_SESSION_ID_ENV": preset.session_id_env,
    }
    return {**env, **preset.env}


def process_names(preset: Preset) -> tuple[str, ...]:
    """The possible names of its process; never empty."""
    return preset.process_names or (preset.command.rsplit("/", 1)[-1],)


def installed_at(preset: Preset) -> str:
    """Where this machine has the runtime's program, by the PATH it would get; empty if it, or its wrapper, is not there.

    Nothing is started: whether the program runs, and who is logged in, is not known by this.
    """
    import shutil

    program = _program(preset)
    at = len(preset.exec_wrapper)
    found = [shutil.which(word, path=preset.env.get("PATH")) for word in {0: program[0], at: program[at]}.values()]
    return found[-1] or "" if all(found) else ""


def first_prompt_is_typed(preset: Preset) -> bool:
    """Whether the first prompt must be typed after start, as the command line takes none."""
    return preset.prompt_mode == PROMPT_NONE


def _program(preset: Preset) -> list[str]:
    if preset.screens == SCRIPTED:
        # -P: the worktree it runs in must not offer modules
        return [*preset.exec_wrapper, sys.executable, "-P"]
    return [*preset.exec_wrapper, preset.command]


def _prompt_words(preset: Preset, prompt: str) -> list[str]:
    if not prompt or preset.prompt_mode == PROMPT_NONE:
        return []
    if preset.prompt_mode == PROMPT_FLAG and preset.prompt_flag:
        return [preset.prompt_flag, prompt]
    if preset.prompt_mode == PROMPT_ARG and prompt.startswith("-"):
        return ["--", prompt]
    return [prompt]
