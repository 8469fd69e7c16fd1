"""gemini: how it is logged in, and the folders that it trusts.

``.gemini/settings.json`` and ``.gemini/trustedFolders.json`` lie in the home folder, or where GEMINI_CLI_HOME says.  A trusted
folder covers all below it; the longest rule that fits counts.
"""

from __future__ import annotations

import os

from gastown_core.runtimes.readiness.obstacle import (
    LOGIN,
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
    text_of,
    unreadable,
    with_json,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gastown_core.runtimes.preset import Preset

KEY_TYPE, ACCOUNT_TYPE = "gemini-api-key", "oauth-personal"
KEY_NAME = "GEMINI_API_KEY"


class GeminiReadiness(Readiness):
    """gemini 0.61.0."""

    variables = (KEY_NAME, "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_CLOUD_PROJECT", "GEMINI_CLI_HOME")
    unknown = ()

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """Set-up, log-in and trust."""
        env = {**look.env, **preset.env}
        base = os.path.join(env.get("GEMINI_CLI_HOME") or home_of(env), ".gemini")
        trust_path = env.get("GEMINI_CLI_TRUSTED_FOLDERS_PATH") or os.path.join(base, "trustedFolders.json")
        settings_path, read = os.path.join(base, "settings.json"), []
        for path in (settings_path, trust_path):
            try:
                read.append(look.json(path, has_comments=True))
            except UnreadableError as error:
                return [unreadable(path, str(error), "gemini")]
        settings, rules = read
        found = [*_login(settings, settings_path, base, env)]
        if part_of(settings, "security", "folderTrust").get("enabled", True) is not False:
            found += _trust(rules, trust_path, work_dir, env)
        return found


def _login(settings: Mapping[str, object], path: str, base: str, env: Mapping[str, str]) -> Iterator[Obstacle]:
    chosen = text_of(part_of(settings, "security", "auth").get("selectedType"))
    has_key = bool(env.get(KEY_NAME)) or _names_key(base) or _names_key(os.path.dirname(base))
    if not chosen:
        yield _not_chosen(path, has_key)
    if chosen in ("", KEY_TYPE) and not has_key:
        yield Obstacle(
            LOGIN,
            "gemini has no key",
            f"{KEY_NAME} is neither set nor named in {base}/.env",
            f"export {KEY_NAME} and start the town anew (gt down && gt up), or run gemini and log in",
        )
    elif chosen == ACCOUNT_TYPE and not any(
        os.path.exists(os.path.join(base, name)) for name in ("oauth_creds.json", "gemini-credentials.json")
    ):
        yield Obstacle(
            LOGIN, "gemini is not logged in", f"there is no {base}/oauth_creds.json", "run gemini and log in"
        )


def _names_key(folder: str) -> bool:
    try:
        with open(os.path.join(folder, ".env"), encoding="utf-8", errors="replace") as handle:
            return f"{KEY_NAME}=" in handle.read(1 << 16)
    except OSError:
        return False


def _not_chosen(path: str, has_key: bool) -> Obstacle:
    def change(value: dict[str, object]) -> None:
        below(value, "security", "auth")["selectedType"] = KEY_TYPE

    return Obstacle(
        SETUP,
        "gemini was never told how to log in",
        f"{path} has no security.auth.selectedType, so it asks at its start",
        "run gemini once and choose" + (", or gt doctor agents --fix (it has a key)" if has_key else ""),
        Edit(path, lambda data: with_json(data, change)) if has_key else None,
    )


def _trust(rules: Mapping[str, object], path: str, work_dir: str, env: Mapping[str, str]) -> Iterator[Obstacle]:
    told = env.get("GEMINI_CLI_TRUST_WORKSPACE")
    here = os.path.realpath(work_dir)
    verdict = _verdict(rules, here)
    if told == "true" or (told != "false" and verdict is True):
        return
    if told == "false" or verdict is False:
        why = "GEMINI_CLI_TRUST_WORKSPACE is false" if told == "false" else f"{path} says DO_NOT_TRUST"
        remedy = "run gemini there and /permissions, or remove that word; gemini then takes no hooks and no YOLO mode"
        yield Obstacle(TRUST, f"gemini is told not to trust {here}", why, remedy)
        return

    def change(value: dict[str, object]) -> None:
        value[here] = "TRUST_FOLDER"

    yield Obstacle(
        TRUST,
        f"gemini does not trust {here}",
        "it asks at its start, and until then runs neither our hooks nor YOLO mode",
        f"run gemini in {work_dir} once and answer it, or gt doctor agents --fix",
        Edit(path, lambda data: with_json(data, change), here),
    )


def _verdict(rules: Mapping[str, object], folder: str) -> bool | None:
    """Return whether the folder is trusted, by the longest rule that covers it; None if no rule does."""
    longest, found = -1, None
    for rule, level in rules.items():
        covers = os.path.realpath(os.path.dirname(rule) if level == "TRUST_PARENT" else rule)
        is_below = folder == covers or folder.startswith(covers.rstrip("/") + "/")
        if is_below and len(rule) > longest and level in ("TRUST_FOLDER", "TRUST_PARENT", "DO_NOT_TRUST"):
            longest, found = len(rule), level != "DO_NOT_TRUST"
    return found


READINESS = GeminiReadiness()
