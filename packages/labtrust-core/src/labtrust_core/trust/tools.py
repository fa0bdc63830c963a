"""Tools that agents may call: arguments are checked before, output after.

Nothing runs before every gate has passed.

A tool adapter is a function from its arguments to a JSON object, supplied by the domain or by the
caller of the engine. It runs in a worker thread with the registry's time limit; what it returns is
data only, never a change of the world.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, Final

import jsonschema

from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import CanonicalError
from labtrust_core.event import Blocked
from labtrust_core.policy.model import Tool, ToolRegistry

ToolAdapter = Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]
"""``adapter(env, args) -> output``; ``env`` is the engine's context, to be read only."""

DEFAULT_CLASS: Final = "Operational"

_RANGE_KEYWORDS: Final = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    }
)


@dataclass(frozen=True, slots=True)
class ToolTable:
    """The registry, compiled."""

    tools: dict[str, Tool]
    classification: dict[str, str]
    egress_fields: frozenset[str]


def compile_tools(policy: ToolRegistry) -> ToolTable:
    """Compile the tool registry."""
    return ToolTable(
        dict(policy.tools), dict(policy.classification), frozenset(policy.egress_fields)
    )


def check_call(
    table: ToolTable, tool_id: str | None, allowed: frozenset[str], args: Mapping[str, Any]
) -> Tool:
    """Return the tool of a call that may be made.

    Raises:
        Blocked: ``TOOL_NOT_IN_REGISTRY``, ``TOOL_NOT_ALLOWED_FOR_ROLE``, ``TOOL_ARG_SCHEMA_FAIL``
            or ``TOOL_ARG_RANGE_FAIL``.
    """
    tool = table.tools.get(tool_id or "")
    if tool is None:
        raise Blocked("TOOL_NOT_IN_REGISTRY", f"tool {tool_id} is not registered")
    if tool_id not in allowed:
        raise Blocked("TOOL_NOT_ALLOWED_FOR_ROLE", f"the agent's role may not call {tool_id}")
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(tool.args_schema).iter_errors(dict(args))
    )
    if error is not None:
        code = (
            "TOOL_ARG_RANGE_FAIL" if error.validator in _RANGE_KEYWORDS else "TOOL_ARG_SCHEMA_FAIL"
        )
        raise Blocked(code, f"arguments of {tool_id}: {error.message[:200]}")
    return tool


def run_tool(
    table: ToolTable, tool: Tool, adapter: ToolAdapter | None, env: object, args: Mapping[str, Any]
) -> dict[str, Any]:
    """Call an adapter and return its checked output.

    Raises:
        Blocked: ``TOOL_EXEC_EXCEPTION``, ``TOOL_TIMEOUT``, ``TOOL_OUTPUT_MALFORMED``,
            ``TOOL_EGRESS_DENIED``, ``TOOL_EGRESS_LIMIT_EXCEEDED`` or ``TOOL_DATA_CLASS_VIOLATION``.
    """
    if adapter is None:
        raise Blocked("TOOL_EXEC_EXCEPTION", "the tool is registered but nothing implements it")
    plain = _call(adapter, env, args, tool.timeout_ms)
    if not isinstance(plain, dict):
        raise Blocked(
            "TOOL_OUTPUT_MALFORMED",
            f"the tool returned a {type(plain).__name__}, expected a mapping",
        )
    try:
        size = len(canonical_bytes(plain))
    except CanonicalError as error:
        raise Blocked("TOOL_OUTPUT_MALFORMED", f"the tool's output is not JSON: {error}") from error
    if size > tool.max_bytes:
        raise Blocked(
            "TOOL_EGRESS_LIMIT_EXCEEDED",
            f"the output has {size} bytes, at most {tool.max_bytes} are allowed",
        )
    _check_fields(table, tool, plain)
    return plain


def _call(adapter: ToolAdapter, env: object, args: Mapping[str, Any], timeout_ms: int) -> object:
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="labtrust-tool")
    try:
        answer = executor.submit(_answer, adapter, env, copy.deepcopy(dict(args)))
        failure = answer.exception(timeout=timeout_ms / 1000)
    except FutureTimeoutError as error:
        raise Blocked("TOOL_TIMEOUT", f"the tool did not answer within {timeout_ms} ms") from error
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    if failure is not None:
        kind = type(failure).__name__
        raise Blocked("TOOL_EXEC_EXCEPTION", f"the tool raised {kind}") from failure
    return answer.result()


def _answer(adapter: ToolAdapter, env: object, args: Mapping[str, Any]) -> object:
    """Run in the worker: a foreign mapping is read here, where it may fail."""
    output: object = adapter(env, args)
    return dict(output) if isinstance(output, Mapping) else output


def _check_fields(table: ToolTable, tool: Tool, output: Mapping[str, Any]) -> None:
    records = 0
    allowed = {DEFAULT_CLASS, *tool.data_classes}
    for name, value in _fields(output):
        if name in table.egress_fields:
            raise Blocked("TOOL_EGRESS_DENIED", f"the output names a destination ({name})")
        data_class = table.classification.get(name, DEFAULT_CLASS)
        if data_class not in allowed:
            raise Blocked(
                "TOOL_DATA_CLASS_VIOLATION", f"the output holds {data_class} data ({name})"
            )
        if isinstance(value, list | tuple):
            records += len(value)
    if records > tool.max_records:
        raise Blocked(
            "TOOL_EGRESS_LIMIT_EXCEEDED",
            f"the output has {records} records, at most {tool.max_records}",
        )


def _fields(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield every field at every depth: what is nested is not hidden.

    A list inside a list counts as a field of the same name.
    """
    if isinstance(value, dict):
        for inner, item in value.items():
            yield inner, item
            yield from _fields(item, inner)
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, list | tuple):
                yield name, item
            yield from _fields(item, name)
