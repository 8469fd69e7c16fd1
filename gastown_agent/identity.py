"""The agent's identity and behaviour, from the environment of its session."""

from __future__ import annotations

import os

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Identity(Record):
    """``role`` is the role (polecat, mayor …), ``actor`` the address; times are in seconds."""

    town: str
    session: str
    actor: str
    role: str
    rig: str
    work_dir: str
    mood: str
    pace_s: float
    limit_s: float
    patrol_s: float


WORKERS = ("polecat", "crew")
DEFAULT_PACE_S = 2.0
DEFAULT_LIMIT_S = 90.0


def read_identity(env: Mapping[str, str] | None = None) -> Identity:
    """Return the identity given by GT_ROLE, GT_SESSION, GT_ROOT and the GT_SCRIPT_* settings."""
    env = os.environ if env is None else env
    actor = env.get("GT_ROLE", "") or env.get("BD_ACTOR", "") or "scripted"
    return Identity(
        env.get("GT_TOWN_ROOT") or env.get("GT_ROOT", ""),
        env.get("GT_SESSION", ""),
        actor,
        role_word(actor),
        env.get("GT_RIG", ""),
        os.getcwd(),
        env.get("GT_MOOD", ""),
        _seconds(env, "GT_SCRIPT_PACE", DEFAULT_PACE_S),
        _seconds(env, "GT_SCRIPT_LIMIT", DEFAULT_LIMIT_S),
        _seconds(env, "GT_SCRIPT_PATROL", 0.0),
    )


def role_word(actor: str) -> str:
    """Return the role in an address: ``polecat`` for ``shop/polecats/opal``, ``mayor`` for ``mayor/``."""
    parts = actor.strip("/").split("/")
    if len(parts) == 3 and parts[1] in ("polecats", "crew"):
        return "polecat" if parts[1] == "polecats" else "crew"
    return parts[-1]


def _seconds(env: Mapping[str, str], key: str, default: float) -> float:
    try:
        return max(0.0, float(env.get(key, "")))
    except ValueError:
        return default
