"""What a learned policy reads and may do: its input vector, its action set, their fingerprint.

The input is the observation, the mask, and the member's number within its role. What an agent can
do here and now says a good part of what it should do; and two of one role who see the same would
for ever do the same, if nothing told them apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import numpy as np
from labtrust_core.errors import UnknownNameError
from labtrust_env.actions import NOOP, ActionDef
from labtrust_env.fields import Layout
from labtrust_env.observations import Vector
from labtrust_env.session import Mask

NUMBERS: Final = 4
"""Members of a role that are told apart; those after them count as the last."""


def layout_fingerprint(layout: Layout, actions: Sequence[ActionDef]) -> str:
    """Return the SHA-256 (hex) of every field of the observation and every action, in order.

    Two laboratories with the same fingerprint can be played by the same policy.
    """
    fields = [
        [item.name, item.start, list(item.labels), item.unit, item.limit]
        for item in layout.fields.values()
    ]
    text = json.dumps([fields, [action.name for action in actions]], separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def action_set(
    actions: Sequence[ActionDef], without: Sequence[str], without_targets: Sequence[str] = ()
) -> Mask:
    """Return an int8 vector: 1 for each action that a learner may use.

    Args:
        actions: The action table.
        without: Verbs that it may not use, with any target.
        without_targets: Names of single actions that it may not use.

    Raises:
        UnknownNameError: No action has such a verb or name, or it is waiting, which is always
            possible.
    """
    verbs = {action.name.partition(":")[0] for action in actions} - {actions[NOOP].name}
    names = {action.name for action in actions} - {actions[NOOP].name}
    for kind, asked, known in (("verb", without, verbs), ("action", without_targets, names)):
        for name in asked:
            if name not in known:
                raise UnknownNameError(f"{kind} to leave out", name, known)
    barred = set(without)
    return np.array(
        [
            action.name.partition(":")[0] not in barred and action.name not in without_targets
            for action in actions
        ],
        np.int8,
    )


def input_size(layout: Layout, actions: Sequence[ActionDef]) -> int:
    """Return the length of a policy's input."""
    return layout.size + len(actions) + NUMBERS


def member_number(name: str) -> Vector:
    """Return a member's number within its role, from its name (``runner_1``): float32, one of 1."""
    last = name.rpartition("_")[2]
    found = np.zeros(NUMBERS, np.float32)
    found[min(int(last), NUMBERS - 1) if last.isdecimal() else 0] = 1
    return found


def policy_input(observation: Vector, mask: Mask, number: Vector) -> Vector:
    """Return a policy's input.

    Args:
        observation: What the agent observes.
        mask: What it may do now, and may use.
        number: Its number within its role.
    """
    return np.concatenate((observation, mask, number), dtype=np.float32)
