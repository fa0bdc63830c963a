"""Every picture takes its places from one geometry; boxes do not overlap, courses end at boxes."""

import itertools

import pytest
from labtrust_core.render.floor_geometry import CARD, FloorGeometry, Line
from labtrust_core.testing.laboratory import shipped_policy


@pytest.fixture(scope="module")
def tables():
    return shipped_policy().tables


@pytest.fixture(scope="module")
def plan(tables):
    return FloorGeometry(tables, dict.fromkeys(tables.zones, 90), 40)


def test_every_zone_stands_in_the_frame_of_its_site(plan, tables):
    assert plan.boxes.keys() == tables.zones.keys()
    frames = dict(zip(tables.sites, (frame for frame in plan.frames), strict=True))
    for box in plan.boxes.values():
        frame = frames[box.site]
        assert frame.x <= box.x
        assert box.x + CARD <= frame.x + frame.width
        assert frame.y <= box.y
        assert box.bottom <= frame.y + frame.height
        assert box.x + CARD <= plan.right
        assert box.bottom <= plan.bottom


def test_no_two_boxes_overlap(plan):
    for one, other in itertools.combinations(plan.boxes.values(), 2):
        apart_x = abs(one.x - other.x) >= CARD
        apart_y = one.bottom <= other.y or other.bottom <= one.y
        assert apart_x or apart_y


def test_each_way_is_there_once(plan, tables):
    assert {frozenset(ends) for ends in plan.ways()} == {frozenset(ends) for ends in tables.ways}
    assert 2 * len(plan.ways()) == len(tables.ways)


def test_a_way_ends_at_the_edges_of_its_boxes(plan):
    for ends in plan.ways():
        line = plan.way(*ends)
        boxes = [plan.boxes[zone] for zone in ends]
        for x, y in (line.points[0], line.points[-1]):
            assert any(box.x <= x <= box.x + CARD and box.y <= y <= box.bottom for box in boxes)


def test_higher_boxes_move_what_is_below_down(tables):
    low, high = (FloorGeometry(tables, dict.fromkeys(tables.zones, size)) for size in (50, 150))
    assert high.bottom > low.bottom
    assert high.right == low.right


@pytest.mark.parametrize(
    ("points", "course", "middle"),
    [
        (((0, 0), (10, 20)), "M0 0L10 20", (5, 10)),
        (((0, 0), (0, 8), (8, 8), (8, 0)), "M0 0C0 8 8 8 8 0", (4, 6)),
    ],
)
def test_a_line_knows_its_points_and_its_course(points, course, middle):
    line = Line(points, 0, 0)
    assert line.course == course
    assert line.at(0) == points[0]
    assert line.at(0.5) == middle
    assert line.at(1) == points[-1]
