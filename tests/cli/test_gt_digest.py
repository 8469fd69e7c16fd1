"""``gt digest``: what happened since somebody looked, as text, JSON and Markdown."""

from __future__ import annotations

import json
import os

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.events.log import append_event
from tests.support.cli import gt

HOSTILE = "`rm -rf /` <b>*x*</b> [a](b)\x1b[31m"


def happened(root: str, ago: float, kind: str, actor: str = "shop/refinery", **payload: object) -> None:
    append_event(root, kind, actor, payload, clock=FixedClock(SYSTEM_CLOCK.now() - ago))


def test_each_look_tells_only_what_came_since_the_last(town_root: str) -> None:
    happened(town_root, 7200, "merge_failed", bead="gt-a", worker="opal", reason=HOSTILE)
    first = gt("digest", cwd=town_root)
    assert first.code == 0 and "Sent back (1)" in first.out and "shop/opal" in first.out
    assert "\x1b" not in first.out

    second = gt("digest", cwd=town_root)
    assert "nothing that needs you" in second.out
    assert "Sent back (1)" in gt("digest", "--since", "3h", cwd=town_root).out


def test_json_has_every_row_and_markdown_escapes_what_others_wrote(town_root: str) -> None:
    happened(town_root, 60, "merged", bead="gt-a", mr="gt-m", worker="opal", target="main", commit="c" * 40)
    happened(town_root, 50, "session_death", "daemon", agent="shop/polecats/ruby", reason=HOSTILE)
    value = json.loads(gt("digest", "--since", "1h", "--json", cwd=town_root).out)
    assert value["summary"] == "1 landed, 1 died"
    assert [(row["section"], row["kind"]) for row in value["rows"]] == [("died", "session_death"), ("landed", "merged")]

    told = gt("digest", "--since", "1h", "--markdown", cwd=town_root).out
    assert told.startswith("## Since ") and "### Landed" in told
    assert "\\<b\\>\\*x\\*" in told and "\\`rm" in told and "\x1b" not in told


def test_wrong_words_are_named(town_root: str) -> None:
    wrong = gt("digest", "--since", "yesterdayish", cwd=town_root)
    assert wrong.code == 2 and "is no time" in wrong.err
    assert gt("digest", "--json", "--markdown", cwd=town_root).code == 2


def test_a_log_of_junk_is_no_obstacle(town_root: str) -> None:
    with open(os.path.join(town_root, ".events.jsonl"), "ab") as handle:
        handle.write(b"[" * 5000 + b'\n\xff\xfe\n{"type": "merged"}\n')
    assert gt("digest", cwd=town_root).code == 0
