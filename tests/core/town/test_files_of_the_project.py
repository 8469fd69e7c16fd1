"""Repositories that have files of their own, or symbolic links, where the town puts its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.messaging.handoff import leave_marker, take_marker
from gastown_core.town.crew import add_crew
from gastown_core.town.polecat_worktree import add_polecat
from gastown_core.town.rigs import add_rig, beads_home
from tests.support.repos import PERSON, commit_files, make_repo

OUTSIDE = ("note.md", "runtime/handoff_to_successor", "claude/commands/x.md")


@pytest.fixture
def linked(rigged, tmp_path):
    """A second rig whose repository links out of itself at every place we write to, and the folder it links to."""
    outside = tmp_path / "outside"
    for name in OUTSIDE:
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / name).write_text("theirs")
    source = make_repo(str(tmp_path / "linked"))
    for name, target in {
        "CLAUDE.local.md": "note.md",
        ".runtime": "runtime",
        ".claude": "claude",
        ".beads": "nowhere",
        "state.json": "nothing.json",
        "mail": "no-mail",
    }.items():
        os.symlink(str(outside / target), os.path.join(source.path, name))
    commit_files(source, {}, "links")
    add_rig(rigged.root, "linked", source.path, prefix="ln")
    return rigged, outside


def listing(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written_through_a_link_of_the_repository(linked):
    rigged, outside = linked
    made = add_polecat(rigged.root, "linked", "opal")
    leave_marker(made.entry)
    assert take_marker(made.entry.work_dir) == ""
    crew = add_crew(rigged.root, "linked", "ana")
    assert listing(outside) == dict.fromkeys(OUTSIDE, "theirs")
    for folder in (made.entry.work_dir, crew.work_dir, os.path.join(rigged.root, "linked", "refinery", "rig")):
        assert worktree.status(Git(folder)) == ((), ()), folder
    assert any("CLAUDE.local.md" in word for word in made.warnings)
    assert any("symbolic link" in word for word in made.warnings)


def test_beads_behind_a_link_are_not_the_rigs_ledger(linked):
    rigged, _ = linked
    assert beads_home(rigged.root, "linked") == os.path.join(rigged.root, "linked", ".beads")
    with rigged.ledger.store_for("ln-x").write("x") as batch:
        made = batch.create({"title": "Somewhere safe"})
    assert rigged.ledger.get(made.id).title == "Somewhere safe"


def test_a_file_where_we_need_a_folder_is_told_and_left(rigged, tmp_path):
    source = make_repo(
        str(tmp_path / "files"), files={".beads": "x", ".claude": "x", ".runtime": "x", "README.md": "x"}
    )
    add_rig(rigged.root, "files", source.path, prefix="fi")
    made = add_polecat(rigged.root, "files", "opal")
    assert worktree.status(Git(made.entry.work_dir)) == ((), ())
    assert sum("cannot write" in word for word in made.warnings) == 2


def test_tracked_files_with_our_names_stay_as_the_project_has_them(rigged):
    names = ("CLAUDE.local.md", ".claude/settings.local.json", "state.json", ".beads/redirect")
    work = Git(os.path.dirname(rigged.origin.path))
    work.run("clone", "--quiet", rigged.origin.path, "theirs")
    clone = Git(os.path.join(work.path, "theirs"), identity=PERSON)
    commit_files(clone, dict.fromkeys(names, "theirs"), "files of the project")
    clone.run("push", "--quiet", "origin", "HEAD:main")
    polecat = add_polecat(rigged.root, "shop", "opal").entry
    crew = add_crew(rigged.root, "shop", "ana")
    for entry in (polecat, crew):
        assert worktree.status(Git(entry.work_dir)) == ((), ())
        for name in names:
            assert Path(entry.work_dir, name).read_text() == "theirs"


def test_an_overlay_folder_hides_nothing(rigged):
    overlay = Path(rigged.root, "shop", ".runtime", "overlay")
    (overlay / "conf").mkdir(parents=True)
    (overlay / ".env.local").write_text("A=1")
    entry = add_polecat(rigged.root, "shop", "opal").entry
    Path(entry.work_dir, "conf").mkdir()
    Path(entry.work_dir, "conf", "app.ini").write_text("theirs")
    assert worktree.status(Git(entry.work_dir)) == ((), ("conf/app.ini",))
