"""The whole crew as one Gymnasium agent: it sees what everybody sees and acts for everybody."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Unpack

import gymnasium
import numpy as np
from gymnasium import spaces
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UsageError
from numpy.typing import NDArray

from labtrust_env.config import EnvConfig, EnvOptions, array_options
from labtrust_env.parallel_env import HospitalLabEnv
from labtrust_env.render_modes import RENDER_FPS, RENDER_MODES
from labtrust_env.rewards import MILLI

Arrays = dict[str, NDArray[Any]]

_MASK: Final = "action_mask"
_VECTOR: Final = "observation"


def centralised_spaces(
    members: int, fields: int, actions: int
) -> tuple[spaces.Dict, spaces.MultiDiscrete]:
    """Return the observation space and the action space of one agent that decides for a crew."""
    return (
        spaces.Dict(
            {
                _VECTOR: spaces.Box(0, 1, (members, fields), np.float32),
                _MASK: spaces.Box(0, 1, (members, actions), np.int8),
            }
        ),
        spaces.MultiDiscrete([actions] * members),
    )


def crew_reward(rewards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the members' rewards, which lie along the last axis.

    They are summed as the integers of milli-units that they come from, so that the mean is the same
    to the last bit whoever sums.
    """
    total: NDArray[np.float64] = np.rint(rewards * MILLI).sum(axis=-1)
    return np.asarray(total / (MILLI * rewards.shape[-1]))


class CentralisedHospitalLab(gymnasium.Env[Any, Any]):
    """The hospital laboratory with one agent, which decides for every member of the crew.

    An observation holds ``observation``, a float32 matrix with a row a member, and ``action_mask``,
    an int8 matrix likewise. An action is a vector: an index for each member. The reward is the mean
    of the members' rewards, so that a reward shared by the team is that reward.

    Attributes:
        parallel: The environment that is played, with a mask in every observation.
        members: Names of the members, in the order of rows and indices.
    """

    # Gymnasium declares it as an instance's, and reads it from the class
    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # for that reason
        "render_modes": list(RENDER_MODES),
        "render_fps": RENDER_FPS,
    }

    def __init__(self, policy: CompiledPolicy | None = None, **options: Unpack[EnvOptions]) -> None:
        """Make an environment; ``reset`` starts an episode.

        Args:
            policy: A policy compiled before; by default the one that the options name is opened.
            options: The fields of ``labtrust_env.config.EnvConfig``, but neither
                ``mask_in`` nor ``observation_form``.

        Raises:
            UsageError: One of those two is among the options; else as ``HospitalLabEnv``.
            PolicyError: As ``HospitalLabEnv``.
        """
        options = array_options(options)
        self.parallel = HospitalLabEnv(EnvConfig(**options), policy)
        self.render_mode: str | None = self.parallel.render_mode
        self.members = tuple(self.parallel.possible_agents)
        self.observation_space, self.action_space = centralised_spaces(
            len(self.members),
            self.parallel.observer.layout.size,
            len(self.parallel.session.actions),
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Start an episode; seeds, options and errors as ``HospitalLabEnv.reset``.

        Returns:
            The observation, and infos: ``agents`` (each member's own), ``seed``, ``stream_seed``,
            ``episode`` and ``policy_fingerprint``.
        """
        super().reset(seed=seed)
        observations, infos = self.parallel.reset(seed=seed, options=options)
        first = infos[self.members[0]]
        common = ("seed", "stream_seed", "episode", "policy_fingerprint")
        return self._stacked(observations), {
            "agents": infos,
            **{name: first[name] for name in common},
        }

    def step(self, action: NDArray[np.int64]) -> tuple[Arrays, float, bool, bool, dict[str, Any]]:
        """Let every member act, then let ``dt_s`` seconds pass.

        Args:
            action: An index a member; one that the mask rules out is BLOCKED, as ever.

        Returns:
            Observation, mean reward, whether the ledger froze, whether the horizon is reached, and
            infos, which hold each member's own under ``agents``, and its ``rewards``.

        Raises:
            UsageError: The action is not in the space, or no episode is running.
        """
        if not self.action_space.contains(np.asarray(action)):
            raise UsageError(
                f"an action is {len(self.members)} indices below "
                f"{len(self.parallel.session.actions)}, found {action!r}"
            )
        chosen = {name: int(index) for name, index in zip(self.members, action, strict=True)}
        observations, rewards, ended, cut, infos = self.parallel.step(chosen)
        return (
            self._stacked(observations),
            float(crew_reward(np.array([rewards[name] for name in self.members]))),
            any(ended.values()),
            any(cut.values()),
            {"agents": infos, "rewards": rewards},
        )

    def _stacked(self, observations: dict[str, Any]) -> Arrays:
        return {
            part: np.stack([observations[name][part] for name in self.members])
            for part in (_VECTOR, _MASK)
        }

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the members' masks end to end, as learners with masks ask for them."""
        masks = [self.parallel.action_mask(name) for name in self.members]
        return np.concatenate(masks).astype(np.bool_)

    def render(self) -> Any:  # noqa: ANN401 - each mode has its own
        """Render as ``HospitalLabEnv.render``."""
        return self.parallel.render()

    def close(self) -> None:
        """Close the window, where there is one."""
        self.parallel.close()
