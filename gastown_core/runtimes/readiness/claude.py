"""Claude Code: what it asks before its first prompt, and where the answers are kept.

``.claude.json`` lies in CLAUDE_CONFIG_DIR, or in the home folder where that is not set.  Trust is kept under the main
working tree, or the bare repository of a worktree.  The cursor of the dialogs for trust and for a key stands on *No*.
"""

from __future__ import annotations

import os

from gastown_core.runtimes.readiness.obstacle import (
    BYPASS,
    KEY,
    LOGIN,
    ROOT,
    SETUP,
    TRUST,
    Edit,
    Obstacle,
    Readiness,
    Surroundings,
    UnreadableError,
    below,
    home_of,
    part_of,
    unreadable,
    with_json,
)
from gastown_core.runtimes.readiness.version import is_older, version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from gastown_core.runtimes.preset import Preset

BYPASS_FLAG = "--dangerously-skip-permissions"
KEY_TAIL = 20
"""So many characters of a key are kept to know it again."""
LOCAL = ".claude/settings.local.json"
KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
PROVIDERS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
PARENTS_COUNT_UNTIL = "2.1.332"
"""Older versions take a folder for trusted if one above it is, whatever repository it belongs to."""


class ClaudeReadiness(Readiness):
    """Claude Code of the versions 2.1.197 to 2.1.332."""

    variables = (*KEYS, *PROVIDERS, "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR", "IS_SANDBOX")
    unknown = ()
    oldest = "2.0.20"

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """Set-up, log-in, key, root, bypassed permissions and trust."""
        env = {**look.env, **preset.env}
        config = env.get("CLAUDE_CONFIG_DIR") or os.path.join(home_of(env), ".claude")
        record_path = _record_path(config, config if env.get("CLAUDE_CONFIG_DIR") else home_of(env))
        settings = [os.path.join(config, "settings.json"), os.path.join(work_dir, LOCAL)]
        found, read = [], []
        for path in (record_path, *settings):
            try:
                read.append(look.json(path))
            except UnreadableError as error:
                found.append(unreadable(path, str(error), "Claude Code"))
        if found:
            return found
        record, user, local = read
        env = {**env, **{key: str(value) for one in (user, local) for key, value in part_of(one, "env").items()}}
        found += _setup(record, record_path)
        found += _login(record, config, env, (user, local))
        found += _key(record, record_path, look.env)
        if BYPASS_FLAG in preset.all_args:
            found += _root(env)
            found += _bypass(record, (user, local), settings[0])
        found += _trust(record, record_path, work_dir, preset, look)
        return found


def _record_path(config: str, folder: str) -> str:
    """Return the path of its record file; old installations have an older name."""
    usual, former = os.path.join(folder, ".claude.json"), os.path.join(config, ".config.json")
    return former if os.path.isfile(former) and not os.path.lexists(usual) else usual


def _setup(record: Mapping[str, object], path: str) -> Iterator[Obstacle]:
    if record.get("hasCompletedOnboarding") is True:
        return

    def change(value: dict[str, object]) -> None:
        value["hasCompletedOnboarding"] = True

    yield Obstacle(
        SETUP,
        "Claude Code was never set up for you",
        f"{path} has no hasCompletedOnboarding: it asks for a theme and a log-in, or ends where it has no network",
        "run claude once by yourself, or gt doctor agents --fix",
        Edit(path, lambda data: with_json(data, change)),
    )


def _login(
    record: Mapping[str, object], config: str, env: Mapping[str, str], settings: tuple[Mapping[str, object], ...]
) -> Iterator[Obstacle]:
    if any(env.get(name) for name in (*KEYS, *PROVIDERS)) or any(one.get("apiKeyHelper") for one in settings):
        return
    if record.get("oauthAccount") or record.get("primaryApiKey"):
        return
    if os.path.exists(os.path.join(config, ".credentials.json")):
        return
    yield Obstacle(
        LOGIN,
        "Claude Code is not logged in",
        f"neither {KEYS[0]} nor an account in {config} is there",
        f"run claude and /login, or export {KEYS[0]} and start the town anew: gt down && gt up",
    )


def _key(record: Mapping[str, Any], path: str, env: Mapping[str, str]) -> Iterator[Obstacle]:
    key = env.get("ANTHROPIC_API_KEY", "").strip()
    answers = part_of(record, "customApiKeyResponses")
    tail = key[-KEY_TAIL:]
    if not key or tail in (answers.get("approved") or ()):
        return
    if tail in (answers.get("rejected") or ()):
        yield Obstacle(
            KEY,
            "the key in ANTHROPIC_API_KEY was rejected",
            f"{path} lists it under customApiKeyResponses.rejected, so Claude Code does not use it",
            "if it is yours: run claude, then /config, and turn on 'Use custom API key'",
        )
        return
    yield Obstacle(
        KEY,
        "the key in ANTHROPIC_API_KEY is not yet approved",
        "Claude Code asks at its start and its cursor stands on No",
        "run claude once by yourself and answer Yes",
    )


def _root(env: Mapping[str, str]) -> Iterator[Obstacle]:
    if (
        not hasattr(os, "geteuid")
        or os.geteuid()
        or env.get("IS_SANDBOX") == "1"
        or env.get("CLAUDE_CODE_BUBBLEWRAP") == "1"
    ):
        return
    yield Obstacle(
        ROOT,
        "Claude Code refuses bypassed permissions as root",
        f"the town runs as root, {BYPASS_FLAG} is among its arguments and IS_SANDBOX is not 1",
        "run the town as an ordinary user; in a sandbox: export IS_SANDBOX=1, then gt down && gt up",
    )


def _bypass(
    record: Mapping[str, object], settings: tuple[Mapping[str, object], ...], user_path: str
) -> Iterator[Obstacle]:
    if any(part_of(one, "permissions").get("disableBypassPermissionsMode") == "disable" for one in settings):
        yield Obstacle(
            BYPASS,
            "your settings forbid bypassed permissions",
            "permissions.disableBypassPermissionsMode is disable, so each tool of an agent waits for you",
            f"remove it from {user_path}, or choose other arguments: gt config agent set",
        )
        return
    if record.get("bypassPermissionsModeAccepted") or any(
        one.get("skipDangerousModePermissionPrompt") is True for one in settings
    ):
        return

    def change(value: dict[str, object]) -> None:
        value["skipDangerousModePermissionPrompt"] = True

    yield Obstacle(
        BYPASS,
        "bypassed permissions were never accepted",
        "Claude Code warns of them at its start and its cursor stands on 'No, exit'",
        "run claude --dangerously-skip-permissions once and accept, or gt doctor agents --fix",
        Edit(user_path, lambda data: with_json(data, change)),
    )


def _trust(
    record: Mapping[str, object], path: str, work_dir: str, preset: Preset, look: Surroundings
) -> Iterator[Obstacle]:
    projects = part_of(record, "projects")
    repository = look.repository(work_dir)
    key = repository.main or os.path.realpath(work_dir)
    if part_of(projects, key).get("hasTrustDialogAccepted") is True:
        return
    version = version_of(preset)
    end = "" if version and is_older(version, PARENTS_COUNT_UNTIL) else repository.top
    here = os.path.realpath(work_dir)
    while part_of(projects, here).get("hasTrustDialogAccepted") is not True:
        above = os.path.dirname(here)
        if above == here or here == end:
            break
        here = above
    else:
        return

    def change(value: dict[str, object]) -> None:
        below(value, "projects", key)["hasTrustDialogAccepted"] = True

    yield Obstacle(
        TRUST,
        f"Claude Code does not trust {key}",
        "it asks at its start, and its cursor stands on 'No, exit'",
        f"run claude in {work_dir} once and answer Yes, or gt doctor agents --fix",
        Edit(path, lambda data: with_json(data, change), key),
    )


READINESS = ClaudeReadiness()
