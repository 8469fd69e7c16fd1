"""The lean enumeration of strings behaves as ``enum.StrEnum`` does, in all that the program uses."""

from __future__ import annotations

import copy
import enum
import json
import pickle
from typing import Any

import orjson
import pytest

from gastown_core.model.string_enum import StringEnum


class Lean(StringEnum):
    """Members."""

    ONE = "one"
    TWO = "two"


class Standard(enum.StrEnum):
    """The same members."""

    ONE = "one"
    TWO = "two"


BOTH: list[Any] = [Lean, Standard]


@pytest.mark.parametrize("kind", BOTH)
def test_a_member_is_its_string_and_one_object(kind: Any) -> None:
    one = kind.ONE

    assert one == "one"
    assert isinstance(one, str)
    assert (one.name, one.value, str(one), f"{one:>5}") == ("ONE", "one", "one", "  one")
    assert type(one.value) is str
    assert {one: 1}["one"] == 1
    assert kind("one") is one
    assert copy.copy(one) is one
    assert copy.deepcopy(one) is one
    assert json.dumps([one]) == '["one"]'
    assert orjson.dumps([one]) == b'["one"]'
    assert list(kind) == ["one", "two"]
    assert len(kind) == 2


@pytest.mark.parametrize("kind", BOTH)
def test_unknown_values_and_changes_are_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="'three' is not a valid"):
        kind("three")
    with pytest.raises(AttributeError):
        kind.ONE = "three"


@pytest.mark.parametrize("kind", BOTH)
def test_a_pickled_member_comes_back_as_the_same_object(kind: Any) -> None:
    assert pickle.loads(pickle.dumps(kind.TWO)) is kind.TWO
