"""The town's register of rigs: ``mayor/rigs.json``, the route of a rig's prefix, and its patrols in ``mayor/daemon.json``."""

from __future__ import annotations

import os
from contextlib import ExitStack

from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.errors import ConflictError, NotFoundError, SettingsError, TownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.model.address import REFINERY, WITNESS
from gastown_core.model.record import Record
from gastown_core.town import clones
from gastown_core.town.discover import read_rigs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.clock import Clock


class NewRig(Record):
    """A rig just added: name, bead prefix without hyphen, URL, default branch, folder, warnings."""

    name: str
    prefix: str
    url: str
    branch: str
    path: str
    warnings: tuple[str, ...] = ()


def bare_folder(rig_path: str, name: str) -> str:
    """Return the folder of that repository. Raises TownError."""
    for folder in (".repo.git", os.path.join("mayor", "rig")):
        path = os.path.join(rig_path, folder)
        if os.path.isdir(path):
            return path
    raise TownError(f"rig {name} has no repository", f"{os.path.join(rig_path, '.repo.git')} is missing")


def check_free(prefix: str, rigs: dict[str, str]) -> str:
    """Return a prefix that no rig has, in its usual form. Raises ConflictError, UsageError."""
    from gastown_core.beads.ids import check_prefix

    prefix = check_prefix(prefix)
    owner = (
        "the town itself" if prefix == "hq" else next((f"rig {rig}" for rig, own in rigs.items() if own == prefix), "")
    )
    near = next(
        (own for own in rigs.values() if f"{own}-".startswith(f"{prefix}-") or prefix.startswith(f"{own}-")), ""
    )
    if near and not owner:
        # sh-x-opal would be the session of shop/x-opal and of another rig's opal
        why = f"with {near} of rig {next(rig for rig in rigs if rigs[rig] == near)} session names would be ambiguous"
        raise ConflictError(f"the prefix {prefix} is ambiguous", why, "give another one with --prefix")
    if owner:
        raise ConflictError(f"the prefix {prefix} is taken", f"by {owner}", "give another one with --prefix")
    return prefix


def register(
    root: str, rig: NewRig, push_url: str, upstream_url: str, local_repo: str, undo: ExitStack, clock: Clock
) -> None:
    """Enter a rig into register and patrols; ``undo`` learns how to take that back. Raises ConflictError."""
    entry: dict[str, Any] = {
        "git_url": rig.url,
        "push_url": push_url,
        "upstream_url": upstream_url,
        "local_repo": local_repo,
        "added_at": format_micros(clock.now()),
        "beads": {"repo": "local", "prefix": rig.prefix},
    }

    def enter(registry: dict[str, object]) -> None:
        registry.setdefault("version", 1)
        rigs = _object(registry, "rigs", "rigs", "mayor/rigs.json")
        if rig.name in rigs:
            raise ConflictError(f"there is already a rig {rig.name}", "another process added it just now")
        rigs[rig.name] = entry

    edit_json(os.path.join(root, "mayor", "rigs.json"), enter, mode=0o600)
    undo.callback(_drop, root, rig.name)
    undo.callback(edit_json, os.path.join(root, "mayor", "daemon.json"), lambda value: _unpatrol(value, rig.name))
    edit_json(os.path.join(root, "mayor", "daemon.json"), lambda value: _patrol(value, rig.name))


def _drop(root: str, name: str) -> None:
    edit_json(os.path.join(root, "mayor", "rigs.json"), lambda value: value.get("rigs", {}).pop(name, None), mode=0o600)


def unregister(root: str, name: str) -> None:
    """Take a registered rig out of register, routes and patrols; its folder stays, with all that ``adopt`` needs."""
    from gastown_core.beads.routes import remove_route

    prefix = read_rigs(root)[name]
    registry = read_json(os.path.join(root, "mayor", "rigs.json")) or {}
    entry = registry.get("rigs", {}).get(name, {})
    if isinstance(entry, dict) and entry.get("local_repo") and os.path.isfile(os.path.join(root, name, "config.json")):
        mirrored = str(entry["local_repo"])
        edit_json(os.path.join(root, name, "config.json"), lambda value: value.update(local_repo=mirrored))
    # the register last: what is cut off before is repeated by the next call
    edit_json(os.path.join(root, "mayor", "daemon.json"), lambda value: _unpatrol(value, name))
    remove_route(root, prefix)
    _drop(root, name)


def adopt(root: str, name: str, *, actor: str = "overseer", clock: Clock = SYSTEM_CLOCK) -> NewRig:
    """Register a rig whose folder is in the town, as ``unregister`` leaves it.

    Raises NotFoundError if the folder is not a rig, ConflictError if the name or prefix is taken.
    """
    from gastown_core.beads.routes import add_route, remove_route

    clones.check_rig_name(name)
    path = os.path.join(root, name)
    config = read_json(os.path.join(path, "config.json")) or {}
    beads = config.get("beads")
    prefix = str(beads.get("prefix") or "").rstrip("-") if isinstance(beads, dict) else ""
    url = str(config.get("git_url") or "")
    if not prefix or not url:
        why = f"its config.json with git_url and beads.prefix is missing: {path}"
        raise NotFoundError(f"there is no rig to adopt in {name}", why, f"gt rig add {name} URL clones one")
    rigs = read_rigs(root)
    if name in rigs:
        raise ConflictError(f"there is already a rig {name}", "", "gt rig list shows the rigs")
    check_free(prefix, rigs)
    bare_folder(path, name)
    rig = NewRig(name, prefix, url, str(config.get("default_branch") or "main"), path)
    push_url, upstream_url, local_repo = (
        str(config.get(key) or "") for key in ("push_url", "upstream_url", "local_repo")
    )
    with ExitStack() as undo:
        is_redirected = os.path.exists(os.path.join(path, ".beads", "redirect"))
        add_route(root, f"{prefix}-", f"{name}/mayor/rig" if is_redirected else name)
        undo.callback(remove_route, root, f"{prefix}-")
        register(root, rig, push_url, upstream_url, local_repo, undo, clock)
        undo.pop_all()
    append_event(root, "rig_added", actor, {"rig": name, "git_url": url, "prefix": prefix}, clock=clock)
    return rig


def _object(value: dict[str, object], key: str, name: str, file: str) -> dict[str, Any]:
    """The object under ``key``, made where there is none. Raises SettingsError for something else."""
    if value.get(key) is None:
        value[key] = {}
    found = value[key]
    if not isinstance(found, dict):
        raise SettingsError(f"{name} of {file} is not a JSON object", f"found {type(found).__name__}", f"mend {file}")
    return found


def _patrol(value: dict[str, object], rig: str) -> None:
    file = "mayor/daemon.json"
    patrols = _object(value, "patrols", "patrols", file)
    for role in (WITNESS, REFINERY):
        patrols.setdefault(role, {"enabled": True, "interval": "5m", "agent": role})
        rigs = _object(patrols, role, f"patrols.{role}", file).setdefault("rigs", [])
        if not isinstance(rigs, list):
            why = f"found {type(rigs).__name__}"
            raise SettingsError(f"patrols.{role}.rigs of {file} is not a list", why, f"mend {file}")
        if rig not in rigs:
            rigs.append(rig)


def _unpatrol(value: dict[str, object], rig: str) -> None:
    """Take the rig out of its patrols; what has another shape names no rig."""
    patrols = value.get("patrols")
    for role in (WITNESS, REFINERY):
        patrol = patrols.get(role) if isinstance(patrols, dict) else None
        rigs = patrol.get("rigs") if isinstance(patrol, dict) else None
        if isinstance(rigs, list) and rig in rigs:
            rigs.remove(rig)
