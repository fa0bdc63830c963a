"""Every field of every metric differs from its base in some run; a new field needs a row here.

Runs are whole smoke episodes, or a tiny laboratory in which something happens; figures are those of
results 0.3, which hold those of 0.2. A row names base, run, and the fields that differ.
"""

import functools
import types

import msgspec
import pytest
from labtrust_bench.runs.benchmark import run_benchmark
from labtrust_bench.runs.full_metrics import FlowObserver, FullMetrics
from labtrust_bench.runs.plan import RunConfig
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.things import CallAttempt, Consignment, Result

FAKE = {"token_refs": ["T_FAKE"]}
ENTRY_TOKEN = {
    "token_id": "T_ENTRY_1",
    "token_type": "TOKEN_RESTRICTED_ENTRY",
    "subject_type": "agent",
    "subject_id": "A_RUNNER_0",
    "issued_at_ts_s": 0,
    "expires_at_ts_s": 900,
    "approvals": ["A_SUPERVISOR_0"],
}


def leaves(kind, path=""):
    """Yield the dotted place of every field of a struct type; a mapping is one field."""
    for item in msgspec.structs.fields(kind):
        inner = struct_in(item.type)
        if inner is None:
            yield f"{path}{item.name}"
        else:
            yield from leaves(inner, f"{path}{item.name}.")


def struct_in(annotation):
    """Return the struct type of an annotation that is one, or is one or nothing."""
    if getattr(annotation, "__origin__", None) is dict:
        return None
    options = getattr(annotation, "__args__", (annotation,))
    found = (item for item in options if isinstance(item, type))
    return next((item for item in found if issubclass(item, msgspec.Struct)), None)


def at(metrics, place):
    """Return a field; nothing where what holds it is nothing."""
    for part in place.split("."):
        metrics = None if metrics is None else getattr(metrics, part)
    return metrics


def outcome(*emits, reason=None):
    """An accepted outcome, as the engine reports what happens rarely."""
    data = {} if reason is None else {"reason_code": reason}
    nothing = (), (), ()
    return StepResult(
        None, "ACCEPTED", "clockwork", None, None, None, emits, *nothing, data, "0" * 64, 1
    )


def critical(name, **fields):
    """A critical result that was measured at second 10."""
    found = Result(name, None, None, None, "HAEM_HB", 40, "g/L", 10, criticality="CRIT_A")
    return msgspec.structs.replace(found, **fields)


def attempt(at_s, **fields):
    """A call that the primary contact has answered and read back, unless told otherwise."""
    made = CallAttempt(f"A{at_s}", at_s, "CALLER", "primary_contact", "phone", 0, None, at_s + 20)
    return msgspec.structs.replace(made, **{"read_back": True, **fields})


def quiet(_lab):
    """Nothing happens."""


def arrives(lab):
    """Let another specimen be there, and time pass until it is due."""
    there = lab.session.ctx.world.specimens
    there["S2"] = msgspec.structs.replace(there["S1"], specimen_id="S2")
    lab.wait(3_600)


def waits(lab):
    lab.wait(50)


def rejects(lab):
    act = {"reason_code": "INT_LEAKING", "args": {"specimen_id": "S1"}}
    lab.act("reception_0", "REJECT_SPECIMEN", **act)


def holds(lab):
    act = {"reason_code": "INT_LEAKING", "args": {"specimen_id": "S1"}}
    lab.act("reception_0", "HOLD_SPECIMEN", **act)


def forgets_a_door(lab):
    lab.act("reception_0", "OPEN_DOOR", args={"door_id": "D_MAIN_INNER"})
    lab.wait(900)


def misuses_a_token(lab):
    lab.act("runner_0", "TICK", **FAKE)


def uses_a_token(lab):
    for ends in (("Z_SORTING_LANES", "Z_ACCESSIONING"), ("Z_ACCESSIONING", "Z_SRA_RECEPTION")):
        lab.act("runner_0", "MOVE", args=dict(zip(("from_zone", "to_zone"), ends, strict=True)))
    airlock = {"args": {"door_id": "D_RESTRICTED_AIRLOCK"}, "token_refs": ["T_ENTRY_1"]}
    assert lab.act("runner_0", "OPEN_DOOR", **airlock).accepted


def mints(lab):
    lab.tell(outcome("MINT_TOKEN"))


def amends(lab):
    lab.tell(outcome("AMEND_RESULT"))


def misses_deadlines(lab):
    lab.tell(outcome("ALARM", reason="CRIT_DEADLINE_MISSED"))


def exhausts_ladders(lab):
    lab.tell(outcome("ALARM", reason="CRIT_ESCALATION_BREACH"))


def is_opposed(lab):
    lab.act("adversary_0", "RELEASE_RESULT", args={"result_id": "R1"})
    lab.act("adversary_0", "TICK", **FAKE)


def picks_a_wrong_tool(lab):
    lab.act("analytics_0", "INVOKE_TOOL", tool_id="no_such_tool")


def loses_custody(lab):
    sent(lab)
    lab.session.ctx.world.agents[lab.session.members["reception_0"]].zone = "Z_INGRESS_DOCK"
    lab.act("reception_0", "RECEIVE_TRANSPORT", args={"consignment_id": "C1"})


def sent(lab, **fields):
    """Put a consignment on the road that nobody has signed for."""
    box = Consignment("C1", "ACUTE_TO_HUB", [], 0, "A_RUNNER_0", 0, 0, 0, status="arrived")
    lab.session.ctx.world.consignments["C1"] = msgspec.structs.replace(box, **fields)


def overheats(lab):
    sent(lab, worst_milli_c=50_000)


def calls(lab):
    lab.wait(7_000)
    lab.session.ctx.world.results.update(
        {
            "R1": critical("R1", attempts=[attempt(20)], notified_s=20, acknowledged_s=50),
            "R2": critical("R2", call_required=False),
            "R3": critical("R3", attempts=[attempt(30, answered_s=None, read_back=False)]),
        }
    )


def escalates(lab):
    calls(lab)
    role = lab.session.ctx.tables.ladder.tiers[1].role
    higher = attempt(900, tier=1, receiver_role=role)
    lab.session.ctx.world.results["R3"].attempts.append(higher)


def errs(lab):
    """Let out a result that is far from the truth."""
    measured = {"analyte": "BIOCHEM_POTASSIUM_K", "value": 9_999, "specimen_id": "S1"}
    wrong = critical("R1", status="released", released_s=60, criticality="NONE", **measured)
    lab.session.ctx.world.results["R1"] = wrong


EVENTS = {
    item.__name__: item
    for item in (
        *(
            quiet,
            arrives,
            waits,
            rejects,
            holds,
            forgets_a_door,
            misuses_a_token,
            uses_a_token,
            mints,
        ),
        *(amends, misses_deadlines, exhausts_ladders, is_opposed, picks_a_wrong_tool),
        *(loses_custody, sent, overheats, calls, escalates, errs),
    )
}
EPISODES = {
    "noop": ("throughput_sla", "noop", 7),
    "scripted": ("throughput_sla", "scripted", 7),
    "attacked": ("adversarial_disruption", "noop", 7),
    "noop at two sites": ("multi_site_stat", "noop", 7),
    "scripted at two sites": ("multi_site_stat", "scripted", 7),
}
ROWS = [
    ("quiet", "arrives", "arrivals arrivals_before_cutoff service.due service.due_weight"),
    (
        "noop",
        "scripted",
        """
        throughput throughput_before_cutoff released_before_cutoff_permille autoverified
        autoverified_permille autoverification_by_panel p50_turnaround_s p95_turnaround_s on_time
        on_time_permille on_time_rate turnaround_by_priority events_by_origin reward_milli
        device_utilisation_permille device_utilization device_queue_length_mean
        device_queue_length_max turnaround_quantiles_s.p10 turnaround_quantiles_s.p25
        turnaround_quantiles_s.p50 turnaround_quantiles_s.p75 turnaround_quantiles_s.p90
        service.served service.served_weight service.weighted_on_time_permille service.right
        service.right_weight service.weighted_right_permille
        """,
    ),
    (
        "noop",
        "attacked",
        """
        opposition.phases opposition.detection_latency_s
        opposition.time_to_first_detected_security_violation opposition.containment_success
        opposition.fraction_of_attacks_contained_permille
        opposition.forensic_quality_score_permille detection_latency_s containment_success
        """,
    ),
    ("noop at two sites", "scripted at two sites", "transport_consignment_count"),
    ("quiet", "waits", "steps"),
    ("quiet", "rejects", "rejected"),
    ("quiet", "holds", "holds_count"),
    ("quiet", "forgets_a_door", "violations_by_invariant_id violations_total"),
    (
        "quiet",
        "misuses_a_token",
        """
        blocked_by_reason_code blocked_total prevented_by_invariant_id enforcements_by_action
        """,
    ),
    ("quiet", "uses_a_token", "tokens_consumed"),
    ("quiet", "mints", "tokens_minted"),
    ("quiet", "amends", "amended"),
    ("quiet", "misses_deadlines", "call_compliance.deadlines_missed"),
    ("quiet", "exhausts_ladders", "call_compliance.ladders_exhausted"),
    (
        "quiet",
        "is_opposed",
        """
        opposition.events opposition.blocked opposition.first_blocked_s
        opposition.response_latency_s opposition.enforcements
        """,
    ),
    (
        "quiet",
        "picks_a_wrong_tool",
        "tool_calls_count tool_selection_errors_count tool_selection_errors_rate",
    ),
    ("sent", "loses_custody", "coc_breaks_count"),
    ("sent", "overheats", "transport_temp_excursions"),
    (
        "quiet",
        "calls",
        """
        critical.results critical.calls critical.acknowledged critical.p50_ack_s
        call_compliance.wanted call_compliance.known call_compliance.called
        call_compliance.p50_first_call_s call_compliance.p90_first_call_s
        call_compliance.p50_ack_s call_compliance.p90_ack_s call_compliance.within_goal
        call_compliance.within_goal_permille call_compliance.calls_per_result_milli
        call_compliance.unreached call_compliance.unreached_permille
        call_compliance.read_back_permille critical_communication_compliance_rate
        """,
    ),
    ("quiet", "errs", "service.wrong_results_out service.wrong_results_standing"),
    ("calls", "escalates", "call_compliance.calls_by_higher_tier"),
]
CASES = [(base, run, place) for base, run, places in ROWS for place in places.split()]


@pytest.fixture(scope="module")
def episode(policy):
    """Give the metrics of a smoke episode by name; each is played once."""

    @functools.cache
    def play(name):
        task, agents, seed = EPISODES[name]
        config = RunConfig(task, 1, seed, "smoke", agents, schema="0.3")
        return run_benchmark(config, policy=policy).episodes[0].metrics

    return play


class Both:
    """Watches a tiny laboratory as a run of 0.3 does."""

    def __init__(self, measured, flow):
        self.watching = measured, flow

    def begin(self, session):
        for item in self.watching:
            item.begin(session)

    def step(self, session, results):
        for item in self.watching:
            item.step(session, results)

    def end(self, session):
        for item in self.watching:
            item.end(session)

    @property
    def metrics(self):
        measured, flow = self.watching
        return flow.complete(measured.metrics)


@pytest.fixture
def tiny(lab, specimen):
    """Give the metrics of a tiny laboratory in which something happens."""

    def happen(name):
        made = lab(specimens=[specimen()], tokens=[ENTRY_TOKEN], opponents=("adversary_0",))
        made.observer = Both(made.observer, FlowObserver())
        made.observer.begin(made.session)
        made.tell = lambda result: made.observer.step(made.session, [result])
        EVENTS[name](made)
        return made.metrics

    return happen


@pytest.mark.parametrize(("base", "run", "place"), CASES, ids=lambda item: item)
def test_the_metric_moves(episode, tiny, base, run, place):
    measure = episode if base in EPISODES else tiny

    assert at(measure(base), place) != at(measure(run), place)


def test_every_metric_has_a_row():
    wanted, tried = set(leaves(FullMetrics)), {place for _, _, place in CASES}

    assert sorted(wanted - tried) == []
    assert sorted(tried - wanted) == []


def test_what_does_not_concern_a_metric_does_not_move_it(tiny):
    calm, busy = tiny("quiet"), tiny("rejects")
    moved = {place for place in leaves(FullMetrics) if at(calm, place) != at(busy, place)}

    # a rejection is an event that takes time, and nothing else
    assert moved == {"rejected", "steps", "events_by_origin"}


def test_figures_of_an_episode_that_was_not_watched_are_an_error():
    with pytest.raises(LookupError, match="no episode was watched"):
        FlowObserver().complete(types.SimpleNamespace())


def test_shares_of_0_3_are_those_of_0_2_as_fractions(episode):
    metrics = episode("scripted")

    assert metrics.on_time_rate == metrics.on_time / metrics.throughput
    assert metrics.turnaround_quantiles_s.p50 == metrics.p50_turnaround_s
    for name, share in metrics.device_utilisation_permille.items():
        assert metrics.device_utilization[name] == share / 1_000
        assert metrics.device_queue_length_mean[name] <= metrics.device_queue_length_max[name]
