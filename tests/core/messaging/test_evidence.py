"""What proves that one particular text arrived."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_core.messaging.handover import GIVEN, Handover
from gastown_core.messaging.proof import STARTED, proof_of
from gastown_core.runtimes.verdict import is_folded

TEXT = "2 messages for you:\n- [from mayor] one\n- [from witness] two"


@pytest.mark.parametrize(
    ("said", "proved"),
    [
        (TEXT, True),
        (f"[GAS TOWN] mayor\nRun it.\n\n{TEXT}", True),
        (f"{TEXT}\n\n[from mayor] three", True),
        ("- [from mayor] one\n\nno\n- [from witness] two", False),
        ("[from mayor] one", False),
    ],
)
def test_a_text_that_a_program_joined_with_others_is_found_whole(tmp_path: Path, said: str, proved: bool) -> None:
    record = tmp_path / "chat.jsonl"
    line = {"type": "user", "timestamp": "2026-03-01T10:00:05Z", "content": said}
    record.write_text(json.dumps(line) + "\n")
    handover = Handover("1", TEXT, ("a.json",), "typed", GIVEN, 1772359200.0, str(record))

    proof = proof_of(str(tmp_path), "hq-mayor", "gemini", handover)

    assert (proof.stage == STARTED) is proved


@pytest.mark.parametrize(
    ("draft", "folded"),
    [
        ("[Pasted text #1 +7 lines]", True),
        ("[Pasted Text: 7 lines]", True),
        ("[Pasted Content 2005 chars]", True),
        ("[Pasted Text: 7 lines] and more", False),
        ("go on", False),
    ],
)
def test_what_programs_show_of_a_long_paste_is_known(draft: str, folded: bool) -> None:
    assert is_folded(draft) is folded
