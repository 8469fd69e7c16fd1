"""``bd batch``: apply many changes from lines, all or nothing."""

from __future__ import annotations

import sys

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.update import pair
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say
from gastown_core.errors import GastownError, NotFoundError, UsageError
from gastown_core.model.bead import BLOCKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.batch import RuleBatch

_USE = "create TITLE [key=value…] · update ID key=value… · close ID [REASON] · dep add A B [TYPE] · dep remove A B"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd batch``."""
    parser.add_argument("file", nargs="?", default="-", help=f"file of changes, one per line (default: stdin): {_USE}")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Apply all lines in one write; ``$1``, ``$2``… stand for the beads created by earlier lines."""
    space = Workspace(args)
    made: list[str] = []
    with space.store.write(space.actor) as batch:
        for number, line in enumerate(_lines(args.file), 1):
            words = _split(line, number)
            if not words:
                continue
            try:
                _act(batch, space, [_filled(word, made) for word in words], made)
            except GastownError as error:
                raise type(error)(f"line {number}: {error.what}; nothing was written", error.why, error.hint) from error
        changes = batch.changes()
    space.tell_all(changes)
    changed = [after for _, after in changes]
    if space.as_json:
        say_object({"changed": [bead.id for bead in changed], "created": made, "count": len(changed)})
    elif not space.quiet:
        say(f"changed {len(changed)}: {clean(' '.join(bead.id for bead in changed))}" if changed else "nothing changed")
    return 0


def _lines(path: str) -> list[str]:
    if path == "-":
        return sys.stdin.read().splitlines()
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read().splitlines()
    except OSError as error:
        raise NotFoundError(f"cannot read {path}", error.strerror or str(error)) from error


def _split(line: str, number: int) -> list[str]:
    import shlex

    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise UsageError(f"cannot parse line {number}", str(error)) from error


def _filled(word: str, made: list[str]) -> str:
    """Return the word with ``$1`` (or ``key=$1``) replaced by the id of the bead created."""
    key, equals, value = word.rpartition("=")
    if value.startswith("$") and value[1:].isdecimal() and 1 <= int(value[1:]) <= len(made):
        return key + equals + made[int(value[1:]) - 1]
    return word


def _act(batch: RuleBatch, space: Workspace, words: list[str], made: list[str]) -> None:
    verb, rest = words[0], words[1:]
    if verb == "create" and rest:
        fields = dict(map(pair, rest[1:]))
        parent = fields.pop("parent", "")
        made.append(batch.create({**_typed(fields), "title": rest[0]}, parent=_id(batch, space, parent)).id)
    elif verb == "update" and len(rest) >= 2:
        batch.update(_id(batch, space, rest[0]), _typed(dict(map(pair, rest[1:]))))
    elif verb == "close" and rest:
        batch.close(_id(batch, space, rest[0]), " ".join(rest[1:]))
    elif verb == "dep" and len(rest) >= 3 and rest[0] in ("add", "remove"):
        source, target = _id(batch, space, rest[1]), _id(batch, space, rest[2])
        if rest[0] == "remove":
            batch.remove_edge(source, target)
        else:
            batch.add_edge(source, target, rest[3] if len(rest) > 3 else BLOCKS)
    else:
        raise UsageError(f"unknown change {' '.join(words)!r}", "", _USE)


_SHORT = {"type": "issue_type", "acceptance": "acceptance_criteria", "due": "due_at", "defer": "defer_until"}


def _typed(fields: dict[str, str]) -> dict[str, object]:
    out: dict[str, object] = {_SHORT.get(key, key): value for key, value in fields.items()}
    if "labels" in fields:
        out["labels"] = fields["labels"].split(",")
    return out


def _id(batch: RuleBatch, space: Workspace, partial: str) -> str:
    if not partial or batch.get(partial) is not None:
        return partial
    return space.full_id(partial)
