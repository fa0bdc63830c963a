"""Does nothing: what every other agent has to beat."""

from __future__ import annotations

from labtrust_bench.agents.api import Action, View


class DoNothing:
    """Waits, whatever happens."""

    def reset(self, name: str, seed: int) -> None:
        """Begin an episode; there is nothing to forget."""

    def act(self, view: View) -> Action:
        """Return the index of waiting."""
        del view
        return 0
