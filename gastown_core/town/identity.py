"""A session's identity: its environment, its commit signature, and who the caller is.

Every value is made from roster names, never from the text of beads or mail.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, NotFoundError, UsageError
from gastown_core.model.address import (
    BOOT,
    CREW,
    DOG,
    OVERSEER,
    POLECAT,
    REFINERY,
    WITNESS,
    Address,
    parse_address,
)
from gastown_core.town.discover import read_rigs
from gastown_core.town.inventory import Inventory, RosterEntry, find_agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.git.repo import Identity

HUMAN = Address(OVERSEER, "", "")

CLEARED = ("CLAUDECODE", "NODE_OPTIONS")
"""Variables of an outer agent that a session must not inherit; they are set to the empty string."""

PERSONAL = frozenset(
    (
        "GT_ROLE GT_RIG GT_CREW GT_POLECAT GT_POLECAT_PATH GT_DOG_NAME GT_SESSION GT_BRANCH GT_RUN POLECAT_SLOT "
        "GT_AGENT GT_RUNTIME GT_PROCESS_NAMES GT_SESSION_ID_ENV GT_PANE_ID BD_ACTOR BEADS_ACTOR BEADS_AGENT_NAME TMUX TMUX_PANE "
        "GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL CLAUDE_CODE_EFFORT_LEVEL"
    ).split()
)
"""Variables that identify an agent or a session; a process that acts for no agent must not inherit them."""

DEFAULT_DOMAIN = "gastown.local"


def signature(address: Address, domain: str = DEFAULT_DOMAIN) -> Identity:
    """Return the author and committer of an agent's commits: ``opal <shop.polecats.opal@gastown.local>``."""
    from gastown_core.git.repo import Identity

    name = address.name if address.role in (CREW, POLECAT, DOG) else address.path
    return Identity(name, f"{address.bd_actor.replace('/', '.')}@{domain}")


def session_environment(
    root: str, entry: RosterEntry, *, domain: str = DEFAULT_DOMAIN, branch: str = "", effort: str = "", run: str = ""
) -> dict[str, str]:
    """Return the variables that give a session its identity (town-and-agents.md section 8)."""
    address = entry.address
    author = signature(address, domain)
    env = {
        "GT_ROLE": address.gt_role,
        "BD_ACTOR": address.bd_actor,
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": author.name,
        "GIT_COMMITTER_EMAIL": author.email,
        "GT_ROOT": root,
        "GT_TOWN_ROOT": root,
        "GIT_CEILING_DIRECTORIES": root,
        "GT_SESSION": entry.session,
        **dict.fromkeys(CLEARED, ""),
    }
    if address.rig:
        env["GT_RIG"] = address.rig
    if address.role in (CREW, POLECAT):
        env["BEADS_AGENT_NAME"] = f"{address.rig}/{address.name}"
        env["GT_CREW" if address.role == CREW else "GT_POLECAT"] = address.name
    if address.role == DOG:
        env["GT_DOG_NAME"] = address.name
    if address.role == POLECAT:
        env["GT_POLECAT_PATH"] = entry.work_dir
        env["POLECAT_SLOT"] = address.name
        if branch:
            env["GT_BRANCH"] = branch
    if effort:
        env["CLAUDE_CODE_EFFORT_LEVEL"] = effort
    if run:
        env["GT_RUN"] = run
    return env


def in_nobodys_name(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment (default: this process's own) without the variables of an agent or a session."""
    return {key: value for key, value in (os.environ if env is None else env).items() if key not in PERSONAL}


def caller(env: Mapping[str, str] | None = None) -> Address:
    """Return who runs this command: GT_ROLE (completed by GT_RIG and the name variables), else the overseer."""
    env = os.environ if env is None else env
    role = env.get("GT_ROLE", "").strip()
    if not role:
        return HUMAN
    rig = env.get("GT_RIG", "")
    if role in (WITNESS, REFINERY):
        return Address(role, rig, "")
    if role in (CREW, POLECAT):
        return Address(role, rig, env.get("GT_CREW" if role == CREW else "GT_POLECAT", ""))
    if role == DOG:
        return Address(DOG, "", env.get("GT_DOG_NAME", ""))
    if role == "deacon/boot":
        return Address(BOOT, "", "")
    return parse_address(role)


def resolve_agent(inventory: Inventory, text: str, me: Address = HUMAN) -> RosterEntry:
    """Return the roster entry that ``text`` means.

    Any address form, a session name, a role (its rig from ``me``, or the town's only rig), or the bare name of a crew
    member or polecat if it is unique.  Raises NotFoundError with near matches, UsageError if ``text`` is ambiguous.
    """
    rigs = {rig.name: rig.prefix for rig in inventory.rigs}
    text = text.strip().rstrip("/")
    words = {"wit": WITNESS, "ref": REFINERY, "may": "mayor", "dea": "deacon"}
    text = words.get(text, text)
    if text in (WITNESS, REFINERY):
        rig = me.rig or (inventory.rigs[0].name if len(inventory.rigs) == 1 else "")
        if not rig:
            raise UsageError(
                f"which {text}?", "the town has several rigs", f"say {' or '.join(f'{r}/{text}' for r in rigs)}"
            )
        text = f"{rig}/{text}"
    if text in ("self", "."):
        text = me.path
    entry = find_agent(inventory, parse_address(text, rigs))
    if entry is not None:
        return entry
    named = [one for one in inventory.agents if text and text in (one.address.name, one.session)]
    if len(named) == 1:
        return named[0]
    raise _unknown_agent(inventory, text, named)


def _unknown_agent(inventory: Inventory, text: str, named: list[RosterEntry]) -> GastownError:
    import difflib

    if named:
        return UsageError(f"{text} is ambiguous", "", f"say {' or '.join(one.address.short for one in named)}")
    known = {one.address.short: one.address.short for one in inventory.agents}
    known |= {one.address.label: one.address.short for one in inventory.agents}
    near = dict.fromkeys(known[word] for word in difflib.get_close_matches(text, known, n=3, cutoff=0.5))
    hint = f"did you mean {' or '.join(near)}?" if near else "gt agents lists them"
    return NotFoundError(f"no agent {text} in this town", "", hint)


def own_entry(
    root: str, inventory: Inventory, env: Mapping[str, str] | None = None, cwd: str = ""
) -> RosterEntry | None:
    """Return the caller's roster entry: by GT_ROLE, else by the agent folder around ``cwd``; None for a person."""
    me = caller(env)
    if me.role == BOOT:
        # fresh at each triage, so in no roster
        return RosterEntry(me, me.session("hq"), os.path.join(root, "deacon", "dogs", "boot"), me.bead_id("hq"))
    if me.role != OVERSEER:
        return find_agent(inventory, me)
    here = os.path.realpath(cwd or os.getcwd())
    best: RosterEntry | None = None
    for entry in inventory.agents:
        folder = os.path.realpath(entry.work_dir)
        inside = here == folder or here.startswith(folder + os.sep)
        if inside and (best is None or len(folder) > len(os.path.realpath(best.work_dir))):
            best = entry
    return best


def rig_prefix(root: str, rig: str) -> str:
    """Return the bead prefix of a rig, ``hq`` for the town. Raises NotFoundError for an unregistered rig."""
    if not rig:
        return "hq"
    rigs = read_rigs(root)
    if rig not in rigs:
        known = ", ".join(rigs) or "none yet"
        raise NotFoundError(f"no rig {rig}", "it is not registered in this town", f"known rigs: {known}")
    return rigs[rig]
