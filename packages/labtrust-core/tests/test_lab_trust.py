"""Trust around the laboratory: identity, tools, credit for work, audit, enforcement, custody."""

import pytest
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.ledger.record import read_record
from labtrust_core.testing.laboratory import Laboratory, placed, shipped_policy
from labtrust_core.trust.keys import TestKeyBinding, TestKeyring

HAEM = "DEV_HAEM_01"
TUBE = {
    "specimen_id": "S1",
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
    "status": "accepted",
    "zone_id": "Z_ANALYZER_HALL_A",
}
RING = TestKeyring(
    {
        "K_SYSTEM": TestKeyBinding(agent_id="SYSTEM", role_id="R_SYSTEM_CONTROL"),
        "K_ANALYTICS": TestKeyBinding(agent_id="A_ANALYTICS", role_id="ROLE_ANALYTICS"),
    },
    seed=4,
)
ENDS = {"origin_site": "SITE_ACUTE", "dest_site": "SITE_HUB"}
PARCEL = {"consignment_id": "CONS_1"}


class Lab(Laboratory):
    """An episode with keys, and with the ledger's lines."""

    def __init__(
        self, *tubes, partner=None, places=None, simulated=False, signed=False, **scenario
    ):
        self.lines = []
        stated = {"agents": placed(places), "specimens": list(tubes), **scenario}
        super().__init__(
            stated,
            partner=partner,
            simulated=simulated,
            signed=signed,
            keyring=RING,
            sink=self.lines.append,
        )

    def analysed(self):
        """Run the tube and enter one result, ``RES``."""
        queue = {"device_id": HAEM, "specimen_id": "S1"}
        run = {"device_id": HAEM, "run_id": "R1", "specimen_ids": ["S1"]}
        entry = {"result_id": "RES", "run_id": "R1", "analyte_code": "HAEM_HB", "value": "140"}
        assert self.do("A_ANALYTICS", "QUEUE_RUN", queue, at=900).accepted
        assert self.do("A_ANALYTICS", "START_RUN", run, at=910).accepted
        fields = {**entry, "units": "g/L"}
        assert self.do("A_ANALYTICS", "GENERATE_RESULT", fields, at=1000).accepted


# Identity


@pytest.mark.parametrize("partner", [None, "upstream_compat"])
def test_a_made_up_signature_does_not_rewrite_the_roster(partner):
    args = {"roster": {"MALLORY": "ROLE_SUPERVISOR"}}
    fields = {"key_id": "K_SYSTEM", "signature": "GOLDEN_TEST_ACCEPT"}
    lab = Lab(partner=partner)
    fields["head"] = lab.engine.head
    assert lab.reason("SYSTEM", "UPDATE_ROSTER", args, **fields) == "SIG_INVALID"
    assert "MALLORY" not in lab.engine.ctx.trust.roster


@pytest.mark.parametrize("partner", [None, "upstream_compat"])
@pytest.mark.parametrize("agent", ["MALLORY", "", "system", "A_RUNNER_7"])
@pytest.mark.parametrize("action", ["NOOP", "RELEASE_RESULT", "MINT_TOKEN", "DELETE_EVERYTHING"])
def test_who_is_not_on_the_roster_does_nothing(partner, agent, action):
    result = Lab(partner=partner).do(agent, action, {"result_id": "RES"})
    reason = "RBAC_ACTION_DENY" if agent else "RC_EVENT_MALFORMED"
    assert (result.blocked_reason_code, result.emits) == (reason, ())


def test_a_roster_with_an_undefined_role_is_refused_as_a_whole():
    lab = Lab()
    args = {"roster": {"A_QC": "ROLE_RECEPTION", "A_RECEPTION": "ROLE_DOES_NOT_EXIST"}}
    assert lab.reason("SYSTEM", "UPDATE_ROSTER", args, key="K_SYSTEM") == "RC_ROSTER_INVALID"
    assert lab.engine.ctx.trust.roster["A_QC"] == "ROLE_QC"


@pytest.mark.parametrize("action", ["NOOP", "TICK", "RELEASE_RESULT"])
def test_where_signatures_are_asked_for_nothing_goes_without_one(action):
    lab = Lab(signed=True)
    assert lab.reason("A_ANALYTICS", action) == "SIG_MISSING"
    assert lab.do("A_ANALYTICS", "NOOP", key="K_ANALYTICS").accepted


def test_a_key_signs_for_its_own_agent_only():
    lab = Lab(signed=True)
    assert lab.reason("A_OPS_0", "NOOP", key="K_ANALYTICS") == "SIG_ROLE_MISMATCH"


def test_an_action_outside_the_vocabulary_is_refused_and_emits_nothing():
    result = Lab().do("A_ANALYTICS", "DELETE_EVERYTHING")
    assert (result.blocked_reason_code, result.emits) == ("RBAC_ACTION_DENY", ())


# Tools


def test_a_tool_runs_only_for_a_role_that_may_use_it():
    lab = Lab(TUBE)
    call = {"args": {"accession_id": "S1"}, "tool_id": "read_lims_v1"}
    assert lab.reason("A_RECEPTION", "INVOKE_TOOL", **call) == "RBAC_ACTION_DENY"
    assert lab.do("A_ANALYTICS", "INVOKE_TOOL", **call).data["tool_output"]["found"] is True


def test_a_refused_action_calls_no_tool():
    lab = Lab(TUBE)
    result = lab.do("A_RECEPTION", "RELEASE_RESULT", {"result_id": "RES"}, tool_id="read_lims_v1")
    assert (result.blocked_reason_code, result.data) == ("RBAC_ACTION_DENY", {})


# Credit for work


@pytest.mark.parametrize("partner", [None, "upstream_compat"])
@pytest.mark.parametrize("args", [{"result_id": "GHOST"}, {}, {"specimen_id": "S1"}])
def test_a_result_that_does_not_exist_is_not_released(partner, args):
    result = Lab(TUBE, partner=partner).do("A_CLINSCI", "RELEASE_RESULT", args)
    assert (result.blocked_reason_code, result.emits) == ("RC_RESULT_UNKNOWN", ())


def test_a_result_is_released_once():
    lab = Lab(TUBE)
    lab.analysed()
    args = {"result_id": "RES"}
    assert lab.do("A_CLINSCI", "RELEASE_RESULT", args).data["released_specimens"] == ["S1"]
    assert lab.reason("A_CLINSCI", "RELEASE_RESULT", args, at=1100) == "RC_RESULT_STATUS"


def test_who_produced_a_result_does_not_release_it():
    lab = Lab(TUBE)
    lab.analysed()
    assert lab.reason("A_ANALYTICS", "RELEASE_RESULT", {"result_id": "RES"}) == "RBAC_DUTY_CONFLICT"


def test_a_specimen_that_was_run_is_not_queued_again():
    lab = Lab(TUBE)
    lab.analysed()
    assert lab.do("A_ANALYTICS", "END_RUN", {"device_id": HAEM, "run_id": "R1"}).accepted
    queue = {"device_id": HAEM, "specimen_id": "S1"}
    assert lab.reason("A_ANALYTICS", "QUEUE_RUN", queue, at=1100) == "RC_STAGE_ORDER"


def test_a_run_needs_an_id_and_occupies_its_device():
    lab = Lab(TUBE, {**TUBE, "specimen_id": "S2"})
    for name, at in (("S1", 600), ("S2", 610)):
        queue = {"device_id": HAEM, "specimen_id": name}
        assert lab.do("A_ANALYTICS", "QUEUE_RUN", queue, at=at).accepted
    nameless = {"device_id": HAEM, "specimen_ids": ["S1"]}
    assert lab.reason("A_ANALYTICS", "START_RUN", nameless, at=620) == "RC_RUN_DUPLICATE"
    assert lab.do("A_ANALYTICS", "START_RUN", {**nameless, "run_id": "R1"}, at=620).accepted
    assert lab.engine.query(f"device_state('{HAEM}')") == "RUNNING"
    second = {"device_id": HAEM, "specimen_ids": ["S2"], "run_id": "R2"}
    assert lab.reason("A_ANALYTICS", "START_RUN", second, at=630) == "RC_DEVICE_BUSY"


# Audit


def test_every_denial_is_in_the_ledger_with_what_was_asked_and_why_not():
    lab = Lab()
    assert lab.reason("MALLORY", "MINT_TOKEN", {"subject_id": "M"}) == "RBAC_ACTION_DENY"
    record = read_record(lab.lines[-1])
    assert (record.event["agent_id"], record.event["args"]) == ("MALLORY", {"subject_id": "M"})
    assert (record.outcome["status"], record.outcome["reason"]) == ("BLOCKED", "RBAC_ACTION_DENY")


def breached_door():
    lab = Lab(places={"A_SUPERVISOR": "Z_INGRESS_DOCK"})
    assert lab.do("A_SUPERVISOR", "OPEN_DOOR", {"door_id": "D_MAIN_INNER"}).accepted
    return lab, lab.do("A_SUPERVISOR", "TICK", at=700)


def test_the_head_that_a_step_reports_is_the_head_after_all_that_followed():
    lab, tick = breached_door()
    assert [item.event.action_type for item in tick.system_results] == ["THROTTLE_AGENT"]
    assert (tick.hashchain.head_hash, tick.length) == (lab.engine.head, len(lab.lines))


def test_an_event_id_is_used_once():
    lab = Lab()
    assert lab.do("A_QC", "NOOP", event_id="same").accepted
    assert lab.reason("A_QC", "NOOP", event_id="same") == "RC_EVENT_DUPLICATE"


@pytest.mark.parametrize(
    "fields", [{"args": None}, {"args": {"x": object()}}, {"t_s": "1"}, {"t_s": 0.5}]
)
def test_an_event_that_is_no_event_is_recorded_and_nothing_breaks(fields):
    lab = Lab()
    event = {"event_id": "e", "t_s": 0, "agent_id": "A_QC", "action_type": "NOOP", "args": {}}
    result = lab.engine.step({**event, **fields})
    assert result.blocked_reason_code == "RC_EVENT_MALFORMED"
    assert len(lab.lines) == 2


def test_a_broken_chain_freezes_on_a_refused_event_too():
    engine = Engine(shipped_policy(None))
    config = EpisodeConfig("EP", 1, simulated=False, signatures_required=False, break_chain_on="b")
    engine.reset({}, config)
    base = {"t_s": 0, "agent_id": "MALLORY", "action_type": "NOOP", "args": {}}
    assert engine.step({**base, "event_id": "b"}).emits == ("FORENSIC_FREEZE_LOG",)
    later = engine.step({**base, "event_id": "c", "agent_id": "A_QC"})
    assert later.blocked_reason_code == "AUDIT_CHAIN_BROKEN"


# Enforcement


def test_a_door_breach_throttles_and_does_nothing_meant_for_other_violations():
    _, tick = breached_door()
    assert [item.invariant_id for item in tick.violations] == ["INV-ZONE-005"]
    assert [item["type"] for item in tick.enforcements] == ["throttle_agent"]


def test_a_refused_attempt_is_answered_by_enforcement():
    lab = Lab(places={"A_RUNNER": "Z_SRA_RECEPTION"})
    args = {"door_id": "D_RESTRICTED_AIRLOCK"}
    result = lab.do("A_RUNNER", "OPEN_DOOR", args, token_refs=["T_NONE"])
    assert [item.invariant_id for item in result.violations] == ["INV-TOK-002"]
    assert lab.reason("A_RUNNER", "NOOP", at=100) == "AGENT_THROTTLED"


# Custody


def dispatched(**fields):
    places = {"A_RECEPTION": "Z_ACUTE_RECEPTION", "A_RUNNER": "Z_INGRESS_DOCK"}
    rack = {"rack_id": "RK1", "specimen_ids": ["S1"], "sealed_by": "A_RECEPTION"}
    tube = {**TUBE, "zone_id": "Z_ACUTE_RECEPTION"}
    lab = Lab(tube, places=places, racks=[rack], **fields)
    assert lab.do("A_RECEPTION", "DISPATCH_TRANSPORT", {**ENDS, "specimen_ids": ["S1"]}).accepted
    return lab


def test_a_consignment_is_received_on_arrival_with_custody_signed_at_both_ends():
    lab = dispatched()
    assert lab.reason("A_RUNNER", "RECEIVE_TRANSPORT", PARCEL, at=1) == "RC_TRANSPORT_NOT_ARRIVED"
    assert lab.reason("A_RUNNER", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=2) == "RC_NOT_AT_ROUTE_END"
    assert lab.do("A_RECEPTION", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=60).accepted
    unsigned = lab.do("A_RUNNER", "RECEIVE_TRANSPORT", PARCEL, at=700)
    assert unsigned.blocked_reason_code == "TRANSPORT_CHAIN_OF_CUSTODY_BROKEN"
    assert [item.invariant_id for item in unsigned.violations] == ["INV-COC-001"]
    assert lab.do("A_RUNNER", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=710).accepted
    assert lab.do("A_RUNNER", "RECEIVE_TRANSPORT", PARCEL, at=720).violations == ()
    assert lab.engine.query("specimen_place('S1')") == "zone:Z_INGRESS_DOCK"
    late = lab.reason("A_RECEPTION", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=800)
    assert late == "TRANSPORT_CHAIN_OF_CUSTODY_BROKEN"


def test_a_specimen_that_does_not_exist_does_not_travel():
    lab = Lab(places={"A_RECEPTION": "Z_ACUTE_RECEPTION"})
    args = {**ENDS, "specimen_ids": ["GHOST"]}
    assert lab.reason("A_RECEPTION", "DISPATCH_TRANSPORT", args) == "RC_SPECIMEN_UNKNOWN"


def test_reading_the_temperature_does_not_change_it():
    lab = dispatched(simulated=True)
    before = lab.world.consignments["CONS_1"]
    kept = (before.drift_milli_c, before.ticks)
    for _ in range(100):
        assert lab.do("A_RUNNER", "TRANSPORT_TICK", PARCEL).accepted
    after = lab.world.consignments["CONS_1"]
    assert (after.drift_milli_c, after.ticks) == kept
