"""Installing a town: its folders, registers, ledger and git history.

It can be repeated: existing files are kept, missing ones are added.
"""

from __future__ import annotations

import contextlib
import copy
import os

from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.errors import TownError
from gastown_core.files.atomic import write_atomic, write_json
from gastown_core.files.folders import private_folder
from gastown_core.model.address import DEACON, MAYOR
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.town import install_files as content
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.discover import find_town, is_town
from gastown_core.town.hook_files import claude_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.git.repo import Git


class Installed(Record):
    """An installed town: root, name, whether it is new, what was added, whether it is a git repository."""

    root: str
    name: str
    is_new: bool
    added: tuple[str, ...]
    has_git: bool


def install_town(
    path: str,
    *,
    name: str = "",
    owner: str = "",
    public_name: str = "",
    git: bool = False,
    again: bool = False,
    beads: bool = True,
    clock: Clock = SYSTEM_CLOCK,
) -> Installed:
    """Create the town at ``path``; with ``again``, add what is missing.

    Raises TownError if it is already a town and ``again`` is not set, if it lies inside another town, or if a folder
    cannot be made.
    """
    root = os.path.abspath(os.path.expanduser(path))
    is_new = _check_place(root, again)
    person = _overseer()
    added: list[str] = []
    _make_folders(root)
    town = {
        "type": "town",
        "version": 2,
        "name": name or os.path.basename(root),
        "owner": owner or person["email"],
        "public_name": public_name or name or os.path.basename(root),
        "created_at": format_micros(clock.now()),
    }
    _write_missing(root, "mayor/town.json", town, added, mode=0o600)
    _write_missing(root, "mayor/rigs.json", {"version": 1, "rigs": {}}, added, mode=0o600)
    _write_missing(root, "mayor/overseer.json", person, added)
    for relative, value in content.PLAIN_JSON.items():
        _write_missing(root, relative, copy.deepcopy(value), added)
    for role in (MAYOR, DEACON):
        _write_missing(root, f"{role}/.claude/settings.local.json", claude_settings(), added)
    _write_anchor(root, added)
    repo = _init_git(root, added) if git else os.path.isdir(os.path.join(root, ".git"))
    if beads:
        _init_ledger(root, added)
    if git and added:
        _commit(root, "Found the town" if is_new else "Complete the town", person)
    return Installed(root, str(town["name"]), is_new, tuple(added), bool(repo))


def _check_place(root: str, again: bool) -> bool:
    if is_town(root):
        if again:
            return False
        raise TownError(
            f"{root} is already a town", "", "gt install --force adds what is missing and changes nothing else"
        )
    above = find_town(os.path.dirname(root), env={})
    if above is not None:
        raise TownError(f"{root} lies inside the town {above}", "towns cannot be nested", "choose a folder outside it")
    return True


def _make_folders(root: str) -> None:
    try:
        for folder in content.FOLDERS:
            path = os.path.join(root, folder)
            if folder in content.PRIVATE_FOLDERS:
                private_folder(path)
            else:
                os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise TownError(f"cannot make a town at {root}", f"{error.filename}: {error.strerror}") from error


def _write_missing(root: str, relative: str, value: dict[str, object], added: list[str], mode: int = 0o644) -> None:
    path = os.path.join(root, relative)
    if not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_json(path, value, mode=mode)
        added.append(relative)


def _write_anchor(root: str, added: list[str]) -> None:
    path = os.path.join(root, "CLAUDE.md")
    if not os.path.lexists(path):
        write_atomic(path, content.ANCHOR.encode())
        added.append("CLAUDE.md")
    link = os.path.join(root, "AGENTS.md")
    if not os.path.lexists(link):
        os.symlink("CLAUDE.md", link)
        added.append("AGENTS.md")


def _overseer() -> dict[str, object]:
    """Return who runs the town: git's name and e-mail, else the login name."""
    import getpass

    from gastown_core.git.repo import Git

    git = Git("/")
    done = git.attempt("config", "--get-regexp", r"^user\.(name|email)$")
    known = dict(line.partition(" ")[::2] for line in done.out.splitlines())
    try:
        login = getpass.getuser()
    except (OSError, KeyError):
        login = "overseer"
    return {
        "type": "overseer",
        "version": 1,
        "name": known.get("user.name", "") or login,
        "email": known.get("user.email", ""),
        "username": login,
        "source": "git-config" if known else "environment",
    }


def _init_git(root: str, added: list[str]) -> bool:
    from gastown_core.git.repo import Git

    ignore = os.path.join(root, ".gitignore")
    if not os.path.lexists(ignore):
        write_atomic(ignore, content.GITIGNORE.encode())
        added.append(".gitignore")
    if not os.path.isdir(os.path.join(root, ".git")):
        Git(root).run("init", "--quiet", "--initial-branch=main")
        added.append(".git")
    hook = os.path.join(root, ".git", "hooks", "post-checkout")
    if not os.path.lexists(hook):
        os.makedirs(os.path.dirname(hook), exist_ok=True)
        write_atomic(hook, content.POST_CHECKOUT.encode(), mode=0o755)
    return True


def _commit(root: str, message: str, person: dict[str, object]) -> None:
    from gastown_core.git.repo import ENGINE, Git, Identity

    name, email = str(person["name"]), str(person["email"])
    commit_town(root, message, Git(root, identity=Identity(name, email) if name and email else ENGINE))


def commit_town(root: str, message: str, git: Git | None = None, paths: tuple[str, ...] = ()) -> bool:
    """Commit the town's files (or only ``paths``); return False without git or without a change.

    Raises GitError.
    """
    from gastown_core.git import repo

    if not os.path.isdir(os.path.join(root, ".git")):
        return False
    git = git or repo.Git(root, identity=repo.ENGINE)
    git.run("add", "--all", *(("--", *paths) if paths else ()))
    if git.attempt("diff", "--cached", "--quiet", *(("--", *paths) if paths else ())).code == 0:
        return False
    # nobody may be there to unlock a signing key
    git.run("commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", message, *(("--", *paths) if paths else ()))
    return True


def _init_ledger(root: str, added: list[str]) -> None:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.opening import init_store
    from gastown_core.beads.routes import add_route

    beads_dir = os.path.join(root, ".beads")
    if not os.path.exists(os.path.join(beads_dir, "config.yaml")):
        init_store(root, "hq")
        added.append(".beads")
    for prefix in ("hq-", "hq-cv-"):
        add_route(root, prefix, ".")
    ledger = TownLedger(root)
    from gastown_core.model.address import DEACON, MAYOR, Address

    for role in (MAYOR, DEACON):
        address = Address(role, "", "")
        if ledger.get(address.bead_id("hq")) is None:
            put_agent_bead(ledger, address, "hq", agent_state=AgentState.IDLE)
            added.append(address.bead_id("hq"))
    with contextlib.suppress(FileNotFoundError):
        os.chmod(beads_dir, 0o755)
