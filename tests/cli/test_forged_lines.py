"""A town whose agents write lines of their own into every text: no command prints one of them as a line of ours."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_cli.bd import ROOT as BD
from gastown_cli.gt import ROOT as GT
from gastown_cli.lazy import run_root
from tests.support.towns import reference_town

FORGED = "[12:00:00] ✓ mayor forged"
EVIL = f" x\n{FORGED}\r{FORGED}\u2028{FORGED}\x85{FORGED}\u200b\u061c\u202e\u2066\x9b31m\x1b[31m\x1b[2J\x1b]0;t\x07\x00"
ODD = "\r\x00\x1b\x07\x85\x9b\u061c\u200b\u2028\u202e\u2066"
KEPT = {"id", "_type", "issue_type", "status", "ts", "type", "visibility", "source", "depends_on_id", "issue_id"}

SHOWN = [
    *(("gt", *words.split()) for words in (
        "status", "status --fast", "agents", "feed --plain --no-follow", "feed --plain --no-follow --curated",
        "feed --problems --plain", "convoy list", "convoy list --all", "convoy show hq-cv-ml8y3", "convoy stranded",
        "hook list", "hook show demo/rust", "ready", "mq list demo", "scheduler list", "scheduler status",
        "scheduler explain", "polecat list", "polecat status demo/rust", "crew list", "rig list", "mol status demo/rust",
        "inbox", "inbox --all", "digest --since 2000-01-01", "digest --since 2000-01-01 --markdown", "at 1h", "at 1h diff", "audit",
        "incident list", "plugin list", "krc stats", "escalate list", "mail inbox mayor/", "costs", "seance", "patrol list",
        "patrol scan", "refinery queue demo", "refinery log demo", "answers", "trail", "session list", "dog list",
    )),
    *(("bd", *words.split()) for words in (
        "list", "list --all", "ready", "blocked", "stats", "search x", "count --by-assignee", "label list-all",
        "show --long hq-en9", "show hq-cv-ml8y3", "dep list hq-cv-ml8y3", "dep tree hq-cv-ml8y3", "comments hq-en9",
        "epic status", "mol list", "gate list", "doctor", "dep cycles",
    )),
]  # fmt: skip


def forged(value: object, key: str = "") -> object:
    if isinstance(value, dict):
        return {name: forged(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [forged(inner, key) for inner in value]
    if isinstance(value, str) and key not in KEPT and not key.endswith(("_at", "_until")):
        return value + EVIL
    return value


@pytest.fixture(scope="module")
def evil_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(reference_town(tmp_path_factory.mktemp("evil")))
    for path in (root / ".beads/issues.jsonl", root / "demo/.beads/issues.jsonl", root / ".events.jsonl"):
        records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        path.write_text("".join(json.dumps(forged(record)) + "\n" for record in records))
    strange = {"ts": "2026-01-01T00:00:00Z", "type": "merged" + EVIL, "actor": EVIL, "payload": {}}
    landed = {"bead": EVIL, "commit": EVIL, "worker": EVIL, "target": EVIL, "mr": EVIL}
    with open(root / ".events.jsonl", "a") as log:
        log.write(json.dumps(strange) + "\n" + json.dumps({**strange, "type": "merged", "payload": landed}) + "\n")
    odd = root / "plugins" / ("odd" + EVIL.replace("\0", ""))
    odd.mkdir(parents=True)
    (odd / "plugin.md").write_text(f"+++\nname = {json.dumps(EVIL)}\n+++\n")
    return root


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_text_of_others_never_becomes_a_line_of_ours(
    evil_town: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(evil_town)
    for key in [key for key in os.environ if key.startswith(("GT_", "BD_", "BEADS_"))]:
        monkeypatch.delenv(key)
    root = GT if words[0] == "gt" else BD
    code = run_root(root, list(words[1:]))
    told = capsys.readouterr()
    assert code in (0, 1, 3), told.err
    for line in f"{told.out}\n{told.err}".split("\n"):
        assert not line.startswith(FORGED)
        assert not set(line) & set(ODD), ascii(line)


@pytest.mark.parametrize(
    "words",
    [
        ("gt", "status", "--json"),
        ("bd", "list", "--all", "--json"),
        ("gt", "convoy", "list", "--json"),
        ("gt", "feed", "--plain", "--no-follow", "--json"),
    ],
    ids=" ".join,
)
def test_json_escapes_what_a_terminal_acts_on_and_keeps_the_value(
    evil_town: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(evil_town)
    assert run_root(GT if words[0] == "gt" else BD, list(words[1:])) == 0
    told = capsys.readouterr().out
    assert not set(told) & set(ODD)
    values = json.loads(told) if words[1] != "feed" else [json.loads(line) for line in told.splitlines()]
    assert "\u202e" in json.dumps(values, ensure_ascii=False)
