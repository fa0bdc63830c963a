"""The timeline's bars are what the log tells, where the axis says; a log in doubt is refused."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from labtrust_core.errors import LedgerError, UsageError
from labtrust_core.render.episode_log import clock, read_episode_log
from labtrust_core.render.shift import (
    BLOCKED,
    CALL,
    CONTROL,
    FAULT,
    SERVICE,
    UNKNOWN,
    Bar,
    Lane,
    Mark,
    Shift,
    merged,
    read_shift,
)
from labtrust_core.render.timeline import COLOURS, timeline
from labtrust_core.testing.laboratory import shipped_policy

HOSTILE = '</text><script>alert("&")</script>\x00'


@pytest.fixture(scope="module")
def log(render_log):
    return read_episode_log(render_log.path)


@pytest.fixture(scope="module")
def shift(render_log, log):
    return read_shift(log, render_log.policy)


def bars_of(lanes, *kinds):
    return [bar for lane in lanes for bar in lane.bars if bar.kind in kinds]


def drawn(picture, name):
    """Return the elements of a kind, each with its lane and what it is about."""
    root = ET.fromstring(picture)  # noqa: S314 - our own document
    return [
        (lane.get("data-lane"), item, item[0].text)
        for lane in root.iter()
        if lane.get("data-lane") is not None
        for item in lane.iter()
        if item.tag.endswith(name) and len(item)
    ]


def test_every_unit_of_every_device_has_a_lane(shift):
    units = [(lane.name, lane.detail) for lane in shift.devices]
    devices = shipped_policy().tables.devices.values()

    assert len(units) == len(set(units)) == sum(item.type.units for item in devices)


def test_runs_begin_and_end_when_the_log_says(shift, log):
    started = {
        event.text("run_id"): event.t_s
        for event in log.events
        if event.action == "START_RUN" and event.accepted
    }
    ended = {
        event.text("run_id"): event.t_s for event in log.events if event.action == "SYS_RUN_END"
    }
    found = {
        bar.text.split(",")[0]: (bar.start_s, bar.end_s)
        for bar in bars_of(shift.devices, "STAT", "URGENT", "ROUTINE", UNKNOWN)
        if bar.text.startswith("RUN_") and not bar.open_end
    }

    assert ended
    assert found == {run: (started[run], end_s) for run, end_s in ended.items()}


def test_a_spin_lasts_until_somebody_unloads_it(shift, log):
    begun = [event.t_s for event in log.events if event.action == "CENTRIFUGE_START"]
    ended = [event.t_s for event in log.events if event.action == "CENTRIFUGE_END"]
    (spin,) = [bar for bar in bars_of(shift.devices, UNKNOWN) if bar.text.startswith("SPIN_1,")]

    assert [spin.start_s, spin.end_s] == [begun[0], ended[0]]


def test_what_goes_on_when_the_log_ends_is_open(shift, log):
    (spin,) = [bar for bar in bars_of(shift.devices, UNKNOWN) if bar.text.startswith("SPIN_2,")]

    assert spin.open_end
    assert spin.end_s == log.end_s


def test_two_spins_at_a_time_are_in_two_units(shift):
    units = [lane for lane in shift.devices if lane.name == "DEV_CENTRIFUGE_BANK_01"]

    assert [len(lane.bars) for lane in units] == [1, 1]


def test_controls_and_stops_are_told_apart(shift, log):
    faults = [event.t_s for event in log.events if event.action == "SYS_DEVICE_FAULT"]

    assert len(bars_of(shift.devices, CONTROL)) == 1
    assert sorted({bar.start_s for bar in bars_of(shift.devices, FAULT)}) == faults
    assert bars_of(shift.devices, SERVICE) == []  # none of them in the morning


def test_a_night_shows_when_devices_are_serviced(log):
    night = read_shift(replace(log, workload=None, end_s=6 * 3600), shipped_policy())
    devices = shipped_policy().tables.devices.values()

    told = {(bar.start_s, bar.end_s) for bar in bars_of(night.devices, SERVICE)}
    assert told == {(item.start_s, item.end_s) for lane in devices for item in lane.maintenance}


def test_an_accepted_action_takes_its_handling_time(shift):
    (person,) = [lane for lane in shift.people if lane.name == "A_QC_0"]
    kinds = [(bar.kind, bar.end_s - bar.start_s) for bar in person.bars]

    policy = shipped_policy()
    way = policy.tables.ways["Z_QC_SUPERVISOR", "Z_ANALYZER_HALL_A"]
    assert kinds == [("moving", way.travel_s), ("analysis", policy.actions["QC_EVENT"].handling_s)]


def test_refusals_are_marked_on_whom_they_met(shift):
    refused = {
        lane.name: [m.text for m in lane.marks if m.kind == BLOCKED] for lane in shift.people
    }

    assert refused["A_RUNNER_0"] == ["MOVE refused: RC_ILLEGAL_MOVE"]


def test_arrivals_and_releases_are_counted_one_by_one(shift, log):
    arrivals, releases, _ = shift.happenings
    told = [event for event in log.events if event.action == "SYS_ARRIVAL"]

    tubes = [item for event in told for item in event.data["specimen_ids"]]
    assert len(arrivals.marks) == len(tubes) > 0
    stated = [item for event in told for item in event.data["priorities"]]
    assert [mark.kind for mark in arrivals.marks] == stated
    assert (
        len(releases.marks)
        == sum(len(event.answered("released_specimens")) for event in log.events)
        > 0
    )


def test_bars_lie_where_the_axis_says(shift):
    picture = timeline(shift, "", from_s=100, to_s=1100)
    lanes = {
        (lane.name + " " + lane.detail).strip(): lane for lane in (*shift.devices, *shift.people)
    }
    rects = drawn(picture, "rect")

    assert rects
    for name, rect, text in rects:
        x, width = float(rect.get("x")), float(rect.get("width"))
        assert 0 <= x <= x + width <= 720.8  # the chart is 720 wide, the shortest bar 0.8
        start = text.split()[0]
        begins = [bar for bar in lanes[name].bars if clock(bar.start_s) == start]
        assert begins, (name, text)
        assert abs(x - 0.72 * max(0, begins[0].start_s - 100)) <= 0.06


def test_every_bar_and_mark_of_the_whole_shift_is_drawn(shift):
    picture = timeline(shift, "")

    assert len(drawn(picture, "rect")) == sum(len(lane.bars) for lane in shift.devices) + sum(
        len(merged(lane.bars, shift.end_s / 720)) for lane in shift.people
    )
    lanes = (*shift.happenings, *shift.devices, *shift.people)
    assert len(drawn(picture, "path")) == sum(len(lane.marks) for lane in lanes)


def test_neighbours_of_one_family_become_one_bar_that_counts_them():
    bars = [Bar(0, 5, "bench", "A"), Bar(10, 15, "bench", "A"), Bar(15, 20, "bench", "B")]
    later = [Bar(40, 45, "bench", "A"), Bar(45, 50, "moving", "MOVE")]

    assert merged([*bars, *later], 5) == [Bar(0, 20, "bench", "2 \u00d7 A, B"), *later]


def test_time_of_day_is_on_the_axis(shift):
    assert ">07:00<" in timeline(shift, "", starts_at_s=7 * 3600)
    assert ">00:00<" in timeline(shift, "")


def test_a_longer_shift_is_wider():
    widths = [
        float(ET.fromstring(timeline(Shift(end_s, (), (), ()), "")).get("width"))  # noqa: S314 - our own document
        for end_s in (600, 8 * 3600, 24 * 3600)
    ]

    assert widths == sorted(set(widths))


def test_same_input_gives_the_same_bytes(render_log, shift):
    again = read_shift(read_episode_log(render_log.path), render_log.policy)

    assert timeline(again, "x") == timeline(shift, "x")


@pytest.mark.parametrize(("from_s", "to_s"), [(5, 5), (9, 5), (-1, 5), (0, 10**6)])
def test_a_part_that_is_not_there_is_refused(shift, from_s, to_s):
    with pytest.raises(UsageError, match="is not in the log"):
        timeline(shift, "", from_s=from_s, to_s=to_s)


def test_a_time_of_day_beyond_midnight_is_refused(shift):
    with pytest.raises(UsageError, match="time of day"):
        timeline(shift, "", starts_at_s=86400)


def test_hostile_names_stay_text():
    lane = Lane(HOSTILE, HOSTILE, [Bar(0, 9, "bench", HOSTILE)], [Mark(3, CALL, HOSTILE)])
    picture = timeline(Shift(99, (), (), (lane,)), HOSTILE)

    assert "<script>" not in picture
    ET.fromstring(picture)  # noqa: S314 - our own document


def test_an_agent_with_a_hostile_name_has_a_lane(shift):
    assert [lane.name for lane in shift.people if "<" in lane.name] == ["<b>&amp;\x01"]
    assert "<b>" not in timeline(shift, "")


def test_every_kind_that_can_be_drawn_has_a_colour(shift):
    lanes = (*shift.happenings, *shift.devices, *shift.people)
    kinds = {item.kind for lane in lanes for item in (*lane.bars, *lane.marks)}

    assert kinds <= set(COLOURS)


# Logs.


def cut(lines):
    return lines[:-1]


def torn(lines):
    return [*lines[:-1], lines[-1][:-9]]


def forged(lines):
    place = next(number for number, line in enumerate(lines) if b'"BLOCKED"' in line)
    return [*lines[:place], lines[place].replace(b"BLOCKED", b"ALLOWED"), *lines[place + 1 :]]


def without_one(lines):
    return [*lines[:5], *lines[6:]]


def empty(_lines):
    return []


@pytest.mark.parametrize("damage", [cut, torn, forged, without_one, empty])
def test_a_log_that_is_not_whole_and_untouched_is_refused(render_log, tmp_path, damage):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(damage(render_log.path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(UsageError, match=r"is no whole, untouched log: LOG_\w+ at record"):
        read_episode_log(path)


def test_a_log_that_cannot_be_read_is_an_error_of_the_ledger(tmp_path):
    with pytest.raises(LedgerError, match="cannot read"):
        read_episode_log(tmp_path / "none.jsonl")


def test_a_log_of_another_policy_is_refused(log):
    with pytest.raises(UsageError, match="made under the policy"):
        log.require_policy(shipped_policy("upstream_compat"))


def test_every_event_of_the_log_is_read(render_log, log):
    kinds = [json.loads(line)["kind"] for line in render_log.path.read_bytes().splitlines()]

    assert len(log.events) == kinds.count("event")
    assert log.episode == "EP"
    assert log.simulated
