from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.beads import ids
from gastown_core.errors import ConflictError, UsageError

CREATED_NS = 1_704_164_645_006_000_000  # 2024-01-02T03:04:05.006Z


@pytest.mark.parametrize(
    ("length", "expected"), [(3, "vju"), (4, "8d8e"), (5, "bi3tk"), (6, "8bi3tk"), (7, None), (8, None)]
)
def test_hash_follows_the_published_vectors(length, expected):
    found = ids.hash_of("Fix login", "Details", "jira-import", CREATED_NS, 0, length)
    assert len(found) == length
    assert expected is None or found == expected


@pytest.mark.parametrize(("existing", "length"), [(0, 5), (5898, 5), (5899, 6), (35389, 6), (35390, 7), (10**9, 8)])
def test_ids_have_five_characters_until_the_store_is_full(existing, length):
    assert ids.length_for(existing) == length


@pytest.mark.parametrize(("existing", "length"), [(163, 3), (164, 4), (983, 4), (984, 5)])
def test_shorter_ids_follow_the_same_rule(existing, length):
    assert ids.length_for(existing, least=3) == length


def test_twenty_thousand_ids_are_unique_and_grow_once():
    taken: set[str] = set()
    for number in range(20_000):
        made = ids.mint("gt", "", "same title", "me", 1.0, number, taken.__contains__)
        assert len(made) == (8 if number <= 5898 else 9)
        taken.add(made)
    assert len(taken) == 20_000


def test_minting_goes_one_longer_when_every_candidate_is_taken():
    assert len(ids.mint("gt", "cv", "t", "me", 1.0, 0, lambda x: len(x) <= len("gt-cv-12345"))) == len("gt-cv-123456")
    with pytest.raises(ConflictError):
        ids.mint("gt", "", "t", "me", 1.0, 0, lambda x: True)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("gastown", "gt"),
        ("my-project", "mp"),
        ("shop-py", "sh"),
        ("abc", "abc"),
        ("beads", "be"),
        ("greenfield", "gf"),
        ("someThing", "st"),
        ("one_two_three", "ott"),
        ("SmallTown", "st"),
        ("billing", "bi"),
        ("x", "x"),
        ("42", "bd"),
        ("", "bd"),
    ],
)
def test_a_rig_gets_its_prefix_from_its_name(name, prefix):
    assert ids.default_prefix(name) == prefix


@given(st.text(max_size=60))
def test_every_name_gives_a_valid_prefix(name):
    assert ids.check_prefix(ids.default_prefix(name))


@pytest.mark.parametrize("bad", ["", "1a", "-", "a b", "a" * 21, "ä", "a/b", "a\nb"])
def test_bad_prefixes_are_refused(bad):
    with pytest.raises(UsageError):
        ids.check_prefix(bad)


def test_children_count_upwards_and_never_reuse_a_number():
    assert ids.child_of("gt-abc12", []) == "gt-abc12.1"
    assert ids.child_of("gt-abc12", ["gt-abc12.1", "gt-abc12.7", "gt-abc12.2.9", "gt-abc123.50"]) == "gt-abc12.8"
    assert ids.child_of("gt-abc12.1.2", []) == "gt-abc12.1.2.1"
    with pytest.raises(UsageError):
        ids.child_of("gt-abc12.1.2.3", [])


@pytest.mark.parametrize(("bead_id", "prefix"), [("gt-abc12", "gt-"), ("hq-cv-abc", "hq-"), ("plain", "")])
def test_route_prefix_ends_at_the_first_hyphen(bead_id, prefix):
    assert ids.route_prefix(bead_id) == prefix


KNOWN = ["gt-abc12", "gt-abd34", "gt-wisp-x7k2m", "gt-abc12.1", "hq-cv-q9q9q"]


@pytest.mark.parametrize(
    ("partial", "found"),
    [
        ("gt-abc12", "gt-abc12"),
        ("abc12", "gt-abc12"),
        ("bd34", "gt-abd34"),
        ("x7k2m", "gt-wisp-x7k2m"),
        ("abc12.1", "gt-abc12.1"),
        ("gt-bd3", "gt-abd34"),
        ("q9q9q", "hq-cv-q9q9q"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_partial_ids_find_their_bead(partial, found):
    assert ids.pick_partial(partial, "gt", KNOWN) == found


def test_an_ambiguous_partial_id_lists_what_it_fits():
    with pytest.raises(UsageError) as caught:
        ids.pick_partial("ab", "gt", KNOWN)
    assert "gt-abc12" in caught.value.why and "gt-abd34" in caught.value.why


def test_an_unknown_id_names_its_neighbours():
    assert "gt-abc12" in ids.not_found("gt-abc13", KNOWN).hint
