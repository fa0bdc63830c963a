"""Tools that misbehave on purpose, for one scenario: the shipped ones never do."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import UNSET

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import ScenarioError
from labtrust_core.trust.tools import ToolAdapter

HANG_TIMEOUT_MS: Final = 20
"""Time limit of a tool that hangs, in place of policy's, so that a scenario need not wait."""


class ToolFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a tool does instead of its work; exactly one of the three.

    Attributes:
        raises: It raises an exception with this text.
        hangs: It does not answer in time.
        returns: It returns this, whatever was asked.
    """

    raises: str | msgspec.UnsetType = UNSET
    hangs: bool = False
    returns: Any = UNSET


class FaultyTools:
    """The faulty tools of one scenario, until they are released."""

    def __init__(self, faults: Mapping[str, ToolFault]) -> None:
        """Make them.

        Raises:
            ScenarioError: A fault states none or several of the three.
        """
        self._faults = dict(faults)
        self._released = threading.Event()
        for tool_id, fault in self._faults.items():
            if [fault.raises is not UNSET, fault.hangs, fault.returns is not UNSET].count(
                True
            ) != 1:
                raise ScenarioError(
                    "a tool has one fault",
                    path=f"initial_state.tool_fault_injection.{tool_id}",
                    expected="one of raises, hangs, returns",
                )

    def installed(self, policy: CompiledPolicy) -> CompiledPolicy:
        """Return ``policy`` with the faulty tools in place of those that it has.

        Raises:
            ScenarioError: The policy registers no such tool.
        """
        if not self._faults:
            return policy
        tools = dict(policy.tools.tools)
        adapters = dict(policy.adapters)
        for tool_id, fault in self._faults.items():
            if tool_id not in tools:
                raise ScenarioError(
                    "no such tool",
                    path="initial_state.tool_fault_injection",
                    found=tool_id,
                    expected="one of " + ", ".join(sorted(tools)),
                )
            adapters[tool_id] = self._adapter(fault)
            if fault.hangs:
                tools[tool_id] = msgspec.structs.replace(tools[tool_id], timeout_ms=HANG_TIMEOUT_MS)
        return replace(policy, tools=replace(policy.tools, tools=tools), adapters=adapters)

    def release(self) -> None:
        """Let tools that hang return, so that no thread outlives the scenario."""
        self._released.set()

    def _adapter(self, fault: ToolFault) -> ToolAdapter:
        def faulty(_env: object, _args: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the scenario says
            if fault.hangs:
                self._released.wait()
            if fault.raises is not UNSET:
                raise RuntimeError(fault.raises)
            return {} if fault.returns is UNSET else fault.returns

        return faulty
