"""The town's own names as values of arguments: beads with titles, agents, rigs, convoys, formulas, settings.

``KINDS`` names for each argument, by its dest or by ``program command dest``, what it takes.  A test walks all commands:
a positional that is in neither ``KINDS`` nor ``FREE`` fails it.  Only indexes and registers are read, no session and no
repository.
"""

from __future__ import annotations

import os

from gastown_cli.completion.line import FILES, Candidate
from gastown_core.errors import StoreError
from gastown_core.model.address import RIG_ROLES, TOWN_ROLES
from gastown_core.town.discover import find_town, read_rigs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_cli.completion.line import Argument, Typed
    from gastown_core.beads.query import BeadQuery
    from gastown_core.beads.store import BeadStore

KINDS = {
    "about": "beads",
    "addr": "agents",
    "address": "agents",
    "agent": "agents",
    "assignee": "agents",
    "base": "files",
    "bead": "beads",
    "beads": "beads",
    "blocked_by": "beads",
    "blocks": "beads",
    "body_file": "files",
    "cc": "agents",
    "convoy": "convoys",
    "crew": "crew",
    "directory": "files",
    "epic": "epics",
    "file": "files",
    "first": "beads formulas",
    "formula": "formulas",
    "from_epic": "epics",
    "from_file": "files",
    "from_jsonl": "files",
    "gate": "gates",
    "gt account name": "",
    "gt assign type": "types",
    "gt config agent name": "runtimes",
    "gt config agent provider": "runtimes",
    "gt config default-agent name": "runtimes",
    "gt config get key": "settings",
    "gt config set key": "settings",
    "gt config set value": "setting_values",
    "gt crew add names": "",
    "gt demo path": "files",
    "gt dog add name": "",
    "gt dog name": "dogs",
    "gt dog names": "dogs",
    "gt escalate id": "escalations",
    "gt feed type": "events",
    "gt formula create name": "",
    "gt formula name": "formulas",
    "gt gate resolve gate": "gates",
    "gt handoff target": "agents beads",
    "gt hook words": "beads agents",
    "gt install name": "",
    "gt install path": "files",
    "gt mail id": "letters",
    "gt mail ids": "letters",
    "gt mq request": "requests",
    "gt mq words": "rigs requests",
    "gt mq integration epic": "epics",
    "gt patrol name": "patrols",
    "gt plugin name": "plugins",
    "gt polecat name": "",
    "gt refinery target": "rigs requests",
    "gt rig name": "",
    "gt rig settings key": "rig_settings",
    "gt rig settings value": "rig_setting_values",
    "gt search agent": "agents",
    "gt sling on": "beads",
    "gt sling words": "beads agents rigs",
    "gt convoy stage what": "beads epics",
    "gt convoy launch what": "convoys epics",
    "gt mountain what": "epics",
    "gt mountain which": "convoys",
    "gt mol target": "molecules agents",
    "bd formula name": "formulas",
    "bd mol wisp words": "formulas",
    "bd reopen ids": "closed",
    "bd label words": "beads labels",
    "gt mol attach words": "beads formulas",
    "id": "beads",
    "identity": "agents",
    "ids": "beads",
    "in_rig": "rigs",
    "input": "files",
    "issue": "beads",
    "label": "labels",
    "label_any": "labels",
    "labels": "labels",
    "exclude_label": "labels",
    "add_label": "labels",
    "remove_label": "labels",
    "mail": "letters",
    "members": "agents",
    "mol": "molecules",
    "molecule": "molecules",
    "molecules": "molecules",
    "more": "agents",
    "on": "beads",
    "ours": "files",
    "output": "files",
    "parent": "beads",
    "password_file": "files",
    "path": "files",
    "polecat": "polecats",
    "polecats": "polecats",
    "reason_file": "files",
    "reply_to": "letters",
    "request": "requests",
    "rig": "rigs",
    "rigs": "rigs",
    "role": "roles",
    "runtime": "runtimes",
    "second": "beads formulas",
    "sender": "agents",
    "source": "formulas",
    "bd list status": "statuses",
    "bd blocked status": "statuses",
    "bd search status": "statuses",
    "bd count status": "statuses",
    "bd update status": "statuses",
    "step": "beads",
    "target": "agents",
    "bd dep target": "beads",
    "theirs": "files",
    "to": "agents",
    "gt hook rollback to": "",
    "gt escalate forward to": "",
    "bd type": "types",
    "waiter": "agents",
    "waits_for": "beads",
    "worker": "agents",
}
"""Dest of an argument, alone or behind program and command (whole, or its first word) → kinds of its values; the longest
key counts.  An empty kind: words of one's own."""
FREE = frozenset(
    "accounts act choice commons count command git_arguments handle item key name names query queue row text time title type until url value words".split()
)
"""Positionals with words of one's own, or of a command that says by itself what it takes."""


def kinds_of(argument: Argument, program: str, command: str) -> str | None:
    """Return the kinds of values that an argument takes, None if no table names it."""
    for key in (f"{program} {command} ", f"{program} {command.split()[0]} ", f"{program} ", ""):
        kinds = KINDS.get(key + argument.dest)
        if kinds is not None:
            return kinds
    return None


def live_values(argument: Argument, typed: Typed) -> list[Candidate]:
    """Return the values that fit. Raises GastownError and OSError where the town cannot be read."""
    if argument.choices:
        return [Candidate(choice) for choice in argument.choices]
    kinds = kinds_of(argument, typed.program, typed.command)
    if kinds is None:
        return [Candidate(word) for word in argument.named]
    return [one for kind in kinds.split() for one in SOURCES[kind](typed)]


def _root() -> str:
    return find_town() or ""


def _stores(current: str) -> list[BeadStore]:
    """Return the stores whose ids may begin with ``current``: the one of this folder first, then the town's."""
    from gastown_core.beads.discovery import need_beads_dir
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.opening import open_store

    root = _root()
    if not root:
        return [open_store(need_beads_dir(os.getcwd()), read_only=True)]
    ledger = TownLedger(root, read_only=True, looks_elsewhere=False)
    routed = ledger.routed(current) if "-" in current else None
    found = [routed] if routed is not None else list(ledger.stores().values())
    try:
        here = ledger.adopt(need_beads_dir(os.getcwd()))
    except StoreError:
        return found
    return [here, *(store for store in found if store is not here)] if routed is None or here is routed else found


def _beads(current: str, query: BeadQuery) -> list[Candidate]:
    query = query._replace(text=current)
    found = (one[:2] for store in _stores(current) for one in store.headlines(query) if one.id.startswith(current))
    return list(map(Candidate._make, found))


def _of(*types: str, label: str = "") -> Callable[[Typed], list[Candidate]]:
    """Return the source of open beads of some types, or with a label."""

    def source(typed: Typed) -> list[Candidate]:
        from gastown_core.beads.query import BeadQuery

        labels = (label,) if label else ()
        query = BeadQuery(types=types, labels_all=labels, exclude_statuses=_DONE, include_wisps=True)
        return _beads(typed.current, query)

    return source


_DONE = ("closed", "tombstone")
_INTERNAL = ("agent", "rig", "role", "convoy", "message", "merge-request", "event", "gate")


def _open_beads(typed: Typed) -> list[Candidate]:
    """Return work that is not closed; any other bead only where its beginning is typed and no open work has it."""
    from gastown_core.beads.query import BeadQuery

    found = _beads(typed.current, BeadQuery(exclude_types=_INTERNAL, exclude_statuses=_DONE))
    return found or (_beads(typed.current, BeadQuery(include_wisps=True)) if typed.current else [])


def _closed_beads(typed: Typed) -> list[Candidate]:
    from gastown_core.beads.query import BeadQuery

    return _beads(typed.current, BeadQuery(statuses=("closed",), sort="updated"))


def _labels(typed: Typed) -> list[Candidate]:
    return _counted("label", typed)


def _types(typed: Typed) -> list[Candidate]:
    return _counted("issue_type", typed)


def _statuses(typed: Typed) -> list[Candidate]:
    return _counted("status", typed)


def _counted(column: str, typed: Typed) -> list[Candidate]:
    """Return the words in use in a column of the store here, with how many beads have each; after a comma the next one."""
    from gastown_core.beads.query import BeadQuery

    head, comma, _ = typed.current.rpartition(",")
    counts = _stores("")[0].count_by(column, BeadQuery())
    taken = head.split(",")
    words = [(word, count) for word, count in counts.items() if word not in taken]
    return [Candidate(head + comma + word, f"{count} bead{'' if count == 1 else 's'}") for word, count in words]


def _agents(typed: Typed, roles: Iterable[str] = ()) -> list[Candidate]:
    from gastown_core.town.inventory import survey

    root = _root()
    entries = survey(root).agents if root else ()
    wanted = tuple(roles)
    return [
        Candidate(one.address.short, one.address.role) for one in entries if not wanted or one.address.role in wanted
    ]


def _rigs(typed: Typed) -> list[Candidate]:
    root = _root()
    return [Candidate(name, f"prefix {prefix}") for name, prefix in read_rigs(root).items()] if root else []


def _formulas(typed: Typed) -> list[Candidate]:
    from gastown_core.formulas.resolve import places_at

    return [Candidate(name, files[0][0]) for name, files in places_at(os.getcwd()).names().items() if files]


def _runtimes(typed: Typed) -> list[Candidate]:
    from gastown_core.town.runtime_settings import list_agents

    return [Candidate(preset.name, preset.command) for preset in list_agents(_root())]


def _settings(typed: Typed) -> list[Candidate]:
    return _rows_of("rig" if "rig" in typed.given else "daemon" if "daemon" in typed.given else "town")


def _rows_of(scope: str) -> list[Candidate]:
    from gastown_core.town.settings_table import TABLES

    return [Candidate(row.key, f"{row.about} ({row.kind})") for row in TABLES[scope] if "*" not in row.key]


def _setting_values(typed: Typed, scope: str = "") -> list[Candidate]:
    """Return the values that the setting named before may have, its default first."""
    from gastown_core.town.settings_table import find_setting

    scope = scope or ("rig" if "rig" in typed.given else "daemon" if "daemon" in typed.given else "town")
    row = find_setting(scope, (typed.given.get("key") or [""])[-1])
    if row is None:
        return []
    _, _, words = row.kind.partition("one of ")
    if row.kind == "bool":
        words = "true|false"
    found = [word for word in words.split("|") if word]
    default = str(row.default).lower() if isinstance(row.default, bool) else str(row.default)
    return [Candidate(word, "default" if word == default else "") for word in found]


def _events(typed: Typed) -> list[Candidate]:
    from gastown_core.model.event_table import TABLE

    return [Candidate(kind.name) for kind in TABLE]


def _patrols(typed: Typed) -> list[Candidate]:
    from gastown_core.patrols.table import patrols_of

    return [Candidate(row.patrol.name, row.patrol.about) for row in patrols_of(_root())]


def _plugins(typed: Typed) -> list[Candidate]:
    from gastown_core.plugins.plugin import find_plugins

    return [Candidate(one.name, one.description) for one in find_plugins(_root())[0]]


SOURCES: dict[str, Callable[[Typed], list[Candidate]]] = {
    "agents": _agents,
    "beads": _open_beads,
    "closed": _closed_beads,
    "convoys": _of("convoy"),
    "crew": lambda typed: _agents(typed, ("crew",)),
    "dogs": lambda typed: [one._replace(value=one.value.rpartition("/")[2]) for one in _agents(typed, ("dog",))],
    "epics": _of("epic"),
    "escalations": _of(label="gt:escalation"),
    "events": _events,
    "files": lambda typed: [Candidate(FILES)],
    "formulas": _formulas,
    "gates": _of("gate"),
    "labels": _labels,
    "letters": _of(label="gt:message"),
    "molecules": _of("molecule", "epic"),
    "patrols": _patrols,
    "plugins": _plugins,
    "polecats": lambda typed: _agents(typed, ("polecat",)),
    "requests": _of(label="gt:merge-request"),
    "rig_setting_values": lambda typed: _setting_values(typed, "rig"),
    "rig_settings": lambda typed: _rows_of("rig"),
    "rigs": _rigs,
    "roles": lambda typed: [Candidate(role) for role in (*TOWN_ROLES, *RIG_ROLES)],
    "runtimes": _runtimes,
    "setting_values": _setting_values,
    "settings": _settings,
    "statuses": _statuses,
    "types": _types,
}
"""Kind of value → what returns those of the town."""
