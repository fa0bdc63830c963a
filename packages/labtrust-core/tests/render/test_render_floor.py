"""The floor plan shows everything that policy has, once, and a log's second as the world had it."""

import itertools
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.errors import UsageError
from labtrust_core.render.episode_log import read_episode_log
from labtrust_core.render.floor_layout import layered, site_spots
from labtrust_core.render.floor_plan import floor_plan
from labtrust_core.render.svg import document, label, number, shortened, tag, words
from labtrust_core.render.whereabouts import Person, Snapshot, snapshot_at, starting_places
from labtrust_core.testing.laboratory import shipped_policy

ZONES = [f"Z{number_}" for number_ in range(20)]
HOSTILE = '</text><script>alert("&")</script>\x00\x1b\ud800'


@pytest.fixture(scope="module")
def tables():
    return shipped_policy().tables


@pytest.fixture(scope="module")
def picture(tables):
    return floor_plan(tables, "the start", starting_places(tables.crews["standard"]))


def named(picture, attribute):
    """Return what every element that carries the attribute is called."""
    root = ET.fromstring(picture)  # noqa: S314 - our own document
    return [item.get(attribute) for item in root.iter() if item.get(attribute) is not None]


@pytest.mark.parametrize(
    ("attribute", "things"),
    [("data-zone", "zones"), ("data-device", "devices"), ("data-door", "doors")],
)
def test_every_thing_is_drawn_once(tables, picture, attribute, things):
    assert sorted(named(picture, attribute)) == sorted(getattr(tables, things))


def test_every_way_is_drawn_once_whichever_way_round(tables, picture):
    drawn = [frozenset(ends.split()) for ends in named(picture, "data-way")]

    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {frozenset(ends) for ends in tables.ways}


def test_only_roads_that_are_open_are_drawn(tables, picture):
    assert named(picture, "data-route") == [
        name for name, route in tables.routes.items() if route.enabled
    ]


def test_members_of_the_crew_stand_in_their_zones(tables, picture):
    root = ET.fromstring(picture)  # noqa: S314 - our own document
    places = {
        person.get("data-person"): zone.get("data-zone")
        for zone in root.iter()
        if zone.get("data-zone")
        for person in zone.iter()
        if person.get("data-person")
    }

    members = tables.crews["standard"].members.values()
    assert places == {item.agent_id: item.zone for item in members}


def test_boxes_do_not_overlap_and_lie_inside_the_picture(picture):
    root = ET.fromstring(picture)  # noqa: S314 - our own document
    boxes = []
    for group in root.iter():
        if group.get("data-zone"):
            x, y = map(float, group.get("transform")[len("translate(") : -1].split())
            rect = next(item for item in group if item.tag.endswith("rect"))
            boxes.append((x, y, x + float(rect.get("width")), y + float(rect.get("height"))))

    assert max(box[2] for box in boxes) <= float(root.get("width"))
    assert max(box[3] for box in boxes) <= float(root.get("height"))
    for number_, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number_ + 1 :]:
            assert left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom


def test_rows_are_distances_from_where_specimens_arrive(tables):
    spots = site_spots(tables, "SITE_HUB")

    assert spots[tables.sites["SITE_HUB"].arrival_zone].row == 0
    for ends in tables.ways:
        if set(ends) <= set(spots):
            assert abs(spots[ends[0]].row - spots[ends[1]].row) <= 1


@given(st.lists(st.lists(st.sampled_from(ZONES), min_size=2, max_size=2), max_size=40))
def test_zones_of_a_row_never_share_a_column(pairs):
    both_ways = [*map(tuple, pairs), *((b, a) for a, b in pairs)]
    neighbours = {zone: [b for a, b in both_ways if a == zone] for zone in ZONES}
    rows = {}
    for spot in layered(ZONES, "Z0", neighbours).values():
        rows.setdefault(spot.row, []).append(spot.column)

    for columns in rows.values():
        ordered = sorted(columns)
        assert all(b - a >= 1 for a, b in itertools.pairwise(ordered))


def test_zones_that_cannot_be_reached_stand_below():
    spots = layered(["A", "B", "C"], "A", {"A": ["B"], "B": ["A"], "C": []})

    assert [spots[zone].row for zone in "ABC"] == [0, 1, 2]


def test_same_input_gives_the_same_bytes(tables, picture):
    assert floor_plan(tables, "the start", starting_places(tables.crews["standard"])) == picture


def test_hostile_names_stay_text(tables):
    crowd = Snapshot((Person(HOSTILE, HOSTILE, "Z_ACCESSIONING"), Person(HOSTILE, "", None)))
    picture = floor_plan(tables, HOSTILE, crowd)

    assert "<script>" not in picture
    assert not [item for item in ET.fromstring(picture).iter() if item.tag == "script"]  # noqa: S314 - our own document


def test_who_has_no_place_is_named(tables):
    assert "not told: A_LOST" in floor_plan(tables, "", Snapshot((Person("A_LOST", "", None),)))


# A second of a log.


def test_a_second_of_a_log_is_what_the_world_was(render_log):
    log = read_episode_log(render_log.path)
    tables = render_log.policy.tables
    for at_s, world in render_log.worlds.items():
        shown = snapshot_at(log, tables, at_s, None)

        assert {person.name: person.zone for person in shown.people} == world["people"]
        assert {person.name: person.carried for person in shown.people} == world["carried"]
        assert {name: state.inside for name, state in shown.devices.items()} == world["inside"]
        assert {name: state.waiting for name, state in shown.devices.items()} == world["waiting"]
        assert {zone: count for zone, count in shown.lying.items() if count} == world["lying"]


def test_who_has_not_walked_has_a_place_only_if_a_crew_is_known(render_log):
    log = replace(read_episode_log(render_log.path), crew=None)
    tables = render_log.policy.tables
    alone = {item.name: item.zone for item in snapshot_at(log, tables, 0, None).people}

    assert alone["A_QC_0"] == "Z_QC_SUPERVISOR"  # walks later, and from there
    assert alone["A_PREAN_0"] is None


def test_a_device_is_broken_from_fault_to_repair(render_log):
    log = read_episode_log(render_log.path)
    tables = render_log.policy.tables
    moments = [
        (event.t_s, event.text("device_id"), event.action == "SYS_DEVICE_FAULT")
        for event in log.events
        if event.action.startswith("SYS_DEVICE_")
    ]

    assert moments
    for at_s, device, broken in moments:
        assert snapshot_at(log, tables, at_s, None).devices[device].broken is broken


@pytest.mark.parametrize("at_s", [-1, 10**6])
def test_a_second_outside_the_log_is_refused(render_log, at_s):
    log = read_episode_log(render_log.path)
    with pytest.raises(UsageError, match="is not in the log, which goes from 0 to"):
        snapshot_at(log, render_log.policy.tables, at_s, None)


# The writer.


def test_numbers_are_rounded_to_a_tenth():
    assert [number(value) for value in (2, 2.04, 2.06, -0.01, 1234567.89)] == [
        "2",
        "2",
        "2.1",
        "0",
        "1234567.9",
    ]


def test_an_element_spells_its_attributes_and_leaves_none_out():
    shown = tag("text", words("a<b"), text_anchor="middle", x=1.25, fill=None)

    assert shown == '<text text-anchor="middle" x="1.2">a&lt;b</text>'


def test_text_that_xml_cannot_carry_is_replaced():
    root = ET.fromstring(document(10, 10, HOSTILE, [label(0, 0, HOSTILE)], 11))  # noqa: S314 - our own document

    assert [item.text.count("\ufffd") for item in root if item.text] == [3, 3]


def test_shortened_text_says_so():
    assert shortened("abcdef", 4) == "abc\u2026"
    assert shortened("abcd", 4) == "abcd"
