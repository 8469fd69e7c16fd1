"""Which stamps count, what follows from those that do, and what looks like fraud."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.wasteland.clone import literal
from gastown_core.wasteland.reputation import averages_of, signals_of, tier_of
from gastown_core.wasteland.stamps import Stamp, judge

RIGS = {"mill", "fern", "oak"}


def stamp(number: int = 1, **more: Any) -> Stamp:
    made = Stamp(
        f"s-{number}", "mill", "fern", {"quality": 4.0}, 0.7, "leaf", "", "endorsement", "work", "", (), "", "", number, "", ""
    )  # fmt: skip
    return made._replace(**more)


def sealed(previous: Stamp | None = None, number: int = 1, **more: Any) -> Stamp:
    made = stamp(number, previous=previous.seal if previous else "", **more)
    return made._replace(seal=made.own_seal)


def wrongs(*stamps: Stamp, completions: dict[str, str] | None = None) -> list[str]:
    return [one.wrong for one in judge(stamps, RIGS, completions or {})]


def test_a_chain_counts() -> None:
    first = sealed()
    second = sealed(first, 2, author="oak")
    assert wrongs(first, second) == ["", ""]


def test_two_towns_may_stamp_at_the_same_time() -> None:
    first = sealed()
    assert wrongs(first, sealed(first, 2), sealed(first, 2, author="oak", id="s-2b")) == ["", "", ""]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"author": "fern"}, "own subject"),
        ({"author": "stranger"}, "no rig"),
        ({"valence": {}}, "no dimension"),
        ({"confidence": 3.0}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"context_id": "c-1"}, "no completion of fern"),
    ],
)
def test_what_is_against_the_rules_does_not_count(change: dict[str, Any], why: str) -> None:
    assert why in wrongs(sealed(**change))[0]


@pytest.mark.parametrize(
    "change", [{"message": "better"}, {"valence": {"quality": 5.0}}, {"skills": ("go",)}, {"confidence": 1.0}]
)
def test_words_changed_afterwards_break_the_seal(change: dict[str, Any]) -> None:
    assert "seal" in wrongs(sealed()._replace(**change))[0]


def test_a_stamp_taken_out_of_the_chain_is_noticed() -> None:
    first = sealed()
    second = sealed(first, 2)
    third = sealed(second, 3)
    assert wrongs(first, third) == ["", "the stamp before it is missing or does not count"]


def test_a_seal_cannot_be_left_out_once_there_is_one() -> None:
    assert wrongs(stamp(1)) == [""]
    assert "no seal" in wrongs(sealed(), stamp(2))[1]


def test_a_completion_of_the_subject_gives_context() -> None:
    assert wrongs(sealed(context_id="c-1"), completions={"c-1": "fern"}) == [""]


@pytest.mark.parametrize(
    ("count", "quality", "breadth", "tier"),
    [
        (0, 0, 0, "newcomer"),
        (3, 1, 1, "contributor"),
        (10, 3.0, 1, "trusted"),
        (10, 2.9, 5, "contributor"),
        (25, 3.5, 2, "maintainer"),
        (50, 4.0, 3, "admin"),
        (100, 4.5, 4, "governor"),
        (100, 4.5, 3, "admin"),
    ],
)
def test_tiers(count: int, quality: float, breadth: int, tier: str) -> None:
    assert tier_of(count, quality, breadth) == tier


def test_averages_are_weighted_by_confidence() -> None:
    found = averages_of(
        [stamp(confidence=1.0, valence={"quality": 5.0}), stamp(confidence=0.0, valence={"quality": 0.0})]
    )
    assert found == {"quality": 5.0}
    assert averages_of([stamp(confidence=0.0)]) == {}


def test_signals_of_fraud() -> None:
    mutual = [stamp(1), stamp(2, author="fern", subject="mill"), stamp(3)]
    assert "collusion" in signals_of("mill", mutual)[0]
    alike = [stamp(number, confidence=0.99) for number in range(5)]
    told = " ".join(signals_of("mill", alike))
    assert "rubber stamps" in told and "always sure" in told
    assert signals_of("oak", alike) == ()


@given(st.text())
def test_no_text_is_read_as_sql(text: str) -> None:
    written = literal(text)
    inner = written.removeprefix("CONVERT(X'").removesuffix("' USING utf8mb4)")
    assert written == "''" or bytes.fromhex(inner).decode() == text.encode("utf-8", "replace").decode()
