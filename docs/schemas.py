"""Schemas of what ``--json`` prints, in ``docs/json``: ``python -m docs.schemas`` writes them from the answers of a furnished town.

Every command with ``--json`` is in one of two tables: ``READS`` with words that make it answer, or ``CHANGES``.  A schema
says which keys an answer has and of what types; keys may be added, so a reader ignores those it does not know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "json")
DIALECT = "http://json-schema.org/draft-07/schema#"

READS: Mapping[str, tuple[str, ...]] = {
    "gt feed": ("--plain --no-follow",),
    "gt status": ("",),
    "gt agents": ("",),
    "gt costs": ("",),
    "gt quota status": ("",),
    "gt quota scan": ("",),
    "gt digest": ("--since 1h",),
    "gt at": ("{furnished}", "1d diff"),
    "gt search": ("hello",),
    "gt log": ("",),
    "gt trail": ("", "beads", "hooks"),
    "gt audit": ("",),
    "gt patrol list": ("",),
    "gt patrol scan": ("",),
    "gt patrol backtest": ("witness:shop --since 1h",),
    "gt plugin list": ("",),
    "gt plugin show": ("greet",),
    "gt plugin history": ("greet",),
    "gt doctor": ("",),
    "gt doctor agents": ("",),
    "gt hooks list": ("",),
    "gt hooks diff": ("",),
    "gt incident list": ("",),
    "gt dog list": ("",),
    "gt dog status": ("", "rex"),
    "gt boot status": ("",),
    "gt rig list": ("",),
    "gt rig status": ("shop",),
    "gt rig settings": ("show shop",),
    "gt crew list": ("",),
    "gt hook show": ("shop/crew/ana",),
    "gt hook list": ("",),
    "gt ready": ("",),
    "gt formula list": ("",),
    "gt formula show": ("shiny",),
    "gt mol status": ("shop/crew/ana",),
    "gt mol current": ("shop/crew/ana",),
    "gt mol progress": ("{mol}",),
    "gt mol dag": ("{mol}",),
    "gt mol attachment": ("sh-work",),
    "gt convoy list": ("",),
    "gt convoy show": ("{convoy}",),
    "gt convoy stranded": ("",),
    "gt scheduler status": ("",),
    "gt scheduler explain": ("",),
    "gt scheduler list": ("",),
    "gt mq list": ("shop",),
    "gt mq forecast": ("shop",),
    "gt mq conflicts": ("shop",),
    "gt mq stats": ("shop",),
    "gt mq explain": ("shop", "{request}"),
    "gt refinery flakes": ("shop",),
    "gt mq next": ("shop",),
    "gt mq status": ("{request}",),
    "gt refinery log": ("shop",),
    "gt polecat list": ("",),
    "gt polecat status": ("shop/opal",),
    "gt polecat stale": ("shop",),
    "gt polecat git-state": ("shop/opal",),
    "gt polecat check-recovery": ("shop/opal",),
    "gt seance": ("",),
    "gt resume": ("shop/crew/ana",),
    "gt mail inbox": ("",),
    "gt mail peek": ("",),
    "gt mail thread": ("{letter}",),
    "gt mail search": ("Subject",),
    "gt mail check": ("",),
    "gt mail announces": ("",),
    "gt mail directory": ("",),
    "gt escalate list": ("",),
    "gt escalate show": ("{escalation}",),
    "gt inbox": ("",),
    "gt answers list": ("",),
    "gt whoami": ("",),
    "gt config get": ("scheduler.max_polecats",),
    "gt nudge": ("--list",),
    "gt health": ("",),
    "gt store status": ("",),
    "gt info": ("",),
    "gt stale": ("",),
    "gt orphans": ("--all",),
    "gt warrant list": ("--all",),
    "gt account list": ("",),
    "gt deacon health-state": ("",),
    "gt deacon redispatch-state": ("",),
    "gt deacon feed-stranded-state": ("",),
    "gt compact": ("report",),
    "gt daemon": ("status",),
    "gt version": ("--check",),
    "gt upgrade": ("",),
    "gt formula overlay": ("list",),
    "gt mq integration": ("status sh-epic",),
    "gt refinery": ("status shop", "queue shop", "ready shop", "blocked shop"),
    "gt namepool": ("",),
    "gt mayor": ("status",),
    "gt deacon": ("status",),
    "gt witness": ("status shop",),
    "gt session": ("list",),
    "gt role": ("list",),
    "gt krc": ("stats",),
    "gt config agent": ("list",),
    "gt config default-agent": ("",),
    "gt mail read": ("{letter}",),
    "gt mail group": ("list",),
    "gt mail queue": ("list",),
    "gt mail channel": ("list",),
    "gt wl status": ("",),
    "gt wl browse": ("--status all --limit 0",),
    "gt wl show": ("w-003",),
    "gt wl stamps": ("fern",),
    "gt wl charsheet": ("fern",),
    "gt wl scorekeeper": ("",),
    "bd mol seed": ("shiny",),
    "bd show": ("sh-work", "sh-epic sh-later"),
    "bd list": ("",),
    "bd ready": ("",),
    "bd blocked": ("",),
    "bd search": ("Work",),
    "bd count": ("", "--by-status"),
    "bd stats": ("",),
    "bd label list": ("sh-work",),
    "bd label list-all": ("",),
    "bd comments": ("sh-work",),
    "bd dep list": ("sh-later",),
    "bd dep tree": ("sh-later",),
    "bd dep cycles": ("",),
    "bd epic status": ("",),
    "bd formula list": ("",),
    "bd formula show": ("shiny",),
    "bd cook": ("shiny --dry-run --var feature=x --var assignee=y",),
    "bd mol list": ("",),
    "bd mol show": ("{mol}",),
    "bd mol current": ("{mol}",),
    "bd mol progress": ("{mol}",),
    "bd mol ready": ("",),
    "bd mol stale": ("",),
    "bd mol last-activity": ("{mol}",),
    "bd gate list": ("",),
    "bd gate show": ("{gate}",),
    "bd doctor": ("",),
}
"""Command → words behind it that make it answer; ``{name}`` stands for an id of the furnished town."""

CHANGES = frozenset(
    " ".join(name.split())
    for name in """
    gt quota rotate, gt undo, gt install, gt up, gt down, gt estop, gt thaw, gt plugin run, gt plugin sync, gt hooks sync,
    gt hooks install, gt hooks repair, gt patrol new, gt patrol report, gt incident act, gt dog add, gt dog remove, gt dog call,
    gt dog done, gt dog clear, gt dog health-check, gt maintain, gt boot triage, gt boot spawn, gt boot stop, gt rig add, gt rig start,
    gt rig stop, gt rig restart, gt rig park, gt rig unpark, gt rig dock, gt rig undock, gt rig remove, gt crew add, gt sling,
    gt hook, gt hook attach, gt hook detach, gt hook clear, gt hook rollback, gt unsling, gt assign, gt release, gt close, gt create, gt import, gt prune-branches,
    gt done, gt formula create, gt formula run, gt mol step, gt mol await-signal, gt mol attach, gt mol attach-from-mail, gt mol detach,
    gt mol burn, gt mol squash, gt convoy create, gt convoy add, gt convoy refresh, gt convoy check, gt convoy close, gt convoy land,
    gt convoy watch, gt convoy unwatch, gt convoy stage, gt convoy launch, gt mountain, gt scheduler pause, gt scheduler resume,
    gt scheduler run, gt scheduler clear, gt mq submit, gt mq retry, gt mq reject, gt mq dequeue, gt mq approve, gt mq freeze, gt mq thaw, gt mq post-merge, gt refinery process,
    gt polecat add, gt polecat pool-init, gt polecat remove, gt polecat nuke, gt polecat prune, gt dolt, gt store migrate, gt dog dispatch, gt start, gt shutdown, gt orphans kill, gt cleanup,
    gt warrant file, gt warrant execute, gt account add, gt account default, gt deacon force-kill, gt deacon pause, gt deacon resume,
    gt deacon health-check, gt deacon stale-hooks, gt deacon cleanup-orphans, gt deacon redispatch, gt deacon feed-stranded, gt cycle,
    gt town next, gt town prev, gt crew next, gt crew prev, gt broadcast, gt dnd, gt notify, gt mail send, gt mail reply, gt mail mark-read,
    gt mail mark-unread, gt mail hook, gt mail archive, gt mail delete, gt mail clear, gt mail drain, gt mail claim, gt mail release,
    gt escalate, gt escalate ack, gt escalate forward, gt escalate close, gt escalate stale, gt gate resolve, gt answers add, gt handoff,
    gt prime, gt checkpoint, gt activity, gt config set, bd create, bd q, bd update, bd claim, bd close, bd reopen, bd delete, bd batch,
    bd label add, bd label remove, bd comments add, bd comment, bd dep add, bd dep remove, bd epic close-eligible, bd mol pour,
    bd mol wisp, bd mol bond, bd mol squash, bd mol burn, bd mol distill, bd gate create, bd gate resolve, bd gate check,
    bd gate add-waiter, bd init, bd export, bd import, bd sync
    """.replace("\n", " ")
    .strip()
    .replace("    ", " ")
    .split(", ")
)
"""Commands that change something, and ``bd export``, which prints records of the ledger as they are."""

OF_SESSIONS: Mapping[str, tuple[str, ...]] = {
    "gt peek": ("{asking}", "mayor"),
    "gt answer": ("{asking}",),
    "gt answers test": ("npm",),
    "gt orphans procs": ("",),
    "gt deacon zombie-scan": ("",),
}
"""Readers of running sessions, of their screens and questions, answered in a town where one agent asks and one has died."""


WRITES_A_COMMONS = frozenset(
    f"gt wl {verb}"
    for verb in "join create sync leave post update claim unclaim done accept reject close delete stamp".split()
)
"""Commands that change a commons or the town's part of it."""
MAPS = frozenset(
    (
        "averages",
        "skills",
        "valence",
        "counts",
        "by_age",
        "by_source",
        "by_type",
        "categories",
        "id_mapping",
        "in_hands",
        "nodes",
    )
)
"""Keys of objects that map names of the town, or of event kinds, to values of one kind."""
FREE = frozenset(("metadata", "payload"))
"""Keys of objects that depend on the record."""


def inferred(values: Iterable[object]) -> dict[str, object]:
    """Return the narrowest schema that all these values fit."""
    values = list(values)
    schema: dict[str, object] = {}
    types = sorted({_type_of(value) for value in values})
    if "number" in types and "integer" in types:
        types.remove("integer")
    if types:
        schema["type"] = types[0] if len(types) == 1 else types
    objects = [value for value in values if isinstance(value, dict)]
    keys = dict.fromkeys(key for value in objects for key in value)
    if objects:
        schema["properties"] = {key: _of_key(key, [value[key] for value in objects if key in value]) for key in keys}
        required = [key for key in keys if all(key in value for value in objects)]
        if required:
            schema["required"] = required
    items = [item for value in values if isinstance(value, list) for item in value]
    if items:
        schema["items"] = inferred(items)
    return schema


def _of_key(key: str, values: list[object]) -> dict[str, object]:
    if key in FREE:
        return {"type": "object"}
    if key in MAPS and all(isinstance(value, dict) for value in values):
        return {
            "type": "object",
            "additionalProperties": inferred(
                one for value in values if isinstance(value, dict) for one in value.values()
            ),
        }
    return inferred(values)


def _type_of(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return "null" if value is None else names[type(value)]


def file_name(command: str) -> str:
    """Return the name of a command's schema."""
    return command.replace(" ", "-") + ".json"


def schema_of(command: str, about: str, answers: Iterable[object]) -> dict[str, object]:
    """Return the whole schema of a command."""
    told = {"$schema": DIALECT, "title": f"{command} --json", "description": about}
    return {**told, **inferred(answers)}


def main() -> int:
    """Write every schema, from the answers of a new town in a folder that goes afterwards."""
    import shutil
    import tempfile

    from gastown_cli.bd import ROOT as BD
    from gastown_cli.gt import ROOT as GT
    from tests.support.rigged import fresh_town
    from tests.support.shown_town import answers, furnish, manned, steady_clock

    abouts = {f"{root.program} {row.name}": row.help for root in (GT, BD) for row in root.commands}
    for key in [key for key in os.environ if key.startswith(("GT_", "BD_", "BEADS_"))]:
        del os.environ[key]
    found: dict[str, list[object]] = {command: [] for command in READS}
    with tempfile.TemporaryDirectory() as base, steady_clock():
        bare = os.path.join(base, "bin")
        os.mkdir(bare)
        for program in ("git", "sh"):
            os.symlink(str(shutil.which(program)), os.path.join(bare, program))
        # with and without tmux: some answers say less there
        whole = os.environ["PATH"]
        for number, path in enumerate((whole, bare)):
            os.environ["PATH"] = path
            ids = furnish(fresh_town(os.path.join(base, str(number))))
            for command, lines in READS.items():
                found[command] += answers(command, lines, ids)
        os.environ["PATH"] = whole
        os.chdir(HERE)
    with tempfile.TemporaryDirectory() as base, manned(fresh_town(base)) as ids:
        for command, lines in OF_SESSIONS.items():
            found[command] = answers(command, lines, ids)
        os.chdir(HERE)
    os.makedirs(HERE, exist_ok=True)
    for command, values in found.items():
        with open(os.path.join(HERE, file_name(command)), "w", encoding="utf-8") as handle:
            json.dump(schema_of(command, abouts[command], values), handle, indent=1)
            handle.write("\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
