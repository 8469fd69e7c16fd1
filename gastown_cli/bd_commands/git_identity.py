"""The user's name and e-mail address from git's configuration, read without starting git, which would cost more than the command."""

from __future__ import annotations

import os


def git_identity(place: str) -> tuple[str, str]:
    """Return ``user.name`` and ``user.email`` from the environment, the repository's and the user's config; "" where unset."""
    name = os.environ.get("GIT_AUTHOR_NAME", "")
    email = os.environ.get("GIT_AUTHOR_EMAIL", "")
    for path in _config_files(place):
        if name and email:
            break
        found = _read_user(path)
        name = name or found.get("name", "")
        email = email or found.get("email", "")
    return name, email


def _config_files(place: str) -> list[str]:
    files = []
    here = place
    while True:
        candidate = os.path.join(here, ".git", "config")
        if os.path.isfile(candidate):
            files.append(candidate)
            break
        above = os.path.dirname(here)
        if above == here:
            break
        here = above
    home = os.path.expanduser("~")
    given = os.environ.get("GIT_CONFIG_GLOBAL")
    config_home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    return files + (
        [given] if given else [os.path.join(home, ".gitconfig"), os.path.join(config_home, "git", "config")]
    )


def _read_user(path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            inside = False
            for line in handle:
                text = line.strip()
                if text.startswith("["):
                    inside = text.lower().startswith("[user]")
                elif inside and "=" in text:
                    key, _, value = text.partition("=")
                    found[key.strip().lower()] = value.strip().strip('"')
    except OSError:
        return {}
    return found
