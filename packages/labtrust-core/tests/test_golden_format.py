"""A suite file is read strictly: what the format does not know is an error with its place."""

import json

import pytest
from labtrust_core.errors import ScenarioError
from labtrust_core.golden.reader import read_suite, read_test_keys


def step(**changes):
    event = {
        "event_id": "e1",
        "t_s": 0,
        "agent_id": "A",
        "action_type": "NOOP",
        "args": {},
        "reason_code": None,
        "token_refs": [],
        "expect": {"status": "ACCEPTED"},
    }
    return {key: value for key, value in {**event, **changes}.items() if value is not ...}


def scenario(*steps, **changes):
    return {
        "scenario_id": "GS-1",
        "initial_state": {},
        "script": list(steps) or [step()],
        **changes,
    }


def suite(*scenarios, version="1.0", **changes):
    body = {
        "version": version,
        "deterministic": {"rng_seed": 1},
        "scenarios": list(scenarios) or [scenario()],
        **changes,
    }
    return {"golden_suite": body}


@pytest.fixture
def write(tmp_path):
    """Write a suite file; JSON is YAML."""

    def put(data, name="suite.yaml"):
        file = tmp_path / name
        file.write_text(json.dumps(data, indent=1))
        return file

    return put


def test_smallest_suite_is_read(write):
    found = read_suite(write(suite()))

    assert found.exact
    assert [item.scenario_id for item in found.scenarios] == ["GS-1"]


def test_first_version_names_part_of_what_is_emitted(write):
    assert not read_suite(write(suite(version="0.1"))).exact


def test_fields_of_the_first_version_are_accepted(write):
    data = suite(
        scenario(
            title="t",
            post_run_hooks=["EXPORT_RECEIPTS"],
            post_run=[{"action": "ASSERT_FILE_EXISTS", "path": "x"}],
            transport_fault_injection={"force": True},
        ),
        depends_on=["x.yaml"],
        runner_contract={"semantics": ["s"], "event_fields_required": ["t_s"]},
        fixtures={
            "keys": {"K": "k"},
            "agents": [{"agent_id": "A", "role": "R", "key_id": "k", "zone_id": "Z"}],
            "devices": [{"device_id": "D", "device_type": "T", "zone_id": "Z"}],
            "base_system": {"now_s": 0},
            "specimen_templates": {"S": {"specimen_id": "S1"}},
        },
    )

    assert read_suite(write(data)).fixtures.agents[0].role == "R"


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        (suite(scenario(step(actor="A"))), "golden_suite.scenarios[0].script[0].actor"),
        (
            suite(scenario(step(expect={"statuss": 1}))),
            "golden_suite.scenarios[0].script[0].expect.statuss",
        ),
        (suite(scenario(colour=1)), "golden_suite.scenarios[0].colour"),
        (suite(fixtures={"x": 1}), "golden_suite.fixtures.x"),
        (suite(seed=1), "golden_suite.seed"),
        ({**suite(), "more": 1}, "more"),
    ],
)
def test_unknown_key_is_refused_with_its_place(write, broken, place):
    file = write(broken)

    with pytest.raises(ScenarioError) as caught:
        read_suite(file)

    error = caught.value
    assert (error.file, error.path, error.message) == (str(file), place, "unknown key")
    assert error.line is not None
    assert place.rpartition(".")[2] in file.read_text().splitlines()[error.line - 1]


@pytest.mark.parametrize(
    "key", ["event_id", "t_s", "agent_id", "action_type", "args", "reason_code", "token_refs"]
)
def test_event_step_has_every_event_field(write, key):
    with pytest.raises(ScenarioError, match=f"missing key.*expected {key}"):
        read_suite(write(suite(scenario(step(**{key: ...})))))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (suite(version="2.0"), "wrong value"),
        (suite(scenario(step(t_s=-1))), "wrong value"),
        (suite(scenario(scenario_id="../etc")), "wrong value"),
        (suite(scenario(script=[])), "wrong value"),
        (suite(scenario(step(expect={}))), "states no expected status"),
        (
            suite(scenario(step(expect={"status": "ACCEPTED", "violations": ["INV-1"]}))),
            "not a claim",
        ),
        (
            suite(scenario({"event_id": "e", "raw": 1, "agent_id": "A"})),
            "a raw step has no use for",
        ),
        (suite(scenario({"advance_to_s": 5, "t_s": 5})), "advances time has no use for"),
        (suite(scenario({"advance_to_s": 5, "expect": {"status": "BLOCKED"}})), "has no use for"),
        (suite(scenario(), scenario()), "scenario id used twice"),
        (suite(scenario(post_run=[{"path": "x"}])), "names no action"),
        ({"golden": 1}, "missing key"),
    ],
)
def test_what_is_not_in_the_format_is_refused(write, broken, message):
    with pytest.raises(ScenarioError, match=message):
        read_suite(write(broken))


def test_yaml_that_the_policy_reader_refuses_is_a_scenario_error(tmp_path):
    file = tmp_path / "suite.yaml"
    file.write_text("golden_suite: &a {version: '0.1'}\n")

    with pytest.raises(ScenarioError, match="anchors and aliases"):
        read_suite(file)


def test_missing_suite_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="no such suite"):
        read_suite(tmp_path / "none.yaml")


def test_folder_is_one_suite_with_shared_templates(write, tmp_path):
    templates = {"specimen_templates": {"S": {"specimen_id": "S1"}}}
    write(suite(fixtures=templates), "a.yaml")
    write(suite(scenario(scenario_id="GS-2")), "b.yaml")
    write({"version": "0.1", "keys": {}}, "test_keys.yaml")

    found = read_suite(tmp_path)

    assert [item.scenario_id for item in found.scenarios] == ["GS-1", "GS-2"]
    assert found.fixtures.specimen_templates == templates["specimen_templates"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (suite(scenario(scenario_id="GS-2"), version="0.1"), "files of one suite differ"),
        (
            suite(scenario(scenario_id="GS-2"), deterministic={"rng_seed": 2}),
            "files of one suite differ",
        ),
        (suite(), "scenario id used twice"),
        (
            suite(scenario(scenario_id="GS-2"), fixtures={"specimen_templates": {"S": {"a": 2}}}),
            "template defined twice",
        ),
        (
            suite(
                scenario(scenario_id="GS-2"),
                fixtures={"agents": [{"agent_id": "A", "zone_id": "Y"}]},
            ),
            "agent placed twice",
        ),
    ],
)
def test_files_of_one_folder_may_not_contradict_each_other(write, tmp_path, second, message):
    fixtures = {
        "specimen_templates": {"S": {"a": 1}},
        "agents": [{"agent_id": "A", "zone_id": "Z"}],
    }
    write(suite(fixtures=fixtures), "a.yaml")
    write(second, "b.yaml")

    with pytest.raises(ScenarioError, match=message):
        read_suite(tmp_path)


def test_folder_without_a_suite_is_refused(write, tmp_path):
    write({"version": "0.1", "keys": {}}, "test_keys.yaml")

    with pytest.raises(ScenarioError, match="holds no golden suite"):
        read_suite(tmp_path)


def test_test_keys_are_bindings_without_key_material(write):
    binding = {"agent_id": "A", "role_id": "R", "public_key": "x"}

    with pytest.raises(ScenarioError, match=r"keys\.K\.public_key: unknown key"):
        read_test_keys(write({"version": "0.1", "keys": {"K": binding}}))
