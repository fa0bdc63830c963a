"""A trained policy as agents of a crew: ``LearnedAgent``, and a crew of them from a folder."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from labtrust_core.errors import DocumentError
from labtrust_core.randomness import Stream, stream
from labtrust_env.observations import Observer, Vector
from labtrust_env.session import Mask, Session

from labtrust_bench.learning.config import Decide
from labtrust_bench.learning.encoding import (
    NUMBERS,
    layout_fingerprint,
    member_number,
    policy_input,
)
from labtrust_bench.learning.network import (
    Doubles,
    PolicyFitError,
    PolicyNetwork,
    read_network,
)

POLICY_FILE: Final = "policy.npz"
_SUFFIX: Final = ".npz"
_DIGITS: Final = 12
_STREAM: Final = "agent/learned"
_RESOLUTION: Final = 1 << 53


class LearnedAgent:
    """Plays one member by a trained policy.

    Its draws derive from the episode's seed and the member's name, so an episode is the same
    whenever it is played.

    Attributes:
        network: The policy.
        decide: How it acts.
    """

    def __init__(self, network: PolicyNetwork, decide: Decide | None = None) -> None:
        """Make an agent.

        Args:
            network: The policy; agents may share it.
            decide: ``sample`` or ``greedy``; by default as it was trained to act.
        """
        self.network = network
        self.decide = network.head.decide if decide is None else decide
        self._draws: Stream = stream(0, _STREAM)
        self._name = ""
        self._own = member_number("")
        self._number = 0

    def reset(self, name: str, seed: int) -> None:
        """Begin again at the first draw of ``name`` in the episode of ``seed``."""
        self._draws = stream(seed, _STREAM)
        self._name = name
        self._own = member_number(name)
        self._number = 0

    def act_on(self, observation: Vector, mask: Mask) -> int:
        """Return the index of what to do now.

        Raises:
            PolicyFitError: Observation and mask have not the lengths that it was trained on.
        """
        network = self.network
        observed = network.inputs - network.usable.size - NUMBERS
        if (observation.size, mask.size) != (observed, network.usable.size):
            raise PolicyFitError(
                f"an observation of {observation.size} and {mask.size} actions do not fit a "
                f"policy of {observed} and {network.usable.size}"
            )
        usable = mask * network.usable
        choices = np.flatnonzero(usable)
        if choices.size == 1:
            return int(choices[0])
        found = network.logits(policy_input(observation, usable, self._own))[choices]
        if self.decide == "greedy":
            return int(choices[int(found.argmax())])
        return int(choices[self._draw(np.exp(found - found.max()))])

    def _draw(self, odds: Doubles) -> int:
        """Return a place in ``odds``, as likely as the number there says."""
        self._number += 1
        share = self._draws.below(_RESOLUTION, self._name, self._number) / _RESOLUTION
        sums = odds.cumsum()
        return min(int(np.searchsorted(sums, share * sums[-1], side="right")), odds.size - 1)

    def brief(self, session: Session) -> None:
        """Refuse a session that looks otherwise than the laboratory it was trained in.

        Raises:
            PolicyFitError: Its layout of observations or its actions differ.
        """
        layout = Observer(session).layout
        self.network.require_layout(layout_fingerprint(layout, session.actions))


def learned_crew(
    members: Iterable[str], folder: Path, decide: Decide | None = None
) -> dict[str, LearnedAgent]:
    """Return an agent for every member, all of one policy.

    Args:
        members: Names of the members.
        folder: What ``labtrust train-ppo`` wrote, or the policy file itself.
        decide: ``sample`` or ``greedy``; by default as it was trained to act.

    Raises:
        DocumentError: There is no policy, or it is malformed.
    """
    network = read_network(policy_path(folder))
    return {name: LearnedAgent(network, decide) for name in members}


def policy_path(folder: Path) -> Path:
    """Return the policy file of a folder, or the file itself where that is named."""
    return folder if folder.suffix == _SUFFIX else folder / POLICY_FILE


def stated_policy(folder: str) -> str:
    """Return how results call a policy: its folder's name, and the beginning of its SHA-256.

    Raises:
        DocumentError: There is no policy.
    """
    path = policy_path(Path(folder))
    try:
        digest = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DocumentError(f"no policy can be read: {error}", file=path) from error
    return f"{path.resolve().parent.name}@{digest[:_DIGITS]}"
