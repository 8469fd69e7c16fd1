from __future__ import annotations

import pytest

from gastown_core.errors import SettingsError
from gastown_core.town import settings
from gastown_core.town.settings import keep_last_good, load_settings, set_setting, settings_path
from tests.support.rigged import write


@pytest.fixture
def told(rigged):
    """What a process that keeps its last good settings says of them."""
    lines: list[str] = []
    keep_last_good(lines.append)
    yield lines
    keep_last_good(None)


def most(root):
    return load_settings(root).lenient("scheduler.max_polecats")


def test_a_file_that_becomes_wrong_counts_as_it_was_and_is_told_of_once(rigged, told):
    root = rigged.root
    set_setting(root, "scheduler.max_polecats", "3")
    assert most(root) == 3
    set_setting(root, "scheduler.max_polecats", "4")
    assert most(root) == 4, "a change counts at once"
    for text in ("{", '{"scheduler": {"max_polecats": "many"}}'):
        write(settings_path(root), text)
        assert [most(root), most(root)] == [4, 4]
    assert len(told) == 2 and all("last good version" in line for line in told)
    assert "scheduler.max_polecats" in told[1]
    write(settings_path(root), '{"scheduler": {"max_polecats": 5}}')
    assert most(root) == 5 and told[2].endswith("is right again and counts") and len(told) == 3


def test_a_file_that_was_wrong_from_the_start_is_an_error_as_everywhere(rigged, told):
    write(settings_path(rigged.root, "daemon"), "{")
    with pytest.raises(SettingsError):
        load_settings(rigged.root, "daemon")


def test_other_processes_read_the_file_as_it_is(rigged):
    assert settings._kept is None
    write(settings_path(rigged.root), "{")
    with pytest.raises(SettingsError):
        load_settings(rigged.root)
