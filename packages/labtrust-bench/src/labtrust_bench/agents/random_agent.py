"""Does any possible thing: uniform over the legal actions."""

from __future__ import annotations

from labtrust_core.randomness import Stream, stream

from labtrust_bench.agents.api import Action, View


class RandomAgent:
    """Draws by counter from a stream of its own, so that no agent's draws shift another's."""

    def __init__(self) -> None:
        self._draws: Stream = stream(0, "agent/random")
        self._name = ""
        self._number = 0

    def reset(self, name: str, seed: int) -> None:
        """Begin again at the first draw of ``name`` in the episode of ``seed``."""
        self._draws = stream(seed, "agent/random")
        self._name = name
        self._number = 0

    def act(self, view: View) -> Action:
        """Return the index of a legal action, each as likely as any other."""
        legal: list[int] = list(view["legal"].values())
        self._number += 1
        return legal[self._draws.below(len(legal), self._name, self._number)]
