"""The unit under a real user manager of systemd, in name spaces of its own: started, killed, taken down, taken back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.rigged import Rigged

MANAGER = "/lib/systemd/systemd"
SCRIPT = r"""
set -u
place=/sys/fs/cgroup/systemd/$1 ; unified=/sys/fs/cgroup/unified/$1
[ -d /sys/fs/cgroup/systemd ] && [ -d /sys/fs/cgroup/unified ] || exit 77
mkdir -p "$place" "$unified" && echo $$ >"$place/cgroup.procs" && echo $$ >"$unified/cgroup.procs" || exit 77
exec unshare --mount --pid --fork --cgroup --mount-proc --kill-child bash "$2" || exit 77
"""
INSIDE = r"""
set -u
umount -l /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified && mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd || exit 77
mount -t tmpfs tmpfs /run && mkdir -p /run/user/0 /run/systemd/system && chmod 700 /run/user/0 || exit 77
export XDG_RUNTIME_DIR=/run/user/0
/lib/systemd/systemd --user &
for _ in $(seq 100); do systemctl --user is-system-running && break; sleep 0.2; done | tail -1 | grep -q running || exit 77
gt() { "$PYTHON" -P -m gastown_cli "$@"; }
unit() { systemctl --user show --value -p "$1" "$UNIT"; }
daemon() { gt daemon status --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin).get("pid") or 0)'; }
settle() {
  for _ in $(seq 150); do
    now=$(unit MainPID); [ "$now" != 0 ] && [ "$now" != "$1" ] && [ "$now" = "$(daemon)" ] && break; sleep 0.2
  done
}

gt daemon enable-supervisor >/dev/null || exit 1
UNIT=$(basename "$HOME"/.config/systemd/user/*.service); settle 0
first=$(unit MainPID); echo "enabled $(unit ActiveState) $([ "$first" = "$(daemon)" ] && echo same)"
kill -9 "$first"; settle "$first"
echo "killed $(unit ActiveState) $(unit NRestarts) $([ "$(unit MainPID)" = "$(daemon)" ] && echo same)"
gt daemon stop >/dev/null; sleep 7
echo "stopped $(unit ActiveState) $(daemon)"
gt daemon start >/dev/null
echo "started $(unit ActiveState) $([ "$(unit MainPID)" = "$(daemon)" ] && echo same)"
tmux -L beside new-session -d -s work sleep 600
gt daemon disable-supervisor >/dev/null
echo "disabled $(unit ActiveState) $(daemon) $(ls "$HOME"/.config/systemd/user | grep -c service) $(tmux -L beside ls | wc -l)"
tmux -L beside kill-server
kill %1; wait
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists(MANAGER) or not all(map(shutil.which, ("unshare", "systemctl", "tmux"))),
    reason="needs root, systemd and unshare",
)
@pytest.mark.timeout(240)
def test_systemd_starts_it_again_after_a_kill_and_not_after_a_stop_and_gt_starts_it_through_systemd(
    rigged: Rigged, tmp_path: Path
) -> None:
    script, name = tmp_path / "inside.sh", f"gt-test-{os.getpid()}"
    script.write_text(INSIDE)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_", "TMUX", "XDG_"))}
    env = {**kept, "HOME": str(tmp_path), "PYTHON": sys.executable, "TMUX_TMPDIR": str(tmp_path)}
    argv = ["bash", "-c", SCRIPT, "bash", name, str(script)]
    try:
        done = subprocess.run(argv, cwd=rigged.root, env=env, capture_output=True, text=True, timeout=200)
    finally:
        for tree in ("systemd", "unified"):
            _remove_group(Path("/sys/fs/cgroup", tree, name))
    if done.returncode == 77:
        pytest.skip("no user manager of systemd starts here")
    assert done.stdout.splitlines() == [
        "enabled active same",
        "killed active 1 same",
        "stopped inactive 0",
        "started active same",
        "disabled inactive 0 0 1",
    ], done.stderr


def _remove_group(group: Path) -> None:
    """Remove a control group that is empty in a moment."""
    for _ in range(50):
        for folder in sorted((*group.rglob("*/"), group), key=lambda one: -len(one.parts)):
            try:
                folder.rmdir()
            except OSError:
                time.sleep(0.02)
        if not group.exists():
            return
