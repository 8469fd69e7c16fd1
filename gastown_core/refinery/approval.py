"""Approval by hand: a green stack waits at a ref until a person, or the provider, pushes it to the target.

A new stack with the same content never replaces the one at the ref, so the commit that was reviewed is the one that lands.
"""

from __future__ import annotations

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.refinery.hold import PUSH_BY_HAND, HoldError
from gastown_core.refinery.place import slug
from gastown_core.refinery.recovery import Intent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.git.repo import Git
    from gastown_core.refinery.place import Refinery


def offer(place: Refinery, green: Intent) -> bool:
    """Keep a green stack for a person to push; False if one with the same content waits already."""
    path = _path(place, green.target)
    known = _read(path)
    is_new = known is None or not _is_same(place.git, known, green)
    if is_new:
        write_json(path, green._asdict(), mode=0o600)
    place.git.run("update-ref", ref_of(green.target), green.head if is_new or known is None else known.head)
    return is_new


def green_together(count: int) -> str:
    """Return ``3 requests are green together``, with one request ``1 request is green``."""
    return "1 request is green" if count == 1 else f"{count} requests are green together"


def waits_for_a_person(place: Refinery, target: str) -> HoldError:
    """Why the queue is on hold, and the command that lands the stack: it names the commit, so that nothing else lands."""
    ref = ref_of(target)
    head, known = place.git.commit_of(ref), _read(_path(place, target))
    count = len(known.requests) if known is not None else 0
    why = "merge_queue.auto_push is off"
    return HoldError(
        PUSH_BY_HAND,
        f"{green_together(count)} and {'waits' if count == 1 else 'wait'} for a push: {why}; "
        f"git -C {place.git.path} push origin {head}:refs/heads/{target} lands {'it' if count == 1 else 'them'} ({ref})",
    )


def ref_of(target: str) -> str:
    """The ref that keeps the green stack of a target."""
    return f"refs/gastown/green/{slug(target)}"


def _is_same(git: Git, one: Intent, other: Intent) -> bool:
    """Whether both bring the same requests to the same commit with the same content."""
    if (one.base, one.requests) != (other.base, other.requests):
        return False
    trees = [git.attempt("rev-parse", "--verify", "--quiet", f"{head}^{{tree}}").out for head in (one.head, other.head)]
    return bool(trees[0]) and trees[0] == trees[1]


def _read(path: str) -> Intent | None:
    """The stack that was offered last, None if there is none or its file cannot be read."""
    try:
        found = read_json(path) or {}
        return Intent(**{key: found[key] for key in Intent._fields}) if found else None
    except (SettingsError, KeyError):
        return None


def _path(place: Refinery, target: str) -> str:
    return place.file(f"green-{slug(target)}.json")
