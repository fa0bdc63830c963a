"""The simulator, on the laboratory's own queues, meets theory; a broken one does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.errors import DomainError, UnknownNameError, UsageError
from labtrust_core.hospital_lab.queueing import WorkQueue
from labtrust_core.hospital_lab.things import Device, Run
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.theory.cases import CASES
from labtrust_core.theory.check import BAND, FEWEST, check_case, check_cases, select_cases
from labtrust_core.theory.laws import Exponential, Fixed
from labtrust_core.theory.meters import Area, Meters, ratio
from labtrust_core.theory.model import Arrivals, Model, Station
from labtrust_core.theory.plot import deviations_svg
from labtrust_core.theory.simulate import BATCHES, WARM_UP, simulate

SEED = 7


def rows_of(name, customers=FEWEST, seed=SEED):
    (case,) = select_cases([name])
    return {row.quantity: row for row in check_case(case, seed, customers)}


def test_there_are_at_least_twenty_cases_of_distinct_names():
    assert len({case.name for case in CASES}) == len(CASES) >= 20


@pytest.mark.parametrize(
    "name",
    [
        "M/M/1, load 0.5",
        "M/D/1, load 0.8",
        "M/M/5 without a queue, 4 offered",
        "M/D/1, two priorities",
        "centrifuge started every 10",
        "centrifuge with units enough, full batch of 20",
        "M/M/1, faults at any time, resumed",
    ],
)
def test_a_case_meets_theory(name):
    for row in rows_of(name).values():
        assert row.within, row


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_meets_theory_with_many_customers(case):
    for row in check_case(case, SEED, 100_000):
        assert row.within, row


def test_the_same_seed_gives_the_same_figures():
    assert rows_of("M/M/1, load 0.5") == rows_of("M/M/1, load 0.5")


def test_another_seed_gives_other_figures():
    one, other = (rows_of("M/M/1, load 0.5", seed=seed)["wait"] for seed in (1, 2))
    assert one.simulated != other.simulated


def test_a_queue_that_forgets_priorities_is_found_out(monkeypatch):
    def head(queue, _share):
        waiting = [*queue.other[:1], *queue.stat[:1]]
        return waiting[0].work_id if waiting else None

    monkeypatch.setattr(WorkQueue, "head", head)
    assert not rows_of("M/D/1, two priorities", 20_000)["wait of STAT"].within


def test_a_device_that_is_never_busy_is_found_out(monkeypatch):
    monkeypatch.setattr(Device, "idle_unit", lambda _device, _now: 0)
    rows = rows_of("M/M/5 without a queue, 4 offered")
    assert not rows["lost"].within


def test_a_run_that_ends_during_a_fault_is_found_out(monkeypatch):
    def break_down(_world, machine, now_s, repair_s):
        machine.fault_until = now_s + repair_s

    monkeypatch.setattr(LabWorld, "break_down", break_down)
    assert not rows_of("M/M/1, faults in runs, resumed", 20_000)["run"].within


def test_what_a_device_does_stands_still_for_as_long_as_it_is_broken():
    machine = Device("D", "Z", [10, 3, 20])
    world = LabWorld(seed=1, simulated=True, devices={"D": machine})
    run, done = Run("R", "D", 0, [], 0, 10, 40, "A"), Run("Q", "D", 1, [], 0, 3, 3, "A")
    world.begin(run)
    world.begin(done)

    world.break_down(machine, 5, 15)

    assert machine.fault_until == 20
    assert machine.unit_free_s == [25, 3, 35]
    assert (run.ends_s, run.results_s) == (25, 55)
    assert (done.ends_s, done.results_s) == (3, 3)


def test_a_second_fault_during_a_repair_prolongs_it():
    machine = Device("D", "Z", [10])
    world = LabWorld(seed=1, simulated=True, devices={"D": machine})

    world.break_down(machine, 5, 15)
    world.break_down(machine, 12, 4)

    assert (machine.fault_until, machine.unit_free_s) == (24, [29])


def waiting_work(share, window):
    streams = tuple(
        Arrivals(name, Exponential(2.5), (Fixed(),), rank) for name, rank in (("S", 0), ("R", 2))
    )
    station = Station(stat_share_percent=share, stat_share_window=window)
    return simulate("any order", Model(streams, (station,)), SEED, 800).estimate("waiting", WARM_UP)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 100), st.integers(1, 30))
def test_no_share_of_stat_starts_changes_how_much_waits(share, window):
    assert waiting_work(share, window) == waiting_work(100, 20)


def test_an_area_grows_with_count_and_time():
    area = Area()
    area.change(10, 2)
    area.change(15, -1)
    assert area.take(20) == 2 * 5 + 1 * 5
    assert area.take(21) == 1


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=20), st.floats(0.1, 10))
def test_a_constant_ratio_has_no_error(lowers, value):
    found = ratio([(value * lower, lower) for lower in lowers])
    assert found.value == pytest.approx(value)
    assert found.standard_error == pytest.approx(0, abs=1e-6)


def test_the_standard_error_is_that_of_the_mean_of_equal_batches():
    found = ratio([(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (6.0, 1.0)])
    assert found.value == 3
    assert found.standard_error == pytest.approx((14 / 3 / 4) ** 0.5)


def test_a_meter_that_measured_nothing_is_an_error():
    meters = Meters()
    for _ in range(BATCHES):
        meters.end_batch()
    with pytest.raises(DomainError, match="nothing"):
        meters.estimate("wait", 0)


def test_too_few_customers_are_refused():
    with pytest.raises(UsageError, match=str(FEWEST)):
        check_case(CASES[0], SEED, FEWEST - 1)


def test_an_unknown_case_is_refused():
    with pytest.raises(UnknownNameError, match="M/M/0"):
        select_cases(["M/M/0"])


def test_progress_is_told_after_each_case():
    done = []
    check_cases(CASES[:1], SEED, FEWEST, lambda: done.append(1))
    assert done == [1]


def test_the_plot_has_a_dot_for_every_row():
    import xml.etree.ElementTree as ET

    rows = check_case(select_cases(["centrifuge started every 10"])[0], SEED, FEWEST)
    root = ET.fromstring(deviations_svg(rows))  # noqa: S314 - our own document
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == len(rows)


def test_a_row_says_how_many_standard_errors_it_is_off():
    row = rows_of("centrifuge started every 10")["wait"]
    assert row.simulated == pytest.approx(row.exact + row.deviation * row.standard_error)
    assert row.within == (abs(row.deviation) <= BAND)
