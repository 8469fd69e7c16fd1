"""A night of a town that nobody watches: scripted agents work, and a hand that means ill crashes, stops and kills.

Everything is real: the daemon, tmux, git, the commands.  What triages the daemon is ``gt boot triage``, as cron would run it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress

from gastown_core.beads.query import BeadQuery
from gastown_core.files.locks import holder_of
from gastown_core.git.repo import Git
from gastown_core.git.worktree import list_worktrees
from gastown_core.messaging.escalation import LABEL as ESCALATION
from gastown_core.messaging.queue import read_nudge, sessions_with_queue, waiting
from gastown_core.model.bead import CLOSED
from gastown_core.model.merge_request import LABEL, read_request
from gastown_core.process_table import environment_of, process_table
from gastown_core.tmux.panes import list_panes
from gastown_core.town import daemon_note, sessions
from gastown_core.town.inventory import read_inventory
from gastown_core.work import death_count
from tests.support.cli import gt
from tests.support.repos import commit_files, make_repo
from tests.support.rigged import Rigged

CHECK = "if grep -rqs '1 + 1 == 3' tests; then echo a test fails; exit 1; fi\n"
MOODS = ("steady",) * 10 + ("slips", "limited", "silent", "crash", "breaks")
TOKEN = "Token of the night"
TRIAGE_S = 10.0
REST_FDS, MOST_FDS = 150, 320
"""Files that a daemon may hold open in the morning, and while everything happens at once: each of some thirty duties reads two
ledgers then, by four files each, and every agent has a handle on its process."""
QUICK = {
    "default_agent": "scripted",
    "convoy": {"feed_grace": "0s"},
    "patrols": {
        "witness": {"stopped_short": "15s", "patience": "20s", "period": "5s"},
        "restart": {"first": "2s", "held_retry": "1m"},
    },
    "operational": {"session": {"stalled": "60s", "gupp_violation": "120s"}, "witness": {"max_bead_respawns": 3}},
}
"""The settings of a town whose nights are short."""


class Night:
    """The town, its beads, and what was done to it; ``rng`` decides what happens when."""

    def __init__(self, rigged: Rigged, *, agents: int, beads: int, pace: str, seed: int) -> None:
        self.rigged, self.root = rigged, rigged.root
        self.agents, self.count, self.pace = agents, beads, pace
        self.rng = random.Random(seed)
        self.beads: list[str] = []
        self.nudges: dict[str, str] = {}
        self.letters: list[str] = []
        self.done: Counter[str] = Counter()
        self.fds: list[int] = []
        self._triaged = 0.0

    def begin(self) -> None:
        """Give the rig its gate, start the town, and file the work in convoys of ten."""
        base = os.path.dirname(self.root)
        work = make_repo(os.path.join(base, "gate"))
        Git(base).run("-C", work.path, "pull", "-q", "--rebase", self.rigged.origin.path, "main")
        commit_files(work, {"check.sh": CHECK, "tests/test_all.py": "def test_all():\n    assert True\n"}, "Check")
        work.run("push", "-q", self.rigged.origin.path, "HEAD:main")
        env = {"GT_SCRIPT_PACE": self.pace, "GT_SCRIPT_LIMIT": "20"}
        town = {**QUICK, "agents": {"scripted": {"env": env}}}
        town["scheduler"] = {"max_polecats": self.agents, "batch_size": 5}
        _edit(os.path.join(self.root, "settings", "config.json"), town)
        gates = {"check": {"cmd": "sh check.sh", "timeout": "60s"}}
        queue = {"gates": gates, "batch": {"max_batch_size": 5, "batch_wait_time": "2s"}, "max_retry_count": 2}
        _edit(os.path.join(self.root, "shop", "settings", "config.json"), {"merge_queue": queue})
        self.run("up")
        with self.rigged.ledger.store_for("sh-x").write("overseer") as batch:
            for number in range(self.count):
                mood = MOODS[number % len(MOODS)]
                fields = {"title": f"Work {number}", "labels": [f"mood:{mood}"], "issue_type": "task"}
                self.beads.append(batch.create({**fields, "description": "1. write it\n2. test it\n3. end it\n"}).id)
        for first in range(0, self.count, 10):
            self.run("convoy", "create", f"Part {first // 10}", *self.beads[first : first + 10], "--human")

    def run(self, *words: str, **env: str) -> str:
        """What ``gt words`` said; raises if it failed."""
        done = gt(*words, cwd=self.root, **env)
        assert done.code == 0, (words, done.out, done.err)
        return done.out

    # -- what happens ----------------------------------------------------------------------------------------

    def strike(self) -> None:
        """Do one of the things that happen at night."""
        act = self.rng.choice((self.crash, self.crash, self.hang, self.kill_daemon, self.nudge, self.nudge, self.mail))
        act()
        self.done[act.__name__] += 1

    def _polecat(self) -> tuple[str, int] | None:
        server = sessions.server_of(self.root)
        if not server.is_running():
            return None
        names = {one.session for one in read_inventory(self.root).agents if one.address.role == "polecat"}
        found = [(name, pane.pid) for name, pane in list_panes(server).items() if name in names and not pane.dead]
        return self.rng.choice(sorted(found)) if found else None

    def crash(self) -> None:
        """Kill a worker's program."""
        self._signal(signal.SIGKILL)

    def hang(self) -> None:
        """Stop a worker's program: it lives, and does nothing more."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        one = self._polecat()
        if one is not None:
            with suppress(ProcessLookupError):
                os.kill(one[1], number)

    def kill_daemon(self) -> None:
        """Kill the daemon as the kernel does that has no memory left."""
        pid = daemon_note.running_pid(self.root)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def nudge(self) -> None:
        """Nudge somebody, and note what the command said of it."""
        one = self._polecat()
        target = "mayor" if one is None or self.rng.random() < 0.5 else f"shop/{one[0].removeprefix('sh-')}"
        text = f"{TOKEN} {len(self.nudges)}"
        done = gt("nudge", target, text, "--json", cwd=self.root)
        # a worker that has just ended takes no nudge, and the command says so
        self.nudges[text] = "delivered" if "turn started" in done.out else "sent" if done.code == 0 else "refused"

    def mail(self) -> None:
        """Write to the deacon, whom no nudge of ours goes to: mail is announced by a nudge too, and handed on in another's name."""
        subject = f"Letter {len(self.letters)}"
        self.run("mail", "send", "deacon/", "-s", subject, "-m", "for the morning", BD_ACTOR="overseer")
        self.letters.append(subject)

    def triage(self) -> None:
        """Look after the daemon every ten seconds, as cron would, and count what it holds open."""
        if time.monotonic() - self._triaged < TRIAGE_S:
            return
        self._triaged = time.monotonic()
        gt("boot", "triage", cwd=self.root)
        pid = daemon_note.running_pid(self.root)
        if pid:
            with suppress(OSError):
                self.fds.append(len(os.listdir(f"/proc/{pid}/fd")))

    # -- what has to be so in the morning --------------------------------------------------------------------

    def unsettled(self) -> dict[str, str]:
        """Beads that are neither landed nor escalated, with their status."""
        raised = self.escalated()
        status = self.rigged.ledger.statuses(self.beads)
        return {bead: status[bead] for bead in self.beads if status[bead] != CLOSED and not raised[bead]}

    def escalated(self) -> Counter[str]:
        """Bead → how many escalations about it are open."""
        query = BeadQuery(labels_all=(ESCALATION,), exclude_statuses=(CLOSED,), exclude_types=("message",))
        told: Counter[str] = Counter()
        for bead in self.rigged.ledger.store_for("hq-x").find(query):
            for name in self.beads:
                told[name] += any(name in text for text in (bead.title, str(bead.raw.get("description"))))
        return told

    def faults(self) -> list[str]:
        """Everything that is wrong in the morning, in words; to be asked when the town has ended its work and is down."""
        return [*self._work(), *self._texts(), *self._leaks()]

    def _work(self) -> list[str]:
        landed: Counter[str] = Counter()
        for bead in self.rigged.ledger.stores()["shop"].find(BeadQuery(labels_all=(LABEL,), include_wisps=True)):
            request = read_request(bead)
            if request.close_reason == "merged":
                landed[request.source_issue] += 1
        status = self.rigged.ledger.statuses(self.beads)
        raised = self.escalated()
        told = [f"{bead} landed {count} times" for bead, count in landed.items() if count > 1]
        for bead in self.beads:
            if status[bead] == CLOSED and not landed[bead]:
                told.append(f"{bead} is closed, and was never merged")
            if status[bead] == CLOSED and raised[bead]:
                told.append(f"{bead} has landed, and is still escalated")
            if status[bead] != CLOSED and raised[bead] != 1:
                deaths = death_count.count_of(self.root, bead)
                told.append(f"{bead} is {status[bead]} after {deaths} deaths, with {raised[bead]} escalations")
        return told

    def _texts(self) -> list[str]:
        events = [
            one for one in self.rigged.events("nudge", "nudge_delivered", "nudge_dead") if one["actor"] == "overseer"
        ]
        sent: Counter[str] = Counter()
        seen: Counter[str] = Counter()
        ended: Counter[str] = Counter()
        for one in events:
            told_of: dict[str, object] = one["payload"]  # type: ignore[assignment]
            target, text = str(told_of["target"]), str(told_of.get("reason"))
            if one["type"] != "nudge":
                ended[target] += 1
            elif text in self.nudges:
                # what the command itself saw arrive has an event only if the daemon was first to settle it
                (sent if self.nudges[text] == "sent" else seen)[target] += 1
        for session in sessions_with_queue(self.root):
            for path in waiting(self.root, session):
                left = read_nudge(path)
                if left is not None and left.message.startswith(TOKEN):
                    ended[left.target] += 1
        told = [
            f"{sent[target]} nudges to {target} were queued, and {ended[target]} have arrived, are dead or wait"
            for target in sent | seen
            if not sent[target] <= ended[target] <= sent[target] + seen[target]
        ]
        query = BeadQuery(include_wisps=True, types=("message",))
        # the code that has the deacon's role hands them on to the mayor, and says so in the subject
        kept = Counter(
            bead.title.removeprefix("[to deacon/] ") for bead in self.rigged.ledger.store_for("hq-x").find(query)
        )
        return told + [f"{subject} is kept {kept[subject]} times" for subject in self.letters if kept[subject] != 1]

    def _leaks(self) -> list[str]:
        told = [
            f"process {row.pid} ({row.name}) is left"
            for row in process_table().values()
            if row.pid != os.getpid() and not row.is_gone and environment_of(row.pid).get("GT_TOWN_ROOT") == self.root
        ]
        if self.fds and max(self.fds) > MOST_FDS:
            told.append(f"the daemon held {max(self.fds)} files open")
        if self.fds and min(self.fds[-6:]) > REST_FDS:
            told.append(f"in the morning the daemon still held {min(self.fds[-6:])} files open")
        for folder, _, files in os.walk(self.root):
            for name in files:
                path = os.path.join(folder, name)
                if name.endswith((".lock", ".flock")) and "/.git" not in folder and ".repo.git" not in folder:
                    with suppress(OSError):
                        if holder_of(path) is not None:
                            told.append(f"{os.path.relpath(path, self.root)} is still held")
                elif name.endswith((".tmp", ".part")):
                    told.append(f"{os.path.relpath(path, self.root)} is left of a write")
        bare = Git(os.path.join(self.root, "shop", ".repo.git"))
        known = {os.path.realpath(one.work_dir) for one in read_inventory(self.root).agents}
        for tree in list_worktrees(bare):
            if "/polecats/" in tree.path and os.path.realpath(tree.path) not in known:
                told.append(f"the worktree {os.path.relpath(tree.path, self.root)} is nobody's")
        return told

    def story(self) -> str:
        """What happened, in a few lines."""
        kinds = Counter(str(one["type"]) for one in self.rigged.events())
        incidents = Counter(str(one["payload"]["kind"]) for one in self.rigged.events("incident_opened"))  # type: ignore[index]
        acts = Counter(str(one["payload"]["order"]) for one in self.rigged.events("patrol_acted"))  # type: ignore[index]
        status = Counter(self.rigged.ledger.statuses(self.beads).values())
        size = os.stat(os.path.join(self.root, ".events.jsonl")).st_size
        return (
            f"done to it: {dict(self.done)}\nbeads: {dict(status)}\nincidents: {dict(incidents)}\nacts: {dict(acts)}\n"
            f"escalations {kinds['escalation_sent']}, nudges {kinds['nudge']}, delivered {kinds['nudge_delivered']},"
            f" dead {kinds['nudge_dead']}; files open {self.fds[:6]} … {self.fds[-6:]};"
            f" event log {size} bytes"
        )


def _edit(path: str, changes: dict[str, object]) -> None:
    value = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as handle:
            value = json.load(handle)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        json.dump({**value, **changes}, handle)
