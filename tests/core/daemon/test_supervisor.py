from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import signal
import subprocess

import pytest

from gastown_core.daemon import supervisor
from gastown_core.errors import TownError
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.rigged import make_executable


def test_the_unit_runs_the_daemon_in_its_town_whatever_the_folder_is_called():
    root = '/home/ana/my "50%" $town'
    text = supervisor.unit_text(root, ["/usr/bin/python3", "-m", "a $b"], {"GT_TOWN_ROOT": root})
    lines = text.splitlines()
    assert 'WorkingDirectory=/home/ana/my "50%%" $town' in lines
    assert r'Environment="GT_TOWN_ROOT=/home/ana/my \"50%%\" $town"' in lines
    assert 'ExecStart="/usr/bin/python3" "-m" "a $$b"' in lines
    assert {"Restart=on-failure", "RestartSec=5", "KillMode=process", "WantedBy=default.target"} <= set(lines)


def test_the_launchd_agent_starts_again_after_a_crash_only(rigged):
    plan = supervisor.plan_of(rigged.root, platform="darwin")
    value = plistlib.loads(plan.text.encode())
    assert value["WorkingDirectory"] == rigged.root and value["ProgramArguments"][-3:] == ["daemon", "run", "--quiet"]
    assert value["KeepAlive"] == {"SuccessfulExit": False} and value["RunAtLoad"] and value["AbandonProcessGroup"]
    assert plan.path.endswith(f"/LaunchAgents/{value['Label']}.plist")


def test_without_systemd_for_this_user_nothing_is_written_and_that_is_said(rigged, tmp_path):
    folder = tmp_path / "programs"
    make_executable(
        str(folder / "systemctl"), "#!/bin/sh\necho 'Failed to connect to bus: No medium found' >&2; exit 1\n"
    )
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": f"{folder}:{os.environ['PATH']}"}
    done = gt("daemon", "enable-supervisor", cwd=rigged.root, **env)
    assert done.code == 1 and "systemd does not serve this user here" in done.err
    assert "Failed to connect to bus" in done.err and "gt daemon start" in done.err
    assert not (tmp_path / "config").exists()
    shown = gt("daemon", "enable-supervisor", "--dry-run", cwd=rigged.root, **env)
    assert shown.code == 0 and "ExecStart=" in shown.out and not (tmp_path / "config").exists()


def test_enabling_writes_the_unit_and_disabling_takes_it_back(rigged, tmp_path):
    folder, log = tmp_path / "programs", tmp_path / "calls"
    make_executable(str(folder / "systemctl"), f'#!/bin/sh\necho "$@" >> {shlex.quote(str(log))}\n')
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": f"{folder}:{os.environ['PATH']}"}
    done = gt("daemon", "enable-supervisor", "--json", cwd=rigged.root, **env)
    path = done.json["path"]
    with open(path) as handle:
        assert handle.read() == done.json["text"]
    assert os.stat(path).st_mode & 0o777 == 0o600
    unit = os.path.basename(path)
    assert log.read_text().splitlines()[1:] == ["--user daemon-reload", f"--user enable --now {unit}"]
    assert gt("daemon", "disable-supervisor", cwd=rigged.root, **env).code == 0 and not os.path.exists(path)
    assert f"--user disable --now {unit}" in log.read_text()
    again = gt("daemon", "disable-supervisor", cwd=rigged.root, **env)
    assert again.code == 0 and "no supervisor was set up" in again.out


def test_a_refused_unit_leaves_no_file(rigged, tmp_path):
    folder = tmp_path / "programs"
    script = '#!/bin/sh\n[ "$2" = enable ] || exit 0\necho "Unit is masked." >&2; exit 1\n'
    make_executable(str(folder / "systemctl"), script)
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": f"{folder}:{os.environ['PATH']}"}
    done = gt("daemon", "enable-supervisor", cwd=rigged.root, **env)
    assert done.code == 1 and "Unit is masked." in done.err
    assert [files for _, _, files in os.walk(tmp_path / "config") if files] == []


def test_windows_has_no_supervisor_and_says_what_to_do(rigged):
    with pytest.raises(TownError) as caught:
        supervisor.plan_of(rigged.root, platform="win32")
    assert "no supervisor" in str(caught.value) and "gt daemon start" in caught.value.hint


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_finds_nothing_wrong_with_the_unit(rigged, tmp_path):
    plan = supervisor.plan_of(rigged.root, platform="linux")
    path = tmp_path / "gastown.service"
    path.write_text(plan.text)
    (tmp_path / "run").mkdir(mode=0o700)
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    done = subprocess.run(["systemd-analyze", "--user", "verify", str(path)], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_unit_runs_is_a_daemon_in_no_other_environment_than_its_own(rigged):
    lines = supervisor.plan_of(rigged.root, platform="linux").text.splitlines()
    told = {line.partition("=")[0]: line.partition("=")[2] for line in lines}
    env = dict(
        shlex.split(line.partition("=")[2])[0].split("=", 1) for line in lines if line.startswith("Environment=")
    )
    env |= {"HOME": os.environ["HOME"]}
    child = subprocess.Popen(shlex.split(told["ExecStart"]), cwd=told["WorkingDirectory"], env=env)
    try:
        until(
            lambda: gt("daemon", "status", "--json", cwd=rigged.root).json.get("pid") == child.pid,
            "it does not serve the town",
        )
    finally:
        child.terminate()
        # one that has only just begun is ended by the signal itself
        assert child.wait(120) in (0, -signal.SIGTERM)
