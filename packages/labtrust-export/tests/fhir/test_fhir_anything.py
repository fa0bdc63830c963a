"""Whatever agents put into a ledger, its Bundle is made and is sound."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labtrust_export.fhir.validate import errors_of, validate_bundle

TEXT = st.one_of(
    st.sampled_from(["S_1", "S_2", "R_1", "p-a", "RUN_1", "BIOCHEM_SODIUM_NA", "mmol/L", "", " "]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
SCALAR = st.one_of(TEXT, st.integers(-(2**40), 2**40), st.none(), st.booleans())
VALUE = st.one_of(SCALAR, st.lists(SCALAR, max_size=3), st.dictionaries(TEXT, SCALAR, max_size=2))
LIST = st.one_of(st.lists(TEXT, max_size=3), VALUE)
DATA = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            (
                "specimen_ids",
                "patients",
                "request_ids",
                "priorities",
                "panels",
                "specimen_types",
                "accepted_specimens",
                "rejected_specimens",
                "held_results",
                "released_results",
                "amended_results",
                "superseded_results",
            ),
            LIST,
        ),
        "collected_s": st.one_of(st.lists(st.integers(-9999, 9999), max_size=3), VALUE),
        "delta": VALUE,
        "reasons": VALUE,
        "token_id": VALUE,
        "reason_code": VALUE,
    },
)
ARGS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            "specimen_id",
            "specimen_ids",
            "result_id",
            "analyte_code",
            "value",
            "units",
            "run_id",
            "device_id",
            "panel_id",
            "reason_code",
            "roster",
        ),
        VALUE,
    ),
)
ACTION = st.one_of(
    st.sampled_from(
        [
            "SYS_ARRIVAL",
            "GENERATE_RESULT",
            "RELEASE_RESULT",
            "AMEND_RESULT",
            "START_RUN",
            "ADD_ON_TEST",
            "CENTRIFUGE_END",
            "UPDATE_ROSTER",
            "REJECT_SPECIMEN",
        ]
    ),
    TEXT,
)
STEP = st.tuples(ACTION, ARGS, DATA, st.booleans(), TEXT)
INITIAL = st.fixed_dictionaries(
    {},
    optional={
        "specimens": st.lists(
            st.one_of(VALUE, st.fixed_dictionaries({"specimen_id": TEXT, "panel_id": VALUE})),
            max_size=2,
        ),
        "results": st.lists(
            st.one_of(VALUE, st.fixed_dictionaries({"result_id": TEXT, "specimen_id": VALUE})),
            max_size=2,
        ),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(INITIAL, st.lists(STEP, max_size=6))
def test_any_ledger_gives_a_sound_bundle(ledger, export, initial, steps):
    made = ledger(scenario=initial)
    for action, args, data, refused, agent in steps:
        more = {"reason": "RBAC_ACTION_DENY"} if refused else {}
        made.step(action, args, data, by=agent, **more)
    bundle = export(made.finished())
    found = errors_of(validate_bundle(json.loads(json.dumps(bundle))))
    assert [str(item) for item in found] == []
