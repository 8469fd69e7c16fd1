"""The plan of an agent's start: runtime, first prompt, environment, command line, and warnings.

Planning starts nothing and needs no tmux: a plan can be run by hand.  Its warnings tell what will stop the program before
its first prompt; files are read for them, and what only a longer look can tell is left to ``gt doctor agents``.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from urllib.parse import quote

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, UsageError
from gastown_core.files.atomic import read_json
from gastown_core.model.address import CREW, POLECAT, Address
from gastown_core.model.record import Record
from gastown_core.runtimes.presets import SCRIPTED
from gastown_core.town import runtime_choice
from gastown_core.town.accounts import RUNTIME, VARIABLE, choose, read_accounts
from gastown_core.town.hook_files import hook_files
from gastown_core.town.identity import session_environment
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.runtimes.preset import Preset
    from gastown_core.town.inventory import RosterEntry


CONVERSATIONS = "projects"
"""The folder of an account in which its program keeps conversations."""


class Start(Record):
    """A planned start of an agent's session; ``typed_prompt`` is typed once the program is ready, unless empty.

    ``alias`` is the runtime's name in the settings, ``warnings`` come from choosing it and from what will stop it.
    ``resumes``: it continues the program's last session; ``carries`` is that conversation's file and where the account of
    this start looks for it, None if it is there.
    """

    entry: RosterEntry
    alias: str
    preset: Preset
    env: dict[str, str]
    argv: list[str]
    topic: str
    typed_prompt: str
    warnings: tuple[str, ...]
    resumes: bool = False
    carries: tuple[str, str] | None = None


def by_hand(start: Start) -> str:
    """Return the command line that runs the agent without tmux."""
    return f"cd {shlex.quote(start.entry.work_dir)} && {shlex.join(start.argv)}"


def beacon(to: Address, sender: str, topic: str, now: float, bead: str = "") -> str:
    """Return the first line: ``[GAS TOWN] polecat opal (rig: shop) <- mayor • 2026-03-01T10:00 • assigned:sh-x1``."""
    who = to.role if to.role not in (CREW, POLECAT, "dog") else f"{to.role} {to.name}"
    rig = f" (rig: {to.rig})" if to.rig else ""
    minute = time.strftime("%Y-%m-%dT%H:%M", time.localtime(now))
    return f"[GAS TOWN] {who}{rig} <- {sender} • {minute} • {topic}{':' + bead if bead else ''}"


def plan_start(
    root: str,
    entry: RosterEntry,
    *,
    agent: str = "",
    topic: str = "start",
    sender: str = "overseer",
    bead: str = "",
    branch: str = "",
    resume: bool = False,
    account: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Start:
    """Return runtime, environment and command line; start nothing. Raises UsageError for an unknown ``agent`` or ``account``."""
    from gastown_core.runtimes.launch import command_line, first_prompt_is_typed, session_env

    chosen = runtime_choice.choose_runtime(root, entry.address, agent)
    preset = chosen.preset
    settings = load_settings(root)
    env = session_environment(
        root,
        entry,
        domain=settings.lenient("agent_email_domain"),
        branch=branch,
        effort=settings.lenient(f"role_effort.{entry.address.role}"),
        run=f"{int(clock.now() * 1000):x}-{os.urandom(4).hex()}",
    )
    env["PATH"] = _path_with_gt()
    env["GT_BIN"] = _own_gt()
    preset, own = _in_the_town(root, entry, preset)
    env.update(own)
    env.update(session_env(preset))
    env["GT_AGENT"] = chosen.alias or preset.name
    env.update(telemetry_env(root, entry, env.get("GT_RUN", ""), topic, bead))
    chosen_account = _account(root, entry, preset, clock.now(), account)
    if chosen_account is not None:
        env[VARIABLE], env[preset.config_dir_env] = chosen_account
    prompt = f"{beacon(entry.address, sender, topic, clock.now(), bead)}\n{_first_words(preset, topic)}"
    typed = prompt if first_prompt_is_typed(preset) else ""
    folder = chosen_account[1] if chosen_account is not None else ""
    going_on, carries = _resuming(root, entry, preset, "" if typed else prompt, folder) if resume else ([], None)
    argv = going_on or command_line(preset, "" if typed else prompt)
    warnings = (*chosen.warnings, *_warnings(root, entry, preset))
    return Start(entry, chosen.alias or preset.name, preset, env, argv, topic, typed, warnings, bool(going_on), carries)


def agent_env_path(root: str) -> str:
    """Return the path of the variables by which programs export their own telemetry; the daemon writes it."""
    return os.path.join(root, ".runtime", "telemetry", "agent-env.json")


def telemetry_env(root: str, entry: RosterEntry, run: str, topic: str, bead: str) -> dict[str, str]:
    """Return the variables by which the agent's program exports its telemetry, and says whose it is; none while it is off."""
    try:
        told = read_json(agent_env_path(root)) or {}
    except GastownError:
        # without it the program exports nothing, which is no reason not to start it
        return {}
    env = {name: value for name, value in told.items() if isinstance(value, str)}
    if not env:
        return {}
    address = entry.address
    whose = {
        "gt.role": address.gt_role,
        "gt.rig": address.rig,
        "gt.actor": address.bd_actor,
        "gt.agent": address.name,
        "gt.session": entry.session,
        "gt.run_id": run,
        "gt.town": os.path.basename(root),
        "gt.issue": bead,
        "gt.topic": topic[:40],
    }
    pairs = [f"{name}={quote(value, safe='/')}" for name, value in whose.items() if value]
    return {**env, "OTEL_RESOURCE_ATTRIBUTES": ",".join(pairs)}


def _in_the_town(root: str, entry: RosterEntry, preset: Preset) -> tuple[Preset, dict[str, str]]:
    """Return the runtime with the arguments that its program needs in this town and folder, and variables to report more."""
    from gastown_core.runtimes.adapters import adapter_for
    from gastown_core.runtimes.readiness.repository import git_folders

    adapter = adapter_for(preset.screens)
    if adapter is None:
        return preset, {}
    folders = (root, *git_folders(entry.work_dir))
    words = adapter.own_words(folders, preset.all_args, {**os.environ, **preset.env})
    with_words = preset.with_changes(identity_args=(*preset.identity_args, *words))
    return with_words, adapter.own_env(root, entry.session)


def _account(root: str, entry: RosterEntry, preset: Preset, now: float, wanted: str) -> tuple[str, str] | None:
    """The account of the start: the wanted one, else that of the agent's last session while it is free; None if none is named."""
    named = read_accounts(root) if preset.screens == RUNTIME else {}
    if wanted and wanted not in named:
        there = f"there are: {', '.join(named)}" if named else "none is named for this runtime"
        raise UsageError(f"there is no account {wanted}", there, "gt account list")
    if not named:
        return None
    if wanted:
        return wanted, named[wanted]
    from gastown_core.town.session_record import last_session

    known = last_session(root, entry, preset.screens)
    kept = os.path.realpath(known.transcript) if known is not None and known.transcript else ""
    taken = next((name for name, folder in named.items() if kept.startswith(os.path.join(folder, ""))), "")
    return choose(root, preset, now, taken=taken)


def _resuming(
    root: str, entry: RosterEntry, preset: Preset, prompt: str, folder: str
) -> tuple[list[str], tuple[str, str] | None]:
    """The command line that goes on with the agent's last session; empty if there is none, or the runtime cannot.

    A session is kept in the folder of its account: for another account (``folder``) its file is to be carried there.
    """
    from gastown_core.runtimes.launch import resume_line
    from gastown_core.runtimes.preset import RESUME_NONE
    from gastown_core.town.session_record import last_session

    known = last_session(root, entry, preset.screens) if preset.resume_style != RESUME_NONE else None
    if known is None:
        return [], None
    kept = os.path.realpath(known.transcript) if known.transcript else ""
    if not folder or kept.startswith(os.path.join(folder, "")):
        return resume_line(preset, known.agent_session, prompt), None
    _, conversations, inside = kept.rpartition(f"{os.sep}{CONVERSATIONS}{os.sep}")
    if not conversations:
        return [], None
    return resume_line(preset, known.agent_session, prompt), (kept, os.path.join(folder, CONVERSATIONS, inside))


def _first_words(preset: Preset, topic: str) -> str:
    if not preset.hooks.executable:
        return "Run `gt prime` to learn who you are and what to do."
    if topic == "assigned":
        return "Work is on your hook. Run `gt hook`, then begin."
    if topic == "cycle":
        return "Your session was renewed. Read the note of the last one with `gt prime`, then continue the hooked work."
    if topic == "handoff":
        return "Your predecessor handed off to you. Read its note with `gt prime`, then continue the hooked work."
    return "Run `gt prime`. If work is on your hook, do it; else wait for orders."


def _own_gt() -> str:
    """This programme's own ``gt``, which the agents' hooks run; the one on PATH where it was installed another way."""
    own = os.path.join(os.path.dirname(sys.executable), "gt")
    return own if os.path.exists(own) else "gt"


def _path_with_gt() -> str:
    """Return PATH with the folder of this program's commands in front."""
    own = os.path.dirname(sys.executable)
    path = os.environ.get("PATH", os.defpath)
    if os.path.exists(os.path.join(own, "gt")) and own not in path.split(os.pathsep):
        return own + os.pathsep + path
    return path


def _warnings(root: str, entry: RosterEntry, preset: Preset) -> tuple[str, ...]:
    """Return a sentence for each obstacle, with its remedy; none for the scripted agent."""
    if preset.screens == SCRIPTED:
        return ()
    from gastown_core.runtimes.readiness import obstacles
    from gastown_core.runtimes.readiness.obstacle import Surroundings

    look = Surroundings(os.environ, is_quick=True)
    for file in hook_files(root, entry, preset):
        # written by the start itself
        if not file.problem and file.content:
            look.plan(os.path.join(entry.work_dir, file.path), file.content)
    return tuple(f"{one.what}: {one.why}; {one.remedy}" for one in obstacles(preset, entry.work_dir, look))
