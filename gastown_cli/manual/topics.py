"""Topics of the help: texts in the folder ``topics``, each with the tables of the program that belong to it.

A text is plain: headings begin with ``## ``, list items with ``- ``, a table's rows with ``|``, what is typed with four
blanks; other lines are paragraphs.  ``{table}`` on a line of its own stands for the rows of the topic's table, so that a
new setting, key or event kind is in the help at once.
"""

from __future__ import annotations

import os

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TEXTS = os.path.join(os.path.dirname(__file__), "topics")
TABLE = "{table}"


class Topic(Record):
    """A row: its name, one line about it, and the table that its text shows, if any."""

    name: str
    about: str
    rows: Callable[[], Iterable[str]] = tuple


def text_of(topic: Topic) -> str:
    """Return the whole text of a topic."""
    with open(os.path.join(TEXTS, f"{topic.name}.md"), encoding="utf-8") as handle:
        lines = handle.read().rstrip("\n").split("\n")
    whole = [row for line in lines for row in (topic.rows() if line == TABLE else (line,))]
    return "\n".join(whole)


def find_topic(name: str) -> Topic | None:
    """Return the topic with this name, or with the only one that begins so."""
    fits = [topic for topic in TOPICS if topic.name.startswith(name)]
    exact = [topic for topic in fits if topic.name == name]
    return (exact or fits)[0] if exact or len(fits) == 1 else None


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace(' | ', ' / ') for cell in cells)} |"


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"default {str(value).lower()}"
    words = ", ".join(map(str, value)) if isinstance(value, list | dict) else str(value)
    return "" if value is None or not words else f"default {words}"


def _settings() -> Iterable[str]:
    from gastown_core.town.settings_table import TABLES

    for scope, rows in TABLES.items():
        yield from (f"## Settings of the {scope}", "")
        for row in rows:
            yield _row(row.key, row.kind, "; ".join(filter(None, (row.about, _default(row.default)))))
        yield ""


def _keys() -> Iterable[str]:
    from gastown_tui.keys import ACTIONS, GROUPS, key_name

    for group in GROUPS:
        rows = [action for action in ACTIONS if action.group == group]
        if rows:
            yield from (f"## {group}", "")
            yield from (_row(" ".join(map(key_name, one.keys)) or f": {one.label}", one.help) for one in rows)
            yield ""


def _events() -> Iterable[str]:
    from gastown_core.model.event_table import TABLE as KINDS

    for kind in KINDS:
        yield _row(kind.name, kind.category, f"kept {kind.ttl_s / 86400:g} days", " ".join(kind.keys))


def _runtimes() -> Iterable[str]:
    from gastown_core.runtimes.presets import BUILT_IN

    for preset in BUILT_IN.values():
        yield _row(preset.name, preset.command, "hooks" if preset.hooks else "no hooks")


def _health() -> Iterable[str]:
    from gastown_core.model.agent import HEALTH_ORDER, NEEDS_HELP

    for state in HEALTH_ORDER:
        yield _row(str(state.value), "needs a person" if state in NEEDS_HELP else "")


TOPICS = (
    Topic("addresses", "How agents are named: in commands, mail, sessions and commits"),
    Topic("environment", "Environment variables that are read, and those that agents get"),
    Topic("events", "Kinds of events in the town's log", _events),
    Topic("exit-codes", "What exit codes and errors mean"),
    Topic("files", "Where a town keeps what"),
    Topic("health", "States of an agent, the most urgent first", _health),
    Topic("hooks", "Work on hooks, and the hook files of agent programs"),
    Topic("json", "What --json prints, and what it promises"),
    Topic("keys", "Keys of the console", _keys),
    Topic("merging", "From gt done to the target branch"),
    Topic("runtimes", "Agent programs that a town can run", _runtimes),
    Topic("settings", "Settings of town, rig and daemon", _settings),
)
"""In alphabetical order."""
