"""Since when an agent is as it is starts again when that changes, also where its work is older."""

from __future__ import annotations

import os
from typing import Any

from gastown_core.model.agent import Health
from gastown_core.runtimes.heartbeat import Heartbeat
from gastown_core.state.collect import Sources
from gastown_core.state.reduce import reduce_town
from gastown_core.tmux.panes import Pane

OPAL = "shop/polecats/opal"
PANE = Pane("sh-opal", "@1", "%1", 1, "python", False, None, 0.0, 0, False, "", 80, 24)


def test_an_agent_that_gets_on_again_is_at_work_since_then(paper: Any) -> None:
    os.makedirs(os.path.join(paper.root, *OPAL.split("/")))
    work = paper.file("work", status="hooked", assignee=OPAL)
    began = paper.bead(work).updated_at
    sources = Sources(paper.root)
    sources.ledger.load(began)
    facts = sources.facts
    facts.panes, facts.alive = {"sh-opal": PANE._replace(activity=began)}, {"sh-opal": True}

    def seen(at: float) -> tuple[Health, float]:
        view = reduce_town(facts, at).agent(OPAL)
        assert view is not None and view.health.since is not None
        return view.health.state, view.health.since - began

    assert seen(began + 60) == (Health.WORKING, 0.0)
    assert seen(began + 1000) == (Health.STALLED, 900.0)
    facts.heartbeats["sh-opal"] = Heartbeat(began + 1010, "working", bead=work)
    assert seen(began + 1020) == (Health.WORKING, 1020.0)
    assert seen(began + 1100) == (Health.WORKING, 1020.0)
    # whoever looks for the first time knows of no trouble before
    facts.stood.clear()
    assert seen(began + 1100) == (Health.WORKING, 0.0)
    sources.close()
