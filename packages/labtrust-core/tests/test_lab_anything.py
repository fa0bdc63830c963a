"""No laboratory event raises, whatever its arguments; each is one record; a refusal moves nothing."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.ledger.record import read_record
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
}
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
    "S_AWAY": ("accepted", "Z_ACUTE_RECEPTION", "HAEM_PANEL_CORE"),
}
SCENARIO = {
    "agents": [{"agent_id": agent, "zone_id": zone} for agent, zone in AGENTS.items()],
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


@cache
def policy(partner):
    return open_policy(partner=partner)


@cache
def names():
    """Return names of everything: what a caller could put into an argument."""
    tables = policy(None).tables
    found = [*TUBES, *AGENTS, *tables.zones, *tables.devices, *tables.doors, *tables.sites]
    found += [*tables.reagents, *tables.panels, *tables.analytes, *tables.tier_of_role]
    found += ["T1", "T2", "R1", "R2", "SPIN_1", "CONS_1", "RES1", "AL1", "a|b", "phone", "bleep"]
    found += ["STAT", "pass", "fail", "reached", "Specimen", "mmol/L", "TIME_EXPIRED", "", "9.9"]
    return found


ARGUMENTS = (
    "specimen_ids specimen_id aliquot_ids aliquot_id work_id accession_ids device_id run_id "
    "result_id analyte_code value units from_zone to_zone entity_type entity_id door_id "
    "reason_code qc_outcome priority channel receiver_role receiver_name_or_id "
    "receiver_location_or_org read_back_confirmed outcome attempt_id next_role origin_site "
    "dest_site consignment_id reagent_id token_type subject_type subject_id approvals token_id "
    "roster specimen target_type target_id id_match separated_ts_s accession_id mode"
).split()


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


@cache
def fitting():
    """Return arguments that fit their names, so that events come past the first guard."""
    tables = policy(None).tables
    one = {
        "specimen_ids": st.lists(st.sampled_from(list(TUBES)), max_size=3),
        "specimen_id": st.sampled_from(list(TUBES)),
        "device_id": st.sampled_from(list(tables.devices)),
        "run_id": st.sampled_from(["R1", "R2", "SPIN_1", "a|b"]),
        "result_id": st.sampled_from(["RES1", "RES2"]),
        "analyte_code": st.sampled_from(list(tables.analytes)),
        "value": st.sampled_from(["4.2", 9.9, 0, "abc", -1, "1e400"]),
        "units": st.sampled_from(["mmol/L", "g/L", None]),
        "from_zone": st.sampled_from(list(tables.zones)),
        "to_zone": st.sampled_from(list(tables.zones)),
        "door_id": st.sampled_from(list(tables.doors)),
        "reason_code": st.just("TIME_EXPIRED"),
        "qc_outcome": st.sampled_from(["pass", "fail", "drift", "banana"]),
        "channel": st.sampled_from(["phone", "post"]),
        "receiver_role": st.sampled_from([*tables.tier_of_role, "porter"]),
        "next_role": st.sampled_from(list(tables.tier_of_role)),
        "attempt_id": st.just("RES1_attempt_0"),
        "aliquot_id": st.sampled_from(["AL1", "S_HAEM"]),
        "origin_site": st.just("SITE_ACUTE"),
        "dest_site": st.just("SITE_HUB"),
        "consignment_id": st.just("CONS_1"),
        "reagent_id": st.sampled_from(list(tables.reagents)),
        "token_id": st.sampled_from(["T1", "T2"]),
        "specimen": st.just(SCENARIO["specimens"][0] | {"specimen_id": "S_NEW"}),
    }
    return st.fixed_dictionaries({}, optional=one)


@cache
def events():
    actions = sorted(policy(None).actions)
    clockwork = sorted(policy(None).system_actions)
    return st.fixed_dictionaries(
        {
            "agent_id": st.sampled_from([*AGENTS, *AGENTS, "SYSTEM", *NOBODIES]),
            "action_type": st.sampled_from([*actions, *actions, *actions, *clockwork, "HACK"]),
            "args": st.one_of(
                fitting(),
                fitting(),
                st.dictionaries(st.sampled_from(ARGUMENTS), garbage(), max_size=5),
            ),
            "wait": st.sampled_from([0, 0, 0, 1, 40, 700]),
        },
        optional={
            "token_refs": st.lists(st.sampled_from(["T1", "T2", "T9"]), max_size=2),
            "reason_code": st.one_of(st.none(), st.just("TIME_EXPIRED"), st.text(max_size=4)),
            "rationale": st.text(max_size=4),
            "tool_id": st.sampled_from(["read_lims_v1", "query_queue_v1", "x"]),
        },
    )


def started(partner, simulated):
    """Return an engine at the start of the scenario, and the ledger's lines."""
    lines = []
    engine = Engine(policy(partner))
    config = EpisodeConfig("EP", 11, simulated=simulated, signatures_required=False)
    keys = engine.policy.keys.extended(KEYRING.keys)
    engine.reset(SCENARIO, config, keys=keys, sink=lines.append)
    return engine, lines


def sent(engine, number, drawn):
    """Let time pass, send what was drawn, and return the result."""
    stated = {key: value for key, value in drawn.items() if key != "wait"}
    if engine.ctx.config.simulated:
        engine.advance(min(MAX_INT, engine.now + drawn["wait"]))
    wait = 0 if engine.ctx.config.simulated else drawn["wait"]
    event = {"event_id": f"e{number}", "t_s": engine.now + wait, **stated}
    if event["agent_id"] == "SYSTEM":
        try:
            private = KEYRING.private["K_SYSTEM"]
            event = sign_event(
                event, key_id="K_SYSTEM", private=private, episode="EP", head=engine.head
            )
        except ValueError:  # a number that no canonical form carries cannot be signed
            pass
    return engine.step(event)


MODES = [(None, False), (None, True), ("upstream_compat", False), ("upstream_compat", True)]


@pytest.mark.parametrize(("partner", "simulated"), MODES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_sent_one_record_is_made_and_a_refusal_changes_nothing(
    partner, simulated, data
):
    engine, lines = started(partner, simulated)
    for number, drawn in enumerate(data.draw(st.lists(events(), max_size=15))):
        wait = drawn.pop("wait")
        if simulated:
            engine.advance(engine.now + wait)
        before, length = engine.digest(), len(lines)
        result = sent(engine, number, {**drawn, "wait": 0 if simulated else wait})
        assert len(lines) == length + 1 + len(result.system_results)
        if not result.accepted:
            assert engine.digest() == before


@pytest.mark.parametrize(("partner", "simulated"), MODES)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_tokens_are_used_once_time_never_turns_back_and_only_roles_act(partner, simulated, data):
    engine, lines = started(partner, simulated)
    drawn = data.draw(st.lists(events(), max_size=20))
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
    args = {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": ["S_SPIN"]}
    event = {"agent_id": "A_PREAN", "action_type": "CENTRIFUGE_START", "args": args}
    result = engine.step({"event_id": "e1", "t_s": t_s, **event})
    assert result.accepted
    assert len(lines) == 2
    assert len(engine.finish()) == 64


@pytest.mark.parametrize("action", ["SYS_ARRIVAL", "SYS_RUN_END", "SYS_AUTOVERIFY", "THROTTLE_AGENT"])
def test_nobody_can_send_what_only_happens_by_itself(action):
    engine, _ = started(None, simulated=True)
    result = sent(engine, 0, {"agent_id": "A_OPS_0", "action_type": action, "args": {}, "wait": 0})
    assert result.blocked_reason_code == "RBAC_ACTION_DENY"
