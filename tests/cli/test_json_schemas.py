"""What ``--json`` prints is what docs/json says, for every command that reads."""

from __future__ import annotations

import json
from pathlib import Path

import fastjsonschema
import pytest

from docs.schemas import (
    CHANGES,
    DIALECT,
    OF_SESSIONS,
    READS,
    WRITES_A_COMMONS,
    file_name,
    inferred,
)
from gastown_cli.bd import ROOT as BD
from gastown_cli.completion.words import arguments_of
from gastown_cli.gt import ROOT as GT
from tests.support.rigged import Rigged
from tests.support.shown_town import answers, furnish, manned, steady_clock
from tests.support.tmux import needs_tmux

FOLDER = Path("docs/json").absolute()


def test_every_command_with_json_either_changes_something_or_has_a_schema() -> None:
    commands = {
        f"{root.program} {row.name}": row.module
        for root in (GT, BD)
        for row in root.commands
        if any("--json" in option.names for option in arguments_of(row)[0])
    }
    shown = {commands[command] for command in READS}
    # ``gt mq`` is ``gt mq list``: a row of the same function has the same answer
    missing = {name for name, module in commands.items() if name not in READS and module not in shown}
    besides = CHANGES | WRITES_A_COMMONS | OF_SESSIONS.keys()
    assert missing - besides == set(), "name them in docs/schemas.py, then python -m docs.schemas"
    assert besides - commands.keys() == set()
    assert {path.name for path in FOLDER.glob("*.json")} == {file_name(command) for command in (*READS, *OF_SESSIONS)}


def closed(schema: object) -> object:
    """The schema with no keys besides those that it names."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **made} if isinstance(schema.get("properties"), dict) else made


@pytest.mark.timeout(300)
def test_every_answer_is_as_its_schema_says_and_no_key_is_left_out(rigged: Rigged, monkeypatch) -> None:
    monkeypatch.chdir(rigged.root)
    with steady_clock():
        ids = furnish(rigged.root)
        shown = {command: answers(command, lines, ids) for command, lines in READS.items()}
    assert wrong_in(shown) == [], "python -m docs.schemas writes docs/json anew; look at what changed"


@needs_tmux
@pytest.mark.timeout(400)
def test_every_answer_about_sessions_is_as_its_schema_says(rigged: Rigged, monkeypatch) -> None:
    monkeypatch.chdir(rigged.root)
    with manned(rigged.root) as ids:
        shown = {command: answers(command, lines, ids) for command, lines in OF_SESSIONS.items()}
    assert all(value for found in shown.values() for value in found), shown
    assert wrong_in(shown) == [], "python -m docs.schemas writes docs/json anew; look at what changed"


def wrong_in(shown: dict[str, list[object]]) -> list[str]:
    """What differs from the schemas in these answers by command, no key left out."""
    wrong = []
    for command, found in shown.items():
        schema = json.loads((FOLDER / file_name(command)).read_text())
        assert schema["$schema"] == DIALECT and schema["title"] == f"{command} --json"
        assert found, command
        check = fastjsonschema.compile(closed(schema))
        for value in found:
            try:
                check(value)
            except fastjsonschema.JsonSchemaException as error:
                wrong.append(f"{command}: {error}")
    return wrong


@pytest.mark.parametrize(
    "value", [{"a": "x"}, {"a": 1, "b": [1, "x"]}, {"b": [1]}, {"a": 1, "c": 2}, [], {"a": 1, "counts": {"x": "y"}}]
)
def test_a_schema_refuses_what_no_answer_had(value: object) -> None:
    seen = [{"a": 1, "b": [1], "counts": {"shop": 2}}, {"a": 2, "b": []}]
    check = fastjsonschema.compile(closed(inferred(seen)))
    for one in (*seen, {"a": 1, "counts": {"bar": 3}, "b": []}):
        check(one)
    with pytest.raises(fastjsonschema.JsonSchemaException):
        check(value)
