"""Notices outside the console: sent once when the list fills, and never twice for one row, even after a restart.

Escalations have routes of their own and are not told here again.
"""

from __future__ import annotations

import os

from gastown_core.attention.item import ESCALATION, YOU
from gastown_core.files.atomic import read_json, write_json
from gastown_core.messaging.outward import announce, send
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.attention.item import Item
    from gastown_core.messaging.outward import Delivery

DAY_S = 86400.0
KEPT_S = 7 * DAY_S
SHOW = "tmux"
"""The channel that shows a notice in every attached tmux client and rings its bell."""


class Notice(Record):
    """The text to send now (empty: nothing), and the rows sent so far, each with its time."""

    words: str
    reason: str
    told: Mapping[str, float]


def notice_of(items: Iterable[Item], told: Mapping[str, float], name: str, now: float) -> Notice:
    """Return the notice that is due, if something new waits and no row that was sent before still does; pure."""
    waits = [one for one in items if one.needs == YOU and one.kind != ESCALATION]
    keys = {f"{one.key} {one.stamp}": one for one in waits}
    fresh = [one for key, one in keys.items() if key not in told]
    kept = {key: at for key, at in told.items() if key in keys or now - at < KEPT_S}
    # once a day, so that a row that waits for a week is not written anew at each look
    kept.update({key: told[key] if now - told.get(key, 0.0) < DAY_S else now for key in keys})
    if not fresh or len(fresh) < len(waits):
        return Notice("", "", kept)
    count = len(waits)
    words = f"{name}: {count} need{'s' if count == 1 else ''} you"
    reason = "; ".join(f"{one.subject.name}: {' '.join(one.question.split())}" for one in fresh[:3])
    return Notice(words, reason, kept)


def tell(root: str, items: Iterable[Item], name: str, channels: Iterable[str], now: float) -> list[Delivery]:
    """Send what is due over the channels, after recording it: a notice is lost rather than sent twice.

    Raises SettingsError, OSError if it cannot be remembered.
    """
    path = os.path.join(root, ".runtime", "attention-told.json")
    before = (read_json(path) or {}).get("told")
    known = (
        {str(key): float(at) for key, at in before.items() if isinstance(at, int | float)}
        if isinstance(before, dict)
        else {}
    )
    notice = notice_of(items, known, name, now)
    if notice.told != known:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_json(path, {"version": 1, "told": dict(notice.told)}, mode=0o600)
    if not notice.words:
        return []
    return [_send(root, channel, notice) for channel in channels]


def _send(root: str, channel: str, notice: Notice) -> Delivery:
    from gastown_core.messaging.escalation_routes import routes_or_defaults

    if channel == SHOW:
        return announce(root, f"{notice.words}: {notice.reason} (gt inbox)")
    contacts = routes_or_defaults(root)[0].contacts
    return send(channel, contacts, "inbox", notice.words, notice.reason)
