"""Pictures of the merge queue in each of its states, and of the landing strip with each fault, at three sizes."""

from __future__ import annotations

import os

import pytest

from gastown_core.model.convoy import MemberView
from gastown_core.model.refinery import RefineryState
from gastown_core.model.snapshot import SchedulerView, TownSnapshot
from tests.support import refineries
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeLive, snapshot, standard_convoys, standard_stream

SIZES = {"120x40": (120, 40), "80x24": (80, 24), "60x15": (60, 15)}
LOG = [
    "\x1b[1m============ test session starts ============\x1b[0m",
    "collected 212 items",
    *(f"tests/test_cart.py::test_total_{number} \x1b[32mPASSED\x1b[0m" for number in range(30)),
    "downloading 10%\rdownloading 100%",
    "\x1b]0;title\x07tests/test_cart.py::test_cents \x1b[31mFAILED\x1b[0m",
    "    assert 1099 == 1100",
]
GONE = "the engine is gone (process 424242); what stands here is its last word"
STATES = {
    "testing": refineries.gating,
    "bisecting": refineries.bisecting,
    "held": refineries.held,
    "idle": refineries.judged,
    "gone": refineries.gating,
    "flying": refineries.flying,
    "lone": refineries.lone,
}
LARGER = {"120x36": (120, 36), "160x45": (160, 45)}


def town(name: str, rig_path: str) -> TownSnapshot:
    """A town whose refinery is in a state, with logs of its gates on disk."""
    state: RefineryState = STATES[name](NOW)
    refineries.write_state(rig_path, state)
    for run in (run for probe in state.probes for run in probe.gates):
        with open(os.path.join(rig_path, run.log), "w", encoding="utf-8", newline="") as handle:
            handle.write("\n".join(LOG) + "\ntests/test_tax.py::")
    more = {"is_alive": False, "trouble": GONE} if name == "gone" else {}
    held = {"hold_since": NOW - 720, "hold_until": NOW + 240} if name == "held" else {}
    view = refineries.refinery_view(state, NOW, path=rig_path, **more, **held)
    queue = refineries.queue(NOW, 0 if name in ("idle", "held") else 4)
    return snapshot(
        requests=queue, refineries=(view,), scheduler=SchedulerView(4, name == "held", "overseer", NOW - 60)
    )


def landing_town() -> TownSnapshot:
    """A convoy with a member in every state of the strip."""
    stages = {"landed": "done", "by hand": "done", "closed": "done", "unpushed": "running", "unknown": "running"}
    members = [
        MemberView(f"gt-m{number:04d}", f"Part {name} of the work", "in_review", "shop/polecats/opal", "shop", stages.get(name, "review"), strip)
        for number, (name, strip) in enumerate(refineries.STRIPS.items())
    ]  # fmt: skip
    members += [
        MemberView("gt-m0009", "Not begun yet", "open", "", "shop", "ready"),
        MemberView("gt-m0010", "Begun, git not asked yet", "hooked", "shop/polecats/ruby", "shop", "running"),
    ]
    first, *others = standard_convoys()
    return snapshot(convoys=(first._replace(members=tuple(members), done=3, in_review=3, running=3), *others))


def press(*keys: str):
    async def run(pilot) -> None:
        await pilot.press(*keys)
        await pilot.pause()

    return run


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("name", list(STATES))
def test_merge_queue(snap_compare, tmp_path, name: str, size: str) -> None:
    app = Console(FakeLive(town(name, str(tmp_path)), stream=standard_stream(60)))
    assert snap_compare(app, run_before=press("m"), terminal_size=SIZES[size])


@pytest.mark.parametrize("size", list(LARGER))
@pytest.mark.parametrize("name", ["flying", "lone"])
def test_reasons_of_batches(snap_compare, tmp_path, name: str, size: str) -> None:
    app = Console(FakeLive(town(name, str(tmp_path)), stream=standard_stream(60)))
    assert snap_compare(app, run_before=press("m"), terminal_size=LARGER[size])


@pytest.mark.parametrize(
    ("name", "keys", "size"),
    [
        ("bisecting", ("m", "2"), "80x24"),
        ("bisecting", ("m", "2"), "60x15"),
        ("bisecting", ("m", "3"), "80x24"),
        ("bisecting", ("m", "3", "k", "k"), "60x15"),
        ("bisecting", ("m", "2", "k", "k", "k", "right"), "120x40"),
        ("held", ("m", "2"), "80x24"),
        ("idle", ("m", "2"), "80x24"),
        ("testing", (), "120x40"),
        ("held", (), "120x40"),
        ("testing", ("2",), "80x24"),
        ("testing", ("m", "j", "4"), "120x40"),
        ("testing", ("m", "j", "x"), "80x24"),
    ],
)
def test_around_the_merge_queue(snap_compare, tmp_path, name: str, keys: tuple[str, ...], size: str) -> None:
    app = Console(FakeLive(town(name, str(tmp_path)), stream=standard_stream(60)))
    assert snap_compare(app, run_before=press(*keys), terminal_size=SIZES[size])


@pytest.mark.parametrize("environ", [{"GT_NO_EMOJI": "1"}, {"NO_COLOR": "1"}], ids=["ascii", "no-colour"])
def test_the_tree_reads_without_colour_or_glyphs(snap_compare, tmp_path, monkeypatch, environ) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    app = Console(FakeLive(town("bisecting", str(tmp_path))), environ=environ)
    assert snap_compare(app, run_before=press("m", "2"), terminal_size=SIZES["80x24"])


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize(
    "keys",
    [("2", "4"), ("2", "l"), ("2", "l", *"jjjjjjj", "5"), ("p", "G")],
    ids=["strip", "open", "bead", "problems"],
)
def test_landing(snap_compare, keys: tuple[str, ...], size: str) -> None:
    app = Console(FakeLive(landing_town(), stream=standard_stream(60)))
    assert snap_compare(app, run_before=press(*keys), terminal_size=SIZES[size])


@pytest.mark.parametrize("environ", [{"GT_NO_EMOJI": "1"}], ids=["ascii"])
def test_the_strip_in_ascii(snap_compare, environ) -> None:
    assert snap_compare(
        Console(FakeLive(landing_town()), environ=environ), run_before=press("2", "4"), terminal_size=SIZES["80x24"]
    )
