from __future__ import annotations

import os
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.runtimes.heartbeat import write_heartbeat
from gastown_core.town import sessions, start_plan
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.rigged import write
from tests.support.tmux import needs_tmux, screen, until


@needs_tmux
def test_an_account_is_limited_while_one_of_its_sessions_is_and_tells_until_when(sessions_too, tmp_path):
    town = sessions_too
    set_setting(town.root, "default_agent", "scripted")
    work = str(tmp_path / "work")
    write(
        os.path.join(town.root, "mayor", "accounts.json"),
        f'{{"version": 1, "accounts": {{"work": {{"config_dir": "{work}"}}}}}}',
    )
    for who, account in (("mayor", ""), ("shop/witness", "night"), ("deacon", "night")):
        entry = town.entry(who)
        plan = start_plan.plan_start(town.root, entry)
        pane = sessions.start_agent(town.root, plan._replace(env={**plan.env, "GT_QUOTA_ACCOUNT": account}))
        until(lambda pane=pane: "❯" in screen(sessions.server_of(town.root), pane), f"{who} shows its prompt")
    free = gt("quota", "status", "--json", cwd=town.root)
    assert free.code == 0 and {row["status"] for row in free.json} == {"available"}
    assert "none of 3 running agents is limited" in gt("quota", "scan", cwd=town.root).out
    ends = SYSTEM_CLOCK.now() + 3600

    def while_limited(*words: str):
        # the agent itself writes its heartbeat now and then
        write_heartbeat(town.root, "sh-witness", "limited", context="usage limit reached", until=ends)
        done = gt("quota", *words, cwd=town.root)
        return done if "usage limit reached" in done.out else None

    told = until(lambda: while_limited("status", "--json"), "the limit is told")
    rows = {row["account"]: row for row in told.json}
    assert set(rows) == {"night", "scripted"}
    night = rows["night"]
    assert (night["status"], night["limited_sessions"]) == ("limited", ["sh-witness"])
    assert sorted(night["sessions"]) == ["hq-deacon", "sh-witness"] and "usage limit reached" in night["reason"]
    assert night["resets_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
    assert rows["scripted"]["status"] == "available"
    told = until(lambda: while_limited("scan"), "the limit is told")
    assert "shop/witness  night  usage limit reached" in told.out


def test_no_agent_no_account_and_a_wrong_register_is_an_error(rigged, without_tmux):
    assert "no agent is running" in gt("quota", "status", cwd=rigged.root).out
    assert gt("quota", "scan", "--json", cwd=rigged.root).json == []
    write(os.path.join(rigged.root, "mayor", "accounts.json"), "[")
    wrong = gt("quota", "status", cwd=rigged.root)
    assert wrong.code == 2 and "accounts.json" in wrong.err
