import os

import pytest

from gastown_core.errors import DeliveryError
from gastown_core.tmux.control import ControlLink, LinkedServer
from gastown_core.tmux.delivery import UnsubmittedError, deliver, sanitize
from gastown_core.tmux.processes import foreground_is
from tests.support.tmux import dead_pane, pane_of, screen, start_agent, start_plain, transcript, until

TEXTS = {
    "a leading dash": "-rf --help",
    "a trailing semicolon": "echo a; echo b;",
    "only a semicolon": ";",
    "quotes": "it's \"quoted\" and 'quoted'",
    "backticks and dollars": "`touch owned` $(touch owned) ${HOME} $HOME \\$x \\\\",
    "tmux formats": "#{pane_id} #(touch owned) %1 ~ {x}",
    "emoji": "🚚 landed 👩‍🚀 ✅",
    "cjk": "漢字 かな 한글",
    "40 lines": "\n".join(f"line {number}: x" for number in range(40)),
    "blank lines": "a\n\n\nb",
    "10 KB": "0123456789abcdé\n" * 650,
}


def is_scripted(pid, command):
    return foreground_is(pid, command, ("gt-agent", "gastown_agent"))


@pytest.mark.parametrize("name", TEXTS)
def test_text_arrives_as_it_is_and_is_submitted_once(server, town_root, name):
    pane = start_agent(server, town_root)
    work_dir = os.path.join(town_root, "mayor")
    assert list(deliver(server, pane, TEXTS[name], is_agent=is_scripted)) == ["typed", "submitted"]
    until(lambda: transcript(work_dir), "the agent took it down")
    list(deliver(server, pane, "next", is_agent=is_scripted))
    until(lambda: len(transcript(work_dir)) >= 2, "the agent took the next one down")
    assert until(lambda: transcript(work_dir) == [TEXTS[name], "next"])


def test_over_the_link_text_arrives_as_it_is_too(server, town_root):
    pane = start_agent(server, town_root)
    with ControlLink(server) as link:
        for text in TEXTS.values():
            assert list(deliver(LinkedServer(link, server), pane, text, is_agent=is_scripted)) == ["typed", "submitted"]
        until(lambda: len(transcript(os.path.join(town_root, "mayor"))) == len(TEXTS))
    assert until(lambda: transcript(os.path.join(town_root, "mayor")) == list(TEXTS.values()))


def test_escape_sequences_and_control_characters_are_dropped():
    assert sanitize("a\x1b[201~b\x07\tc\r\nd\x9b31m\x7f") == "a[201~b c\nd31m"


def test_a_scrolled_back_pane_gets_its_text(server, town_root):
    pane = start_agent(server, town_root)
    server.run("copy-mode", "-t", pane.pane_id)
    assert pane_of(server, "hq-mayor").in_mode
    list(deliver(server, pane, "hello", is_agent=is_scripted))
    until(lambda: transcript(os.path.join(town_root, "mayor")) == ["hello"])


def test_a_shell_in_front_gets_nothing(server, tmp_path):
    pane = start_plain(server, "gt-opal", "bash", "--norc", "-i", cwd=str(tmp_path), PS1="$ ")
    until(lambda: "$" in screen(server, pane))
    before = screen(server, pane)
    with pytest.raises(DeliveryError, match="no agent runs"):
        list(deliver(server, pane, "touch owned", is_agent=is_scripted))
    server.run("send-keys", "-t", pane.pane_id, "-l", "--", "true")
    until(lambda: "true" in screen(server, pane))
    assert "touch" not in screen(server, pane)
    assert before.strip() == "$"
    assert not (tmp_path / "owned").exists()


def test_a_dead_pane_gets_nothing(server):
    start_plain(server, "gt-opal", "true")
    pane = dead_pane(server, "gt-opal")
    with pytest.raises(DeliveryError, match="dead"):
        list(deliver(server, pane, "hello", is_agent=lambda pid, command: True))


def test_an_agent_that_ends_between_text_and_enter_gets_no_enter(server, town_root):
    pane = start_agent(server, town_root)
    answers = iter((True, False))
    stages = []
    with pytest.raises(DeliveryError, match="not submitted"):
        for stage in deliver(server, pane, "hello", is_agent=lambda pid, command: next(answers)):
            stages.append(stage)
    assert stages == ["typed"]
    assert transcript(os.path.join(town_root, "mayor")) == []


def test_a_screen_that_takes_no_text_gets_none(server, town_root):
    pane = start_agent(server, town_root)
    before = screen(server, pane)
    with pytest.raises(DeliveryError, match="it asks") as caught:
        list(deliver(server, pane, "hello", is_agent=is_scripted, may_type=lambda: "it asks"))
    assert not isinstance(caught.value, UnsubmittedError)
    assert screen(server, pane) == before


def test_a_question_that_comes_up_after_the_text_is_not_answered_by_its_enter(server, town_root):
    pane = start_agent(server, town_root)
    stages = []
    with pytest.raises(UnsubmittedError, match="it asks"):
        for stage in deliver(
            server, pane, "hello", is_agent=is_scripted, may_type=lambda: "", may_submit=lambda: "it asks"
        ):
            stages.append(stage)
    assert stages == ["typed"]
    until(lambda: "hello" in screen(server, pane))
    assert transcript(os.path.join(town_root, "mayor")) == []
