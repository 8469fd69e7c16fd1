"""Why a batch is as it is: how many requests it has, when it began, on what, and in which order; pure, one sentence a subject.

A sentence begins with its subject and a colon (``size: all 3 that wait …``), as front ends and ``gt mq explain`` show it.
"""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.refinery.planner import Rates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMED = 4
"""How many requests a sentence names."""
SIZE, BEGIN, CHAIN, LANE, ORDER, UNION, VERIFY, NEXT = "size begin chain lane order union verify next".split()


ONE_PLACE = "the rig has one gate place (merge_queue.max_concurrent, or gate_slots of the town)"
OUTDATED = "the settings have changed: they count for what begins after the batches in flight"
WHY_VERIFIED = (f"{VERIFY}: what landed is not verified yet; this goes before all else that wants a place",)


class Scene(Record):
    """What the engine saw when it chose a batch.

    ``waiting`` requests, best first, with ``scores``; a full batch of ``size`` within ``floor`` and ``ceiling`` at the rates
    ``rates``; ``others`` batches in flight, ``fresh`` of them in their first run; ``places`` of the rig; ``alone`` is why batches run one
    after the other; ``on`` the batch below and how many requests that chain has; ``is_cure``: the target is red.
    """

    waiting: tuple[str, ...]
    size: int
    scores: Mapping[str, float] = {}
    needs: Mapping[str, frozenset[str]] = {}
    floor: int = 1
    ceiling: int = 20
    rates: Rates = Rates()
    others: int = 0
    fresh: int = 0
    places: int = 1
    alone: str = ""
    on: str = ""
    below: int = 0
    is_cure: bool = False
    by_lane: bool = False
    is_apart: bool = False
    """Whether it was chosen ``by_lane``, and whether no batch in its first run is in one of its lanes."""
    merges_alone: frozenset[str] = frozenset()


def why_batch(scene: Scene, chosen: Sequence[str]) -> tuple[str, ...]:
    """Why the engine begins a batch of these requests, in stack order."""
    return (f"{SIZE}: {_size(scene, chosen)}", *_began(scene), f"{ORDER}: {_order(scene, chosen)}")


def with_subject(why: Sequence[str], subject: str, words: str) -> tuple[str, ...]:
    """The sentences with another one about the subject, in its place if there is one."""
    made = f"{subject}: {words}"
    kept = [made if one.startswith(f"{subject}: ") else one for one in why]
    return tuple(kept if made in kept else [*kept, made])


def why_no_place(*, is_own: bool, begins: int = 0) -> str:
    """Why no batch begins though enough wait; ``is_own``: the rig's places are taken, not those of the town.

    ``begins``: how many of them are for runs of the batches in flight that are about to begin.
    """
    why = f"no gate place of the {'rig' if is_own else 'town'} is free"
    return (
        f"{why}, with {'one' if begins == 1 else begins} for what the batches in flight run next" if begins > 0 else why
    )


def why_none(waiting: int, fresh: int, size: int) -> str:
    """Why no other batch begins now, though requests wait and a place is free; empty if none waits."""
    if not waiting:
        return ""
    if fresh:
        what = f"{_count(waiting)} {_wait(waiting)}, too few for a batch beside {_batches(fresh)} in the first run"
        return f"{what}; a full one takes {size}"
    return "what waits was tried on this target; it is taken again when the target moves or a batch ends"


def why_union(landings: int, is_due: bool) -> tuple[str, ...]:
    """Why a run tests together what landed apart."""
    when = "so many are tested at the latest" if is_due else "nothing else wants the place"
    landed = "1 batch" if landings == 1 else f"{landings} batches"
    return (f"{UNION}: {landed} landed without a common test, and {when}",)


def why_lanes(lanes: Sequence[str], *, is_wide: bool) -> str:
    """What a batch of a rig with lanes affects, and what follows from that."""
    if is_wide:
        return "everything, since a file of it is in no lane: all gates run, and nothing begins beside it"
    return f"{', '.join(lanes)}: what does not meet that is tested beside it and lands without another run"


def _size(scene: Scene, chosen: Sequence[str]) -> str:
    taken, waiting = len(chosen), len(scene.waiting)
    if taken == 1 and chosen[0] in scene.merges_alone:
        return f"{chosen[0]} asks to merge alone"
    at = f"at a failure rate of {100 * scene.rates.bad:.0f} % and {100 * scene.rates.flake:.0f} % of runs red by chance"
    limit = f"a full batch has {scene.size}, the cheapest {at}"
    if scene.size >= scene.ceiling:
        limit = f"a full batch has {scene.size} (merge_queue.batch.max_batch_size)"
    elif scene.size <= scene.floor and scene.floor > 1:
        limit = f"a full batch has {scene.size} (merge_queue.batch.min_batch_size)"
    if taken >= waiting:
        what = "the only one that waits" if taken == 1 else f"all {taken} that wait"
        return f"{what}; {limit}" if taken <= scene.size else what
    if taken >= scene.size:
        return f"{taken} of {waiting} that wait; {limit}"
    why = "in these lanes" if scene.by_lane else "the others do not merge with these, or need what is not here"
    return f"{taken} of {waiting} that wait, {why}; {limit}"


def _began(scene: Scene) -> tuple[str, ...]:
    if scene.on:
        sure = 100 * (1.0 - scene.rates.bad) ** scene.below * (1.0 - scene.rates.flake)
        few = f"{_count(len(scene.waiting))} {_wait(len(scene.waiting))}, fewer than a full batch of {scene.size}"
        return (f"{CHAIN}: on the stack of {scene.on}, which lands as it is tested {sure:.0f} times of 100; {few}",)
    if scene.places <= 1:
        return (f"{BEGIN}: one batch at a time: {ONE_PLACE}",)
    if scene.alone:
        return (f"{BEGIN}: one batch at a time: {scene.alone}",)
    if scene.fresh and scene.is_apart:
        return (f"{BEGIN}: beside {_batches(scene.fresh)} in the first run, of other lanes",)
    if scene.fresh:
        return (f"{BEGIN}: beside {_batches(scene.fresh)} in the first run, since enough wait",)
    if scene.others:
        return (
            f"{BEGIN}: at once: {_batches(scene.others)} in flight {'is' if scene.others == 1 else 'are'} past the first run",
        )
    return (f"{BEGIN}: at once: no other batch is in flight",)


def _order(scene: Scene, chosen: Sequence[str]) -> str:
    if scene.is_cure:
        return "the target is red: these may mend it, the least tried first"
    told = [f"{one} {scene.scores[one]:.0f}" if one in scene.scores else one for one in chosen[:NAMED]]
    more = f" and {len(chosen) - NAMED} more" if len(chosen) > NAMED else ""
    said = f"by score: {', '.join(told)}{more}"
    moved = [_moved(scene, chosen, place) for place in range(1, len(chosen))]
    last = max((scene.waiting.index(one) for one in chosen if one in scene.waiting), default=0)
    passed = [one for one in scene.waiting[:last] if one not in chosen and not scene.by_lane]
    why = [one for one in moved if one]
    if passed:
        why.append(
            f"{', '.join(passed[:NAMED])} passed over: no merge with what is taken or tested, or a need that is not here"
        )
    return "; ".join([said, *why])


def _moved(scene: Scene, chosen: Sequence[str], place: int) -> str:
    """Why the request at a place stands above one that has a worse score, empty if it does not."""
    one, before = chosen[place], chosen[place - 1]
    if scene.scores.get(before, 0.0) >= scene.scores.get(one, 0.0):
        return ""
    if before in scene.needs.get(one, ()):
        return f"{before} first, which {one} needs"
    return f"{before} before {one}: it hinders fewer others"


def _count(number: int) -> str:
    return f"{number} request{'s' if number != 1 else ''}"


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"


def _batches(number: int) -> str:
    return "the batch" if number == 1 else f"{number} batches"
