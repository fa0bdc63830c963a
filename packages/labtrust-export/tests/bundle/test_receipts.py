"""Every row of the table of receipts, on ledgers of a few records."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.canonical import canonical_bytes
from labtrust_core.ledger.merkle import leaf_hash, root_from_inclusion
from labtrust_core.ledger.record import EventRecord, StartRecord, read_record
from labtrust_export.receipts import (
    MAX_RECEIPT,
    ReceiptCollector,
    ReceiptError,
    read_receipt,
    receipt_file,
    receipts_of,
)

S1 = ("specimen", "S1")
R1 = ("result", "R1")


@pytest.fixture
def step(make):
    return make.step


@pytest.fixture
def arrival(step):
    return step("SYS_ARRIVAL", {}, {"specimen_ids": ["S0", "S1"], "panels": ["P0", "P1"]})


@pytest.fixture
def generated(step):
    args = {"result_id": "R1", "specimen_id": "S1", "run_id": "RUN", "value": "1.5"}
    return step("GENERATE_RESULT", {**args, "analyte_code": "A", "units": "mmol/L"})


def test_a_specimen_comes_with_the_record_that_lists_it(receipts, arrival):
    found = receipts(arrival)[S1]

    assert found.panel_id == "P1"
    assert (found.specimen_id, found.result_id) == ("S1", None)
    assert (found.decision, found.decided_by) == ("PENDING", 1)
    assert found.timestamps == {"received": 1}
    assert found.records == (1,)


def test_a_result_comes_with_the_record_that_generates_it(receipts, generated):
    found = receipts(generated)[R1]

    assert (found.specimen_id, found.result_id, found.panel_id) == ("S1", "R1", None)
    assert (found.analyte_code, found.value, found.units) == ("A", "1.5", "mmol/L")
    assert (found.decision, found.decided_by) == ("PENDING", 1)
    assert found.timestamps == {"result_generated": 1}


def test_what_the_scenario_brings_has_no_origin(receipts):
    specimen = {"specimen_id": "S1", "panel_id": "P", "status": "accepted"}
    result = {"result_id": "R1", "specimen_id": "S1", "analyte_code": "A", "value": "1"}
    found = receipts(scenario={"specimens": [specimen], "results": [result]})

    assert (found[S1].panel_id, found[R1].analyte_code, found[R1].units) == ("P", "A", None)
    for item in found.values():
        assert (item.decision, item.decided_by, item.timestamps) == ("PENDING", None, {})
        assert item.proof.record == 0


def test_of_two_that_come_under_one_id_the_first_counts(receipts, arrival, step):
    again = step("INJECT_SPECIMEN", {}, {"specimen_ids": ["S1"], "panels": ["P9"]})

    assert receipts(arrival, again)[S1].panel_id == "P1"
    assert receipts(arrival, scenario={"specimens": [{"specimen_id": "S1"}]})[S1].panel_id is None


def test_what_never_came_has_no_receipt(receipts, step):
    found = receipts(
        step("SYS_ARRIVAL", {}, {"specimen_ids": ["S1"]}, blocked=True),
        step("GENERATE_RESULT", {"result_id": "R1"}, blocked=True),
        step("ACCEPT_SPECIMEN", {"specimen_id": "S2"}, {"accepted_specimens": ["S2"]}),
        step("RELEASE_RESULT", {"result_id": "R2"}, {"released_results": ["R2"]}),
    )

    assert found == {}


@pytest.mark.parametrize(
    ("args", "data"),
    [
        ({"specimen_id": "S1"}, {}),
        ({"specimen_ids": ["S0", "S1"]}, {}),
        ({}, {"specimen_ids": ["S1"]}),
        ({}, {"any_specimens": [1, "S1"]}),
    ],
)
def test_a_record_names_specimens_in_these_places(receipts, arrival, step, args, data):
    assert receipts(arrival, step("X", args, data, blocked=True))[S1].records == (1, 2)


@pytest.mark.parametrize(
    ("args", "data"),
    [
        ({"specimen_id": ["S1"]}, {"specimen_id": "S1"}),
        ({"specimen_ids": "S1"}, {"specimens": ["S1"]}),
        ({"lost_specimens": ["S1"]}, {"any_specimens": {"S1": 1}}),
        ({"result_id": "S1"}, {"any_results": ["S1"]}),
    ],
)
def test_a_record_names_no_specimen_elsewhere(receipts, arrival, step, args, data):
    assert receipts(arrival, step("X", args, data))[S1].records == (1,)


@pytest.mark.parametrize(
    ("args", "data"),
    [({"result_id": "R1"}, {}), ({}, {"result_id": "R1"}), ({}, {"any_results": ["R1", None]})],
)
def test_a_record_names_results_in_these_places(receipts, generated, step, args, data):
    assert receipts(generated, step("X", args, data))[R1].records == (1, 2)


@pytest.mark.parametrize(
    ("args", "data"),
    [
        ({"result_ids": ["R1"]}, {"result_ids": ["R1"]}),
        ({"specimen_id": "R1"}, {"results": ["R1"]}),
    ],
)
def test_a_record_names_no_result_elsewhere(receipts, generated, step, args, data):
    assert receipts(generated, step("X", args, data))[R1].records == (1,)


@pytest.mark.parametrize(
    ("listed", "decision", "time"),
    [
        ("held_specimens", "HELD", None),
        ("rejected_specimens", "REJECTED", "rejected"),
        ("accepted_specimens", "ACCEPTED", "accepted"),
        ("released_specimens", "RELEASED", "released"),
    ],
)
def test_a_list_decides_about_a_specimen(receipts, arrival, step, listed, decision, time):
    found = receipts(arrival, step("X", {}, {listed: ["S1"]}), step("Y", {"specimen_id": "S1"}))[S1]

    assert (found.decision, found.decided_by) == (decision, 2)
    assert found.timestamps == {"received": 1, **({} if time is None else {time: 2})}


@pytest.mark.parametrize(
    ("listed", "decision", "time"),
    [
        ("held_results", "HELD", None),
        ("superseded_results", "SUPERSEDED", "superseded"),
        ("amended_results", "AMENDED", "amended"),
        ("released_results", "RELEASED", "released"),
    ],
)
def test_a_list_decides_about_a_result(receipts, generated, step, listed, decision, time):
    found = receipts(generated, step("X", {}, {listed: ["R1"]}))[R1]

    assert (found.decision, found.decided_by) == (decision, 2)
    assert found.timestamps == {"result_generated": 1, **({} if time is None else {time: 2})}


def test_of_several_lists_of_one_record_the_last_of_the_table_decides(receipts, arrival, step):
    every = ("released", "held", "accepted", "rejected")
    for number in range(1, 4):
        data = {f"{name}_specimens": ["S1"] for name in every[number:]}
        expected = ("ACCEPTED", "ACCEPTED", "REJECTED")[number - 1]
        assert receipts(arrival, step("X", {}, data))[S1].decision == expected


def test_the_last_record_decides_and_the_first_gives_the_time(receipts, arrival, step):
    accept = step("ACCEPT_SPECIMEN", {}, {"accepted_specimens": ["S1"]})
    found = receipts(arrival, accept, step("X", {}, {"held_specimens": ["S1"]}), accept)[S1]

    assert (found.decision, found.decided_by) == ("ACCEPTED", 4)
    assert found.timestamps["accepted"] == 2


def test_a_blocked_record_decides_nothing_by_its_lists(receipts, arrival, step):
    found = receipts(arrival, step("X", {}, {"released_specimens": ["S1"]}, blocked=True))[S1]

    assert (found.decision, found.decided_by, found.records) == ("PENDING", 1, (1, 2))


WAYS_ON = ("ACCEPT_SPECIMEN", "RELEASE_RESULT", "RELEASE_RESULT_OVERRIDE", "AMEND_RESULT")


@pytest.mark.parametrize("action", WAYS_ON)
@pytest.mark.parametrize("before", [None, "held", "accepted"])
def test_a_refusal_is_the_last_word_while_all_is_open(receipts, arrival, step, action, before):
    steps = (
        [arrival] if before is None else [arrival, step("X", {}, {f"{before}_specimens": ["S1"]})]
    )
    found = receipts(*steps, step(action, {"specimen_id": "S1"}, blocked=True, reason="RC"))[S1]

    assert (found.decision, found.decided_by) == ("BLOCKED", len(steps) + 1)
    assert found.reason_codes == ("RC",)


@pytest.mark.parametrize("before", ["rejected", "released"])
def test_a_refusal_changes_nothing_that_is_settled(receipts, arrival, step, before):
    settled = step("X", {}, {f"{before}_specimens": ["S1"]})
    refused = step("ACCEPT_SPECIMEN", {"specimen_id": "S1"}, blocked=True)

    assert receipts(arrival, settled, refused)[S1].decision == before.upper()


def test_a_refusal_is_forgotten_when_anything_follows(receipts, generated, step):
    refused = step("RELEASE_RESULT", {"result_id": "R1"}, blocked=True)
    seen = step("CLASSIFY_RESULT", {"result_id": "R1"})

    assert receipts(generated, refused)[R1].decision == "BLOCKED"
    assert receipts(generated, refused, seen)[R1].decision == "PENDING"
    assert (
        receipts(generated, step("QUEUE_RUN", {"result_id": "R1"}, blocked=True))[R1].decision
        == "PENDING"
    )


def test_the_way_of_a_specimen_is_timed_by_accepted_records(receipts, arrival, step):
    names = {"specimen_ids": ["S1"]}
    found = receipts(
        arrival,
        step("QUEUE_RUN", names, t=10, blocked=True),
        step("QUEUE_RUN", names, t=20),
        step("START_RUN_OVERRIDE", names, t=30),
        step("START_RUN", names, t=40),
        step("GENERATE_RESULT", {"specimen_id": "S1", "result_id": "R1"}, t=50),
        step("GENERATE_RESULT", {"specimen_id": "S1", "result_id": "R2"}, t=60),
        step("QUEUE_RUN", names, t=70),
    )[S1]

    assert found.timestamps == {
        "received": 1, "queued": 20, "run_started": 30, "result_generated": 50,
    }  # fmt: skip


def test_devices_are_those_of_accepted_records_and_of_the_run(receipts, generated, step):
    found = receipts(
        step("START_RUN", {"run_id": "RUN", "device_id": "D2", "specimen_ids": []}),
        step("START_RUN", {"run_id": "OTHER", "device_id": "D3"}),
        step("START_RUN", {"run_id": "RUN", "device_id": "D4"}, blocked=True),
        generated,
        step("X", {"result_id": "R1", "device_id": "D1"}),
        step("X", {"result_id": "R1", "device_id": "D5"}, blocked=True),
        step("END_RUN", {"run_id": "RUN", "device_id": "D6"}),
        step("X", {"result_id": "R1", "device_id": 7}),
    )[R1]

    assert found.device_ids == ("D1", "D2", "D6")


def test_reason_codes_come_from_these_fields(receipts, arrival, step):
    args = {"specimen_id": "S1", "reason_code": "ARGS"}
    data = {"reason_code": "DATA"}
    accepted = step("X", args, data, reason_code="EVENT")
    blocked = step("X", args, data, reason_code="EVENT", reason="OUTCOME", blocked=True)

    assert receipts(arrival, accepted)[S1].reason_codes == ("ARGS", "DATA", "EVENT")
    assert receipts(arrival, blocked)[S1].reason_codes == ("OUTCOME",)


def test_tokens_and_violations_are_gathered_sorted(receipts, arrival, step):
    broken = [{"invariant_id": name, "severity": "low"} for name in ("INV-2", "INV-1", "INV-2")]
    args = {"specimen_id": "S1"}
    found = receipts(
        arrival,
        step("X", args, tokens_consumed=["T2", "T1"], violations=broken),
        step("X", args, tokens_consumed=["T2", 1], violations=["INV-3"], blocked=True),
    )[S1]

    assert (found.tokens_consumed, found.violations) == (("T1", "T2"), ("INV-1", "INV-2"))


def test_calls_about_a_result_are_its_accepted_ones(receipts, generated, arrival, step):
    args = {"result_id": "R1", "specimen_id": "S1"}
    found = receipts(
        arrival,
        generated,
        step("NOTIFY_CRITICAL_RESULT", args),
        step("NOTIFY_CRITICAL_RESULT", args, blocked=True),
        step("ESCALATE_CRITICAL_RESULT", args),
        step("ACK_CRITICAL_RESULT", {"result_id": "R2"}),
        step("ACK_CRITICAL_RESULT", args),
    )

    assert found[R1].critical_calls == (3, 5, 7)
    assert found[S1].critical_calls == ()


def test_receipts_stand_by_type_and_id(receipts, step):
    names = ["b", "é", "a", "B", "\U0001f9ea", "\uff5e"]
    found = receipts(
        step("SYS_ARRIVAL", {}, {"specimen_ids": names}),
        *(step("GENERATE_RESULT", {"result_id": name}) for name in names),
    )
    expected = ["B", "a", "b", "é", "\uff5e", "\U0001f9ea"]

    assert list(found) == [(kind, name) for kind in ("result", "specimen") for name in expected]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13])
def test_the_proof_leads_from_the_deciding_record_to_the_root(make, size):
    steps = [make.step("SYS_ARRIVAL", {}, {"specimen_ids": [f"S{n}"]}) for n in range(size)]
    lines = make.lines(steps)
    leaves = [leaf_hash(line) for line in lines]
    for item in receipts_of(map(read_record, lines), leaves):
        proof = item.proof
        path = [bytes.fromhex(digest) for digest in proof.path]
        assert proof.record == item.decided_by
        assert (proof.leaf, proof.size) == (leaves[proof.record].hex(), size + 2)
        root = root_from_inclusion(leaves[proof.record], proof.record, proof.size, path)
        assert root is not None
        assert root.hex() == proof.root


def test_the_file_is_a_canonical_line_each_and_reads_back(receipts, arrival, generated):
    found = list(receipts(arrival, generated).values())
    data = receipt_file(found)

    assert [read_receipt(line) for line in data.split(b"\n")[:-1]] == found


def test_a_line_of_another_shape_is_no_receipt(receipts, arrival):
    line = receipts(arrival)[S1].line()
    with pytest.raises(ReceiptError, match="unknown field `x`"):
        read_receipt(line.removesuffix(b"}") + b',"x":1}')


def test_every_field_of_a_receipt_is_needed(receipts, arrival):
    stated = json.loads(receipts(arrival)[S1].line())
    for name in stated:
        kept = {key: value for key, value in stated.items() if key != name}
        with pytest.raises(ReceiptError, match=name):
            read_receipt(canonical_bytes(kept))


def test_counts_are_those_of_the_receipts(make, arrival, generated):
    collector = ReceiptCollector()
    for line in make.lines([arrival, generated]):
        collector.add(read_record(line), leaf_hash(line))

    assert (collector.counts().results, collector.counts().specimens) == (1, 2)
    assert len(list(collector.receipts())) == 3


def test_reasons_are_kept_once_however_many_there_are(receipts, arrival, step):
    args = {"specimen_id": "S1"}
    steps = [step("X", args, blocked=True, reason=f"RC{n % 20:02}") for n in range(60)]

    assert receipts(arrival, *steps)[S1].reason_codes == tuple(f"RC{n:02}" for n in range(20))


def test_nothing_has_no_receipts():
    assert list(ReceiptCollector().receipts()) == []
    assert receipts_of([], []) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["S1", "R1", "D1", "RUN"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("specimen_id", "specimen_ids", "result_id", "device_id", "run_id", "panels"),
                    *(
                        "held_specimens",
                        "released_results",
                        "reason_code",
                        "invariant_id",
                        "specimens",
                    ),
                    *("results", "args", "data", "action_type", "value"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(
    st.sampled_from(
        [
            *("args", "data", "action_type", "status", "reason", "reason_code"),
            *("violations", "tokens_consumed", "specimens", "scenario"),
        ]
    ),
    JSON | st.sampled_from(["ACCEPTED", "BLOCKED", "GENERATE_RESULT", "SYS_ARRIVAL", "QUEUE_RUN"]),
)


@settings(max_examples=300, deadline=None)
@given(body=OBJECTS, events=st.lists(st.tuples(OBJECTS, OBJECTS), max_size=6))
def test_whatever_the_records_hold_there_are_receipts_and_they_read_back(body, events):
    place = {"v": 1, "t": 0, "prev": "0" * 64}
    records = [StartRecord(**place, seq=0, body=body)]
    records += [
        EventRecord(**place, seq=number, origin="agent", event=event, outcome=outcome)
        for number, (event, outcome) in enumerate(events, 1)
    ]
    leaves = [leaf_hash(bytes([number])) for number in range(len(records))]
    found = receipts_of(records, leaves)

    assert [read_receipt(item.line()) for item in found] == found
    keys = [(item.entity_type, item.entity_id) for item in found]
    assert keys == sorted(set(keys))


def test_the_limit_of_a_receipt_is_the_documented_one():
    assert MAX_RECEIPT == 16 * 2**20


def test_an_entity_that_nothing_names_follows_from_the_start_alone():
    assert ReceiptCollector().sources("specimen", "S1") == [0]
