"""Opens and creates stores: the ``.beads`` folder, its files, and git's merge driver for it."""

from __future__ import annotations

import os

from gastown_core.beads.discovery import BEADS, LEDGER, follow_redirects, holds_records, is_served, ledger_name
from gastown_core.beads.jsonl_store import JsonlStore
from gastown_core.beads.settings import prefix_in, read_settings, vocabulary
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, StoreError
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.index_intake import Progress
    from gastown_core.beads.query import Excerpt
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock

DRIVER_WORDS = "merge-driver %O %A %B"
DRIVER_NAME = "beads"

IGNORED = (
    "wisps.jsonl *.bak .lock *.lock locks/ .locks/ *.db* .*.tmp redirect last-touched events.jsonl export-state.json "
    ".local_version .env backup/ dolt/ embeddeddolt/ dolt-server.* daemon.* .exclusive-lock .gt-types-configured "
    ".gt-statuses-configured audit.log"
).split()
"""Files in ``.beads`` that do not belong in git."""


def open_store(
    beads_dir: str,
    *,
    prefix: str = "",
    clock: Clock = SYSTEM_CLOCK,
    foreign: Callable[[str], Excerpt | None] | None = None,
    lacks: Callable[[str], bool] | None = None,
    progress: Progress | None = None,
    read_only: bool = False,
) -> BeadStore:
    """Return the store of a ``.beads`` folder, redirects followed; ``prefix`` is used if the folder does not set one.

    Raises StoreError if the folder is missing.
    """
    return open_final(
        follow_redirects(beads_dir),
        prefix=prefix,
        clock=clock,
        foreign=foreign,
        lacks=lacks,
        progress=progress,
        read_only=read_only,
    )


def open_final(
    final: str,
    *,
    prefix: str = "",
    clock: Clock = SYSTEM_CLOCK,
    foreign: Callable[[str], Excerpt | None] | None = None,
    lacks: Callable[[str], bool] | None = None,
    progress: Progress | None = None,
    read_only: bool = False,
) -> BeadStore:
    """As ``open_store``, for a folder whose redirects have already been followed."""
    if not os.path.isdir(final):
        raise StoreError(f"no beads in {os.path.dirname(final)}", f"{final} is missing", "run bd init to create it")
    settings = read_settings(final)
    if is_served(final):
        from gastown_core.beads.dolt.opening import open_served

        return open_served(
            final,
            prefix_in(settings) or prefix.rstrip("-"),
            clock=clock,
            words=vocabulary(settings),
            foreign=foreign,
            lacks=lacks,
            progress=progress,
            read_only=read_only,
        )
    own = prefix_in(settings) or prefix.rstrip("-") or _guess_prefix(final)
    return JsonlStore(
        final,
        own,
        clock=clock,
        words=vocabulary(settings),
        foreign=foreign,
        lacks=lacks,
        progress=progress,
        read_only=read_only,
    )


def _guess_prefix(beads_dir: str) -> str:
    """Return the prefix of the first record, otherwise one made from the folder's name."""
    from gastown_core.beads.ids import default_prefix, route_prefix

    try:
        with open(open_plain(os.path.join(beads_dir, ledger_name(beads_dir))), "rb") as handle:
            for _, line in zip(range(20), handle):  # noqa: B905
                try:
                    value = decode_json(line)
                except ValueError:
                    continue
                found = route_prefix(str(value.get("id") or "")) if isinstance(value, dict) else ""
                if found:
                    return found.rstrip("-")
    except OSError:
        pass
    return default_prefix(os.path.basename(os.path.dirname(beads_dir)))


def init_store(folder: str, prefix: str = "", *, use_git: bool = True) -> list[str]:
    """Set up ``<folder>/.beads``: configuration, ignore list, empty ledger, merge driver. Existing files are kept.

    Returns the files that were created or extended, relative to ``folder``.  Raises ConflictError if the store
    already has another prefix.
    """
    from gastown_core.beads.ids import check_prefix, default_prefix

    beads_dir = os.path.join(os.path.abspath(folder), BEADS)
    standing = prefix_in(read_settings(beads_dir)) if os.path.isdir(beads_dir) else ""
    wanted = check_prefix(prefix or standing or default_prefix(os.path.basename(os.path.abspath(folder))))
    if standing and standing != wanted:
        raise ConflictError(
            f"{beads_dir} has the prefix {standing}", f"{wanted} was requested", "omit the prefix to keep it"
        )
    try:
        os.makedirs(beads_dir, exist_ok=True)
        made = _write_files(beads_dir, wanted, use_git=use_git)
    except OSError as error:
        raise StoreError(f"cannot write {beads_dir}", error.strerror or str(error)) from error
    if use_git and register_driver(beads_dir):
        made.append("git merge driver")
    return made


def _write_files(beads_dir: str, prefix: str, *, use_git: bool) -> list[str]:
    import json

    made = []
    ledger = ledger_name(beads_dir) if holds_records(beads_dir) else LEDGER
    metadata = {"database": "issues.jsonl", "backend": "jsonl"}
    wanted = {
        "config.yaml": f"issue-prefix: {prefix}\nno-db: true\n",
        "metadata.json": json.dumps(metadata, indent=2) + "\n",
        ledger: "",
    }
    for name, text in wanted.items():
        path = os.path.join(beads_dir, name)
        if not os.path.exists(path):
            with open(path, "x", encoding="utf-8") as handle:
                handle.write(text)
            made.append(os.path.join(BEADS, name))
    if not prefix_in(read_settings(beads_dir)):
        _add_lines(os.path.join(beads_dir, "config.yaml"), (f"issue-prefix: {prefix}",))
        made.append(os.path.join(BEADS, "config.yaml"))
    if _add_lines(os.path.join(beads_dir, ".gitignore"), IGNORED):
        made.append(os.path.join(BEADS, ".gitignore"))
    is_named = use_git and merge_attribute(beads_dir, ledger) == DRIVER_NAME
    if not is_named and _add_lines(os.path.join(beads_dir, ".gitattributes"), (f"{ledger} merge={DRIVER_NAME}",)):
        made.append(os.path.join(BEADS, ".gitattributes"))
    return made


def _add_lines(path: str, wanted: tuple[str, ...] | list[str]) -> bool:
    """Append the lines that a file lacks; returns whether there were any. Raises StoreError for a symbolic link.

    Others may fill the folder's repository, and a link could lead out of it.
    """
    if os.path.islink(path):
        raise StoreError(f"cannot write {path}", "it is a symbolic link", "links are not followed here")
    try:
        with open(open_plain(path), encoding="utf-8") as handle:
            text = handle.read()
    except FileNotFoundError:
        text = ""
    missing = [line for line in wanted if line not in text.splitlines()]
    if missing:
        joint = "" if not text or text.endswith("\n") else "\n"
        with open(path, "a", encoding="utf-8") as handle:
            handle.write(joint + "\n".join(missing) + "\n")
    return bool(missing)


def driver_command() -> str:
    """Return the merge driver command for git: this installation's ``bd`` by its full path.

    git runs it with its own PATH, on which another ``bd`` may lack ``merge-driver``.
    """
    import shlex
    import sys

    own = os.path.join(os.path.dirname(sys.executable), "bd")
    return f"{shlex.quote(own) if os.path.exists(own) else 'bd'} {DRIVER_WORDS}"


def driver_registered(folder: str) -> bool | None:
    """Return whether our merge driver is registered in the git config; None outside a repository or without git."""
    from gastown_core.errors import GastownError
    from gastown_core.process import run

    try:
        if run(["git", "rev-parse", "--git-dir"], cwd=folder).code != 0:
            return None
        found = run(["git", "config", "--get", f"merge.{DRIVER_NAME}.driver"], cwd=folder)
    except GastownError:
        return None
    return found.out.strip() == driver_command()


def merge_attribute(beads_dir: str, name: str) -> str:
    """Return the merge driver that git's attributes set for a file of the folder; empty if none."""
    from gastown_core.errors import GastownError
    from gastown_core.process import run

    try:
        found = run(["git", "check-attr", "merge", "--", name], cwd=beads_dir)
    except GastownError:
        return ""
    value = found.out.strip().rpartition(": ")[2] if found.code == 0 else ""
    return "" if value in ("unspecified", "unset", "set") else value


def register_driver(folder: str) -> bool:
    """Register the merge driver for ``issues.jsonl``, once per clone; returns whether it was needed and done."""
    from gastown_core.process import run

    if driver_registered(folder) is not False:
        return False
    name = run(["git", "config", f"merge.{DRIVER_NAME}.name", "beads, field by field"], cwd=folder)
    driver = run(["git", "config", f"merge.{DRIVER_NAME}.driver", driver_command()], cwd=folder)
    return name.code == 0 and driver.code == 0


def ensure_driver(beads_dir: str) -> str:
    """Register the merge driver if git's attributes name it but the clone lacks it, as a fresh clone does.

    Returns a sentence about what was done or what to do, empty if nothing was needed.  Normally it only reads files,
    since every writing command calls it.
    """
    if not _lacks_driver(beads_dir):
        return ""
    if register_driver(beads_dir):
        return "registered the merge driver: git now merges this clone's beads field by field"
    if driver_registered(beads_dir) is not False:
        return ""
    return "this clone lacks the merge driver, and its git config cannot be written: run bd doctor --fix"


def _lacks_driver(beads_dir: str) -> bool:
    """Return whether attributes in or above the folder name our driver while the clone's config does not define it."""
    above = os.path.dirname(os.path.abspath(beads_dir))
    named = f"merge={DRIVER_NAME}"
    if not any(named in _text(os.path.join(folder, ".gitattributes")) for folder in (beads_dir, above)):
        return False
    git_dir = _git_dir(above)
    if not git_dir:
        return False
    shared = _text(os.path.join(git_dir, "commondir")).strip()
    return f'[merge "{DRIVER_NAME}"]' not in _text(os.path.join(git_dir, shared, "config"))


def _git_dir(folder: str) -> str:
    """Return the git folder of the worktree around a folder, empty if there is none."""
    while True:
        found = os.path.join(folder, ".git")
        if os.path.isdir(found):
            return found
        pointer = _text(found)
        if pointer.startswith("gitdir:"):
            return os.path.join(folder, pointer.removeprefix("gitdir:").strip())
        if os.path.dirname(folder) == folder:
            return ""
        folder = os.path.dirname(folder)


def _text(path: str) -> str:
    try:
        with open(open_plain(path), encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""
