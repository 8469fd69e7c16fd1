"""The check of prompt hooks over a ledger that cannot be written, and over one that moves under it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import GastownError
from gastown_core.messaging import mail_check, mailbox
from tests.support.towns import reference_town


def test_a_read_only_ledger_is_looked_at_and_nothing_is_told(tmp_path: Path) -> None:
    store = TownLedger(reference_town(tmp_path), read_only=True).store("town")
    assert store is not None

    assert [one.subject for one in mail_check.look(store, "mayor/").fresh] == ["[HIGH] Build broken on main"]
    with pytest.raises(GastownError):
        mail_check.take(store, "mayor/")
    with pytest.raises(GastownError):
        mailbox.archive(store, ["hq-en9"], "mayor/")
    assert len(mail_check.look(store, "mayor/").fresh) == 1


def test_what_is_archived_is_not_told(tmp_path: Path) -> None:
    store = TownLedger(reference_town(tmp_path)).store("town")
    assert store is not None

    mailbox.archive(store, ["hq-en9"], "mayor/")

    assert mail_check.take(store, "mayor/").fresh == ()
