"""The words an agent is started with. (signatures first)"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset


def command_line(preset: Preset, prompt: str = "") -> list[str]:
    """argv that starts the runtime, with ``prompt`` where its mode wants it (left out if it takes none)."""
    raise NotImplementedError


def resume_line(preset: Preset, session_id: str = "", prompt: str = "") -> list[str]:
    """argv that resumes a session by id, or the last one (empty id). Raises UsageError if it can't."""
    raise NotImplementedError


def session_env(preset: Preset) -> dict[str, str]:
    """Environment a session of this runtime gets on top of its identity: GT_AGENT, GT_PROCESS_NAMES, the preset's own."""
    raise NotImplementedError


def first_prompt_is_typed(preset: Preset) -> bool:
    """Whether the first prompt must be typed after start, as the command line takes none."""
    raise NotImplementedError
