"""A runtime as data: how an agent program is started, recognised, spoken to and resumed."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PROMPT_ARG, PROMPT_FLAG, PROMPT_NONE = "arg", "flag", "none"
"""How the first prompt gets in: last argument, value of ``prompt_flag``, or not at all (it is typed later)."""

RESUME_FLAG, RESUME_SUBCOMMAND, RESUME_NONE = "flag", "subcommand", "none"


class HookFiles(Record):
    """Where the runtime's own hooks are configured; ``provider`` names the generator, empty if it has none."""

    provider: str = ""
    dir: str = ""
    settings_file: str = ""
    informational: bool = False

    @property
    def executable(self) -> bool:
        """Whether the runtime runs hooks (so that it primes itself at start)."""
        return bool(self.provider) and not self.informational


class NonInteractive(Record):
    """How to ask one question and get one answer: ``<command> [subcommand] [flags] <prompt_flag> PROMPT``."""

    subcommand: str = ""
    prompt_flag: str = ""
    output_flags: tuple[str, ...] = ()


ESCAPES_APART_S = 0.2
"""Between two presses of Escape: copilot takes two that come together for one other key, and after half a second it wants
the first one again."""
QUEUED, CUTS, UNSAFE = "queued", "cuts", "unsafe"
"""What a text does that is sent during a turn: the program keeps it for afterwards; it cuts the answer off; nobody
knows, so that none is sent."""


class Keyboard(Record):
    """How a runtime takes typed text.

    ``pause_s`` is how long after a paste its submit key may follow; where it ``makes_newlines``, the program takes one
    that comes sooner for a newline, and how soon depends on how busy the machine is.  ``aside``
    is the key that puts a draft away and ``restore`` the one that brings it back; ``restores_itself`` says that a
    draft comes back once another text was submitted, ``aside_rows`` how many rows of one the key takes (0: all).
    ``choice_keys`` move the cursor of a question back and forth.  ``escapes`` is how often Escape is pressed to end a turn.
    """

    pause_s: float = 0.05
    makes_newlines: bool = False
    in_turn: str = UNSAFE
    aside: str = ""
    restore: str = ""
    restores_itself: bool = False
    aside_rows: int = 0
    choice_keys: tuple[str, str] = ("Up", "Down")
    escapes: int = 1


class Preset(Record):
    """One runtime.  ``base`` is the built-in it derives from (its screens, dialogs and hooks apply).

    ``args`` are the model and behaviour arguments, ``autonomy_args`` those that it cannot do without (acting without
    asking, loading our hooks); they are apart so that an alias with arguments of its own keeps the latter.
    ``identity_args`` keep its tools to this one agent and ``gt`` on their PATH; no entry removes them.
    """

    name: str
    command: str
    args: tuple[str, ...] = ()
    autonomy_args: tuple[str, ...] = ()
    identity_args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    base: str = ""
    process_names: tuple[str, ...] = ()
    session_id_env: str = ""
    resume_style: str = RESUME_NONE
    resume_words: tuple[str, ...] = ()
    continue_flag: str = ""
    supports_fork: bool = False
    prompt_mode: str = PROMPT_ARG
    prompt_flag: str = ""
    initial_prompt: str = ""
    ready_prefix: str = ""
    ready_delay_s: float = 0.0
    hooks: HookFiles = HookFiles()
    instructions_file: str = "AGENTS.md"
    submit_key: str = "Enter"
    escape_cancels: bool = False
    drains_at_turn_end: bool = False
    config_dir_env: str = ""
    non_interactive: NonInteractive | None = None
    exec_wrapper: tuple[str, ...] = ()
    keyboard: Keyboard = Keyboard()
    is_custom: bool = False

    @property
    def all_args(self) -> tuple[str, ...]:
        """The arguments of a start: identity and autonomy first, then the rest."""
        return (*self.identity_args, *self.autonomy_args, *self.args)

    @property
    def screens(self) -> str:
        """Name of the screen table that reads it."""
        return self.base or self.name

    def with_changes(self, **changes: object) -> Preset:
        """A copy with those fields set."""
        return self._replace(**changes)  # type: ignore[arg-type]

    def as_json(self) -> dict[str, object]:
        """Name, command, args and type, as ``gt config agent list --json`` prints them."""
        return {
            "name": self.name,
            "command": self.command,
            "args": list(self.all_args),
            "type": "custom" if self.is_custom else "built-in",
            "is_custom": self.is_custom,
        }
