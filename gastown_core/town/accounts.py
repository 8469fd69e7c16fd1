"""Accounts of agents: ``mayor/accounts.json`` names them by their configuration folder, ``mayor/quota.json`` says which are limited.

While every account under which new workers would run is limited, none is started; a limit ends with the moment that the
agents' programs told.  A start takes the account that was used the longest ago among those that are free.  No key is
ever read or copied: an account is its folder.
"""

from __future__ import annotations

import os

from gastown_core.clock import format_local, format_seconds, parse_moment
from gastown_core.errors import GastownError, NotFoundError
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.runtimes.preset import Preset

VARIABLE = "GT_QUOTA_ACCOUNT"
AVAILABLE, LIMITED = "available", "limited"
UNKNOWN_S = 300.0
"""How long a limit holds whose end nobody told, after it was last seen."""
RUNTIME = "claude"
"""The runtime whose folders ``mayor/accounts.json`` names."""


class Limit(Record):
    """The limit of one account: since when, until when (0: not told), when it was last seen, and its words."""

    account: str
    runtime: str
    since: float
    until: float
    seen_at: float
    words: str = ""

    def lasts(self, now: float) -> bool:
        """Whether the account is still limited."""
        return self.until > now if self.until else now - self.seen_at < UNKNOWN_S

    def text(self) -> str:
        """The limit in words: ``work is limited until 17:00``."""
        end = f" until {format_local(self.until)}" if self.until else ", until when is not told"
        return f"account {self.account} is limited{end}"


def quota_path(root: str) -> str:
    """Return the file of the limits."""
    return os.path.join(root, "mayor", "quota.json")


def read_accounts(root: str) -> dict[str, str]:
    """Return account → configuration folder, the default one first. Raises SettingsError if the file is no JSON object."""
    value = read_json(accounts_path(root)) or {}
    found = value.get("accounts")
    folders = {}
    for name, told in found.items() if isinstance(found, dict) else ():
        folder = told.get("config_dir") if isinstance(told, dict) else None
        if isinstance(folder, str) and folder:
            folders[str(name)] = os.path.realpath(os.path.expanduser(folder))
    first = str(value.get("default") or "")
    return {name: folders[name] for name in sorted(folders, key=lambda name: (name != first, name))}


def accounts_path(root: str) -> str:
    """Return the file that names the accounts."""
    return os.path.join(root, "mayor", "accounts.json")


def put_account(root: str, name: str, folder: str, **about: str) -> None:
    """Name an account by its folder; the first one is the default. Raises StoreError."""

    def change(value: dict[str, object]) -> None:
        value.setdefault("version", 1)
        accounts = value.get("accounts")
        if not isinstance(accounts, dict):
            accounts = value["accounts"] = {}
        accounts.setdefault(name, {}).update(config_dir=folder, **{key: text for key, text in about.items() if text})
        value.setdefault("default", name)

    edit_json(accounts_path(root), change)


def set_default(root: str, name: str) -> None:
    """Make an account that is named the one that starts take. Raises NotFoundError, StoreError."""
    known = read_accounts(root)
    if name not in known:
        there = f"there are: {', '.join(known)}" if known else "none is named"
        raise NotFoundError(f"there is no account {name}", there, "gt account add NAME --config-dir FOLDER")
    edit_json(accounts_path(root), lambda value: value.update(default=name))


def _entries(root: str) -> dict[str, dict[str, object]]:
    """Return account → what the file of limits says; empty if it is missing or unreadable."""
    try:
        found = (read_json(quota_path(root)) or {}).get("accounts")
    except GastownError:
        return {}
    return {str(name): one for name, one in found.items() if isinstance(one, dict)} if isinstance(found, dict) else {}


def read_limits(root: str, now: float) -> dict[str, Limit]:
    """Return account → its limit, for those that are limited now."""
    found = {}
    for name, told in _entries(root).items():
        if told.get("status") != LIMITED:
            continue
        since, until, seen = (parse_moment(told.get(key)) or 0.0 for key in ("limited_at", "resets_at", "seen_at"))
        words = str(told.get("reason") or "")
        limit = Limit(name, str(told.get("runtime") or RUNTIME), since, until, seen or since, words)
        if limit.lasts(now):
            found[name] = limit
    return found


def put_limits(root: str, limits: Iterable[Limit], gone: Iterable[str] = ()) -> None:
    """Record these limits, and that the accounts ``gone`` are free again. Raises StoreError."""

    def change(value: dict[str, object]) -> None:
        value.setdefault("version", 1)
        accounts = value.get("accounts")
        if not isinstance(accounts, dict):
            accounts = value["accounts"] = {}
        for one in limits:
            told = accounts.setdefault(one.account, {})
            told.update(status=LIMITED, limited_at=format_seconds(one.since), runtime=one.runtime, reason=one.words)
            told.update(resets_at=format_seconds(one.until) if one.until else "", seen_at=format_seconds(one.seen_at))
        for name in gone:
            accounts.setdefault(name, {}).update(status=AVAILABLE, limited_at="", resets_at="", seen_at="", reason="")

    edit_json(quota_path(root), change)


def note_use(root: str, account: str, now: float) -> None:
    """Record that a session was started under this account just now. Raises StoreError."""

    def change(value: dict[str, object]) -> None:
        accounts = value.setdefault("accounts", {})
        if isinstance(accounts, dict):
            told = accounts.setdefault(account, {"status": AVAILABLE})
            told["last_used"] = format_seconds(now)

    edit_json(quota_path(root), change)


def choose(root: str, preset: Preset, now: float, *, taken: str = "") -> tuple[str, str] | None:
    """Return the account (name, folder) for a start of this runtime; None if no account is named for it.

    ``taken`` is preferred while it is free, so that a session stays with its account; if none is free, the first one.
    """
    if preset.screens != RUNTIME or not preset.config_dir_env:
        return None
    named = read_accounts(root)
    if not named:
        return None
    limits = read_limits(root, now)
    free = [name for name in named if name not in limits]
    if taken in free:
        return taken, named[taken]
    if not free:
        return next(iter(named.items()))
    # without a limit everybody is with the default account, which is the first
    best = free[0] if len(free) == len(named) else longest_rested(root, free)
    return best, named[best]


def longest_rested(root: str, names: Iterable[str]) -> str:
    """Return the account under which no session was started for the longest time, the first of several."""
    entries = _entries(root)
    return min(names, key=lambda name: parse_moment(entries.get(name, {}).get("last_used")) or 0.0)


def refusal(root: str, now: float) -> str:
    """Return why no new worker is started: every account under which it would run is limited; empty if one is free.

    Raises SettingsError if a settings file is no JSON.
    """
    limits = read_limits(root, now)
    if not limits:
        return ""
    from gastown_core.model.address import POLECAT, Address
    from gastown_core.town.runtime_choice import choose_runtime

    chosen = choose_runtime(root, Address(POLECAT, "", ""))
    named = list(read_accounts(root)) if chosen.preset.screens == RUNTIME else []
    names = named or [chosen.alias or chosen.preset.name]
    return "; ".join(limits[name].text() for name in names) if all(name in limits for name in names) else ""


def account_of(env: Mapping[str, str], runtime: str, variable: str, names: Mapping[str, str]) -> str:
    """Return the account of a program with this environment; ``names`` maps folders to accounts."""
    folder = env.get(variable, "") if variable else ""
    known = names.get(os.path.realpath(os.path.expanduser(folder)), "") if folder else ""
    return env.get(VARIABLE, "") or known or (f"{runtime} in {folder}" if folder else runtime)
