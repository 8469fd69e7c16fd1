"""codex: its folder, a model's key, trust, and hooks that wait for a review.

All of it stands in ``config.toml`` of CODEX_HOME (``~/.codex``).  Trust is kept under the top folder of a repository; the
worktrees of a bare repository are trusted one by one.
"""

from __future__ import annotations

import os

from gastown_core.runtimes.readiness.obstacle import (
    LOGIN,
    REVIEW,
    SETUP,
    TRUST,
    Edit,
    Obstacle,
    Readiness,
    Surroundings,
    UnreadableError,
    home_of,
    part_of,
    text_of,
    unreadable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gastown_core.runtimes.preset import Preset

HOOK_FILES = ("hooks.json",)


class CodexReadiness(Readiness):
    """codex 0.171.0."""

    variables = ("CODEX_HOME", "OPENAI_API_KEY", "CODEX_API_KEY", "OPENAI_BASE_URL")
    unknown = ()

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """Set-up, log-in, trust and the review of hooks; a quick look finds trust alone."""
        env = {**look.env, **preset.env}
        home = env.get("CODEX_HOME") or os.path.join(home_of(env), ".codex")
        path = os.path.join(home, "config.toml")
        if env.get("CODEX_HOME") and not os.path.isdir(home):
            return [_no_home(home, path)]
        try:
            data = look.content(path) or b""
            if look.is_quick:
                return [] if _may_be_trusted(data, work_dir, look) else [_untrusted(path, work_dir, look)]
            config = _parsed(data)
        except UnreadableError as error:
            return [unreadable(path, str(error), "codex")]
        found = [*_login(config, home, env), *_review(config, home, look)]
        projects = part_of(config, "projects")
        if not any(text_of(part_of(projects, folder).get("trust_level")) for folder in _places(work_dir, look)):
            found.append(_untrusted(path, work_dir, look))
        return found


def _no_home(home: str, path: str) -> Obstacle:
    return Obstacle(
        SETUP,
        f"{home} is missing",
        "CODEX_HOME names it, and codex ends at once without it",
        f"mkdir -p {home}, or gt doctor agents --fix",
        Edit(path, lambda data: data or b""),
    )


def _parsed(data: bytes) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise UnreadableError(f"it is not TOML: {error}") from error


def _login(config: Mapping[str, object], home: str, env: Mapping[str, str]) -> Iterator[Obstacle]:
    name = text_of(config.get("model_provider")) or "openai"
    provider = part_of(config, "model_providers", name)
    variable = text_of(provider.get("env_key"))
    if variable and not env.get(variable):
        yield Obstacle(
            LOGIN,
            f"{variable} is not set",
            f"config.toml names it for the key of {name}; codex says so only in its first turn",
            f"export {variable} and start the town anew: gt down && gt up",
        )
    needs_account = name == "openai" or provider.get("requires_openai_auth") is True
    if variable or not needs_account or config.get("cli_auth_credentials_store", "file") != "file":
        return
    if not os.path.exists(os.path.join(home, "auth.json")) and not env.get("CODEX_API_KEY"):
        yield Obstacle(LOGIN, "codex is not logged in", f"there is no {home}/auth.json", "run codex login")


def _review(config: Mapping[str, object], home: str, look: Surroundings) -> Iterator[Obstacle]:
    """Yield the user's hooks that were never reviewed; until then codex asks at each start."""
    path = os.path.join(home, HOOK_FILES[0])
    try:
        hooks = part_of(look.json(path), "hooks")
    except UnreadableError as error:
        yield unreadable(path, str(error), "codex")
        return
    known = part_of(config, "hooks", "state")
    if hooks and not any(key.startswith(path) and part_of(known, key).get("trusted_hash") for key in known):
        yield Obstacle(
            REVIEW,
            "codex has hooks that wait for a review",
            f"none of those in {path} was ever trusted, and it asks at each start",
            "run codex once and look through them",
        )


def _places(work_dir: str, look: Surroundings) -> tuple[str, str]:
    """Return the folders that codex looks up: the folder itself, and the top of its repository."""
    here = os.path.realpath(work_dir)
    repository = look.repository(work_dir)
    top = repository.top if repository.is_bare else repository.main
    return here, top or here


def _may_be_trusted(data: bytes, work_dir: str, look: Surroundings) -> bool:
    """Return whether the settings' text names the folder; cheaper than parsing it."""
    return any(f'"{folder}"'.encode() in data or f"'{folder}'".encode() in data for folder in _places(work_dir, look))


def _untrusted(path: str, work_dir: str, look: Surroundings) -> Obstacle:
    folder = _places(work_dir, look)[1]
    return Obstacle(
        TRUST,
        f"codex does not trust {folder}",
        "it asks at its start, once for each repository and each worktree of a bare one",
        f"run codex in {work_dir} once and answer it, or gt doctor agents --fix",
        Edit(path, lambda data: with_trust(data, folder), folder),
    )


def with_trust(data: bytes | None, folder: str) -> bytes:
    """Return the settings with one more trusted folder at the end; the rest is unchanged.

    Raises ValueError for settings that are no TOML, or that say something of the folder already.
    """
    import json
    import tomllib

    old = data or b""
    before = tomllib.loads(old.decode("utf-8"))
    if part_of(before, "projects", folder).get("trust_level"):
        return old
    gap = b"" if not old else b"\n" if old.endswith(b"\n") else b"\n\n"
    new = old + gap + f'[projects.{json.dumps(folder, ensure_ascii=False)}]\ntrust_level = "trusted"\n'.encode()
    # refuses a table of projects that is written in another form
    tomllib.loads(new.decode("utf-8"))
    return new


READINESS = CodexReadiness()
