"""How well critical results are called, in figures."""

import msgspec
import pytest
from labtrust_bench.runs.calls import call_compliance
from labtrust_bench.runs.metrics import CallCompliance
from labtrust_core.hospital_lab.things import CallAttempt, Result


@pytest.fixture
def ladder(policy):
    """The ladder in force, with goals that are easy to read."""
    return policy.tables.ladder


def attempt(at_s, answered_s=None, *, tier=0, read_back=True):
    role = ("primary_contact", "secondary", "consultant_registrar", "duty_manager")[tier]
    return CallAttempt(
        f"A{at_s}",
        at_s,
        "CALLER",
        role,
        "phone",
        tier,
        answered_s=answered_s,
        read_back=read_back and answered_s is not None,
    )


def result(*attempts, generated_s=0, acknowledged_s=None, **fields):
    found = Result("RES", None, None, None, "HAEM_HB", 40, "g/L", generated_s)
    found.criticality = fields.pop("criticality", "CRIT_A")
    found.attempts = list(attempts)
    found.notified_s = attempts[0].at_s if attempts else None
    found.acknowledged_s = acknowledged_s
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def test_of_no_critical_results_there_are_no_figures(ladder):
    empty = call_compliance([result(criticality="NONE")], ladder, {}, 10_000)

    assert (empty.wanted, empty.called, empty.within_goal, empty.unreached) == (0, 0, 0, 0)
    assert empty.p50_first_call_s is None
    assert empty.within_goal_permille is None
    assert empty.unreached_permille is None
    assert empty.calls_per_result_milli is None


def test_times_count_from_the_result_to_the_first_call_and_to_the_acknowledgement(ladder):
    found = [
        result(attempt(wait + 100, wait + 130), generated_s=100, acknowledged_s=100 + 2 * wait)
        for wait in (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    ]
    figures = call_compliance(found, ladder, {}, 10_000)

    assert (figures.p50_first_call_s, figures.p90_first_call_s) == (50, 90)
    assert (figures.p50_ack_s, figures.p90_ack_s) == (100, 180)


def test_a_result_is_judged_once_it_is_acknowledged_or_past_its_goal(ladder):
    goal = ladder.goals["CRIT_A"].acknowledged_s
    found = [
        result(attempt(10, 20), acknowledged_s=goal),
        result(attempt(10, 20), acknowledged_s=goal + 1),
        result(attempt(10)),
        result(generated_s=4_000),
    ]
    figures = call_compliance(found, ladder, {"CRIT_DEADLINE_MISSED": 2}, 4_100)

    assert (figures.wanted, figures.called) == (4, 3)
    assert figures.within_goal == 1
    assert figures.within_goal_permille == 333
    assert figures.deadlines_missed == 2


def test_a_call_that_still_rings_is_neither_reached_nor_unreached(ladder):
    now_s = 1_000
    found = [result(attempt(100), attempt(400, 430), attempt(990)), result(attempt(950, 1_050))]
    figures = call_compliance(found, ladder, {}, now_s)

    assert figures.unreached == 1
    assert figures.unreached_permille == 500
    assert figures.calls_per_result_milli == 2_000


def test_read_back_and_higher_tiers_are_counted_call_by_call(ladder):
    calls = [
        attempt(0, 10, read_back=False),
        attempt(300, tier=1),
        attempt(500, 530, tier=1),
        attempt(1_200, 1_250, tier=3),
    ]
    figures = call_compliance([result(*calls)], ladder, {"CRIT_ESCALATION_BREACH": 1}, 9_000)

    assert figures.read_back_permille == 666
    assert figures.calls_by_higher_tier == {
        "secondary": 2,
        "consultant_registrar": 0,
        "duty_manager": 1,
    }
    assert figures.ladders_exhausted == 1


def test_what_is_known_wants_no_call_and_what_was_measured_anew_before_one_does_not_count(ladder):
    found = [result(call_required=False), result(status="superseded"), result()]
    figures = call_compliance(found, ladder, {}, 100)

    assert (figures.wanted, figures.known) == (1, 1)


def test_a_shift_of_the_scripted_crew_keeps_its_goals(play):
    metrics = play(seed=3, smoke=False).metrics
    figures = metrics.call_compliance

    assert figures.called == figures.wanted > 5
    assert figures.p50_first_call_s <= figures.p90_first_call_s <= figures.p90_ack_s
    assert figures.within_goal_permille >= 900
    assert 0 < figures.unreached_permille < 500
    assert figures.calls_per_result_milli > 1_000
    assert metrics.critical.acknowledged <= figures.wanted


def test_a_file_written_before_calls_were_measured_can_be_read(play):
    document = msgspec.to_builtins(play().metrics)
    del document["call_compliance"]

    assert msgspec.convert(document, type(play().metrics)).call_compliance is None


def test_every_figure_is_an_integer_a_table_of_them_or_missing(play):
    for name in CallCompliance.__struct_fields__:
        value = getattr(play().metrics.call_compliance, name)
        assert value is None or isinstance(value, int | dict)
