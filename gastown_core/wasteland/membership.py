"""The town's membership in a commons: ``mayor/wasteland.json``, the clone, joining and leaving.

The file has the keys of the Go tools (``upstream``, ``fork_org``, ``fork_db``, ``local_dir``, ``rig_handle``, ``joined_at``) and
two more: ``upstream_url`` and ``fork_url``, for a commons that is not on DoltHub.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil

from gastown_core import __version__
from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, NotFoundError, SettingsError, UsageError
from gastown_core.files.atomic import read_json, write_atomic, write_json
from gastown_core.model.record import Record
from gastown_core.wasteland import dolthub
from gastown_core.wasteland.clone import MAIN, Clone, literal, make_clone, moment_text, new_clone
from gastown_core.wasteland.schema import create_statements, examine, need_writable, upgrade, version_statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock

FILE = os.path.join("mayor", "wasteland.json")
FOLDER = ".wasteland"
BOARD = ".board.json"
SUMMARY = ".summary.json"
CONTACT = ".contact.json"
"""What is added to the path of the clone for files beside it: its board, what a town's picture needs of it, and when the commons was reached."""
UPSTREAM, FORK = "upstream", "origin"
"""Names of the clone's remotes: the commons, and the town's own fork of it."""
_HANDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9_-]*")
REGISTERED = 1
"""Trust level of a rig that has joined."""


class Membership(Record):
    """Which commons the town has joined, as whom, and where its clone is.

    ``is_direct``: there is no fork, so changes go to the commons itself.
    """

    upstream: str
    upstream_url: str
    fork_url: str
    fork: str
    path: str
    handle: str
    joined_at: str

    @property
    def is_direct(self) -> bool:
        """Whether there is no fork: changes are pushed to the commons itself."""
        return self.fork_url == self.upstream_url

    @property
    def branch(self) -> str:
        """The branch of the fork that holds this town's changes."""
        return f"gt/{self.handle}"

    def clone(self) -> Clone:
        """The clone; commits in it are the handle's."""
        return Clone(self.path, f"{self.handle} <{self.handle}@{self.upstream.replace('/', '.')}>")


def read_membership(root: str) -> Membership | None:
    """Return the membership, None for a town that has joined nothing. Raises SettingsError for a file that is not one."""
    path = os.path.join(root, FILE)
    value = read_json(path)
    if not value:
        return None
    told = {key: text for key, text in value.items() if isinstance(text, str)}
    upstream, handle = told.get("upstream", ""), told.get("rig_handle", "")
    if not upstream or not _HANDLE.fullmatch(handle):
        raise SettingsError(
            f"{path} is no membership", "upstream or rig_handle is missing or no name", "gt wl join again"
        )
    fork = "/".join(filter(None, (told.get("fork_org", ""), told.get("fork_db", ""))))
    upstream_url = told.get("upstream_url") or dolthub.remote_url(upstream)
    folder = os.path.normpath(told.get("local_dir") or os.path.join(FOLDER, *_folder_of(upstream)))
    if not folder.startswith(FOLDER + os.sep):
        # gt wl leave removes this folder
        raise SettingsError(f"{path} is no membership", f"local_dir is not below {FOLDER}", "gt wl join again")
    return Membership(
        upstream,
        upstream_url,
        told.get("fork_url") or (dolthub.remote_url(fork) if fork else upstream_url),
        fork,
        os.path.join(root, folder),
        handle,
        told.get("joined_at", ""),
    )


def need_membership(root: str) -> Membership:
    """As ``read_membership``. Raises NotFoundError for a town that has joined nothing, or whose clone is gone."""
    found = read_membership(root)
    if found is None:
        raise NotFoundError("this town has joined no commons", "", "gt wl join ORG/DB")
    if not found.clone().exists:
        raise NotFoundError(
            f"the clone of {found.upstream} is gone", found.path, f"gt wl join {found.upstream} clones it again"
        )
    return found


def join(
    root: str,
    place: str,
    *,
    handle: str,
    display_name: str = "",
    fork_url: str = "",
    is_upgraded: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[Membership, bool]:
    """Join a commons: fork and clone it, and enter the town's own rig; also whether anything was to be done.

    ``place`` is ``ORG/DB`` on DoltHub, or the URL of a Dolt remote.  Raises UsageError, ConflictError if the town has
    joined another one or the handle is somebody else's, GastownError if it cannot be reached.
    """
    known = read_membership(root)
    if known is not None and known.upstream != _name_of(place):
        raise ConflictError(f"this town has joined {known.upstream}", "a town joins one commons", "gt wl leave first")
    if not _HANDLE.fullmatch(handle):
        raise UsageError(f"{handle!r} is no handle", "letters, digits, dots, hyphens", "--handle NAME")
    if known is not None and known.clone().exists:
        return known, False
    wanted = known or _plan(root, place, handle, fork_url, clock)
    if wanted.fork and not fork_url:
        dolthub.fork(wanted.upstream, wanted.fork.split("/")[0])
    clone = wanted.clone()
    was_there = clone.exists
    if not was_there:
        make_clone(wanted.fork_url, wanted.path, clone.author)
        write_atomic(os.path.join(root, FOLDER, ".gitignore"), b"*\n")
    try:
        clone.add_remote(UPSTREAM, wanted.upstream_url)
        clone.fetch(UPSTREAM)
        if not clone.contains("HEAD", f"{UPSTREAM}/{MAIN}"):
            clone.merge(f"{UPSTREAM}/{MAIN}", ())
        if is_upgraded:
            upgrade(clone)
        if not examine(clone).is_newer:
            _enter(clone, wanted, display_name or handle, clock.now())
    except BaseException:
        if not was_there:
            shutil.rmtree(wanted.path, ignore_errors=True)
        raise
    _write(root, wanted)
    return wanted, True


def create_commons(url: str, folder: str, author: str) -> None:
    """Create an empty commons at a Dolt remote, with a repository in ``folder`` that is removed afterwards.

    Raises GastownError; a remote that holds something already is left as it is.
    """
    clone = new_clone(folder, author)
    try:
        clone.add_remote(UPSTREAM, url)
        clone.commit([*create_statements(), version_statement()], "Create the commons")
        clone.push(UPSTREAM, MAIN)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leave(root: str, *, keep: bool = False) -> str:
    """Forget the membership and remove the clone; what is in the commons stays there. Raises NotFoundError.

    With ``keep`` the clone is put aside instead; its new path is returned, else the empty string.
    """
    found = read_membership(root)
    if found is None:
        raise NotFoundError("this town has joined no commons", "", "gt wl join ORG/DB")
    os.unlink(os.path.join(root, FILE))
    for kept in (BOARD, SUMMARY, CONTACT):
        try:
            os.unlink(found.path + kept)
        except FileNotFoundError:
            pass
    if not keep:
        shutil.rmtree(found.path, ignore_errors=True)
        return ""
    aside = next(path for n in itertools.count(1) if not os.path.exists(path := f"{found.path}.left{n}"))
    os.rename(found.path, aside)
    return aside


def _plan(root: str, place: str, handle: str, fork_url: str, clock: Clock) -> Membership:
    name = _name_of(place)
    is_hub = _PLACE.fullmatch(place) is not None
    url = dolthub.remote_url(place) if is_hub else place
    fork = ""
    if is_hub and not fork_url:
        fork = f"{dolthub.organisation()}/{place.split('/')[1]}"
        fork_url = dolthub.remote_url(fork)
    path = os.path.join(root, FOLDER, *_folder_of(name))
    return Membership(name, url, fork_url or url, fork, path, handle, format_seconds(clock.now()))


def _name_of(place: str) -> str:
    """Return ``ORG/DB``, or the last two parts of a URL."""
    if _PLACE.fullmatch(place):
        return place
    parts = [part for part in re.split(r"[/\\]+", place.partition("://")[2] or place) if part]
    if "://" not in place or not parts:
        raise UsageError(f"{place!r} names no commons", "", "gt wl join ORG/DB, or the URL of a Dolt remote")
    return "/".join(re.sub(r"[^A-Za-z0-9_-]", "-", part) for part in parts[-2:])


def _folder_of(name: str) -> list[str]:
    return [re.sub(r"[^A-Za-z0-9_-]", "-", part) for part in name.split("/")]


def _enter(clone: Clone, wanted: Membership, display_name: str, now: float) -> None:
    """Enter or refresh the town's own row among the rigs."""
    need_writable(clone)
    mine = clone.read(f"SELECT dolthub_org, owner_email FROM rigs WHERE handle = {literal(wanted.handle)}")
    org = wanted.fork.split("/")[0]
    if mine and org and str(mine[0].get("dolthub_org") or org) != org:
        raise ConflictError(f"{wanted.handle} is taken", f"it belongs to {mine[0]['dolthub_org']}", "--handle NAME")
    moment = literal(moment_text(now))
    if mine:
        change = f"UPDATE rigs SET last_seen = {moment} WHERE handle = {literal(wanted.handle)}"
    else:
        values = [wanted.handle, display_name, org, __version__, REGISTERED]
        change = (
            "INSERT INTO rigs (handle, display_name, dolthub_org, gt_version, trust_level, registered_at, last_seen) "
            f"VALUES ({', '.join(map(literal, values))}, {moment}, {moment})"
        )
    clone.commit([change], f"{wanted.handle} joins")


def _write(root: str, member: Membership) -> None:
    org, _, database = member.fork.partition("/")
    write_json(
        os.path.join(root, FILE),
        {
            "upstream": member.upstream,
            "upstream_url": member.upstream_url,
            "fork_org": org,
            "fork_db": database,
            "fork_url": member.fork_url,
            "local_dir": os.path.relpath(member.path, root),
            "rig_handle": member.handle,
            "joined_at": member.joined_at,
        },
        mode=0o600,
    )
