"""Merging by the host (``merge_strategy: pr``): a green stack becomes a branch and a pull request, which is followed.

The host merges by its own rules: checks, reviews, a merge queue.  What it says is shown and never believed: a request
counts as merged when git shows its commit, or its whole change, on the target.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import ConflictError, GitError, SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.merge_request import read_request
from gastown_core.model.record import Record
from gastown_core.process import ProcessTimeoutError, ProgramMissingError
from gastown_core.refinery.approval import green_together, ref_of
from gastown_core.refinery.freeze import frozen
from gastown_core.refinery.hold import INFRASTRUCTURE, PUSH_BY_HAND, HoldError, lift, put_on_hold, read_hold
from gastown_core.refinery.hosting.choose import host_of
from gastown_core.refinery.hosting.pull_request import CLOSED, MERGED, OPEN, HostError
from gastown_core.refinery.place import slug
from gastown_core.refinery.push import delete_branches
from gastown_core.refinery.requests import note_merged
from gastown_core.refinery.tips import remote_heads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from gastown_core.refinery.hosting.pull_request import Host, PullRequest
    from gastown_core.refinery.place import Refinery

LOOK_S = 30.0
"""How often the host is asked about an open pull request."""
BRANCHES = "gastown/merge/"
_FILE = "proposal-"
_TROUBLE = (HostError, ProgramMissingError, ProcessTimeoutError)


class Proposal(Record):
    """The pull request of a target's green stack, as it was seen last; ``requests`` maps each to the commit it handed in."""

    number: int
    url: str
    state: str
    head: str
    requests: dict[str, str]
    looked_at: float
    waits_for: str = ""
    is_held_back: bool = False
    """Whether its host was told not to merge it, since merging is frozen."""


def propose(place: Refinery, target: str, requests: Mapping[str, str]) -> HoldError:
    """Push the green stack to its branch, open or renew its pull request; return the hold that waits for the host."""
    head, branch = place.git.commit_of(ref_of(target)), BRANCHES + slug(target)
    before = read_proposal(place, target)
    if before is not None and before.head == head and before.state == CLOSED:
        return _waiting(before)
    try:
        host = _host(place)
        _push_branch(place, branch, head, before.head if before is not None else "")
        found = host.find(branch, target) or host.open(
            branch, target, _title(list(requests), target), _body(place, requests)
        )
        found = found._replace(head=head)
        waits = host.merge_when_ready(found) or found.waits_for
    except _TROUBLE as error:
        return HoldError(INFRASTRUCTURE, f"the pull request for {target} cannot be opened: {error}; {error.hint}")
    except GitError as error:
        return HoldError.of_git(error)
    made = Proposal(found.number, found.url, OPEN, head, dict(requests), place.clock.now(), waits)
    _keep(place, target, made)
    return _waiting(made)


def follow(place: Refinery, target: str, standing: Callable[[], Collection[str]]) -> None:
    """Ask the host about the open pull request of a target, and record what git proves; at most every ``LOOK_S``.

    ``standing`` returns the requests that may land.  The pull request of one that no longer may is closed at once,
    before the host merges it; while merging is frozen, the host is told to merge nothing.
    """
    known = read_proposal(place, target)
    if known is None or known.state == CLOSED:
        return
    beads = {one: read_request(bead) for one, bead in place.store.get_many(known.requests).items()}
    merged = {one for one, request in beads.items() if request.merge_commit}
    kept = {one for one in standing() if one in beads and beads[one].commit_sha == known.requests.get(one)}
    withdrawn = [one for one in known.requests if one not in merged and one not in kept]
    freeze = frozen(place)
    is_due = place.clock.now() >= _look_at(place, known) or (freeze is not None) is not known.is_held_back
    if not (withdrawn or is_due or merged.issuperset(known.requests)):
        return
    try:
        host = _host(place)
        now = host.look(known.number)
        if now.state == OPEN and withdrawn:
            host.close(known.number)
            _forget(place, target, known, f"{', '.join(withdrawn)} may no longer land")
            return
        if freeze is not None and now.state == OPEN:
            host.hold_back(now)
            waits = f"the end of a freeze: it is {freeze.reason}"
        else:
            waits = host.merge_when_ready(now) if now.state == OPEN and known.head.startswith(now.head) else ""
    except _TROUBLE as error:
        _keep(place, target, known._replace(looked_at=place.clock.now(), waits_for=f"an answer of its host: {error}"))
        return
    if now.state == MERGED:
        _settle(place, target, known)
        return
    seen = known._replace(state=now.state, looked_at=place.clock.now(), waits_for=waits or _wait_of(now, known))
    seen = seen._replace(is_held_back=freeze is not None)
    _keep(place, target, seen)
    _show(place, target, seen)


def _show(place: Refinery, target: str, seen: Proposal) -> None:
    hold = read_hold(place, target)
    if hold is not None and hold.kind == PUSH_BY_HAND:
        put_on_hold(place, target, _waiting(seen), hold.base, hold.requests)


def _settle(place: Refinery, target: str, known: Proposal) -> None:
    """Record each request that git shows on the target. What the host merged as other content stays open, and is named."""
    unproved = []
    for request_id in known.requests:
        try:
            note_merged(place, request_id)
        except ConflictError as error:
            bead = place.store.get(request_id)
            if bead is not None and not bead.is_closed:
                unproved.append(f"{request_id} ({error.why})")
    if unproved:
        why = f"its host says that {known.url} is merged, and git does not show on {target}: {', '.join(unproved)}"
        seen = known._replace(looked_at=place.clock.now(), waits_for=why)
        _keep(place, target, seen)
        _show(place, target, seen)
        return
    _forget(place, target, known, f"{known.url} is merged")


def _forget(place: Refinery, target: str, known: Proposal, why: str) -> None:
    """Delete the proposal and its branch, if that is still at the proposed commit, and let the queue go on."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(place, target))
    with contextlib.suppress(GitError):
        delete_branches(place.git, {BRANCHES + slug(target): known.head})
    lift(place, target, why)


def proposed_targets(place: Refinery) -> list[str]:
    """Return the targets that have an open pull request of ours."""
    try:
        names = [name for name in os.listdir(place.folder) if name.startswith(_FILE) and name.endswith(".json")]
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        with contextlib.suppress(SettingsError):
            found.append(read_json(os.path.join(place.folder, name)) or {})
    return [str(one["target"]) for one in found if one.get("target") and one.get("state") != CLOSED]


def next_look(place: Refinery, target: str) -> float | None:
    """Return when the host is to be asked again, None if there is nothing to ask."""
    known = read_proposal(place, target)
    return _look_at(place, known) if known is not None and known.state != CLOSED else None


def _look_at(place: Refinery, known: Proposal) -> float:
    """When the host is asked again; a look from the future, which a clock put back leaves, counts for nothing."""
    now = place.clock.now()
    return known.looked_at + LOOK_S if known.looked_at <= now else now


def read_proposal(place: Refinery, target: str) -> Proposal | None:
    """Return the proposal of a target, None if there is none or its file cannot be read."""
    try:
        found = read_json(_path(place, target)) or {}
        if not found:
            return None
        made = Proposal(**{key: found[key] for key in Proposal._fields if key in found})
        return made._replace(requests=dict(made.requests), looked_at=float(made.looked_at))
    except (SettingsError, KeyError, TypeError, ValueError, OverflowError):
        return None


def _wait_of(now: PullRequest, known: Proposal) -> str:
    if now.state == OPEN and not known.head.startswith(now.head):
        return f"a look: its head is {now.head[:8]}, not the tested {known.head[:8]}"
    return now.waits_for


def _waiting(known: Proposal) -> HoldError:
    count = len(known.requests)
    if known.state == CLOSED:
        why = (
            "it was closed without a merge, and the same stack is not proposed again; gt mq reject sends a request back"
        )
    else:
        why = f"it waits for {known.waits_for}" if known.waits_for else "its host merges it when its rules allow"
    return HoldError(PUSH_BY_HAND, f"{green_together(count)} in pull request {known.url}: {why}")


def _host(place: Refinery) -> Host:
    # the address as it is written: insteadOf may turn it into a path
    return host_of(place.policy.provider, place.git.attempt("config", "--get", "remote.origin.url").out.strip())


def _push_branch(place: Refinery, branch: str, head: str, known: str) -> None:
    """Move the branch to the stack, unless somebody else has put commits on it since. Raises GitError."""
    there = remote_heads(place.git).get(branch, "")
    if there == head:
        return
    ref = f"refs/heads/{branch}"
    lease = f"--force-with-lease={ref}:{known or there}"
    env = {"GT_ROLE": "refinery", "GT_RIG": place.rig, "GT_POLECAT": "", "BD_ACTOR": place.actor}
    place.git.run("push", "--quiet", lease, "origin", f"{head}:{ref}", env=env)


def _title(requests: Sequence[str], target: str) -> str:
    return (
        f"Merge {requests[0]} into {target}" if len(requests) == 1 else f"Merge {len(requests)} requests into {target}"
    )


def _body(place: Refinery, requests: Mapping[str, str]) -> str:
    """What the pull request says: each request with its work; titles are text of others, so no markup of theirs counts."""
    lines = [
        "Tested together by the rig's gates, green. Merge it with a merge commit: a squash or rebase makes other commits.",
        "",
    ]
    for bead in place.store.get_many(requests).values():
        work = place.ledger.get(read_request(bead).source_issue)
        title = work.title if work is not None else bead.title
        lines.append(f"- {bead.id}: `{title.replace('`', chr(39))}`")
    return "\n".join(lines) + "\n"


def _keep(place: Refinery, target: str, made: Proposal) -> None:
    write_json(_path(place, target), {**made._asdict(), "target": target}, mode=0o600)


def _path(place: Refinery, target: str) -> str:
    return place.file(f"{_FILE}{slug(target)}.json")
