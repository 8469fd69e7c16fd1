"""The table of runtimes: the ten agent programs, and ``scripted``, the agent of our own.

Adding a runtime is adding a row here and, if its screens can be read, a table in ``screens.py``.
"""

from __future__ import annotations

from gastown_core.runtimes.preset import (
    CUTS,
    PROMPT_ARG,
    PROMPT_FLAG,
    QUEUED,
    RESUME_FLAG,
    RESUME_SUBCOMMAND,
    HookFiles,
    Keyboard,
    NonInteractive,
    Preset,
)

DEFAULT_PRESET = "claude"
SCRIPTED = "scripted"

_ROWS = (
    Preset(
        "claude",
        "claude",
        autonomy_args=("--dangerously-skip-permissions",),
        process_names=("node", "claude"),
        session_id_env="CLAUDE_SESSION_ID",
        resume_style=RESUME_FLAG,
        resume_words=("--resume",),
        continue_flag="--continue",
        supports_fork=True,
        ready_prefix="❯ ",
        ready_delay_s=10.0,
        hooks=HookFiles("claude", ".claude", "settings.json"),
        instructions_file="CLAUDE.md",
        drains_at_turn_end=True,
        config_dir_env="CLAUDE_CONFIG_DIR",
        non_interactive=NonInteractive(prompt_flag="-p", output_flags=("--output-format", "json")),
        keyboard=Keyboard(in_turn=QUEUED, aside="C-s", restore="C-s", restores_itself=True),
    ),
    Preset(
        "gemini",
        "gemini",
        autonomy_args=("--approval-mode", "yolo"),
        process_names=("gemini",),
        session_id_env="GEMINI_SESSION_ID",
        resume_style=RESUME_FLAG,
        resume_words=("--resume",),
        prompt_mode=PROMPT_FLAG,
        prompt_flag="-i",
        ready_delay_s=5.0,
        hooks=HookFiles("gemini", ".gemini", "settings.json"),
        escape_cancels=True,
        non_interactive=NonInteractive(prompt_flag="-p", output_flags=("--output-format", "json")),
        keyboard=Keyboard(pause_s=0.2, makes_newlines=True, in_turn=QUEUED),
    ),
    Preset(
        "codex",
        "codex",
        # as settings and not as options, which an older version would refuse: its shared daemon would lend one agent the
        # identity of another, and a login shell would take ``gt`` off PATH
        autonomy_args=(
            "-c",
            "features.daemon_auto_start=false",
            "-c",
            "allow_login_shell=false",
            "--dangerously-bypass-approvals-and-sandbox",
        ),
        process_names=("codex",),
        resume_style=RESUME_SUBCOMMAND,
        resume_words=("resume",),
        ready_prefix="› ",
        ready_delay_s=3.0,
        non_interactive=NonInteractive(subcommand="exec", output_flags=("--json",)),
        keyboard=Keyboard(pause_s=0.15, in_turn=CUTS, aside="C-u", restore="C-y", aside_rows=1),
    ),
    Preset(
        "cursor",
        "cursor-agent",
        autonomy_args=("-f",),
        process_names=("cursor-agent", "agent"),
        resume_style=RESUME_FLAG,
        resume_words=("--resume",),
        ready_delay_s=5.0,
        non_interactive=NonInteractive(prompt_flag="-p", output_flags=("--output-format", "json")),
    ),
    Preset(
        "auggie",
        "auggie",
        autonomy_args=("--allow-indexing",),
        process_names=("auggie",),
        resume_style=RESUME_FLAG,
        resume_words=("--resume",),
    ),
    Preset(
        "amp",
        "amp",
        autonomy_args=("--dangerously-allow-all", "--no-ide"),
        process_names=("amp",),
        resume_style=RESUME_SUBCOMMAND,
        resume_words=("threads", "continue"),
    ),
    Preset(
        "opencode",
        "opencode",
        env={"OPENCODE_PERMISSION": '{"*":"allow"}'},
        process_names=("opencode", "node", "bun"),
        prompt_mode=PROMPT_FLAG,
        prompt_flag="--prompt",
        ready_delay_s=8.0,
        non_interactive=NonInteractive(subcommand="run", output_flags=("--format", "json")),
        keyboard=Keyboard(in_turn=QUEUED, choice_keys=("Left", "Right")),
    ),
    Preset(
        "copilot",
        "copilot",
        autonomy_args=("--yolo",),
        process_names=("copilot",),
        resume_style=RESUME_FLAG,
        resume_words=("--resume",),
        continue_flag="--continue",
        prompt_mode=PROMPT_FLAG,
        prompt_flag="-i",
        ready_delay_s=5.0,
        config_dir_env="COPILOT_HOME",
        non_interactive=NonInteractive(prompt_flag="-p"),
        keyboard=Keyboard(in_turn=QUEUED),
    ),
    Preset(
        "pi",
        "pi",
        process_names=("pi", "node", "bun"),
        session_id_env="PI_SESSION_ID",
        ready_delay_s=8.0,
        non_interactive=NonInteractive(prompt_flag="-p", output_flags=("--no-session",)),
    ),
    Preset(
        "omp",
        "omp",
        process_names=("omp", "node", "bun"),
        session_id_env="OMP_SESSION_ID",
        non_interactive=NonInteractive(prompt_flag="--prompt"),
    ),
    Preset(
        SCRIPTED,
        "python3",
        autonomy_args=("-m", "gastown_agent"),
        process_names=("gt-agent", "gastown_agent"),
        session_id_env="GT_RUN",
        prompt_mode=PROMPT_ARG,
        ready_prefix="❯ ",
        ready_delay_s=2.0,
        hooks=HookFiles("scripted"),
        drains_at_turn_end=True,
        keyboard=Keyboard(in_turn=QUEUED),
    ),
)

BUILT_IN: dict[str, Preset] = {preset.name: preset for preset in _ROWS}
"""Name → preset, in the order lists show them."""
