"""What one look takes from the event log is the same as if every line were decoded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gastown_core.events.log import log_path, newest_events, parse_event
from gastown_core.model.address import parse_address
from gastown_core.model.event import TownEvent
from gastown_core.state.facts import Roster, TownFacts
from gastown_core.state.sources import last_events
from gastown_core.state.sources.last_events import note_last, read_last_events
from gastown_core.town.inventory import Inventory

OPAL, RUBY = "shop/polecats/opal", "shop/polecats/ruby"


def line(kind: str, actor: str | None, ts: int, /, **payload: Any) -> str:
    record = {"ts": f"2026-03-02T10:00:{ts:02d}Z", "type": kind, "payload": payload}
    return json.dumps(record if actor is None else {**record, "actor": actor}, separators=(",", ":"))


LOGS = {
    "one actor many times": [line("done", OPAL, 1), line("sling", OPAL, 2, bead="x"), line("nudge", OPAL, 3)],
    "a hook's state behind the newest": [line("hook_state", OPAL, 1, agent=OPAL), line("done", OPAL, 2)],
    "told of by others": [
        line("spawn", "gt", 1, rig="shop", polecat="ruby"),
        line("kill", "gt", 2, target=OPAL),
        line("done", "gt", 3),
    ],
    "another actor named in the payload": [line("done", RUBY, 1), line("done", OPAL, 2, actor=RUBY)],
    "an actor only in the payload": [line("done", RUBY, 1), line("done", None, 2, actor=RUBY)],
    "escapes and junk": [
        line("done", RUBY, 1),
        '{"actor":"shop\\/polecats\\/ruby","type":"nudge"}',
        '{"actor":"' + RUBY,
    ],
    "blanks": [json.dumps(json.loads(line("done", OPAL, 1))), line("nudge", OPAL, 2), line("done", OPAL, 3)],
}


def spaced(text: str) -> str:
    """The same record as other writers lay it out; what is no JSON stays."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text


@pytest.mark.parametrize("layout", [str, spaced], ids=["tight", "spaced"])
@pytest.mark.parametrize("lines", LOGS.values(), ids=LOGS.keys())
def test_lines_of_who_was_heard_already_change_nothing(
    lines: list[str], layout: Callable[[str], str], tmp_path: Path
) -> None:
    lines = [layout(one) for one in lines]
    Path(log_path(str(tmp_path))).write_text("".join(f"{one}\n" for one in lines))
    agents = {who.mail: who for who in map(parse_address, (OPAL, RUBY))}
    roster = Roster({"shop": "sh"}, agents)
    seen, meant = (TownFacts(Inventory("t", str(tmp_path), (), ())) for _ in range(2))
    for event in newest_events(log_path(str(tmp_path))):
        note_last(meant, roster, event, newest=False)
    read_last_events(seen, roster)
    assert (seen.last_events, seen.hook_since) == (meant.last_events, meant.hook_since)
    assert meant.last_events


@pytest.mark.parametrize("layout", [str, spaced], ids=["tight", "spaced"])
def test_one_line_of_each_actor_is_decoded(
    layout: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"{layout(line('step', who, ts))}\n" for ts in range(30) for who in (OPAL, RUBY))
    Path(log_path(str(tmp_path))).write_text(text)
    decoded: list[bytes] = []

    def parse(text: bytes, offset: int) -> TownEvent | None:
        decoded.append(text)
        return parse_event(text, offset)

    monkeypatch.setattr(last_events, "parse_event", parse)
    facts = TownFacts(Inventory("t", str(tmp_path), (), ()))
    read_last_events(facts, Roster({"shop": "sh"}, {who.mail: who for who in map(parse_address, (OPAL, RUBY))}))
    assert len(decoded) == len(facts.last_events) == 2
