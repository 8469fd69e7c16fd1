"""What each program needs in its home to start without a person, and its environment for the stand-in server.

Each part can be left out, so that the program asks what it asks a newcomer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

KEY = "sk-ant-standin-0123456789-abcdefghij"
"""The key of every program; no service knows it."""


@dataclass(frozen=True)
class Seed:
    """What is answered beforehand; False leaves the question to be asked.

    ``onboarded``: first-run set-up.  ``trusted``: the folders of the town.  ``key_approved``: the API key, which without
    ``logged_in`` is not there at all.  ``bypass_accepted``: the warning about bypassed permissions.
    """

    onboarded: bool = True
    trusted: bool = True
    key_approved: bool = True
    logged_in: bool = True
    bypass_accepted: bool = True


READY = Seed()
"""Nothing is asked."""


def environment(program: str, home: Path, address: str, seed: Seed = READY) -> dict[str, str]:
    """The variables that tell ``program`` where its model is, and no person's key."""
    kind = program.split("@")[0]
    key = {"claude": "ANTHROPIC_API_KEY", "codex": "STANDIN_KEY", "gemini": "GEMINI_API_KEY"}.get(kind, "STANDIN_KEY")
    env = {key: KEY} if seed.logged_in else {}
    if kind == "claude":
        env |= {"ANTHROPIC_BASE_URL": address, "CLAUDE_CONFIG_DIR": str(home / ".claude"), "DISABLE_AUTOUPDATER": "1"}
        if os.geteuid() == 0:
            # it refuses to bypass permissions as root anywhere else
            env["IS_SANDBOX"] = "1"
    elif kind == "codex":
        env |= {"CODEX_HOME": str(home / ".codex")}
    elif kind == "gemini":
        env |= {"GOOGLE_GEMINI_BASE_URL": address}
    elif kind == "copilot":
        env |= {"COPILOT_OFFLINE": "true", "COPILOT_PROVIDER_BASE_URL": f"{address}/v1", "COPILOT_MODEL": "standin-1"}
    return env


def seed_home(program: str, home: Path, address: str, folders: Iterable[str], seed: Seed = READY) -> None:
    """Write what ``program`` is to find below ``home``; ``folders`` are those that a person would trust."""
    kind = program.split("@")[0]
    if kind in _SEEDERS:
        _SEEDERS[kind](home, address, list(folders) if seed.trusted else [], seed)


def _claude(home: Path, address: str, trusted: list[str], seed: Seed) -> None:
    record: dict[str, object] = {"autoUpdates": False, "projects": dict.fromkeys(trusted, _CLAUDE_TRUST)}
    if seed.onboarded:
        record |= {"hasCompletedOnboarding": True, "theme": "dark", "lastOnboardingVersion": "2.1.332"}
    if seed.key_approved:
        record["customApiKeyResponses"] = {"approved": [KEY[-20:]], "rejected": []}
    _json(home / ".claude" / ".claude.json", record)
    if seed.bypass_accepted:
        _json(home / ".claude" / "settings.json", {"skipDangerousModePermissionPrompt": True})


_CLAUDE_TRUST = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}


def _codex(home: Path, address: str, trusted: list[str], seed: Seed) -> None:
    lines = ['model = "gpt-5"', 'model_provider = "standin"', "check_for_update_on_startup = false"]
    lines += ["[model_providers.standin]", 'name = "standin"', f'base_url = "{address}/v1"', 'wire_api = "responses"']
    lines += ['env_key = "STANDIN_KEY"', "request_max_retries = 2", "stream_max_retries = 2"]
    # its sandbox puts empty folders called .git, .codex and .agents wherever it may write, and leaves them in /tmp when it
    # is killed: for every other program there they would be the beginning of a repository
    lines += ["[sandbox_workspace_write]", "exclude_slash_tmp = true"]
    # where a push goes, as the remote of these tests is on the disk
    lines += [f"writable_roots = [{json.dumps(str(home.parent / 'origin.git'))}]"]
    for folder in trusted:
        lines += [f"[projects.{json.dumps(folder)}]", 'trust_level = "trusted"']
    # it ends at once where its folder is missing
    (home / ".codex").mkdir(parents=True, exist_ok=True)
    if seed.onboarded:
        _write(home / ".codex" / "config.toml", "\n".join(lines) + "\n")


def _gemini(home: Path, address: str, trusted: list[str], seed: Seed) -> None:
    settings: dict[str, object] = {
        "security": {"folderTrust": {"enabled": True}},
        "general": {"disableAutoUpdate": True},
    }
    if seed.onboarded:
        settings["security"] = {"folderTrust": {"enabled": True}, "auth": {"selectedType": "gemini-api-key"}}
    _json(home / ".gemini" / "settings.json", settings)
    if trusted:
        _json(home / ".gemini" / "trustedFolders.json", dict.fromkeys(trusted, "TRUST_FOLDER"))


def _opencode(home: Path, address: str, trusted: list[str], seed: Seed) -> None:
    options = {"baseURL": f"{address}/v1", "apiKey": KEY}
    model = {"standin-1": {"name": "standin-1"}}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "standin", "options": options, "models": model}
    if seed.onboarded:
        config = {"provider": {"standin": provider}, "model": "standin/standin-1", "autoupdate": False}
        _json(home / ".config" / "opencode" / "opencode.json", config)


def _pi(home: Path, address: str, trusted: list[str], seed: Seed) -> None:
    provider = {"baseUrl": f"{address}/v1", "api": "openai-completions", "apiKey": KEY, "models": [{"id": "standin-1"}]}
    if seed.onboarded:
        _json(home / ".pi" / "agent" / "models.json", {"providers": {"standin": provider}})
        _json(home / ".pi" / "agent" / "settings.json", {"defaultProvider": "standin", "defaultModel": "standin-1"})


def _omp(home: Path, address: str, trusted: list[str], seed: Seed) -> None:
    model = {"baseUrl": f"{address}/v1", "apiKey": KEY, "api": "openai-completions", "models": [{"id": "standin-1"}]}
    if seed.onboarded:
        # JSON is YAML, too
        _json(
            home / ".omp" / "agent" / "config.yml", {"setupVersion": 1, "modelRoles": {"default": "standin/standin-1"}}
        )
        _json(home / ".omp" / "agent" / "models.yml", {"providers": {"standin": model}})


def _copilot(home: Path, address: str, trusted: list[str], seed: Seed) -> None:
    _json(home / ".copilot" / "config.json", {"trustedFolders": trusted})


_SEEDERS: dict[str, Callable[[Path, str, list[str], Seed], None]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "copilot": _copilot,
    "opencode": _opencode,
    "pi": _pi,
    "omp": _omp,
}


def _json(path: Path, value: object) -> None:
    _write(path, json.dumps(value, indent=2))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
