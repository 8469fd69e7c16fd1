from hashlib import sha256

import pytest

from gastown_core.errors import TmuxError, UsageError
from gastown_core.tmux import keys
from gastown_core.tmux.server import exact
from gastown_core.tmux.socket import socket_name
from gastown_core.tmux.theme import fnv1a, rig_theme, status_options


def test_a_town_has_a_socket_named_after_its_folder_and_path(tmp_path):
    town = tmp_path / "My Town!"
    town.mkdir()
    digest = sha256(str(town).encode()).hexdigest()[:6]
    assert socket_name(str(town), {}) == f"my-town-{digest}"


def test_two_towns_of_equal_folder_name_have_different_sockets(tmp_path):
    for parent in ("a", "b"):
        (tmp_path / parent / "gt").mkdir(parents=True)
    assert socket_name(str(tmp_path / "a/gt"), {}) != socket_name(str(tmp_path / "b/gt"), {})


def test_a_town_reached_by_a_link_has_the_same_socket(tmp_path):
    (tmp_path / "gt").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "gt")
    assert socket_name(str(tmp_path / "link"), {}) == socket_name(str(tmp_path / "gt"), {})


def test_the_environment_names_the_socket_unless_it_says_default():
    assert socket_name("/x/gt", {"GT_TMUX_SOCKET": "mine"}) == "mine"
    for word in ("", "default", "auto"):
        assert socket_name("/x/gt", {"GT_TMUX_SOCKET": word}).startswith("gt-")


def test_a_folder_without_a_usable_name_gets_the_default_base():
    assert socket_name("/", {}).startswith("default-")


@pytest.mark.parametrize("name", ["", "gt toast", "gt:toast", "a.b", "=x"])
def test_what_is_no_session_name_is_no_target(name):
    with pytest.raises(TmuxError):
        exact(name)


def test_fnv1a_is_the_published_function():
    assert fnv1a("") == 0x811C9DC5
    assert fnv1a("a") == 0xE40C292C
    assert fnv1a("foobar") == 0xBF9CF968


def test_a_rig_keeps_its_colour_and_a_label_is_no_format():
    options = status_options("polecat", "opal #{pane_pid}", rig="shop")
    assert options["status-style"] == status_options("crew", "x", rig="shop")["status-style"]
    assert rig_theme("shop") in (
        "ocean",
        "forest",
        "rust",
        "plum",
        "slate",
        "ember",
        "midnight",
        "wine",
        "teal",
        "copper",
    )
    assert "##{pane_pid}" in options["status-left"]
    assert "😺" in options["status-left"]


def test_a_bad_prefix_never_reaches_a_binding():
    with pytest.raises(UsageError):
        keys.bind_keys(None, {"a": ["gt"]}, prefixes=["a|.*"])
