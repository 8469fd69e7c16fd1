"""Limits by account: which sessions share an account, whether it is limited, and until when; pure but for ``sessions_of``.

An account is a runtime with a configuration folder.  ``mayor/accounts.json`` gives accounts their names
(daemon-and-health.md section 11); a session's GT_QUOTA_ACCOUNT names its account outright.
"""

from __future__ import annotations

from gastown_core.model.agent import Health
from gastown_core.model.record import Record
from gastown_core.process_table import environment_of
from gastown_core.runtimes.registry import find_preset
from gastown_core.town.accounts import Limit, account_of, put_limits, read_accounts, read_limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.model.snapshot import AgentView, TownSnapshot
    from gastown_core.tmux.panes import Pane


class QuotaSession(Record):
    """One running agent: its account, and its limit as its program or screen tells it (``until`` 0: unknown)."""

    session: str
    agent: str
    account: str
    runtime: str
    config_dir: str
    is_limited: bool
    since: float
    until: float
    words: str


class QuotaAccount(Record):
    """One account: its sessions and those of them that are limited; ``until`` is the latest reported end, 0 if there is none."""

    name: str
    runtime: str
    config_dir: str
    sessions: tuple[str, ...]
    limited: tuple[str, ...]
    since: float
    until: float
    words: str


def read_names(root: str) -> dict[str, str]:
    """Return folder → name of the accounts in ``mayor/accounts.json``. Raises SettingsError if that is no JSON object."""
    return {folder: name for name, folder in read_accounts(root).items()}


def sessions_of(town: TownSnapshot, panes: Mapping[str, Pane], names: Mapping[str, str]) -> list[QuotaSession]:
    """Return every running agent with its account; reads the environment of its program."""
    running = [view for view in town.agents if view.running and view.session in panes]
    return [_session(view, environment_of(panes[view.session].pid), names) for view in running]


def _session(view: AgentView, env: Mapping[str, str], names: Mapping[str, str]) -> QuotaSession:
    preset = find_preset(view.runtime, ())
    variable = preset.config_dir_env if preset is not None else ""
    folder = env.get(variable, "") if variable else ""
    account = account_of(env, view.runtime, variable, names)
    health = view.health
    is_limited = health.state is Health.LIMITED
    until = health.forecast.at if is_limited and health.forecast is not None else 0.0
    since = (health.since or 0.0) if is_limited else 0.0
    words = health.reason if is_limited else ""
    return QuotaSession(view.session, view.address.path, account, view.runtime, folder, is_limited, since, until, words)


def by_account(rows: Iterable[QuotaSession]) -> list[QuotaAccount]:
    """Return the accounts, limited ones first, then by name."""
    groups: dict[tuple[str, str, str], list[QuotaSession]] = {}
    for row in rows:
        groups.setdefault((row.account, row.runtime, row.config_dir), []).append(row)
    found = []
    for (name, runtime, folder), members in groups.items():
        limited = [one for one in members if one.is_limited]
        found.append(
            QuotaAccount(
                name,
                runtime,
                folder,
                tuple(one.session for one in members),
                tuple(one.session for one in limited),
                min((one.since for one in limited if one.since), default=0.0),
                max((one.until for one in limited), default=0.0),
                limited[0].words if limited else "",
            )
        )
    return sorted(found, key=lambda one: (not one.limited, one.name, one.config_dir))


def take_in(
    root: str, accounts: Iterable[QuotaAccount], town: TownSnapshot, now: float
) -> tuple[list[Limit], list[str]]:
    """Record the limits that agents have now, and free accounts under which somebody works again; what is new of both.

    Raises StoreError, SettingsError.
    """
    known = read_limits(root, now)
    found, begun, over = [], [], []
    working = {one.session for one in town.agents if one.health.state is Health.WORKING}
    for one in accounts:
        before = known.get(one.name)
        if one.limited:
            limit = Limit(one.name, one.runtime, one.since or now, one.until, now, one.words)
            if before is None or before.until != one.until or (not one.until and now - before.seen_at >= SEEN_S):
                found.append(limit)
            if before is None:
                begun.append(limit)
        elif before is not None and working.intersection(one.sessions):
            over.append(one.name)
    if found or over:
        put_limits(root, found, over)
    return begun, over


SEEN_S = 60.0
"""A limit without an end is noted again so often while it is seen."""
