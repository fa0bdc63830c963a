"""No laboratory event raises, whatever it says; each is one record; a refusal moves nothing."""

from collections import Counter
from contextlib import suppress
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.canonical import NotCanonicalError
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.ledger.record import read_record
from labtrust_core.testing.glance import glance
from labtrust_core.testing.world_invariants import objections
from labtrust_core.trust.keys import TestKeyBinding, TestKeyring
from labtrust_core.trust.signatures import sign_event

AGENTS = {
    "A_RECEPTION": "Z_SRA_RECEPTION",
    "A_RUNNER": "Z_INGRESS_DOCK",
    "A_PREAN": "Z_CENTRIFUGE_BAY",
    "A_OPS_0": "Z_ALIQUOT_LABEL",
    "A_ANALYTICS": "Z_ANALYZER_HALL_A",
    "A_QC": "Z_ANALYZER_HALL_B",
    "A_SUPERVISOR": "Z_SRA_RECEPTION",
    "A_CLINSCI": "Z_QC_SUPERVISOR",
    "A_SECURITY": "Z_QC_SUPERVISOR",
    "A_RECEPTION_1": "Z_ACUTE_RECEPTION",
    "A_DOCK": "Z_INGRESS_DOCK",
}
ROLES = {"A_RECEPTION_1": "ROLE_RECEPTION", "A_DOCK": "ROLE_RECEPTION"}
NOBODIES = ["MALLORY", "", "SYSTEM|A", "A_ANALYTICS ", "a_analytics"]
KEYRING = TestKeyring(
    {"K_SYSTEM": TestKeyBinding(agent_id="SYSTEM", role_id="R_SYSTEM_CONTROL")}, seed=3
)
TUBES = {
    "S_DOCK": ("arrived_at_reception", "Z_SRA_RECEPTION", "BIOCHEM_PANEL_CORE"),
    "S_OPEN": ("accessioning", "Z_SRA_RECEPTION", "COAG_PANEL_CORE"),
    "S_SPIN": ("accepted", "Z_CENTRIFUGE_BAY", "BIOCHEM_PANEL_CORE"),
    "S_SPUN": ("separated", "Z_ALIQUOT_LABEL", "BIOCHEM_PANEL_CORE"),
    "S_HAEM": ("accepted", "Z_ANALYZER_HALL_A", "HAEM_PANEL_CORE"),
    "S_RUN": ("accepted", "Z_ANALYZER_HALL_A", "HAEM_PANEL_CORE"),
    "S_HELD": ("held", "Z_ACUTE_RECEPTION", "HAEM_PANEL_CORE"),
    "S_AWAY": ("accepted", "Z_ACUTE_RECEPTION", "HAEM_PANEL_CORE"),
}
SCENARIO = {
    "agents": [
        {"agent_id": agent, "zone_id": zone, "role": ROLES.get(agent)}
        for agent, zone in AGENTS.items()
    ],
    "specimens": [
        {
            "specimen_id": name,
            "panel_id": panel,
            "container_type": "WHOLE_BLOOD_EDTA",
            "status": status,
            "zone_id": zone,
        }
        for name, (status, zone, panel) in TUBES.items()
    ],
    "tokens": [
        {
            "token_id": "T1",
            "token_type": "TOKEN_RESTRICTED_ENTRY",
            "subject_type": "agent",
            "subject_id": "A_SUPERVISOR",
            "issued_at_ts_s": 0,
            "expires_at_ts_s": 900,
        },
        {
            "token_id": "T2",
            "token_type": "OVERRIDE_RISK_ACCEPTANCE",
            "subject_type": "specimen",
            "subject_id": "S_HAEM",
            "issued_at_ts_s": 0,
            "expires_at_ts_s": 900,
        },
    ],
    "workload": "district_smoke",
    "arrivals_until_s": 900,
}
MAX_INT = 2**53 - 1
HAEM = "DEV_HAEM_01"
CALL = {
    "result_id": "RES1",
    "attempt_id": "RES1_attempt_0",
    "channel": "phone",
    "receiver_role": "primary_contact",
    "receiver_name_or_id": "DR_A",
    "receiver_location_or_org": "WARD",
    "read_back_confirmed": True,
    "outcome": "reached",
    "next_role": "secondary",
}
SPIN = {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": ["S_SPIN"]}
DOOR = {
    "agent_id": "A_SUPERVISOR",
    "action_type": "OPEN_DOOR",
    "args": {"door_id": "D_RESTRICTED_AIRLOCK"},
}
# What has happened before: every kind of thing exists, so that arguments have something to hit.
BEFORE = [
    ("A_ANALYTICS", "QUEUE_RUN", {"device_id": HAEM, "specimen_id": "S_RUN"}),
    ("A_ANALYTICS", "START_RUN", {"device_id": HAEM, "run_id": "R1", "specimen_ids": ["S_RUN"]}),
    ("A_RECEPTION_1", "RETRIEVE", {"specimen_ids": ["S_HELD"]}),
]
# Events that fit the situation as they stand; tests spoil one argument or none.
TEMPLATES = [
    ("A_RECEPTION", "CREATE_ACCESSION", {"specimen_id": "S_DOCK"}),
    ("A_RECEPTION", "CHECK_ACCEPTANCE_RULES", {"specimen_id": "S_OPEN", "id_match": True}),
    ("A_RECEPTION", "REJECT_SPECIMEN", {"specimen_id": "S_OPEN", "reason_code": "INT_CLOTTED"}),
    ("A_PREAN", "CENTRIFUGE_START", SPIN),
    ("A_PREAN", "CENTRIFUGE_END", SPIN),
    (
        "A_RUNNER",
        "ALIQUOT_CREATE",
        {"device_id": "DEV_ALIQUOTER_01", "specimen_id": "S_SPUN", "aliquot_id": "AL1"},
    ),
    ("A_ANALYTICS", "QUEUE_RUN", {"device_id": HAEM, "specimen_id": "S_HAEM", "priority": "STAT"}),
    ("A_ANALYTICS", "START_RUN", {"device_id": HAEM, "run_id": "a|b", "specimen_ids": ["S_HAEM"]}),
    (
        "A_ANALYTICS",
        "START_RUN_OVERRIDE",
        {"device_id": HAEM, "run_id": "R2", "specimen_ids": ["S_HAEM"]},
    ),
    ("A_ANALYTICS", "END_RUN", {"device_id": HAEM, "run_id": "R1"}),
    (
        "A_ANALYTICS",
        "GENERATE_RESULT",
        {
            "result_id": "RES1",
            "run_id": "R1",
            "analyte_code": "HAEM_HB",
            "value": "20",
            "units": "g/L",
        },
    ),
    ("A_QC", "QC_EVENT", {"device_id": "DEV_CHEM_B_01", "qc_outcome": "drift"}),
    ("A_CLINSCI", "NOTIFY_CRITICAL_RESULT", CALL),
    ("A_CLINSCI", "ACK_CRITICAL_RESULT", CALL),
    ("A_CLINSCI", "ESCALATE_CRITICAL_RESULT", CALL),
    ("A_CLINSCI", "RELEASE_RESULT", {"specimen_id": "S_RUN"}),
    ("A_CLINSCI", "HOLD_RESULT", {"result_id": "RES1", "reason_code": "QC_FAIL_ACTIVE"}),
    ("A_CLINSCI", "RERUN_REQUEST", {"result_id": "RES1", "reason_code": "QC_FAIL_ACTIVE"}),
    ("A_RECEPTION_1", "RACK_BUILD", {"rack_id": "RK1", "specimen_ids": ["S_AWAY"]}),
    ("A_RECEPTION_1", "RACK_SEAL", {"rack_id": "RK1"}),
    (
        "A_RECEPTION_1",
        "DISPATCH_TRANSPORT",
        {"origin_site": "SITE_ACUTE", "dest_site": "SITE_HUB", "specimen_ids": ["S_AWAY"]},
    ),
    ("A_RECEPTION_1", "CHAIN_OF_CUSTODY_SIGN", {"consignment_id": "CONS_1"}),
    ("A_DOCK", "CHAIN_OF_CUSTODY_SIGN", {"consignment_id": "CONS_1"}),
    ("A_DOCK", "RECEIVE_TRANSPORT", {"consignment_id": "CONS_1"}),
    ("A_DOCK", "TRANSPORT_TICK", {"consignment_id": "CONS_1"}),
    ("A_SUPERVISOR", "OPEN_DOOR", {"door_id": "D_RESTRICTED_AIRLOCK"}),
    (
        "A_SUPERVISOR",
        "MOVE",
        {"from_zone": "Z_SRA_RECEPTION", "to_zone": "Z_RESTRICTED_BIOHAZARD"},
    ),
    ("A_PREAN", "MOVE", {"from_zone": "Z_CENTRIFUGE_BAY", "to_zone": "Z_SORTING_LANES"}),
    ("A_SUPERVISOR", "TICK", {}),
    ("SYSTEM", "UPDATE_ROSTER", {"roster": {"A_NEW": "ROLE_RUNNER"}}),
    ("SYSTEM", "INJECT_SPECIMEN", {"specimen": SCENARIO["specimens"][0] | {"specimen_id": "S_N"}}),
]


@cache
def policy(partner):
    return open_policy(partner=partner)


@cache
def names():
    """Return names of everything: what a caller could put into an argument."""
    tables = policy(None).tables
    found = [*TUBES, *AGENTS, *tables.zones, *tables.devices, *tables.doors, *tables.sites]
    found += [*tables.reagents, *tables.panels, *tables.analytes, *tables.tier_of_role]
    found += [
        "T1",
        "T2",
        "R1",
        "R2",
        "SPIN_1",
        "CONS_1",
        "RES1",
        "RK1",
        "AL1",
        "a|b",
        "phone",
        "bleep",
    ]
    found += ["STAT", "pass", "fail", "reached", "Specimen", "mmol/L", "TIME_EXPIRED", "", "9.9"]
    return found


ARGUMENTS = [
    "specimen_ids",
    "specimen_id",
    "aliquot_ids",
    "aliquot_id",
    "work_id",
    "accession_ids",
    "device_id",
    "run_id",
    "result_id",
    "analyte_code",
    "value",
    "units",
    "from_zone",
    "to_zone",
    "entity_type",
    "entity_id",
    "door_id",
    "reason_code",
    "qc_outcome",
    "priority",
    "channel",
    "receiver_role",
    "receiver_name_or_id",
    "receiver_location_or_org",
    "read_back_confirmed",
    "outcome",
    "attempt_id",
    "next_role",
    "origin_site",
    "dest_site",
    "consignment_id",
    "rack_id",
    "reagent_id",
    "token_type",
    "subject_type",
    "subject_id",
    "approvals",
    "token_id",
    "roster",
    "specimen",
    "target_type",
    "target_id",
    "id_match",
    "separated_ts_s",
    "accession_id",
    "mode",
]


@cache
def garbage():
    """Return values of every JSON type, known names among them."""
    text = st.one_of(st.sampled_from(names()), st.text(max_size=6))
    numbers = st.one_of(
        st.integers(-3, 3), st.sampled_from([MAX_INT, -MAX_INT, 1e300, -0.0, 0.1, 2**70])
    )
    leaves = st.one_of(text, text, numbers, st.booleans(), st.none())
    return st.one_of(
        leaves,
        st.lists(text, max_size=3),
        st.lists(leaves, max_size=3),
        st.dictionaries(st.sampled_from([*ARGUMENTS, *AGENTS]), leaves, max_size=3),
    )


@st.composite
def spoiled(draw):
    """Return a template, as it stands or with one argument spoiled, added or dropped."""
    agent, action, args = draw(st.sampled_from(TEMPLATES))
    change = draw(st.sampled_from(["none", "none", "spoil", "drop", "other agent"]))
    name = draw(st.sampled_from([*args, *args, "reason_code", "specimen_ids"]))
    if change == "spoil":
        args = {**args, name: draw(garbage())}
    elif change == "drop":
        args = {key: value for key, value in args.items() if key != name}
    elif change == "other agent":
        agent = draw(st.sampled_from([*AGENTS, *NOBODIES]))
    wait = draw(st.sampled_from([0, 5, 60, 700]))
    return {"agent_id": agent, "action_type": action, "args": args, "wait": wait}


@cache
def events():
    """Return events: spoiled templates, and any action with any arguments."""
    actions = [*policy(None).actions] * 2 + [*policy(None).system_actions, "HACK"]
    anything = st.fixed_dictionaries(
        {
            "agent_id": st.sampled_from([*AGENTS, "SYSTEM", *NOBODIES]),
            "action_type": st.sampled_from(actions),
            "args": st.dictionaries(st.sampled_from(ARGUMENTS), garbage(), max_size=5),
            "wait": st.sampled_from([0, 1, 700]),
        },
        optional={
            "reason_code": st.one_of(st.none(), st.just("TIME_EXPIRED"), st.text(max_size=4)),
            "rationale": st.text(max_size=4),
            "tool_id": st.sampled_from(["read_lims_v1", "query_queue_v1", "x"]),
        },
    )
    tokens = st.lists(st.sampled_from(["T1", "T2", "T9"]), max_size=2)
    return st.one_of(
        spoiled(),
        spoiled(),
        st.builds(lambda event, refs: {**event, "token_refs": refs}, spoiled(), tokens),
        st.just({**DOOR, "token_refs": ["T1"], "wait": 0}),
        anything,
    )


def started(partner, simulated):
    """Return an engine at the start of the scenario, and the ledger's lines."""
    lines = []
    engine = Engine(policy(partner))
    config = EpisodeConfig("EP", 11, simulated=simulated, signatures_required=False)
    keys = engine.policy.keys.extended(KEYRING.keys)
    engine.reset(SCENARIO, config, keys=keys, sink=lines.append)
    for number, (agent, action, args) in enumerate(BEFORE):
        wait = 5 * (number == 1)
        event = {"agent_id": agent, "action_type": action, "args": args, "wait": wait}
        assert sent(engine, f"before{number}", event).accepted
    return engine, lines


def sent(engine, number, drawn):
    """Let time pass, send what was drawn, and return the result."""
    stated = {key: value for key, value in drawn.items() if key != "wait"}
    if engine.ctx.config.simulated:
        engine.advance(min(MAX_INT, engine.now + drawn["wait"]))
    wait = 0 if engine.ctx.config.simulated else drawn["wait"]
    event = {"event_id": f"e{number}", "t_s": engine.now + wait, **stated}
    if event["agent_id"] == "SYSTEM":
        private = KEYRING.private["K_SYSTEM"]
        with suppress(NotCanonicalError):  # what has no canonical form cannot be signed
            event = sign_event(
                event, key_id="K_SYSTEM", private=private, episode="EP", head=engine.head
            )
    return engine.step(event)


MODES = [(None, False), (None, True), ("upstream_compat", False), ("upstream_compat", True)]


@pytest.mark.parametrize(("partner", "simulated"), MODES)
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_whatever_is_sent_one_record_is_made_and_a_refusal_changes_nothing(
    partner, simulated, data
):
    engine, lines = started(partner, simulated)
    for number, drawn in enumerate(data.draw(st.lists(events(), min_size=3, max_size=20))):
        wait = drawn["wait"]
        if simulated:
            engine.advance(engine.now + wait)
        before, length = engine.digest(), len(lines)
        result = sent(engine, number, {**drawn, "wait": 0 if simulated else wait})
        assert len(lines) == length + 1 + len(result.system_results)
        if not result.accepted:
            assert engine.digest() == before
        if partner is None:
            assert objections(glance(engine)) == {}


@pytest.mark.parametrize(("partner", "simulated"), MODES)
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_tokens_are_used_once_time_never_turns_back_and_only_roles_act(partner, simulated, data):
    engine, lines = started(partner, simulated)
    drawn = data.draw(st.lists(events(), min_size=3, max_size=20))
    results = [sent(engine, number, item) for number, item in enumerate(drawn)]
    used = Counter(token for result in results for token in result.token_consumed)
    assert set(used.values()) <= {1}
    times = [read_record(line).t for line in lines[1:]]
    assert all(earlier <= later for earlier, later in pairwise(times))
    roles = engine.policy.roles.roles
    for result in (item for item in results if item.accepted):
        assert result.event.agent_id in engine.ctx.trust.roster
        assert result.event.action_type in roles[result.role_id].actions


@pytest.mark.parametrize("partner", [None, "upstream_compat"])
@pytest.mark.parametrize("t_s", [2**31, 2**52, MAX_INT])
def test_an_event_far_in_the_future_is_taken_like_any_other(partner, t_s):
    engine, lines = started(partner, simulated=False)
    event = {"agent_id": "A_PREAN", "action_type": "CENTRIFUGE_START", "args": SPIN}
    result = engine.step({"event_id": "e1", "t_s": t_s, **event})
    assert result.accepted
    assert lines
    assert len(engine.finish()) == 64


@pytest.mark.parametrize(
    "action", ["SYS_ARRIVAL", "SYS_RUN_END", "SYS_AUTOVERIFY", "THROTTLE_AGENT"]
)
def test_nobody_can_send_what_only_happens_by_itself(action):
    engine, _ = started(None, simulated=True)
    result = sent(engine, 0, {"agent_id": "A_OPS_0", "action_type": action, "args": {}, "wait": 0})
    assert result.blocked_reason_code == "RBAC_ACTION_DENY"
