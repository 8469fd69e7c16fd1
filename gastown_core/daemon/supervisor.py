"""The town's daemon under the system's own supervisor: a systemd user unit, or a launchd agent on macOS.

It starts with the login and again after a crash.  A daemon that was ended on purpose (``gt down``) stays ended.  Its
supervisor ends the daemon alone: the agents' sessions go on.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from gastown_core.errors import GastownError, TownError
from gastown_core.files.atomic import write_atomic
from gastown_core.model.record import Record
from gastown_core.process import ProgramMissingError, gt_argv, run
from gastown_core.tmux.socket import socket_name
from gastown_core.town import daemon_note

SYSTEMD, LAUNCHD = "systemd", "launchd"


class SupervisorPlan(Record):
    """What is written, and the commands that begin and undo it, and start it again; ``kind`` is systemd or launchd."""

    kind: str
    path: str
    text: str
    begin: tuple[tuple[str, ...], ...]
    undo: tuple[tuple[str, ...], ...]
    start: tuple[str, ...] = ()


def plan_of(root: str, *, platform: str = sys.platform) -> SupervisorPlan:
    """Return the unit for this system's supervisor, and the commands; changes nothing. Raises TownError on Windows."""
    if platform == "win32":
        raise TownError(
            "there is no supervisor for the daemon on Windows", "", "gt daemon start runs it until you log out"
        )
    name = socket_name(root, {})
    argv = [*gt_argv("daemon", "run", "--quiet")]
    begin: tuple[tuple[str, ...], ...]
    env = {"GT_TOWN_ROOT": root, "PATH": os.environ.get("PATH", os.defpath)}
    if platform == "darwin":
        label = f"com.gastown.daemon.{name}"
        path = os.path.expanduser(f"~/Library/LaunchAgents/{label}.plist")
        target = f"gui/{os.getuid()}"
        begin = (("launchctl", "bootstrap", target, path),)
        undo: tuple[tuple[str, ...], ...] = (("launchctl", "bootout", f"{target}/{label}"),)
        start = ("launchctl", "kickstart", f"{target}/{label}")
        return SupervisorPlan(LAUNCHD, path, plist(label, root, argv, env), begin, undo, start)
    unit = f"gastown-daemon-{name}.service"
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    path = os.path.join(base, "systemd", "user", unit)
    call = ("systemctl", "--user")
    begin = ((*call, "daemon-reload"), (*call, "enable", "--now", unit))
    undo = ((*call, "disable", "--now", unit),)
    return SupervisorPlan(SYSTEMD, path, unit_text(root, argv, env), begin, undo, (*call, "start", unit))


def unit_text(root: str, argv: list[str], env: dict[str, str]) -> str:
    """Return the text of a systemd user unit."""
    lines = [
        "[Unit]",
        f"Description=Gas Town daemon of {_literal(root)}",
        "StartLimitIntervalSec=300",
        "StartLimitBurst=10",
        "",
        "[Service]",
        f"WorkingDirectory={_literal(root)}",
        *(f"Environment={_quoted(f'{key}={value}')}" for key, value in env.items()),
        f"ExecStart={' '.join(_quoted(word, command=True) for word in argv)}",
        "Restart=on-failure",
        "RestartSec=5",
        "KillMode=process",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str, *, command: bool = False) -> str:
    """Return a word of a unit file as it is, whatever characters it has."""
    plain = _literal(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain.replace("$", "$$") if command else plain}"'


def plist(label: str, root: str, argv: list[str], env: dict[str, str]) -> str:
    """Return the text of a launchd agent."""
    import plistlib

    value = {
        "Label": label,
        "ProgramArguments": argv,
        "WorkingDirectory": root,
        "EnvironmentVariables": env,
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 5,
        "AbandonProcessGroup": True,
        "StandardErrorPath": daemon_note.log_path(root),
    }
    return plistlib.dumps(value).decode()


def enable(root: str, plan: SupervisorPlan) -> None:
    """Write the file and begin; a daemon that runs already is ended first, so that the supervisor has the only one.

    Raises TownError, and leaves nothing behind, if the supervisor cannot be reached or refuses.
    """
    from gastown_core.daemon import starting

    check(plan)
    os.makedirs(os.path.dirname(plan.path), exist_ok=True)
    before = _content(plan.path)
    write_atomic(plan.path, plan.text.encode(), mode=0o600)
    was_running = starting.stop(root)
    try:
        for argv in plan.begin:
            _call(argv)
    except GastownError:
        if before is None:
            os.unlink(plan.path)
        if was_running:
            starting.start(root)
        raise


def begin(root: str) -> tuple[int, bool]:
    """Start the daemon if none runs: by its supervisor where one was set up, so that it goes on to watch over it.

    Returns and raises what ``starting.start`` does, which also starts it where the supervisor does not answer.
    """
    from gastown_core.daemon import starting

    running = daemon_note.running_pid(root)
    if running is None and sys.platform != "win32":
        plan = plan_of(root)
        if os.path.exists(plan.path):
            with suppress(GastownError):
                _call(plan.start)
                found = starting.await_answer(root)
                if found:
                    return found, True
    return starting.start(root)


def disable(plan: SupervisorPlan) -> bool:
    """Undo ``enable``; return False if there was nothing to undo. Raises TownError."""
    if _content(plan.path) is None:
        return False
    check(plan)
    for argv in plan.undo:
        _call(argv)
    os.unlink(plan.path)
    if plan.kind == SYSTEMD:
        _call(plan.begin[0])
    return True


def check(plan: SupervisorPlan) -> None:
    """Refuse where this system has no such supervisor for this user. Raises TownError with its own words."""
    asked = ("systemctl", "--user", "show-environment") if plan.kind == SYSTEMD else ("launchctl", "version")
    try:
        done = run(asked, timeout_s=10.0)
    except ProgramMissingError as error:
        raise _absent(plan, f"{asked[0]} is not installed") from error
    if done.code:
        raise _absent(plan, (done.err or done.out).strip().partition("\n")[0])


def _absent(plan: SupervisorPlan, why: str) -> TownError:
    hint = "gt up starts the daemon; a line '@reboot cd TOWN && gt daemon start' in crontab does so after a restart"
    return TownError(f"{plan.kind} does not serve this user here", why, hint)


def _call(argv: tuple[str, ...]) -> None:
    done = run(argv, timeout_s=60.0, starts_servers=True)
    if done.code:
        raise TownError(f"{' '.join(argv)} failed", (done.err or done.out).strip(), f"try {' '.join(argv)} by hand")


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None
