"""The laboratory as a PettingZoo parallel environment: arrays and dicts around a session.

All agents act in each step. An index that the mask rules out, and a mapping that a rule refuses, is
a BLOCKED event with a reason code in the infos and in the ledger; it is neither an error nor lost.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from gymnasium import spaces
from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.event import StepResult
from pettingzoo import ParallelEnv  # type: ignore[import-untyped] # it has no type information

from labtrust_env.action_forms import Action
from labtrust_env.config import EnvConfig
from labtrust_env.observations import Observer, Vector
from labtrust_env.render_ansi import Alarm
from labtrust_env.render_modes import RENDER_FPS, RENDER_MODES, Renderer, open_renderer
from labtrust_env.rewards import MILLI, step_rewards
from labtrust_env.seeding import SeedStream
from labtrust_env.session import Mask, Session

Observation = Any
"""A mapping of ``observation`` and ``action_mask``, or the bare vector: ``mask_in`` decides."""

Infos = dict[str, dict[str, Any]]
StepReturn = tuple[
    dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], Infos
]

RESET_OPTIONS: Final = ("scenario",)
_ALARMS_KEPT: Final = 5


class HospitalLabEnv(ParallelEnv[str, Any, Any]):  # type: ignore[misc] # likewise
    """The hospital laboratory with one crew.

    Attributes:
        possible_agents: The crew's members, ``role_index``, in acting order.
        agents: Those who are in the running episode; none before ``reset`` and after the end.
        max_cycles: Steps of an episode; a new value counts from the next ``reset`` on, and a
            smaller one ends a running episode earlier.
        render_mode: As given.
        state_space: Space of ``state()``.
        reward_terms: Member to the terms of the last step's reward, in milli-units.
        session: The session that runs the episodes.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "hospital_lab_v0",
        "render_modes": list(RENDER_MODES),
        "render_fps": RENDER_FPS,
        "is_parallelizable": True,
    }

    def __init__(
        self, config: EnvConfig | None = None, policy: CompiledPolicy | None = None
    ) -> None:
        """Make an environment; ``reset`` starts an episode.

        Args:
            config: What to run; by default one shift of the standard crew.
            policy: A policy compiled before; by default the configuration's is opened.

        Raises:
            PolicyError: The policy is missing, malformed or contradicts itself.
            UsageError: The configuration names something that policy does not know, or its times
                make no episode.
            MissingExtraError: The render mode draws, and pygame is not installed.
        """
        self.config = EnvConfig() if config is None else config
        if policy is None:
            policy = open_policy(self.config.policy_dir, self.config.partner)
        self._policy = policy
        self.session = Session(self._policy, self.config.session(self.config.max_cycles))
        self.max_cycles = self.session.max_steps
        self.render_mode = self.config.render_mode
        self.possible_agents = list(self.session.members)
        self.agents: list[str] = []
        self.reward_terms: dict[str, dict[str, int]] = {}
        self._observer = Observer(self.session)
        self._seeds = SeedStream()
        self._alarms: deque[Alarm] = deque(maxlen=_ALARMS_KEPT)
        mode = self.config.render_mode
        self._renderer: Renderer | None = None if mode is None else open_renderer(mode)
        self._action_spaces = {
            name: spaces.Discrete(len(self.session.actions)) for name in self.possible_agents
        }
        self._observation_spaces = {name: self._new_space() for name in self.possible_agents}
        self.state_space = spaces.Box(0, 1, (self._observer.state_layout.size,), np.float32)

    def _new_space(self) -> spaces.Space[Any]:
        layout = self._observer.layout
        vector: spaces.Space[Any] = spaces.Box(0, 1, (layout.size,), np.float32)
        if self.config.observation_form == "structured":
            vector = spaces.Dict(
                {
                    name: spaces.Box(0, 1, (item.size,), np.float32)
                    for name, item in layout.fields.items()
                }
            )
        if self.config.mask_in in ("info", "none"):
            return vector
        mask = spaces.Box(0, 1, (len(self.session.actions),), np.int8)
        return spaces.Dict({"observation": vector, "action_mask": mask})

    @property
    def observer(self) -> Observer:
        """Encodes observations and state; knows the layout of both."""
        return self._observer

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's observations, the same object each time.

        Raises:
            UnknownNameError: There is no such agent.
        """
        return self._known(self._observation_spaces, agent)

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's action indices, the same object each time.

        Raises:
            UnknownNameError: There is no such agent.
        """
        return self._known(self._action_spaces, agent)

    def _known(self, found: Mapping[str, spaces.Space[Any]], agent: str) -> spaces.Space[Any]:
        if agent not in found:
            raise UnknownNameError("agent", agent, self.possible_agents)
        return found[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], Infos]:
        """Start an episode.

        Args:
            seed: Starts the stream of episode seeds, in 0..2^53-1; without one the stream goes on.
            options: ``scenario`` (parts of the initial state of this episode); others are warned
                of.

        Returns:
            Observations and infos by agent. Infos hold ``action_mask``, ``seed`` (of the episode),
            ``episode`` (its number in the stream that began with ``stream_seed``) and
            ``policy_fingerprint``.

        Raises:
            UsageError: The seed is out of range, or an option is unknown and options are strict.
            ScenarioError: The initial state does not fit.
        """
        options = {} if options is None else options
        self._check_options(options)
        if self.max_cycles != self.session.max_steps:
            self.session = Session(self._policy, self.config.session(self.max_cycles))
            self._observer = Observer(self.session)
        episode_seed = self._seeds.next(seed)
        self.session.reset(episode_seed, scenario=options.get("scenario"))
        self.agents = list(self.possible_agents)
        self.reward_terms = {}
        self._alarms.clear()
        observations, infos = self._observe()
        for info in infos.values():
            info["seed"] = episode_seed
            info["stream_seed"] = self._seeds.base
            info["episode"] = self._seeds.episode
            info["policy_fingerprint"] = self._policy.fingerprint
        self._show()
        return observations, infos

    def _check_options(self, options: Mapping[str, Any]) -> None:
        unknown = sorted(options.keys() - set(RESET_OPTIONS))
        if unknown and self.config.strict_options:
            raise UnknownNameError("reset option", unknown[0], RESET_OPTIONS)
        if unknown:
            known = ", ".join(RESET_OPTIONS)
            warnings.warn(f"unknown reset option {unknown[0]}; known: {known}", stacklevel=3)

    def step(self, actions: Mapping[str, Action]) -> StepReturn:
        """Let all agents act, then let ``dt_s`` seconds pass.

        Args:
            actions: Agent to an index, or to a mapping (see ``labtrust_env.session``). Who is not
                named waits.

        Returns:
            Observations, rewards, terminations, truncations and infos of those who were live; five
            empty dicts when nobody is live and nobody acts. Infos hold ``action_mask``, and
            ``status`` and ``blocked_reason_code`` of the agent's own event (``None`` if it waited).

        Raises:
            UsageError: The episode has not begun or is over and somebody acts, or an action is
                neither an index of the space nor a mapping of the documented fields.
        """
        if not self.agents:
            if actions:
                raise UsageError("no episode is running; call reset first")
            return {}, {}, {}, {}, {}
        results = self.session.step(actions)
        self._note_alarms(results)
        self.reward_terms = step_rewards(
            self.config.reward_config,
            self.session.ctx,
            results,
            self.session.outcomes,
            self.agents,
        )
        live = self.agents
        terminated = self.session.ctx.trust.ledger_frozen or self.session.all_done
        truncated = not terminated and self.session.steps >= self._last_step()
        observations, infos = self._observe()
        if terminated or truncated:
            self.agents = []
        self._show()
        rewards = {name: sum(self.reward_terms[name].values()) / MILLI for name in live}
        return (
            observations,
            rewards,
            dict.fromkeys(live, terminated),
            dict.fromkeys(live, truncated),
            infos,
        )

    def _last_step(self) -> int:
        return min(self.max_cycles, self.session.max_steps)

    def _observe(self) -> tuple[dict[str, Observation], Infos]:
        """Return fresh observations and infos of everybody live."""
        self._observer.refresh()
        observations: dict[str, Observation] = {}
        infos: Infos = {}
        in_observation = self.config.mask_in in ("both", "obs")
        in_info = self.config.mask_in in ("both", "info")
        vectors = self._observer.observe_all()
        masks = self.session.masks()
        structured = self.config.observation_form == "structured"
        for name, vector, mask in zip(self.session.members, vectors, masks, strict=True):
            seen = self._observer.layout.fields_of(vector) if structured else vector
            observations[name] = (
                {"observation": seen, "action_mask": mask} if in_observation else seen
            )
            outcome = self.session.outcomes.get(name)
            info: dict[str, Any] = {
                "status": None if outcome is None else outcome.status,
                "blocked_reason_code": None if outcome is None else outcome.blocked_reason_code,
            }
            if in_info:
                info["action_mask"] = mask
            infos[name] = info
        return observations, infos

    def action_mask(self, agent: str) -> Mask:
        """Return a new mask: 1 for each index that the agent can do now.

        Raises:
            UnknownNameError: There is no such agent.
        """
        return self.session.mask(agent)

    def state(self) -> Vector:
        """Return the global state, which ``observer.state_layout`` explains, as a new vector."""
        self._observer.refresh()
        return self._observer.state()

    def _note_alarms(self, results: list[StepResult]) -> None:
        for result in results:
            if result.event is not None and "ALARM" in result.emits:
                event = result.event
                self._alarms.append(Alarm(event.t_s, event.action_type, dict(event.args)))

    def render(self) -> Any:  # noqa: ANN401 - each mode has its own
        """Render the present moment as ``render_mode`` says; without one, warn.

        Returns:
            ``ansi``: the floor plan as text. ``rgb_array``: a picture, uint8 ``[row, column, 3]``,
            as large in every step. ``human``: ``None``; the window is drawn, as it is without being
            asked at each ``reset`` and ``step``.

        Raises:
            UsageError: No episode has begun, or there is no screen for a window.
        """
        if self._renderer is None:
            modes = ", ".join(RENDER_MODES)
            warnings.warn(f"render() without a render_mode; make one with {modes}", stacklevel=2)
            return None
        self._seeds.current()
        return self._renderer.render(self.session, tuple(self._alarms))

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()

    def close(self) -> None:
        """Close the window, where there is one; it opens again when rendered again."""
        if self._renderer is not None:
            self._renderer.close()

    def snapshot(self) -> bytes:
        """Return the environment in mid-episode as bytes, for ``restore``.

        Raises:
            UsageError: No episode has begun.
        """
        self._seeds.current()
        mine = (self.agents, self.max_cycles, self.reward_terms, self._seeds, self._alarms)
        return pickle.dumps((self.session.config, self.session.snapshot(), mine))

    def restore(self, snapshot: bytes) -> None:
        """Bring back what ``snapshot`` of an environment with this configuration returned.

        Only bytes that this process's user made are safe to restore.
        """
        config, episode, mine = pickle.loads(snapshot)  # noqa: S301 - own bytes
        if config != self.session.config:
            self.session = Session(self._policy, config)
            self._observer = Observer(self.session)
        self.session.restore(episode)
        self.agents, self.max_cycles, self.reward_terms, self._seeds, self._alarms = mine

    def __getstate__(self) -> dict[str, Any]:
        return {
            "config": self.config,
            "policy": self._policy,
            "spaces": (self._observation_spaces, self._action_spaces, self.state_space),
            "max_cycles": self.max_cycles,
            "snapshot": None if self._seeds.base is None else self.snapshot(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        HospitalLabEnv.__init__(self, state["config"], state["policy"])
        self._observation_spaces, self._action_spaces, self.state_space = state["spaces"]
        self.max_cycles = state["max_cycles"]
        if state["snapshot"] is not None:
            self.restore(state["snapshot"])

    def __deepcopy__(self, memo: dict[int, Any]) -> HospitalLabEnv:
        state = self.__getstate__()
        state["spaces"] = copy.deepcopy(state["spaces"], memo)
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__setstate__(state)
        return twin
