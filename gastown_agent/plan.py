"""The steps of a bead, and performing one: a real edit and a real commit in the worktree."""

from __future__ import annotations

import os
import re

from gastown_core import process
from gastown_core.errors import GitError
from gastown_core.files.atomic import link_on_the_way
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_agent.town_commands import Assignment


class Plan(Record):
    """A bead's steps, and the files (relative to the worktree) that they are written to in turn."""

    bead: str
    title: str
    steps: tuple[str, ...]
    files: tuple[str, ...]


DEFAULT_STEPS = ("read the code around it", "write the change", "add a test", "run the tests", "describe the change")
_STEP = re.compile(r"^\s*(?:[-*] (?:\[[ x]\] )?|\d+[.)] )(\S.*)$", re.MULTILINE)
_FILES = re.compile(r"^files?:[ \t]*(\S.*)$", re.MULTILINE | re.IGNORECASE)


def plan_for(work: Assignment) -> Plan:
    """Return the plan of a bead: steps from the list in its description (two or more items) or the default ones."""
    steps = tuple(step.strip()[:120] for step in _STEP.findall(work.description)) or DEFAULT_STEPS
    if len(steps) < 2:
        steps = DEFAULT_STEPS
    named = [name.strip() for line in _FILES.findall(work.description) for name in line.split(",")]
    files = tuple(name for name in named if _is_inside(name)) or (f"changes/{work.bead}.md",)
    return Plan(work.bead, work.title, steps, files)


def do_step(plan: Plan, number: int, work_dir: str, *, commit: bool = True) -> str:
    """Write step ``number`` (from 0) into its file and commit it; return the file's name. Raises GitError, OSError.

    A file reached through a symbolic link is not written, because the link may lead out of the worktree.
    """
    name = plan.files[number % len(plan.files)]
    if link_on_the_way(work_dir, name):
        name = f"changes/{plan.bead}.md"
    path = os.path.join(work_dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    step = plan.steps[number]
    with open(path, "a", encoding="utf-8") as handle:
        handle.write(line_for(name, f"{plan.bead}: {step}"))
    if commit:
        commit_file(work_dir, name, f"{step[:1].upper()}{step[1:]} ({plan.bead})", plan.title or plan.bead)
    return name


def commit_file(work_dir: str, name: str, subject: str, body: str) -> None:
    """Commit one file. Raises GitError."""
    _git(work_dir, "add", "--", name)
    _git(work_dir, "commit", "-q", "-m", subject, "-m", body, "--", name)


def line_for(name: str, text: str) -> str:
    """Return ``text`` as a comment line, or a list item, for a file of that kind."""
    if name.endswith((".md", ".txt", ".rst")):
        return f"- {text}\n"
    if name.endswith((".js", ".ts", ".go", ".rs", ".c", ".h", ".java")):
        return f"// {text}\n"
    return f"# {text}\n"


def is_worktree(work_dir: str) -> bool:
    """Return whether the folder is a git checkout."""
    return os.path.exists(os.path.join(work_dir, ".git"))


def _is_inside(name: str) -> bool:
    clean = os.path.normpath(name)
    return bool(name) and not os.path.isabs(clean) and not clean.startswith("..") and not clean.startswith(".git")


def _git(work_dir: str, *words: str) -> None:
    done = process.run(["git", *words], cwd=work_dir, timeout_s=30.0)
    if done.code:
        raise GitError(f"git {words[0]} failed", (done.err or done.out).strip()[:300])
