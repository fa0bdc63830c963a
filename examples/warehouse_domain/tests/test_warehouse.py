import subprocess
import sys
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.errors import PolicyError, ScenarioError, UnknownNameError, UsageError
from labtrust_core.ledger.verify import verify_log
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS
from warehouse_domain.domain import COLD_CHAIN_WAREHOUSE, POLICY_DIR
from warehouse_domain.policy_model import DOCUMENTS

START = {
    "pallets": [
        {"pallet_id": "P1", "sku": "SKU_VACCINE", "cases": 9},
        {"pallet_id": "P2", "sku": "SKU_FISH", "cases": 5},
        {
            "pallet_id": "P3",
            "sku": "SKU_VACCINE",
            "cases": 7,
            "status": "RECEIVED",
            "zone_id": "Z_CHILL",
        },
    ]
}
AGENTS = st.sampled_from(["A_RECEIVER", "A_PICKER", "A_DISPATCHER", "A_QUALITY", "SYSTEM", "A_NO"])
ACTIONS = st.sampled_from(sorted(COLD_CHAIN_WAREHOUSE.handlers))
ARGS = st.fixed_dictionaries(
    {},
    optional={
        "pallet_id": st.sampled_from(["P1", "P2", "P3", "P9", None]),
        "to_zone": st.sampled_from(["Z_DOCK", "Z_CHILL", "Z_FREEZE", "Z_CAGE", "Z_NO", 3]),
        "door_id": st.sampled_from(["DOOR_1", "DOOR_2", "DOOR_9"]),
        "cases": st.one_of(st.integers(-1, 10), st.none(), st.floats(allow_nan=False)),
        "reading_mc": st.one_of(st.integers(-40_000, 40_000), st.text(max_size=2)),
    },
)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(AGENTS, ACTIONS, ARGS), max_size=30))
def test_whatever_agents_try_stock_is_conserved_and_quarantine_holds(warehouse, tries):
    engine = warehouse.engine(START)
    for number, (agent_id, action_type, args) in enumerate(tries):
        status = {key: item.status for key, item in engine.ctx.world.pallets.items()}
        before = engine.digest()
        event = warehouse.event(agent_id, action_type, 60 * number, **args)
        result = engine.step({**event, "reason_code": "WH_REASON_DAMAGED", "rationale": "try"})
        violated = {item.invariant_id for item in result.violations}
        if not result.accepted:
            assert engine.digest() == before
            continue
        assert not violated & {"INV-WH-002", "INV-WH-003", "INV-WH-004"}
        if action_type == "DISPATCH_PALLET":
            assert status[args["pallet_id"]] == "RECEIVED"


def test_temperatures_drift_by_seed_alone(warehouse):
    ends = [warehouse.engine({"drift": True}, seed=seed, simulated=True) for seed in (1, 1, 2)]
    for engine in ends:
        assert len(engine.advance(6_000)) == 10
    heats = [engine.ctx.world.temperatures for engine in ends]
    assert heats[0] == heats[1] != heats[2]


def test_a_drift_out_of_the_band_alarms(warehouse):
    engine = warehouse.engine({"drift": True, "temperatures": {"Z_CHILL": 20_000}}, simulated=True)
    (drift,) = engine.advance(600)
    assert drift.emits == ("DRIFT", "ALARM")
    assert "Z_CHILL" in drift.data["outside_band"]


def test_closing_a_door_in_time_keeps_it_quiet(warehouse):
    engine = warehouse.engine(simulated=True)
    engine.step(warehouse.event("A_RECEIVER", "OPEN_DOOR", door_id="DOOR_1"))
    engine.step(warehouse.event("A_RECEIVER", "CLOSE_DOOR", door_id="DOOR_1"))
    assert engine.advance(10_000) == []


def test_an_episode_log_verifies(warehouse, tmp_path):
    path = tmp_path / "episode.jsonl"
    with LogWriter(path) as writer:
        engine = warehouse.engine(
            {
                "drift": True,
                "arrivals": [{"t_s": 5, "pallet_id": "P", "sku": "SKU_FISH", "cases": 1}],
            },
            simulated=True,
            sink=writer.write,
        )
        engine.advance(3_000)
        engine.step(warehouse.event("A_PICKER", "PICK", 3_000, pallet_id="P", cases=1))
        engine.finish()
    report = verify_log(path)
    assert report.ok, report.problem


def test_a_restored_warehouse_goes_on_identically(warehouse):
    engine = warehouse.engine({"drift": True}, simulated=True)
    engine.advance(1_000)
    twin = warehouse.engine()
    twin.restore(engine.snapshot())
    engine.advance(5_000)
    twin.advance(5_000)
    assert (twin.head, twin.digest()) == (engine.head, engine.digest())


@pytest.mark.parametrize(
    "scenario",
    [
        {"pallet": []},
        {"pallets": [{"pallet_id": "P", "sku": "SKU_NONE", "cases": 1}]},
        {"pallets": [{"pallet_id": "P", "sku": "SKU_FISH", "cases": 0}]},
        {"pallets": [{"pallet_id": "P", "sku": "SKU_FISH", "cases": 1, "status": "RECEIVED"}]},
        {"pallets": [{"pallet_id": "P", "sku": "SKU_FISH", "cases": 1}] * 2},
        {"temperatures": {"Z_NONE": 1}},
    ],
)
def test_a_scenario_that_does_not_fit_is_refused(warehouse, scenario):
    with pytest.raises(ScenarioError):
        warehouse.engine(scenario)


@pytest.mark.parametrize("expression", ["nothing(P1)", "pallet_status(P9)"])
def test_an_unknown_question_or_subject_is_refused(warehouse, expression):
    with pytest.raises(UnknownNameError):
        warehouse.engine(START).query(expression)


def test_a_question_takes_one_argument(warehouse):
    with pytest.raises(UsageError):
        warehouse.engine(START).query("pallet_status")


def _policy(tmp_path, file, old, new):
    import shutil

    folder = tmp_path / "policy"
    shutil.copytree(POLICY_DIR, folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    return load_policy(folder, (*TRUST_DOCUMENTS, *DOCUMENTS))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("warehouse/layout.v0.1.yaml", "DOOR_1: Z_DOCK", "DOOR_1: Z_CHILL"),
        (
            "warehouse/layout.v0.1.yaml",
            "low_mc: 2000, high_mc: 18000",
            "low_mc: 2000, high_mc: 2000",
        ),
        ("warehouse/products.v0.1.yaml", "high_mc: 8000", "high_mc: 2001"),
    ],
)
def test_a_layout_that_contradicts_itself_is_a_problem_with_its_place(tmp_path, file, old, new):
    policy = _policy(tmp_path, file, old, new)
    problems = COLD_CHAIN_WAREHOUSE.problems(policy)
    assert problems
    for item in problems:
        error = policy.error(
            item.document, item.path, item.message, found=item.found, expected=item.expected
        )
        assert isinstance(error, PolicyError)
        assert error.line is not None


def test_nothing_of_the_laboratory_is_imported():
    code = (
        "import sys, warehouse_domain.domain, labtrust_core.engine.engine, labtrust_core.domains;"
        "sys.exit(any('hospital' in name for name in sys.modules))"
    )
    path = str(import_module("warehouse_domain").__path__[0]) + "/.."
    done = subprocess.run([sys.executable, "-c", code], cwd=path, check=False)
    assert done.returncode == 0
