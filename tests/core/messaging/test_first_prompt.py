from __future__ import annotations

import os

import pytest

from gastown_core.files.atomic import edit_json
from gastown_core.town import sessions, start_plan
from gastown_core.town.runtime_settings import set_agent
from gastown_core.town.settings import settings_path
from tests.support.rigged import make_executable
from tests.support.tmux import needs_tmux, screen, until

SLOW_STARTER = r"""#!/bin/sh
stty -echo
sleep 0.3
printf '\342\200\272 \n\n  fake-5 \302\267 /w\n'
while read -r line; do printf '  got %s\n' "$line"; done
"""


@pytest.fixture
def hookless(rigged, server, monkeypatch):
    """A town whose agents take no prompt on their command line, as codex does."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    monkeypatch.setenv("PYTHONPATH", here)
    path = os.path.join(rigged.root, "fake-codex")
    make_executable(path, SLOW_STARTER)
    set_agent(rigged.root, "hookless", path, provider="codex")
    edit_json(settings_path(rigged.root), lambda value: value["agents"]["hookless"].update(prompt_mode="none"))
    yield rigged
    sessions.server_of(rigged.root).kill_server()


@needs_tmux
def test_the_first_prompt_is_typed_once_the_agent_shows_its_own(hookless):
    entry = hookless.entry("shop/witness")
    start = start_plan.plan_start(hookless.root, entry, agent="hookless")
    assert start.typed_prompt and start.typed_prompt not in start.argv
    assert any(word.endswith("fake-codex") for word in start.argv)
    pane = sessions.start_agent(hookless.root, start)
    server = sessions.server_of(hookless.root)
    until(lambda: "got [from" in screen(server, pane), "the prompt arrives")
    assert "[GAS TOWN] witness (rig: shop)" in screen(server, pane)
