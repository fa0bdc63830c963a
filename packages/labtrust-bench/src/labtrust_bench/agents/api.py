"""The interface of an agent: one member of a crew."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from labtrust_env.action_forms import Action
from labtrust_env.observations import Vector
from labtrust_env.session import Mask

View = dict[str, Any]
"""What a member sees: plain data, as ``labtrust_env.session.Session.view`` returns it."""

__all__ = ["Action", "Agent", "ArrayAgent", "Player", "View"]


class Agent(Protocol):
    """Acts for one member. Agents share no state, and an episode owes nothing to earlier ones."""

    def reset(self, name: str, seed: int) -> None:
        """Forget everything; an episode begins.

        Args:
            name: The member that the agent is, for example ``runner_0``.
            seed: The episode's seed, 0..2^53-1; all randomness of the agent derives from it.
        """
        ...

    def act(self, view: View) -> Action:
        """Return what to do now; asked for whenever the member is neither travelling nor handling.

        Args:
            view: What the member sees; ``view["legal"]`` maps the names of the actions that are
                possible to their indices. Not to be changed.

        Returns:
            An action index, or a mapping with ``action_index`` or ``action_type`` and any other
            field of an event.
        """
        ...


@runtime_checkable
class ArrayAgent(Protocol):
    """Acts for one member on what an environment shows: for policies that were learned."""

    def reset(self, name: str, seed: int) -> None:
        """Forget everything, as ``Agent.reset``."""
        ...

    def act_on(self, observation: Vector, mask: Mask) -> int:
        """Return the index of what to do now; asked for as ``Agent.act`` is.

        Args:
            observation: float32 vector in 0..1; ``labtrust_env.fields`` says what is where.
            mask: int8 vector, 1 for each index that is possible.
        """
        ...


Player = Agent | ArrayAgent
"""Whoever can play for a member; a crew may mix both kinds."""
