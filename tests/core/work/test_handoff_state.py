"""``gt handoff --collect`` and ``gt resume``: what a successor finds."""

from __future__ import annotations

import os

from gastown_core.messaging.handoff import store_note, waiting_notes
from gastown_core.messaging.mail import send_mail
from gastown_core.work.handoff_state import collect_state
from tests.support.cli import gt
from tests.support.rigged import Rigged, write


def test_the_state_names_worktree_work_mail_and_ready_work(rigged: Rigged, without_tmux: None) -> None:
    bead = rigged.file("Mend the door")
    rigged.file("Paint it", priority=0)
    sling = rigged.sling(bead.id)
    entry = rigged.entry(sling.result.agent)
    for number in range(12):
        write(os.path.join(entry.work_dir, f"new{number:02}.txt"), "x")
    write(os.path.join(entry.work_dir, "README.md"), "changed\n")
    send_mail(rigged.root, rigged.ledger, entry.address.mail, "Look here", sender="mayor")

    text = collect_state(rigged.root, entry)

    assert f"## Hooked work\n\n{bead.id} [hooked] Mend the door" in text
    assert "changed README.md" in text
    assert "untracked new04.txt\nand 7 more untracked" in text
    assert "commit " in text
    assert "## Inbox" in text
    assert "Look here" in text
    assert "P0 Paint it" in text
    assert [part for part in text.splitlines() if part.startswith("## ")][:2] == ["## Workspace", "## Hooked work"]


def test_what_cannot_be_read_is_named_and_the_rest_is_there(rigged: Rigged, without_tmux: None) -> None:
    entry = rigged.entry("shop/witness")
    ledger = os.path.join(rigged.root, "shop", ".beads", "issues.jsonl")
    os.remove(ledger)
    os.mkdir(ledger)
    send_mail(rigged.root, rigged.ledger, entry.address.mail, "Look here", sender="mayor")
    text = collect_state(rigged.root, entry)
    assert "cannot be read" in text
    assert "Look here" in text


def test_a_note_waits_until_it_is_read(rigged: Rigged, without_tmux: None) -> None:
    entry = rigged.entry("mayor")
    store_note(rigged.root, entry, "half done", "see\x1b[31m sh-1", "mayor")
    send_mail(rigged.root, rigged.ledger, "mayor/", "Not one", sender="opal")

    (note,) = waiting_notes(rigged.root, entry)
    assert (note.title, note.sender, note.body) == ("🤝 HANDOFF: half done", "mayor", "see\x1b[31m sh-1")
    shown = gt("resume", "mayor", cwd=rigged.root)
    assert "half done" in shown.out
    assert "\x1b[31m" not in shown.out
    assert gt("resume", "mayor", "--json", cwd=rigged.root).json[0]["id"] == note.id
    assert gt("resume", "deacon", cwd=rigged.root).err == "no handoff notes wait for deacon\n"
    dry = gt("handoff", "mayor", "--collect", "-m", "mine", "--dry-run", cwd=rigged.root)
    assert "mine" in dry.out
    assert "## Inbox" in dry.out
