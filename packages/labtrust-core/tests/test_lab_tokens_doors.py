"""Refusals change nothing, tokens fit what they are used for, doors and zones hold."""

import pytest
from labtrust_core.testing.laboratory import Laboratory, placed
from labtrust_core.trust.keys import TestKeyBinding, TestKeyring

HAEM = "DEV_HAEM_01"
AIRLOCK = {"door_id": "D_RESTRICTED_AIRLOCK"}
INTO_BIOHAZARD = {"from_zone": "Z_SRA_RECEPTION", "to_zone": "Z_RESTRICTED_BIOHAZARD"}
OLD = {
    "specimen_id": "S_OLD",
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
    "status": "accepted",
    "zone_id": "Z_ANALYZER_HALL_A",
    "collection_ts_s": -200_000,
}
APPROVERS = {
    "A_SUPERVISOR": "ROLE_SUPERVISOR",
    "A_CLINSCI": "ROLE_CLINICAL_SCIENTIST",
    "A_SUPERVISOR_2": "ROLE_SUPERVISOR",
}
RING = TestKeyring(
    {
        f"K_{agent}": TestKeyBinding(agent_id=agent, role_id=role)
        for agent, role in APPROVERS.items()
    },
    seed=2,
)
WHY = {"reason_code": "TIME_EXPIRED", "rationale": "urgent clinical need"}


def token(kind, subject_type, subject_id, **fields):
    """Return an initial token, ``T_TEST``."""
    times = {"issued_at_ts_s": 0, "expires_at_ts_s": 900}
    subject = {"subject_type": subject_type, "subject_id": subject_id}
    return {"token_id": "T_TEST", "token_type": kind, **subject, **times, **fields}


class Lab(Laboratory):
    """An episode with a second supervisor, who may approve what the first one asks for."""

    def __init__(self, scenario=None, *, partner=None, simulated=False, places=None):
        second = {"zone_id": "Z_QC_SUPERVISOR", "role": "ROLE_SUPERVISOR"}
        agents = [*placed(places), {"agent_id": "A_SUPERVISOR_2", **second}]
        stated = {"agents": agents, **(scenario or {})}
        super().__init__(stated, partner=partner, simulated=simulated, keyring=RING)

    def queue_old(self, specimen_id="S_OLD"):
        args = {"device_id": HAEM, "specimen_id": specimen_id}
        assert self.do("A_ANALYTICS", "QUEUE_RUN", args, at=self.engine.now + 10).accepted

    def mint(self, minter, kind, subject, approvers, **args):
        approvals = [
            {"approver_agent_id": agent, "approver_key_id": f"K_{agent}"} for agent in approvers
        ]
        subject_type, subject_id = subject
        request = {"token_type": kind, "subject_type": subject_type, "subject_id": subject_id}
        fields = {**request, "reason_code": "TIME_EXPIRED", "approvals": approvals, **args}
        return self.do(minter, "MINT_TOKEN", fields)


def run(name, specimen_id="S_OLD"):
    return {"device_id": HAEM, "run_id": name, "specimen_ids": [specimen_id]}


BOTH = pytest.mark.parametrize("partner", [None, "upstream_compat"])
RISK = ("specimen", "S_OLD")


@BOTH
def test_a_refused_walk_into_the_restricted_zone_leaves_the_agent_outside(partner):
    lab = Lab(partner=partner, places={"A_RUNNER": "Z_SRA_RECEPTION"})
    assert lab.refused("A_RUNNER", "MOVE", INTO_BIOHAZARD) == "RBAC_RESTRICTED_ENTRY_DENY"
    assert lab.engine.query("agent_zone('A_RUNNER')") == "Z_SRA_RECEPTION"


@BOTH
def test_a_refused_run_keeps_its_work_item_at_the_head_of_the_queue(partner):
    lab = Lab({"specimens": [OLD]}, partner=partner)
    lab.queue_old()
    reason = lab.refused("A_ANALYTICS", "START_RUN", run("R1"), at=900)
    assert reason == "TIME_EXPIRED"
    assert lab.engine.query(f"queue_head('{HAEM}')") == "S_OLD"


def measured(lab, value="140", *, at=900):
    """Run the fresh specimen and enter its haemoglobin as ``RES``."""
    lab.queue_old("S_NEW")
    assert lab.do("A_ANALYTICS", "START_RUN", run("R1", "S_NEW"), at=at).accepted
    result = {"result_id": "RES", "run_id": "R1", "analyte_code": "HAEM_HB"}
    fields = {**result, "value": value, "units": "g/L"}
    return lab.do("A_ANALYTICS", "GENERATE_RESULT", fields, at=at + 60)


NEW = {**OLD, "specimen_id": "S_NEW", "collection_ts_s": 0}


@BOTH
def test_a_release_that_quality_control_refuses_does_not_hold_the_result(partner):
    lab = Lab({"specimens": [NEW]}, partner=partner)
    assert measured(lab).accepted
    lab.world.devices[HAEM].qc_state = "fail"
    assert lab.refused("A_CLINSCI", "RELEASE_RESULT", {"result_id": "RES"}) == "QC_FAIL_ACTIVE"
    assert lab.engine.query("result_status('RES')") == "generated"


@BOTH
def test_a_failed_control_holds_what_was_measured_before_it_and_is_not_out_yet(partner):
    lab = Lab({"specimens": [NEW]}, partner=partner, places={"A_QC": "Z_ANALYZER_HALL_A"})
    assert measured(lab).accepted
    qc = {"device_id": HAEM, "qc_outcome": "fail"}
    assert lab.do("A_QC", "QC_EVENT", qc, at=2000).accepted
    assert lab.engine.query("result_status('RES')") == "held"
    assert lab.refused("A_CLINSCI", "RELEASE_RESULT", {"result_id": "RES"}) == "QC_FAIL_ACTIVE"


def test_a_refused_receipt_moves_no_temperature():
    place = {"A_RECEPTION": "Z_ACUTE_RECEPTION", "A_RUNNER": "Z_INGRESS_DOCK"}
    fault = {"force_temp_excursion_on_next_receive": True}
    tube = {**NEW, "zone_id": "Z_ACUTE_RECEPTION"}
    rack = {"rack_id": "RK1", "specimen_ids": ["S_NEW"], "sealed_by": "A_RECEPTION"}
    stated = {"specimens": [tube], "racks": [rack], "transport_fault_injection": fault}
    lab = Lab(stated, places=place)
    ends = {"origin_site": "SITE_ACUTE", "dest_site": "SITE_HUB", "specimen_ids": ["S_NEW"]}
    assert lab.do("A_RECEPTION", "DISPATCH_TRANSPORT", ends).accepted
    parcel = {"consignment_id": "CONS_1"}
    assert lab.do("A_RECEPTION", "CHAIN_OF_CUSTODY_SIGN", parcel, at=700).accepted
    assert lab.do("A_RUNNER", "CHAIN_OF_CUSTODY_SIGN", parcel, at=700).accepted
    reason = lab.refused("A_RUNNER", "RECEIVE_TRANSPORT", parcel, at=800)
    assert reason == "TRANSPORT_TEMP_EXCURSION"
    assert lab.do("A_RUNNER", "TRANSPORT_TICK", at=900).violations == ()


@BOTH
@pytest.mark.parametrize("value", ["haemolysed", None, True, [], {}, float("1e300"), "NaN", ""])
def test_a_value_that_is_no_number_creates_no_result(partner, value):
    lab = Lab({"specimens": [NEW]}, partner=partner)
    result = measured(lab, value)
    assert result.blocked_reason_code == "RC_RESULT_BAD_PAYLOAD"
    assert lab.engine.query("result_status('RES')") is None


# Tokens


def at_airlock(kind="TOKEN_RESTRICTED_ENTRY", subject=("agent", "A_RUNNER"), **fields):
    places = {"A_RUNNER": "Z_SRA_RECEPTION", "A_SUPERVISOR": "Z_SRA_RECEPTION"}
    return Lab({"tokens": [token(kind, *subject, **fields)], "specimens": [OLD]}, places=places)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("OVERRIDE_RISK_ACCEPTANCE", RISK),
        ("TOKEN_MAINTENANCE_MODE", ("agent", "A_RUNNER")),
        ("TOKEN_RESTRICTED_ENTRY", ("agent", "A_SUPERVISOR")),
    ],
)
def test_a_token_of_another_kind_or_for_another_agent_does_not_open_the_airlock(kind, subject):
    lab = at_airlock(kind, subject)
    assert lab.refused("A_RUNNER", "OPEN_DOOR", AIRLOCK, token_refs=["T_TEST"]) is not None
    assert lab.engine.query("door_open('D_RESTRICTED_AIRLOCK')") is False


def test_the_right_token_opens_the_airlock_once_and_is_used_up():
    lab = at_airlock()
    result = lab.do("A_RUNNER", "OPEN_DOOR", AIRLOCK, token_refs=["T_TEST"])
    assert result.token_consumed == ("T_TEST",)
    assert lab.do("A_RUNNER", "CLOSE_DOOR", AIRLOCK, at=10).accepted
    again = lab.refused("A_RUNNER", "OPEN_DOOR", AIRLOCK, at=20, token_refs=["T_TEST"])
    assert again == "INV-TOK-002"


@BOTH
def test_a_plain_run_of_an_expired_specimen_is_not_lifted_by_any_token(partner):
    lab = Lab(
        {"specimens": [OLD], "tokens": [token("OVERRIDE_RISK_ACCEPTANCE", *RISK)]}, partner=partner
    )
    lab.queue_old()
    reason = lab.refused("A_ANALYTICS", "START_RUN", run("R1"), at=900, token_refs=["T_TEST"])
    assert reason == "INV-TOK-003"


@BOTH
@pytest.mark.parametrize(
    ("action", "args"),
    [("START_RUN_OVERRIDE", run("R1")), ("RELEASE_RESULT_OVERRIDE", {"result_id": "RES"})],
)
def test_an_override_needs_a_token(partner, action, args):
    lab = Lab({"specimens": [OLD]}, partner=partner)
    lab.queue_old()
    assert lab.refused("A_ANALYTICS", action, args, at=60, **WHY) == "TOKEN_REQUIRED"


def test_an_override_passes_the_queue_the_device_and_the_stock_like_any_run():
    scenario = {
        "specimens": [OLD],
        "tokens": [token("OVERRIDE_RISK_ACCEPTANCE", *RISK)],
        "reagent_initial_stock": {"R_HAEM_CORE": 0},
    }
    lab = Lab(scenario)
    fields = {"token_refs": ["T_TEST"], **WHY}
    reason = lab.refused("A_ANALYTICS", "START_RUN_OVERRIDE", run("R1"), at=600, **fields)
    assert reason == "RC_QUEUE_HEAD_MISMATCH"
    lab.queue_old()
    reason = lab.refused("A_ANALYTICS", "START_RUN_OVERRIDE", run("R1"), at=700, **fields)
    assert reason == "RC_REAGENT_STOCKOUT"


def test_an_override_with_its_token_is_accepted_without_any_violation():
    lab = Lab({"specimens": [OLD], "tokens": [token("OVERRIDE_RISK_ACCEPTANCE", *RISK)]})
    lab.queue_old()
    fields = {"token_refs": ["T_TEST"], **WHY}
    result = lab.do("A_ANALYTICS", "START_RUN_OVERRIDE", run("R1"), at=600, **fields)
    assert result.accepted, result.detail
    assert (result.token_consumed, result.violations) == (("T_TEST",), ())
    assert result.enforcements == ()


@pytest.mark.parametrize(
    ("value", "qc", "reason"), [("20", "pass", "CRIT_NO_ACK"), ("140", "fail", "QC_FAIL_ACTIVE")]
)
def test_no_token_releases_an_unanswered_critical_value_or_a_failed_control(value, qc, reason):
    risk = token("OVERRIDE_RISK_ACCEPTANCE", "result", "RES")
    lab = Lab({"specimens": [NEW], "tokens": [{**risk, "expires_at_ts_s": 5000}]})
    assert measured(lab, value).accepted
    lab.world.devices[HAEM].qc_state = qc
    fields = {"token_refs": ["T_TEST"], **WHY}
    args = {"result_id": "RES"}
    assert lab.refused("A_CLINSCI", "RELEASE_RESULT_OVERRIDE", args, **fields) == reason


@pytest.mark.parametrize(
    ("kind", "approvers", "reason"),
    [
        ("OVERRIDE_RISK_ACCEPTANCE", ["A_CLINSCI", "A_INVENTED"], "INV-TOK-001"),
        ("OVERRIDE_RISK_ACCEPTANCE", ["A_CLINSCI", "A_CLINSCI"], "INV-TOK-001"),
        ("OVERRIDE_RISK_ACCEPTANCE", ["A_CLINSCI"], "INV-TOK-001"),
        ("OVERRIDE_RISK_ACCEPTANCE", ["A_CLINSCI", "A_SUPERVISOR"], "INV-TOK-001"),
        ("TOKEN_OF_MY_OWN", ["A_CLINSCI", "A_SUPERVISOR_2"], "TOKEN_TYPE_UNKNOWN"),
    ],
)
def test_a_token_needs_its_approvals_from_real_others(kind, approvers, reason):
    result = Lab({"specimens": [OLD]}).mint("A_SUPERVISOR", kind, RISK, approvers)
    assert result.blocked_reason_code == reason


def test_a_single_approval_is_needed_too():
    lab = Lab()
    subject = ("agent", "A_RUNNER")
    reason = {"reason_code": "SYS_DOWNTIME_ACTIVE"}
    result = lab.mint("A_SECURITY", "TOKEN_RESTRICTED_ENTRY", subject, [], **reason)
    assert result.blocked_reason_code == "INV-TOK-001"


def test_a_subject_can_be_given_the_same_kind_of_token_again():
    lab = Lab({"specimens": [OLD]})
    minted = [
        lab.mint("A_SUPERVISOR", "OVERRIDE_RISK_ACCEPTANCE", RISK, ["A_CLINSCI", "A_SUPERVISOR_2"])
        for _ in range(2)
    ]
    assert minted[0].data["token_id"] != minted[1].data["token_id"]


def test_time_does_not_turn_back_to_revive_an_expired_token():
    lab = at_airlock(expires_at_ts_s=100)
    fields = {"token_refs": ["T_TEST"]}
    assert lab.refused("A_RUNNER", "OPEN_DOOR", AIRLOCK, at=200, **fields) == "INV-TOK-002"
    lab.engine.ctx.trust.containment.throttled.clear()
    reason = lab.refused("A_RUNNER", "OPEN_DOOR", AIRLOCK, at=50, **fields)
    assert reason == "RC_TIME_NOT_MONOTONIC"


# Doors and zones


@pytest.mark.parametrize(
    ("agent", "zone", "door", "reason"),
    [
        ("A_RUNNER", "Z_SORTING_LANES", "D_WASTE", "RC_DOOR_NOT_ADJACENT"),
        ("A_RECEPTION", "Z_WASTE_DISPOSAL", "D_WASTE", "RBAC_ZONE_DENY"),
        ("A_RUNNER", "Z_SORTING_LANES", "D_NOWHERE", "RC_DOOR_UNKNOWN"),
    ],
)
def test_a_door_opens_only_for_its_roles_who_stand_at_it(agent, zone, door, reason):
    lab = Lab(places={agent: zone})
    assert lab.refused(agent, "OPEN_DOOR", {"door_id": door}) == reason


def test_nobody_walks_through_a_closed_door():
    lab = Lab(places={"A_RUNNER": "Z_INGRESS_DOCK"})
    way = {"from_zone": "Z_INGRESS_DOCK", "to_zone": "Z_SRA_RECEPTION"}
    assert lab.refused("A_RUNNER", "MOVE", way) == "RC_DOOR_CLOSED"


@BOTH
def test_a_door_that_was_closed_in_time_raises_no_alarm(partner):
    lab = Lab(partner=partner, places={"A_RUNNER": "Z_INGRESS_DOCK"})
    assert lab.do("A_RUNNER", "OPEN_DOOR", {"door_id": "D_MAIN_INNER"}).accepted
    assert lab.do("A_RUNNER", "CLOSE_DOOR", {"door_id": "D_MAIN_INNER"}, at=100).accepted
    assert lab.do("A_RUNNER", "TICK", at=5000).emits == ()


def test_a_frozen_zone_is_closed_and_a_throttled_agent_stands_still():
    lab = Lab(places={"A_RUNNER": "Z_SORTING_LANES"})
    containment = lab.engine.ctx.trust.containment
    containment.zones["Z_ACCESSIONING"] = 1000
    way = {"from_zone": "Z_SORTING_LANES", "to_zone": "Z_ACCESSIONING"}
    assert lab.refused("A_RUNNER", "MOVE", way) == "ZONE_FROZEN"
    containment.throttled["A_RUNNER"] = 50
    assert lab.refused("A_RUNNER", "NOOP") == "AGENT_THROTTLED"
    assert lab.do("A_RUNNER", "MOVE", way, at=1000).accepted


def test_who_has_no_place_can_do_nothing_on_the_spot():
    lab = Lab({"specimens": [OLD]})
    args = {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": ["S_OLD"]}
    assert "A_INSIDER_0" not in lab.world.agents
    assert lab.refused("A_INSIDER_0", "CENTRIFUGE_START", args) == "RC_AGENT_NOT_PLACED"
    way = {"from_zone": "Z_SORTING_LANES", "to_zone": "Z_ACCESSIONING"}
    assert lab.refused("A_INSIDER_0", "MOVE", way) == "RC_AGENT_NOT_PLACED"


def test_walking_takes_time_and_a_zone_admits_only_its_roles():
    lab = Lab(places={"A_RECEPTION": "Z_ALIQUOT_LABEL", "A_RUNNER": "Z_ALIQUOT_LABEL"})
    way = {"from_zone": "Z_ALIQUOT_LABEL", "to_zone": "Z_ANALYZER_HALL_A"}
    assert lab.refused("A_RECEPTION", "MOVE", way) == "RBAC_ZONE_DENY"
    assert lab.do("A_RUNNER", "MOVE", way).accepted
    assert lab.refused("A_RUNNER", "RETRIEVE", {"specimen_ids": ["S"]}, at=19) == "RC_AGENT_BUSY"


def test_a_specimen_goes_where_its_carrier_goes():
    tube = {**NEW, "zone_id": "Z_SORTING_LANES"}
    lab = Lab({"specimens": [tube]}, places={"A_RUNNER": "Z_SORTING_LANES"})
    assert lab.do("A_RUNNER", "RETRIEVE", {"specimen_ids": ["S_NEW"]}).accepted
    way = {"from_zone": "Z_SORTING_LANES", "to_zone": "Z_ACCESSIONING"}
    assert lab.do("A_RUNNER", "MOVE", way, at=10).accepted
    assert lab.do("A_RUNNER", "STORE", {"specimen_ids": ["S_NEW"]}, at=40).accepted
    assert lab.engine.query("specimen_place('S_NEW')") == "zone:Z_ACCESSIONING"


@pytest.mark.parametrize(
    ("reason", "refused"),
    [("TIME_EXPIRED", None), ("TEMP_OUT_OF_BAND", "TIME_EXPIRED"), (None, None)],
)
def test_a_token_that_states_a_risk_accepts_no_other(reason, refused):
    stated = {**token("OVERRIDE_RISK_ACCEPTANCE", *RISK), "reason_code": reason}
    lab = Lab({"specimens": [OLD], "tokens": [stated]})
    lab.queue_old()
    fields = {"token_refs": ["T_TEST"], **WHY}
    result = lab.do("A_ANALYTICS", "START_RUN_OVERRIDE", run("R1"), at=600, **fields)
    assert result.blocked_reason_code == refused
