"""Of many wisps only those that changed are read again, whoever changed them and however."""

from __future__ import annotations

import random

import pytest

from gastown_core.beads.dolt.mirror import Mirror
from gastown_core.beads.dolt.schema import WISPS
from tests.dolt.test_reading import issue, put
from tests.support.dolt import needs_dolt, shared_server

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]


class Watched(Mirror):
    """A mirror that notes which wisps it reads; None: all."""

    asked: list[set[str] | None]

    def read(self, home, ids):
        if home == WISPS and ids != set():
            self.asked.append(ids)
        return super().read(home, ids)


@pytest.fixture
def wisps(tmp_path):
    server = shared_server()
    database = server.new_database()
    rows = [issue(f"gt-{n:02d}", "a wisp", "wisps", ephemeral=1) for n in range(30)]
    put(server, database, *rows, *(f"INSERT INTO wisp_labels VALUES ('gt-{n:02d}', 'gt:message')" for n in range(30)))
    mirror = Watched(str(tmp_path), server.link(database))
    mirror.asked = []
    mirror.catch_up()
    assert mirror.asked.pop() is None
    yield mirror, lambda *statements: put(server, database, *statements)
    mirror.link.close()


def shown(mirror) -> dict[str, bytes]:
    """The newest line of each wisp in the mirror's file, without those that are gone."""
    found = {}
    for line in open(mirror.path(WISPS), "rb").read().splitlines():  # noqa: SIM115
        found[line.split(b'"id":"')[1][:5].decode()] = line
    return {one: line for one, line in found.items() if b'"tombstone"' not in line}


def agrees(mirror) -> bool:
    return shown(mirror) == Mirror.read(mirror, WISPS, None)


def later(second: int) -> str:
    return f"2026-03-02 10:{20 + second // 60}:{second % 60:02d}"


def settle(mirror, change) -> None:
    """Give the marks a newest second that only one wisp has."""
    change(f"UPDATE wisps SET title='first', updated_at='{later(0)}' WHERE id='gt-00'")
    mirror.catch_up()
    mirror.asked.clear()


def test_a_changed_wisp_is_read_alone(wisps):
    mirror, change = wisps
    settle(mirror, change)
    change(f"UPDATE wisps SET title='new', updated_at='{later(1)}' WHERE id='gt-07'")
    mirror.catch_up()
    assert mirror.asked == [{"gt-00", "gt-07"}] and agrees(mirror)
    change("INSERT INTO wisp_labels VALUES ('gt-09', 'read')")
    mirror.catch_up()
    # the first change of a table leaves its marks; from then on one row is one wisp
    change("INSERT INTO wisp_labels VALUES ('gt-11', 'read')")
    mirror.catch_up()
    assert mirror.asked[-1] == {"gt-11"} and agrees(mirror)
    change("DELETE FROM wisps WHERE id='gt-12'", issue("gt-40", "another", "wisps", ephemeral=1, updated_at=later(2)))
    mirror.catch_up()
    assert mirror.asked[-1] == {"gt-07", "gt-12", "gt-40"} and agrees(mirror) and "gt-12" not in shown(mirror)


def test_two_changes_in_one_second_and_one_without_a_time_are_seen(wisps):
    mirror, change = wisps
    settle(mirror, change)
    for title in ("one", "two"):
        change(f"UPDATE wisps SET title='{title}', updated_at='{later(5)}' WHERE id='gt-03'")
        mirror.catch_up()
        assert agrees(mirror) and title.encode() in shown(mirror)["gt-03"]
    change("UPDATE wisps SET notes='past the times, alone' WHERE id='gt-20'")
    mirror.catch_up()
    assert agrees(mirror)
    change("UPDATE wisps SET title='past the times' WHERE id='gt-20'")
    change(f"UPDATE wisps SET title='beside it', updated_at='{later(9)}' WHERE id='gt-03'")
    mirror.catch_up()
    assert agrees(mirror) and b"beside it" in shown(mirror)["gt-03"]
    change("DELETE FROM wisps")
    mirror.catch_up()
    assert shown(mirror) == {} and agrees(mirror)


def test_after_any_changes_the_mirror_is_what_the_database_holds(wisps):
    mirror, change = wisps
    rng = random.Random(7)
    for second in range(25):
        for _ in range(rng.randint(1, 3)):
            one = f"gt-{rng.randrange(30):02d}"
            change(
                rng.choice(
                    (
                        f"UPDATE wisps SET title='t{second}', updated_at='{later(second)}' WHERE id='{one}'",
                        f"UPDATE wisps SET status='closed', updated_at='{later(second)}' WHERE id='{one}'",
                        f"INSERT IGNORE INTO wisp_labels VALUES ('{one}', 'l{second}')",
                        f"DELETE FROM wisp_labels WHERE issue_id='{one}'",
                        f"DELETE FROM wisps WHERE id='{one}'",
                    )
                )
            )
        mirror.catch_up()
        assert agrees(mirror), second
