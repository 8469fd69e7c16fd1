"""Groups, queues and channels of a town, and the lists and announcements of ``config/messaging.json``.

Each group, queue and channel is a bead of the town with a label of its kind; what it says stands in field lines.  The
names are unique per kind.  Formats: tmux-and-messaging.md section 9.
"""

from __future__ import annotations

import os

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.files.atomic import read_json
from gastown_core.model.bead import CLOSED
from gastown_core.model.fields import read_fields
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.store import BeadStore

GROUP, QUEUE, CHANNEL = "group", "queue", "channel"
LABELS = {GROUP: "gt:group", QUEUE: "gt:queue", CHANNEL: "gt:channel"}
PREFIXES = {GROUP: "hq-group-", QUEUE: "hq-q-", CHANNEL: "hq-channel-"}
MEMBERS = {GROUP: "members", QUEUE: "claim_pattern", CHANNEL: "subscribers"}
"""The field with the addresses of each kind."""
NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
LONGEST_NAME = 64
EVERYBODY = "*"


class MailList(Record):
    """A group, queue or channel; ``members`` are addresses or patterns, ``keep_count`` and ``keep_hours`` 0 if unset."""

    id: str
    kind: str
    name: str
    members: tuple[str, ...]
    created_by: str
    created_at: str
    keep_count: int = 0
    keep_hours: int = 0
    most: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it as ``--json`` prints it."""
        out: dict[str, object] = {"id": self.id, "name": self.name, MEMBERS[self.kind]: list(self.members)}
        out |= {"created_by": self.created_by, "created_at": self.created_at}
        if self.kind == CHANNEL:
            out |= {"retention_count": self.keep_count, "retention_hours": self.keep_hours}
        return out


def all_lists(store: BeadStore, kind: str) -> list[MailList]:
    """Return the groups, queues or channels of the town by name."""
    query = BeadQuery(labels_all=(LABELS[kind],), exclude_statuses=(CLOSED,), include_wisps=True, sort="id")
    found = []
    for bead in store.find(query):
        fields = read_fields(bead.description)
        name = fields.get("name") or bead.id.removeprefix(PREFIXES[kind])
        if fields.get("status") == "closed":
            continue
        members = tuple(
            dict.fromkeys(word.strip() for word in fields.get(MEMBERS[kind], "").split(",") if word.strip())
        )
        by, at = fields.get("created_by", ""), fields.get("created_at", "")
        kept = (_number(fields, "retention_count"), _number(fields, "retention_hours"))
        found.append(MailList(bead.id, kind, name, members, by, at, *kept, _number(fields, "max_concurrency")))
    return sorted(found, key=lambda one: one.name)


def _number(fields: dict[str, str], key: str) -> int:
    text = fields.get(key, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def find_list(store: BeadStore, kind: str, name: str) -> MailList | None:
    """Return the one with this name, None if there is none."""
    return next((one for one in all_lists(store, kind) if one.name == name), None)


def need_list(store: BeadStore, kind: str, name: str) -> MailList:
    """Return the one with this name. Raises NotFoundError."""
    found = find_list(store, kind, name)
    if found is None:
        known = ", ".join(one.name for one in all_lists(store, kind)) or "none yet"
        raise NotFoundError(f"no {kind} {name}", f"known: {known}", f"gt mail {kind} create {name}")
    return found


def create_list(
    store: BeadStore,
    kind: str,
    name: str,
    members: Iterable[str],
    *,
    actor: str,
    keep_count: int = 0,
    keep_hours: int = 0,
) -> MailList:
    """Create a group, queue or channel. Raises UsageError for a bad name, ConflictError if it exists."""
    if not set(name) <= NAME_CHARS or name[:1] in ("", "-", "_") or len(name) > LONGEST_NAME:
        raise UsageError(f"{name!r} cannot name a {kind}", "", "lower-case letters, digits, - and _, at most 64")
    wanted = _checked(members)
    if kind == QUEUE and not wanted:
        raise UsageError(f"the queue {name} needs claimers", "", f"gt mail queue create {name} --claimers 'shop/*'")
    with store.write(actor) as batch:
        if find_list(store, kind, name) is not None:
            raise ConflictError(f"the {kind} {name} exists already", "", f"gt mail {kind} show {name}")
        fields = {"name": name, MEMBERS[kind]: ", ".join(wanted)}
        if kind == CHANNEL:
            fields |= {"status": "active", "retention_count": str(keep_count), "retention_hours": str(keep_hours)}
        if kind == QUEUE:
            fields |= {"status": "active", "max_concurrency": "0", "processing_order": "fifo"}
        fields |= {"created_by": actor, "created_at": format_seconds(batch.now)}
        body = "\n".join(f"{key}: {value or 'null'}" for key, value in fields.items())
        title = f"{kind.capitalize()}: {name}"
        made = {"title": title, "description": body, "issue_type": "task", "labels": [LABELS[kind]]}
        wanted_id = PREFIXES[kind] + name
        batch.create(made, bead_id="" if batch.get(wanted_id) is not None else wanted_id)
    return need_list(store, kind, name)


def _checked(members: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(member.strip() for member in members if member.strip()))
    for member in wanted:
        if "," in member or not member.isprintable():
            raise UsageError(f"{member!r} is not an address", "", "gt mail directory lists them")
    return wanted


def change_members(
    store: BeadStore, kind: str, name: str, *, actor: str, added: Iterable[str] = (), gone: Iterable[str] = ()
) -> MailList:
    """Add and remove members in one write. Raises NotFoundError for an unknown list or a member that it lacks."""
    adding, leaving = _checked(added), set(_checked(gone))
    with store.write(actor) as batch:
        one = need_list(store, kind, name)
        lacking = leaving - set(one.members)
        if lacking:
            raise NotFoundError(f"{', '.join(sorted(lacking))} is not in the {kind} {name}")
        members = dict.fromkeys([*(member for member in one.members if member not in leaving), *adding])
        batch.set_fields(one.id, {MEMBERS[kind]: ", ".join(members) or "null"})
    return need_list(store, kind, name)


def delete_list(store: BeadStore, kind: str, name: str, *, actor: str) -> None:
    """Delete a group, queue or channel; its messages stay. Raises NotFoundError."""
    with store.write(actor) as batch:
        batch.delete(need_list(store, kind, name).id, f"{kind} deleted")


class OldConfig(Record):
    """What ``config/messaging.json`` says: lists (name → addresses), queues (→ workers, most claims), announcements."""

    lists: dict[str, tuple[str, ...]]
    queues: dict[str, tuple[tuple[str, ...], int]]
    announces: dict[str, tuple[tuple[str, ...], int]]


def old_config(root: str) -> OldConfig:
    """Read ``config/messaging.json``; what has another form in it is left out. Raises SettingsError if it is not JSON."""
    value = read_json(os.path.join(root, "config", "messaging.json")) or {}
    lists = {name: _texts(members) for name, members in _entries(value, "lists").items()}
    queues = {
        name: (_texts(entry.get("workers")), _count(entry.get("max_claims")))
        for name, entry in _entries(value, "queues").items()
        if isinstance(entry, dict)
    }
    announces = {
        name: (_texts(entry.get("readers")), _count(entry.get("retain_count")))
        for name, entry in _entries(value, "announces").items()
        if isinstance(entry, dict)
    }
    return OldConfig(lists, queues, announces)


def _entries(value: dict[str, object], key: str) -> dict[str, object]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def claimers_of(root: str, store: BeadStore, name: str) -> tuple[tuple[str, ...], int]:
    """Return who may claim from a queue, and the most claims in force (0: no limit). Raises NotFoundError."""
    one = find_list(store, QUEUE, name)
    if one is not None:
        return one.members, one.most
    old = old_config(root).queues
    if name in old:
        return old[name]
    return need_list(store, QUEUE, name).members, 0


def queue_names(root: str, store: BeadStore) -> list[str]:
    """Return the names of all queues."""
    return sorted({one.name for one in all_lists(store, QUEUE)} | set(old_config(root).queues))


def fits(pattern: str, address: str) -> bool:
    """Return whether an address matches a pattern, in which ``*`` is one part; alone it matches all."""
    if pattern == EVERYBODY:
        return True
    wanted, given = pattern.rstrip("/").split("/"), address.rstrip("/").split("/")
    return len(wanted) == len(given) and all(one in ("*", other) for one, other in zip(wanted, given, strict=True))
