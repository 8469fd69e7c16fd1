"""Merging by the host: pull requests through gh, GitHub's API and Bitbucket's, and proof by git alone."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.refinery.freeze import freeze, thaw
from gastown_core.refinery.hold import read_hold
from gastown_core.refinery.hosting.choose import host_of
from gastown_core.refinery.hosting.pull_request import HostError, repository_of
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.pull_requests import LOOK_S, proposed_targets, read_proposal
from gastown_core.refinery.requests import reject
from tests.support.hosted import TOKEN, Hosted
from tests.support.queued import Queued

WAYS = ("gh", "github", "bitbucket")
BRANCH = "gastown/merge/main"


class Rig:
    """A queue whose origin is at a host."""

    def __init__(self, queued: Queued, hosted: Hosted) -> None:
        self.queued, self.hosted = queued, hosted
        self.clock = FixedClock(SYSTEM_CLOCK.now())

    def turn(self, after: float = LOOK_S + 1) -> None:
        self.clock.advance(after)
        self.queued.process(clock=self.clock)

    @property
    def hold(self) -> str:
        hold = read_hold(Refinery(self.queued.root, "shop"), "main")
        return hold.reason if hold is not None else ""


@pytest.fixture(params=WAYS)
def rig(request: pytest.FixtureRequest, queued: Queued, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    way = request.param
    hosted = Hosted(queued.origin)
    at = "bitbucket.org" if way == "bitbucket" else "github.com"
    queued.bare.run("config", "remote.origin.url", f"https://{at}/me/shop.git")
    queued.bare.run("config", f"url.{queued.origin.path}.insteadOf", f"https://{at}/me/shop.git")
    queued.settings(merge_strategy="pr", vcs_provider="bitbucket" if way == "bitbucket" else "github")
    queued.gate()
    tools = os.path.join(queued.root, "..", "tools")
    os.makedirs(tools, exist_ok=True)
    if way == "gh":
        hosted.put_gh(tools)
    else:
        # a gh of this machine is none of the test's
        monkeypatch.setattr("gastown_core.refinery.hosting.choose.shutil.which", lambda *_, **__: None)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for key in ("GH_TOKEN", "GITHUB_TOKEN", "BITBUCKET_TOKEN"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("BITBUCKET_TOKEN" if way == "bitbucket" else "GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_API_URL", hosted.base)
    monkeypatch.setenv("BITBUCKET_API_URL", hosted.base)
    yield Rig(queued, hosted)
    hosted.close()


def test_while_merging_is_frozen_the_host_merges_nothing_and_the_pull_request_stays(rig: Rig) -> None:
    queued, place = rig.queued, Refinery(rig.queued.root, "shop", clock=rig.clock)
    one, before = queued.hand_in({"a": "1"}), queued.tip()
    rig.turn()
    freeze(place, "release", actor="overseer")
    rig.turn(1.0)
    rig.hosted.checks_are_green()
    for _ in range(2):
        rig.turn()
    [pull] = rig.hosted.pulls
    assert pull["state"] == "open" and queued.tip() == before
    assert read_proposal(place, "main").waits_for.startswith("the end of a freeze: it is frozen by overseer")
    thaw(place, actor="overseer")
    # at once, not with the next look at the host; then it is looked at
    rig.turn(1.0)
    assert pull["state"] == "merged"
    rig.turn()
    assert queued.merged() == [one.id] and len(rig.hosted.pulls) == 1


def test_a_green_stack_is_proposed_merged_by_the_host_and_proved_by_git(rig: Rig) -> None:
    queued, before = rig.queued, rig.queued.tip()
    one, two = queued.hand_in({"a": "1"}, title="`A` #1"), queued.hand_in({"b": "1"})
    bad = queued.hand_in({"bad": "1"})
    rig.turn()
    [pull] = rig.hosted.pulls
    assert (pull["branch"], pull["target"], pull["state"]) == (BRANCH, "main", "open")
    assert one.id in pull["body"] and "`'A' #1`" in pull["body"] and bad.id not in pull["body"]
    assert queued.tip() == before and queued.tip(BRANCH) == pull["last"]
    assert "2 requests are green together in pull request https://" in rig.hold
    assert queued.bead(one.source_issue).status == "in_review"
    rig.turn()
    assert len(rig.hosted.pulls) == 1 and "waits for" in rig.hold
    rig.hosted.checks_are_green()
    rig.turn()
    rig.turn()
    assert pull["state"] == "merged" and set(queued.files()) >= {"a", "b"}
    assert [queued.bead(each.source_issue).status for each in (one, two)] == ["closed", "closed"]
    assert queued.request(one.id).merge_commit and queued.tip(BRANCH) == "" and rig.hold == ""
    assert proposed_targets(Refinery(queued.root, "shop")) == []


def test_a_squash_by_the_host_is_proved_by_its_content(rig: Rig) -> None:
    rig.hosted.squashes = True
    one = rig.queued.hand_in({"a": "1"})
    rig.turn()
    rig.hosted.checks_are_green()
    rig.turn()
    rig.turn()
    assert rig.queued.bead(one.source_issue).is_closed and rig.queued.request(one.id).merge_commit == rig.queued.tip()


def test_what_the_host_calls_merged_and_git_does_not_show_stays_open(rig: Rig) -> None:
    one = rig.queued.hand_in({"a": "1"})
    rig.turn()
    rig.hosted.pulls[0]["state"] = "merged"
    rig.turn()
    assert not rig.queued.bead(one.source_issue).is_closed and f"does not show on main: {one.id}" in rig.hold


def test_more_work_renews_the_pull_request_and_a_closed_one_is_not_opened_again(rig: Rig) -> None:
    rig.queued.hand_in({"a": "1"})
    rig.turn()
    first = rig.queued.tip(BRANCH)
    rig.queued.hand_in({"b": "1"})
    rig.turn()
    assert len(rig.hosted.pulls) == 1 and rig.queued.tip(BRANCH) not in ("", first)
    rig.hosted.pulls[0]["state"] = "closed"
    rig.turn()
    rig.turn(3600)
    assert len(rig.hosted.pulls) == 1 and "closed without a merge" in rig.hold
    rig.queued.hand_in({"c": "1"})
    rig.turn()
    assert [one["state"] for one in rig.hosted.pulls] == ["closed", "open"]


def test_a_pull_request_whose_request_is_rejected_is_closed_at_once(rig: Rig) -> None:
    one = rig.queued.hand_in({"a": "1"})
    rig.turn()
    reject(Refinery(rig.queued.root, "shop"), one.id, "no longer wanted", actor="overseer")
    rig.turn(1)
    rig.hosted.checks_are_green()
    assert rig.hosted.pulls[0]["state"] == "closed" and rig.queued.tip(BRANCH) == ""
    assert rig.queued.tip() == rig.queued.first


def test_a_host_without_a_way_to_it_holds_the_queue_and_says_what_is_missing(queued: Queued, monkeypatch) -> None:
    monkeypatch.setattr("gastown_core.refinery.hosting.choose.shutil.which", lambda *_, **__: None)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    queued.bare.run("config", "remote.origin.url", "https://github.com/me/shop.git")
    queued.bare.run("config", f"url.{queued.origin.path}.insteadOf", "https://github.com/me/shop.git")
    queued.settings(merge_strategy="pr")
    queued.hand_in({"a": "1"})
    [result] = queued.process()
    assert "gh is not installed and GH_TOKEN or GITHUB_TOKEN is not set" in result.hold


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("https://github.com/me/shop.git", ("github.com", "me/shop")),
        ("git@github.com:me/shop.git", ("github.com", "me/shop")),
        ("ssh://git@GitHub.example:2222/me/shop", ("github.example", "me/shop")),
        ("https://a:b@bitbucket.org/me/shop/", ("bitbucket.org", "me/shop")),
    ],
)
def test_a_remote_names_its_host_and_repository(remote: str, told: tuple[str, str]) -> None:
    assert repository_of(remote) == told


@pytest.mark.parametrize("remote", ["/srv/shop.git", "file:///srv/shop.git", "https://github.com/shop", "../shop", ""])
def test_a_remote_that_is_no_repository_of_a_host_is_refused(remote: str) -> None:
    with pytest.raises(HostError, match="names no repository"):
        repository_of(remote)


def test_a_token_goes_to_no_other_place_and_into_no_error(queued: Queued) -> None:
    hosted = Hosted(queued.origin)
    env = {"GH_TOKEN": TOKEN, "GITHUB_API_URL": hosted.base, "PATH": ""}
    try:
        with pytest.raises(HostError) as told:
            host_of("github", "https://github.com/me/moved", env).look(1)
        assert TOKEN not in repr(told.value.as_json()) and not any("elsewhere" in one for one in hosted.asked)
        with pytest.raises(HostError, match="no address for a token"):
            host_of("github", "https://github.com/me/shop", {**env, "GITHUB_API_URL": "http://example.org"})
        with pytest.raises(HostError) as told:
            host_of("github", "https://github.com/me/shop", {**env, "GH_TOKEN": "wrong"}).look(1)
        assert "Bad credentials" in told.value.why and "wrong" not in repr(told.value.as_json())
    finally:
        hosted.close()


def test_a_host_that_is_away_is_told_in_plain_words(rig: Rig) -> None:
    one = rig.queued.hand_in({"a": "1"})
    rig.hosted.server.shutdown()
    rig.hosted.server.socket.close()
    rig.turn()
    assert "the pull request for main cannot be opened" in rig.hold
    if "gh pr" not in rig.hold:
        assert "onnection refused" in rig.hold and "urlopen" not in rig.hold and "?" not in rig.hold
    assert not rig.queued.bead(one.source_issue).is_closed
