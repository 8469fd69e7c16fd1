import subprocess

import pytest

from gastown_core.errors import TmuxError
from gastown_core.tmux import keys
from tests.support.tmux import start_plain


def binding(server):
    try:
        return server.run("list-keys", "-T", "prefix", "a").strip()
    except TmuxError:
        return ""


def bind_own(server, *words):
    subprocess.run([*server.argv, "bind-key", "-T", "prefix", "a", *words], check=True)


def test_the_key_is_guarded_by_session_name(server):
    start_plain(server, "gt-opal")
    keys.bind_keys(server, keys.town_keys(["/bin/gt"]), prefixes=["gt"])
    assert "^(hq|gt)-" in binding(server)
    assert "/bin/gt feed --window" in binding(server)


@pytest.mark.parametrize(
    "own",
    [
        ("display-message", 'it\'s "mine" $HOME'),
        ("display-message", "a b", "\\;", "display-message", "c"),
        ("choose-tree", "-Zw"),
    ],
)
def test_the_users_own_binding_survives_binding_twice(server, own):
    start_plain(server, "gt-opal")
    bind_own(server, *own)
    keys.bind_keys(server, {"a": ["/bin/gt"]}, prefixes=["gt"])
    once = binding(server)
    assert own[0] in once
    keys.bind_keys(server, {"a": ["/bin/gt"]}, prefixes=["gt", "sh"])
    assert "^(hq|gt|sh)-" in binding(server)
    assert binding(server).count("if-shell") == 1
    assert own[0] in binding(server)
