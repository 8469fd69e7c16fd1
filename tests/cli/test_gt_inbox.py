"""``gt inbox`` as a person runs it: rows from every source, and what becomes of them."""

from __future__ import annotations

import pytest

from gastown_core.attention.marks import path_of
from gastown_core.molecules.gates import create
from tests.support.cli import gt
from tests.support.rigged import Rigged


def keys(rigged: Rigged, *words: str) -> list[str]:
    return [row["key"] for row in gt("inbox", "--json", *words, cwd=rigged.root).json["items"]]


def test_what_waits_is_listed_with_what_it_holds_up_and_leaves_when_it_is_settled(rigged: Rigged) -> None:
    assert gt("inbox", cwd=rigged.root).out == "Nobody needs you.\n"
    ship, after = rigged.file("Ship it"), rigged.file("Tell the users")
    with rigged.ledger.store_for("sh-x").write("overseer") as batch:
        batch.add_edge(after.id, ship.id, "blocks")
    gate = create(rigged.ledger.store_for("sh-x"), ship.id, actor="mayor/", reason="may it ship?")
    raised = gt("escalate", "-s", "high", "rebase refused", "--related", ship.id, "--json", cwd=rigged.root).json["id"]
    sent = gt(
        "mail", "send", "overseer", "-s", "Which currency?", "-m", "EUR?", cwd=rigged.root, BD_ACTOR="shop/witness"
    )
    assert sent.code == 0

    found = gt("inbox", "--json", cwd=rigged.root).json
    assert [row["kind"] for row in found["items"]] == ["escalation", "gate", "mail"]
    assert found["needs_you"] == 3
    assert found["items"][0]["holds_up"] == [after.id]
    assert found["items"][1]["question"] == "may it ship?"
    assert found["items"][1]["holds_up"] == [ship.id, after.id]
    assert found["items"][2]["question"] == "Which currency?"
    assert gt("inbox", "--count", cwd=rigged.root).out == "3\n"
    assert gt("inbox", "--rig", "shop", "--count", cwd=rigged.root).out == "2\n"

    assert gt("escalate", "ack", raised, cwd=rigged.root).code == 0
    assert gt("mail", "read", found["items"][2]["bead"], cwd=rigged.root).code == 0
    assert keys(rigged) == [f"gate:{gate.id}"]


def test_mail_that_only_informs_stands_below_and_counts_nowhere(rigged: Rigged) -> None:
    def send(*words: str) -> None:
        assert gt("mail", "send", "overseer", *words, cwd=rigged.root, GT_ROLE="mayor").code == 0

    convoy = gt("convoy", "create", "Bug fixes", rigged.file("One").id, "--json", cwd=rigged.root).json["id"]
    assert gt("convoy", "close", convoy, "--force", cwd=rigged.root).code == 0
    send("-s", "Daily report", "-m", "all well")
    send("-s", "Is it Friday?", "-m", "then I rest", "--fyi")
    asked = gt("mail", "send", "mayor", "-s", "Which currency?", "-m", "EUR?", "--json", cwd=rigged.root).json
    assert gt("mail", "reply", asked["sent"][0]["id"], "EUR.", cwd=rigged.root, GT_ROLE="mayor").code == 0
    listed = gt("inbox", cwd=rigged.root).out
    assert listed.startswith("Nobody needs you.\nTO READ 4\n"), listed
    assert "Re: Which currency?" in listed and "Convoy " in listed
    found = gt("inbox", "--json", cwd=rigged.root).json
    assert (found["needs_you"], found["to_read"], {row["needs"] for row in found["items"]}) == (0, 4, {"reading"})
    assert gt("inbox", "--count", cwd=rigged.root).out == "0\n"
    assert "need" not in gt("status", cwd=rigged.root).out
    assert gt("status", "--json", cwd=rigged.root).json["attention"] == {"needs_you": 0, "needs_help": 0, "to_read": 4}
    assert ": 1 landed, 4 to read\n" in gt("digest", cwd=rigged.root).out

    send("-s", "Daily report", "-m", "Two are red. Shall I revert them?")
    listed = gt("inbox", cwd=rigged.root).out
    assert listed.startswith("NEEDS YOU 1\n") and "TO READ 4" in listed
    assert gt("inbox", "--count", cwd=rigged.root).out == "1\n"


def test_a_copy_for_the_overseer_is_to_be_read_until_it_is(rigged: Rigged) -> None:
    sent = gt(
        "mail", "send", "shop/witness", "--cc", "human", "-s", "Shall we?", "-m", "ship?", "--json", cwd=rigged.root,
        GT_ROLE="mayor",
    ).json["sent"][0]["id"]  # fmt: skip
    assert keys(rigged) == [f"mail:{sent}"]
    found = gt("inbox", "--json", cwd=rigged.root).json
    assert (found["needs_you"], found["to_read"]) == (0, 1), "the one it is addressed to has the question"
    assert gt("mail", "read", sent, cwd=rigged.root, GT_ROLE="shop/witness").code == 0
    assert keys(rigged) == [f"mail:{sent}"]
    assert gt("mail", "read", sent, cwd=rigged.root).code == 0
    assert keys(rigged) == []
    assert gt("mail", "mark-unread", sent, cwd=rigged.root).code == 0
    assert keys(rigged) == [f"mail:{sent}"]
    assert gt("mail", "archive", sent, cwd=rigged.root).code == 0
    assert keys(rigged) == []


def test_all_that_is_to_be_read_is_done_at_once_and_undone(rigged: Rigged) -> None:
    for number in range(3):
        gt("mail", "send", "overseer", "-s", f"Daily report {number}", "-m", "well", cwd=rigged.root, GT_ROLE="mayor")
    asks = gt("escalate", "one", "--json", cwd=rigged.root).json["id"]
    told = gt("inbox", "done", "--read", cwd=rigged.root)
    assert told.code == 0 and "marked as read: 3" in told.out
    assert keys(rigged) == [f"escalation:{asks}"]
    again = gt("inbox", "done", "--read", cwd=rigged.root)
    assert again.code == 0 and "nothing is to be read" in again.out
    assert gt("inbox", "undo", cwd=rigged.root).code == 0
    assert len(keys(rigged)) == 4
    assert gt("inbox", "done", cwd=rigged.root).code == 2


def test_work_after_its_last_attempt_stays_until_a_person_acts_on_it_itself(rigged: Rigged) -> None:
    bead = rigged.file("Lost cause").id
    with rigged.ledger.store_for(bead).write("shop/refinery") as batch:
        batch.update(bead, {"status": "blocked", "labels": ["needs-fix", "needs-person"]})
    raised = gt("escalate", "lost", "--related", bead, "--json", cwd=rigged.root).json["id"]
    assert keys(rigged) == [f"escalation:{raised}"]
    assert gt("escalate", "close", raised, "--reason", "seen", cwd=rigged.root).code == 0
    assert keys(rigged) == [f"given-up:{bead}"]
    [row] = gt("inbox", "--json", cwd=rigged.root).json["items"]
    assert row["orders"] == ["bead.sling"] and "Lost cause" in row["question"]
    assert row["next"] == f"gt sling {bead} shop"
    rigged.sling(bead)
    assert f"given-up:{bead}" not in keys(rigged)


def test_a_row_is_snoozed_pinned_and_done_by_number_bead_or_key_and_undone(rigged: Rigged) -> None:
    first = gt("escalate", "-s", "high", "one", "--json", cwd=rigged.root).json["id"]
    second = gt("escalate", "-s", "low", "two", "--json", cwd=rigged.root).json["id"]
    assert gt("inbox", "pin", second, cwd=rigged.root).code == 0
    assert keys(rigged) == [f"escalation:{second}", f"escalation:{first}"]
    assert gt("inbox", "done", "2", cwd=rigged.root).code == 0
    assert gt("inbox", "snooze", f"escalation:{second}", "2h", cwd=rigged.root).code == 0
    assert keys(rigged) == []
    told = gt("inbox", cwd=rigged.root)
    assert "Nobody needs you" in told.out
    assert "2 snoozed or done" in told.err
    assert sorted(keys(rigged, "--all")) == sorted([f"escalation:{first}", f"escalation:{second}"])
    assert gt("inbox", "undo", cwd=rigged.root).code == 0
    assert keys(rigged) == [f"escalation:{second}"]
    assert gt("inbox", "undo", cwd=rigged.root).code == 0
    assert gt("inbox", "undo", cwd=rigged.root).code == 0
    assert keys(rigged) == [f"escalation:{first}", f"escalation:{second}"]


def test_a_wrong_row_or_time_is_refused_with_words(rigged: Rigged) -> None:
    raised = gt("escalate", "one", "--json", cwd=rigged.root).json["id"]
    unknown = gt("inbox", "done", "sh-nothing", cwd=rigged.root)
    assert unknown.code == 1
    assert "gt inbox lists them" in unknown.err
    assert gt("inbox", "snooze", raised, "soon", cwd=rigged.root).code == 2
    assert gt("inbox", "snooze", raised, "2001-01-01T00:00:00Z", cwd=rigged.root).code == 2
    assert keys(rigged) == [f"escalation:{raised}"]


ODD_MARKS = [
    '{"marks": {"KEY": {"at": "x", "until": [1], "state": "snoozed", "stamp": "P2"}}}',
    '{"marks": {"KEY": {"at": 1, "until": 1e300, "state": "snoozed", "stamp": "P2"}}, "undo": {"a": 1}}',
    f'{{"marks": {{"KEY": {{"at": -1, "until": 1{"0" * 400}, "pinned": true}}}}}}',
    "[]",
    "half a fi",
]


@pytest.mark.parametrize("text", ODD_MARKS)
def test_odd_marks_hide_no_row_and_stop_no_command(rigged: Rigged, text: str) -> None:
    raised = gt("escalate", "one", "--json", cwd=rigged.root).json["id"]
    path = path_of(rigged.root)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("KEY", f"escalation:{raised}"))
    for words in (("inbox",), ("inbox", "--all"), ("digest",)):
        told = gt(*words, cwd=rigged.root)
        assert told.code == 0 and "one" in told.out, told.err
    assert keys(rigged, "--all") == [f"escalation:{raised}"]
    if text.startswith("{"):
        assert gt("inbox", "snooze", raised, "1h", cwd=rigged.root).code == 0
        assert keys(rigged) == []
    else:
        assert path in gt("inbox", cwd=rigged.root).err
        refused = gt("inbox", "snooze", raised, "1h", cwd=rigged.root)
        assert refused.code == 2 and path in refused.err
