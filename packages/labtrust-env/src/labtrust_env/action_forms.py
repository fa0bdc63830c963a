"""The two forms in which a member may act, an index or a mapping, and what is read from them."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Final, SupportsIndex

from labtrust_core.errors import UsageError
from labtrust_core.event import Event

Action = SupportsIndex | Mapping[str, Any]
"""An index of the action table, or a mapping.

A mapping has ``action_index`` or ``action_type``, and any other field of an event.
"""

_EVENT_FIELDS: Final = frozenset(Event.__struct_fields__) - {"agent_id", "t_s", "action_type"}
ACTION_FIELDS: Final = _EVENT_FIELDS | {"action_index", "action_type"}
"""What an action that is a mapping may hold; the session adds who acts, and when."""


def index_of(name: str, action: object, size: int) -> int:
    """Return the index that a member's action is, in a table of ``size`` actions.

    Raises:
        UsageError: It is no index of the table.
    """
    try:
        index = operator.index(action)  # type: ignore[arg-type] # this asks whether it is one
    except TypeError as error:
        raise UsageError(f"{name}: {action!r} is neither an index nor a mapping") from error
    if not 0 <= index < size:
        raise UsageError(f"{name}: action {index} lies outside 0..{size - 1}")
    return index


def stated_fields(name: str, action: Mapping[str, Any], claims: frozenset[str]) -> dict[str, Any]:
    """Return the fields of an event that a member's mapping states, ``claims`` among them.

    Raises:
        UsageError: The mapping has a field that no action has.
    """
    unknown = sorted(action.keys() - ACTION_FIELDS - claims)
    if unknown:
        known = ", ".join(sorted(ACTION_FIELDS | claims))
        raise UsageError(f"{name}: unknown field {unknown[0]} in an action; expected {known}")
    allowed = _EVENT_FIELDS | claims
    return {key: value for key, value in action.items() if key in allowed and value is not None}
