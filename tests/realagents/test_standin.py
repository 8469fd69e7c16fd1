"""The stand-in model server and the place it makes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.realagents.place import Place
from tests.realagents.standin.conversation import ANTHROPIC, CHAT, GEMINI, RESPONSES, read
from tests.support.cli import Ran

_TOOLS: list[dict[str, object]] = [{"name": name, "input_schema": {}} for name in ("Bash", "Write")]
_CHAT_TOOLS = [{"type": "function", "function": {"name": name}} for name in ("bash", "write")]
_GEMINI_TOOLS = [{"functionDeclarations": [{"name": name} for name in ("run_shell_command", "write_file")]}]


def request(protocol: str, text: str) -> tuple[str, dict[str, object]]:
    """(path, body) of a streaming request whose last user turn is ``text``."""
    turn = {"role": "user", "content": text}
    return {
        ANTHROPIC: ("/v1/messages", {"stream": True, "tools": _TOOLS, "messages": [turn]}),
        CHAT: ("/v1/chat/completions", {"stream": True, "tools": _CHAT_TOOLS, "messages": [turn]}),
        RESPONSES: ("/v1/responses", {"stream": True, "tools": _TOOLS, "input": [{"type": "message", **turn}]}),
        GEMINI: (
            "/v1beta/models/x:streamGenerateContent?alt=sse",
            {"tools": _GEMINI_TOOLS, "contents": [{"role": "user", "parts": [{"text": text}]}]},
        ),
    }[protocol]


def post(place: Place, key: str, protocol: str, text: str) -> Ran:
    """Send it from inside the place; the code is the HTTP status."""
    path, body = request(protocol, text)
    code = (
        "import sys, urllib.request as u, urllib.error as e\n"
        "try: r = u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode()), timeout=120)\n"
        "except e.HTTPError as r_: r = r_\n"
        "print(r.status); print(r.headers.get('retry-after', '')); print(r.read().decode())\n"
    )
    words = [*place.enter, sys.executable, "-c", code, place.address(key) + path, json.dumps(body)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    status, again, answer = done.stdout.split("\n", 2)
    return Ran(int(status), answer, again)


@pytest.mark.parametrize("protocol", [ANTHROPIC, CHAT, RESPONSES, GEMINI])
def test_it_answers_calls_and_refuses_in_each_protocol(place: Place, protocol: str) -> None:
    key = f"unit-{protocol}"

    assert "Heard 5 characters: hello" in post(place, key, protocol, "hello").out
    assert "touch x" in post(place, key, protocol, "RUN `touch x`").out
    first, second, third = (post(place, key, protocol, "PASS429 2") for _ in range(3))

    assert [(first.code, first.err), (second.code, second.err), (third.code, third.err)] == [
        (429, "1"),
        (429, "1"),
        (200, ""),
    ]
    log = [record for record in place.log(key) if record["kind"] == "ask"]
    assert [record["user"] for record in log] == ["hello", "RUN `touch x`"] + ["PASS429 2"] * 3
    assert all(record["is_main"] for record in log)


def test_each_world_has_a_log_of_its_own(place: Place) -> None:
    post(place, "one", ANTHROPIC, "for one")
    post(place, "two", ANTHROPIC, "for two")

    assert [record["user"] for record in place.log("one") if record["kind"] == "ask"] == ["for one"]


def test_the_place_knows_no_network_but_loopback(place: Place) -> None:
    if not place.is_isolated:
        pytest.skip("the kernel allows no network namespace here")
    shown = subprocess.run([*place.enter, "cat", "/proc/net/dev"], capture_output=True, text=True).stdout

    assert [line.split(":")[0].strip() for line in shown.splitlines()[2:]] == ["lo"]


@pytest.mark.parametrize("role", ["user", "system"])
def test_what_a_hook_says_at_the_end_of_a_turn_is_the_next_thing_the_model_heard(role: str) -> None:
    words = "<system-reminder>\nA hook is configured.\nStop hook feedback:\n[from overseer] go on\n</system-reminder>"
    messages = [("user", "begin"), ("assistant", "done"), (role, words)]
    body = {"messages": [{"role": role, "content": text} for role, text in messages]}

    asked = read("/v1/messages", "k", body, {})

    assert (asked.user, asked.done) == ("[from overseer] go on", 0)
    assert asked.said == ("begin", words)
