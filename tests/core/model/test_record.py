"""Records behave as named tuples do, whichever way they are defined."""

from __future__ import annotations

import copy
import pickle
from collections import namedtuple
from typing import Any

import pytest

from gastown_core.model.convoy import MemberView
from gastown_core.model.record import Record


class Place(Record):
    """Where something lies."""

    path: str
    line: int = 1
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.path}:{self.line}"


class Spot(Place):
    """A place of a more special kind."""

    __slots__ = ()


Twin = namedtuple("Twin", "path line notes", defaults=(1, ()))
"""What the standard library makes of the same fields."""


@pytest.mark.parametrize("kind", [Place, Spot, Twin])
def test_a_record_is_made_by_place_by_name_and_with_defaults(kind: Any) -> None:
    made = [kind("a", 1, ()), kind("a"), kind(path="a"), kind("a", notes=()), kind._make(["a", 1, ()])]
    assert {(type(one), one.path, one.line, one.notes) for one in made} == {(kind, "a", 1, ())}
    assert len(set(made)) == 1
    assert made[0] == ("a", 1, ())
    assert repr(made[0]) == f"{kind.__name__}(path='a', line=1, notes=())"


@pytest.mark.parametrize("kind", [Place, Spot, Twin])
@pytest.mark.parametrize(
    ("values", "named", "told"),
    [
        ((), {}, "path"),
        (("a", 1, (), 2), {}, "got 4|5 were given"),
        (("a",), {"path": "b"}, "path"),
        (("a",), {"typo": 1}, "typo"),
    ],
)
def test_what_does_not_fit_is_refused(
    kind: Any, values: tuple[object, ...], named: dict[str, object], told: str
) -> None:
    with pytest.raises(TypeError, match=told):
        kind(*values, **named)


@pytest.mark.parametrize("kind", [Place, Spot, Twin])
def test_a_record_is_changed_into_another_and_taken_apart(kind: Any) -> None:
    before = kind("a")
    after = before._replace(line=7)
    assert (type(after), after.line, before.line) == (kind, 7, 1)
    assert after._asdict() == {"path": "a", "line": 7, "notes": ()}
    assert kind._fields == ("path", "line", "notes")
    with pytest.raises(ValueError, match="typo"):
        before._replace(typo=1)
    with pytest.raises(TypeError):
        kind._make(["a"])
    with pytest.raises(AttributeError):
        before.line = 2
    with pytest.raises(AttributeError):
        before.other = 2


def test_a_record_has_its_own_methods_and_survives_copying_and_pickling() -> None:
    place = Place("a", 3)
    assert place.text == "a:3"
    for twin in (copy.copy(place), copy.deepcopy(place), pickle.loads(pickle.dumps(place))):
        assert (twin, type(twin)) == (place, Place)
    match place:
        case Place(path, line):
            assert (path, line) == ("a", 3)
    assert isinstance(pickle.loads(pickle.dumps(MemberView("a", "", "", "", "", ""))), MemberView)


def test_a_class_below_a_record_keeps_its_fields_and_its_kind() -> None:
    spot = Spot("a", 3)
    assert (spot.text, spot._replace(line=4).text) == ("a:3", "a:4")
    assert type(spot._replace(line=4)) is Spot
