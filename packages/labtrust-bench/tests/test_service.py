"""What was due, on time and right: each figure moves with what it measures."""

import pytest
from labtrust_bench.runs.service import is_fit, service
from labtrust_bench.tasks.base import TURNAROUND_TARGET_S
from labtrust_core.hospital_lab.things import Result, Specimen
from labtrust_core.hospital_lab.values import draw_value
from labtrust_env.session import Session, SessionConfig

END_S = 10_000
POTASSIUM = "BIOCHEM_POTASSIUM_K"


@pytest.fixture
def ctx(policy):
    session = Session(policy, SessionConfig("standard", None, END_S, faults=False))
    session.reset(1)
    return session.ctx


@pytest.fixture
def add(ctx):
    """Put a specimen into the world, with a result that is off by so many deviations."""

    def put(specimen_id="S1", *, off_sd=0.0, released_s=2_000, late_s=0, amends=None, **changes):
        known = ctx.world.specimens.get(specimen_id)
        if known is None:
            known = Specimen(
                specimen_id=specimen_id,
                panel_id="BIOCHEM_PANEL_CORE",
                container_type="SERUM_SST",
                specimen_type="SERUM",
                patient_id="p",
                place="zone:Z_SRA_RECEPTION",
                collected_s=0,
                released_s=released_s,
                results=[],
                **{"priority": "ROUTINE", "arrived_s": 1_000, **changes},
            )
            ctx.world.specimens[specimen_id] = known
        true = draw_value(ctx.world.seed, ctx.tables.analytes[POTASSIUM], known)
        sd = ctx.tables.quality.controls[POTASSIUM].sd_at(1_000 * true) / 1_000
        result_id = f"{specimen_id}_{len(known.results)}"
        ctx.world.results[result_id] = Result(
            result_id=result_id,
            specimen_id=specimen_id,
            run_id=None,
            device_id=None,
            analyte=POTASSIUM,
            value=round(true + off_sd * sd),
            unit=None,
            generated_s=0,
            status="generated" if released_s is None else "released",
            released_s=None if released_s is None else released_s + late_s,
            amends=amends,
        )
        known.results.append(result_id)
        return ctx.world.results[result_id]

    return put


@pytest.fixture
def measure(ctx):
    return lambda: service(ctx, TURNAROUND_TARGET_S, END_S, wrap_up_s=3_600)


def test_nothing_is_due_of_nothing(measure):
    found = measure()

    assert found.due == 0
    assert found.weighted_on_time_permille is None


@pytest.mark.parametrize(("priority", "weight"), [("STAT", 4), ("URGENT", 2), ("ROUTINE", 1)])
def test_what_is_out_on_time_counts_by_its_priority(add, measure, priority, weight):
    add(priority=priority)
    add("S2", released_s=None)
    found = measure()

    assert (found.due, found.due_weight) == (2, weight + 1)
    assert (found.served, found.served_weight) == (1, weight)
    assert found.weighted_on_time_permille == 1_000 * weight // (weight + 1)


def test_what_is_late_is_due_and_not_served(add, measure):
    add(priority="STAT", released_s=1_000 + 3_601)

    assert (measure().due, measure().served) == (1, 0)


@pytest.mark.parametrize(("arrived_s", "due"), [(END_S - 3_600, 1), (END_S - 3_599, 0)])
def test_what_comes_shortly_before_the_end_is_not_due(add, measure, arrived_s, due):
    add(arrived_s=arrived_s, released_s=END_S)

    assert measure().due == due


@pytest.mark.parametrize("fault", ["leak", "clot", "hemolysis", "unlabelled", "request_missing"])
def test_what_has_to_be_turned_away_is_not_due(ctx, add, measure, fault):
    add(**{fault: True})

    assert measure().due == 0
    assert not is_fit(ctx.world.specimens["S1"])


@pytest.mark.parametrize(("off_sd", "right"), [(0, 1), (2.5, 1), (-7, 0), (7, 0)])
def test_a_result_far_from_the_truth_is_wrong(add, measure, off_sd, right):
    add(off_sd=off_sd)
    found = measure()

    assert (found.served, found.right) == (1, right)
    assert found.wrong_results_out == found.wrong_results_standing == 1 - right


@pytest.mark.parametrize(("late_s", "right"), [(0, 1), (14_000, 0)])
def test_what_was_wrong_and_is_amended_in_time_is_right(add, measure, late_s, right):
    wrong = add(off_sd=8)
    wrong.status = "amended"
    add(amends=wrong.result_id, late_s=late_s)
    found = measure()

    assert found.right == right
    assert (found.wrong_results_out, found.wrong_results_standing) == (1, 0)
