"""A scenario may have tools misbehave; the policy and its adapters stay as they are."""

import pytest
from labtrust_core.domains import open_policy
from labtrust_core.errors import ScenarioError
from labtrust_core.event import Blocked
from labtrust_core.golden.tool_faults import HANG_TIMEOUT_MS, FaultyTools, ToolFault
from labtrust_core.trust.tools import run_tool

TOOL = "read_lims_v1"


@pytest.fixture(scope="module")
def policy():
    return open_policy()


def call(policy, fault):
    tools = FaultyTools({TOOL: fault})
    installed = tools.installed(policy)
    try:
        return run_tool(
            installed.tools, installed.tools.tools[TOOL], installed.adapters[TOOL], None, {}
        )
    finally:
        tools.release()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ToolFault(raises="no"), "TOOL_EXEC_EXCEPTION"),
        (ToolFault(hangs=True), "TOOL_TIMEOUT"),
        (ToolFault(returns=[1]), "TOOL_OUTPUT_MALFORMED"),
        (ToolFault(returns={"forward_to": "x"}), "TOOL_EGRESS_DENIED"),
    ],
)
def test_each_fault_ends_in_its_refusal(policy, fault, code):
    with pytest.raises(Blocked) as caught:
        call(policy, fault)

    assert caught.value.code == code


def test_harmless_return_value_passes(policy):
    assert call(policy, ToolFault(returns={"found": True})) == {"found": True}


def test_policy_keeps_its_own_tools(policy):
    tools = FaultyTools({TOOL: ToolFault(hangs=True)})
    installed = tools.installed(policy)

    assert installed.tools.tools[TOOL].timeout_ms == HANG_TIMEOUT_MS
    assert policy.tools.tools[TOOL].timeout_ms > HANG_TIMEOUT_MS
    assert policy.adapters[TOOL] is policy.domain.tools[TOOL]
    assert FaultyTools({}).installed(policy) is policy


@pytest.mark.parametrize("fault", [ToolFault(), ToolFault(hangs=True, raises="no")])
def test_tool_has_exactly_one_fault(fault):
    with pytest.raises(ScenarioError, match="a tool has one fault"):
        FaultyTools({TOOL: fault})


def test_unknown_tool_has_no_fault(policy):
    with pytest.raises(ScenarioError, match="no such tool"):
        FaultyTools({"open_sesame": ToolFault(hangs=True)}).installed(policy)
