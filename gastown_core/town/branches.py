"""Names of polecats' branches: made from a template, and parsed."""

from __future__ import annotations

import re
import time

from gastown_core.beads.ids import base36

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "polecat/"
_UNSAFE = re.compile(r"[^A-Za-z0-9._@/-]+")
_WORDS = ("user", "year", "month", "name", "issue", "description", "timestamp")


def branch_name(name: str, bead_id: str, now: float, *, template: str = "", title: str = "", user: str = "") -> str:
    """Return ``polecat/opal/sh-x1@<base36 milliseconds>``; without a bead ``polecat/opal-<base36 milliseconds>``.

    A rig's ``template`` may use ``{user} {year} {month} {name} {issue} {description} {timestamp}``; the result always
    starts with ``polecat/``, which marks such branches for the rest of the town.
    """
    stamp = base36(int(now * 1000))
    if not template:
        return f"{PREFIX}{name}/{bead_id}@{stamp}" if bead_id else f"{PREFIX}{name}-{stamp}"
    year, month = time.strftime("%Y %m", time.localtime(now)).split()
    description = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].rstrip("-")
    values = (user or "gt", year, month, name, bead_id, description, stamp)
    made = _filled(template, dict(zip(_WORDS, values, strict=True)))
    if "{timestamp}" not in template:
        # two attempts at one bead must not share a branch
        made = f"{made}@{stamp}"
    return made if made.startswith(PREFIX) else PREFIX + made


def _filled(template: str, values: Mapping[str, str]) -> str:
    for word, value in values.items():
        template = template.replace("{" + word + "}", value)
    parts = (re.sub(r"\.{2,}|@\{", "-", part).strip(".-") for part in _UNSAFE.sub("-", template).split("/"))
    return "/".join(part.removesuffix(".lock") for part in parts if part)


def worker_of_branch(branch: str) -> str:
    """Return the worker that a branch was made for, as far as its name says: a template may leave that out."""
    parts = branch.split("/")
    if len(parts) == 2 and branch.startswith(PREFIX):
        return parts[1].rpartition("-")[0] or parts[1]
    return parts[1] if len(parts) > 1 else branch


def bead_of_branch(branch: str) -> str:
    """Return the bead that a polecat's branch was made for, empty if its name does not say."""
    parts = branch.split("/")
    return parts[2].partition("@")[0] if len(parts) == 3 and parts[0] == "polecat" else ""
