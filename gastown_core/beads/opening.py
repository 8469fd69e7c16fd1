"""Opening a store, and making one: the ``.beads`` folder, its files, and git's merge driver for it."""

from __future__ import annotations

import json
import os

from gastown_core.beads.discovery import BEADS, LEDGER, follow_redirects, holds_records, ledger_name
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
"""What lies in ``.beads`` but not in git."""


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
    """The store of a ``.beads`` folder, redirects followed. ``prefix`` serves where the folder does not say its own.

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
    """As ``open_store``, for a folder at the end of its redirects: who followed them need not do so again."""
    if not os.path.isdir(final):
        raise StoreError(f"no beads in {os.path.dirname(final)}", f"{final} is missing", "bd init makes it")
    settings = read_settings(final)
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
    """The prefix of the first record, else what the folder's name gives."""
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
    """Make ``<folder>/.beads`` ready: configuration, ignore list, empty ledger, merge driver. What stands, stays.

    Returns the files that were made or amended, relative to ``folder``.  Raises ConflictError if the store has
    another prefix already.
    """
    from gastown_core.beads.ids import check_prefix, default_prefix

    beads_dir = os.path.join(os.path.abspath(folder), BEADS)
    standing = prefix_in(read_settings(beads_dir)) if os.path.isdir(beads_dir) else ""
    wanted = check_prefix(prefix or standing or default_prefix(os.path.basename(os.path.abspath(folder))))
    if standing and standing != wanted:
        raise ConflictError(
            f"{beads_dir} has the prefix {standing}", f"{wanted} was asked for", "leave the prefix out to keep it"
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
    """Append the lines that a file lacks; returns whether any was. Raises StoreError for a symbolic link.

    The folder may be that of a repository which others fill, and a link may lead out of it.
    """
    if os.path.islink(path):
        raise StoreError(f"{path} is not written", "it is a symbolic link", "links are never followed here")
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
    """The command that git is told to run: this installation's own ``bd`` by its full path.

    Git runs it with whatever PATH it has, and another ``bd`` on that PATH may know no ``merge-driver``.
    """
    import shlex
    import sys

    own = os.path.join(os.path.dirname(sys.executable), "bd")
    return f"{shlex.quote(own) if os.path.exists(own) else 'bd'} {DRIVER_WORDS}"


def driver_registered(folder: str) -> bool | None:
    """Whether git knows the merge driver here; None outside a repository or without git."""
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
    """The merge driver that git's attributes name for a file of the folder, wherever they stand; empty if none is named."""
    from gastown_core.errors import GastownError
    from gastown_core.process import run

    try:
        found = run(["git", "check-attr", "merge", "--", name], cwd=beads_dir)
    except GastownError:
        return ""
    value = found.out.strip().rpartition(": ")[2] if found.code == 0 else ""
    return "" if value in ("unspecified", "unset", "set") else value


def register_driver(folder: str) -> bool:
    """Tell git how to merge ``issues.jsonl``, once per clone; returns whether that was needed and done."""
    from gastown_core.process import run

    if driver_registered(folder) is not False:
        return False
    name = run(["git", "config", f"merge.{DRIVER_NAME}.name", "beads, field by field"], cwd=folder)
    driver = run(["git", "config", f"merge.{DRIVER_NAME}.driver", driver_command()], cwd=folder)
    return name.code == 0 and driver.code == 0


def ensure_driver(beads_dir: str) -> str:
    """Register the merge driver where git's attributes name it and the clone knows none, as in a fresh one.

    Says in words what was done, or what is to be typed where it cannot be; empty where there was nothing to do.  Looks
    at files alone until there is: every command that writes asks.
    """
    if not _lacks_driver(beads_dir):
        return ""
    if register_driver(beads_dir):
        return "git merges this clone's beads field by field from now on (merge driver registered)"
    if driver_registered(beads_dir) is not False:
        return ""
    return "git does not know how this clone's beads are merged, and its config cannot be written: bd doctor --fix"


def _lacks_driver(beads_dir: str) -> bool:
    """Whether the attributes beside the ledger or in the folder above name our driver, and the clone's config none."""
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
    """The ``.git`` folder that a folder's worktree has, empty if it lies in none."""
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
