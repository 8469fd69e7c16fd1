from __future__ import annotations

import pytest

from gastown_tui.layout import PANELS, Scene, drawer_hides_panel, is_wide, plan

SIZES = [(160, 45), (220, 60), (120, 36), (100, 18), (99, 50), (80, 24), (60, 15), (40, 10), (20, 6)]
SCENES = [
    Scene(view, active, drawer, search, lines)
    for view in ("feed", "problems", "past")
    for active in PANELS
    for drawer in (False, True)
    for search in (False, True)
    for lines in (3, 60)
]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_panels_cover_the_body_and_never_overlap(width: int, height: int) -> None:
    for scene in SCENES:
        regions = plan(width, height, scene)
        area = sum(region.area for region in regions.values())
        assert area == width * height, scene
        for name, region in regions.items():
            assert 0 <= region.x and region.right <= width and 0 <= region.y and region.bottom <= height, (name, scene)


def test_wide_shows_all_three_and_narrow_shows_lines_for_the_others() -> None:
    wide = plan(160, 45, Scene())
    assert min(wide[name].height for name in PANELS) >= 4
    narrow = plan(80, 24, Scene(active="convoys"))
    assert [narrow[name].height for name in PANELS] == [1, 20, 1]


def test_the_drawer_takes_the_panels_place_when_it_is_small() -> None:
    regions = plan(60, 15, Scene(active="agents", is_drawer_open=True))
    assert regions["agents"].height == 1
    assert regions["drawer"].height == 10
    assert plan(80, 40, Scene(is_drawer_open=True))["agents"].height > 8


def test_a_terminal_too_small_shows_nothing_rather_than_failing() -> None:
    assert plan(5, 2, Scene()) == {}
    assert is_wide(100, 18) and not is_wide(99, 40)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_drawer_hides_its_panel_exactly_where_the_plan_leaves_it_a_line(width: int, height: int) -> None:
    left = plan(width, height, Scene(is_drawer_open=True))["agents"].height
    assert drawer_hides_panel(width, height) == (left == 1)
