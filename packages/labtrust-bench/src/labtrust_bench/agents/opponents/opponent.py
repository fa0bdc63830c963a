"""An opponent: works through its attempts, spread over the episode, and never gives up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from labtrust_core.randomness import stream

from labtrust_bench.agents.api import Action, View
from labtrust_bench.agents.opponents.scene import Scene
from labtrust_bench.agents.opponents.steps import WAIT, Attempt, Sent, Step, Strike

Listener = Callable[[Sent], None]


class Opponent:
    """Plays one member whose attempts must all be refused.

    They come in the order given, one in each equal part of the episode, at a second of its first
    half that the seed draws. An attempt that cannot be made before the next is due (there is
    nothing to steal, say, or enforcement keeps the opponent from where it must stand) is given up.

    Attributes:
        attempts: What it tries.
        horizon_s: Length of an episode in seconds.
        listener: Told of each strike before it is sent; whoever measures sets it.
    """

    def __init__(self, attempts: Sequence[Attempt], horizon_s: int) -> None:
        self.attempts = tuple(attempts)
        self.horizon_s = horizon_s
        self.listener: Listener | None = None
        self.reset("", 0)

    def reset(self, name: str, seed: int) -> None:
        """Forget everything, and draw when the attempts are due."""
        self._scene = Scene(name, seed)
        self._next = 0
        self._running: tuple[Attempt, Iterator[Step | Strike]] | None = None
        part = self.horizon_s // (len(self.attempts) + 1)
        draws = stream(seed, f"opponents.{name}")
        self.due_s = tuple(
            (number + 1) * part + draws.below(max(1, part // 2), number)
            for number in range(len(self.attempts))
        )

    def act(self, view: View) -> Action:
        """Return the next step of the attempt that is due, or waiting."""
        scene = self._scene
        scene.look(view)
        if self._next < len(self.attempts) and scene.now >= self.due_s[self._next]:
            attempt = self.attempts[self._next]
            self._running = attempt, attempt.script(scene)
            self._next += 1
        if self._running is None:
            return WAIT
        attempt, script = self._running
        step = next(script, None)
        if step is None:
            self._running = None
            return WAIT
        if isinstance(step, Strike) and self.listener is not None:
            self.listener(Sent(attempt, step))
        return step.action
