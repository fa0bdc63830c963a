"""The batch as Gymnasium knows it: each environment has one agent, which decides for its crew."""

from __future__ import annotations

from typing import Any, Unpack

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from labtrust_core.engine.compiled import CompiledPolicy
from numpy.typing import NDArray

from labtrust_env.centralised import Arrays, centralised_spaces, crew_reward
from labtrust_env.config import EnvConfig, EnvOptions, array_options
from labtrust_env.render_modes import RENDER_FPS
from labtrust_env.vector.batch import HospitalLabVector, Seed
from labtrust_env.vector.chunk import LabEnvironments
from labtrust_env.vector.infos import Infos


class HospitalLabVectorEnv(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Several crews, each played as by ``labtrust_env.centralised.CentralisedHospitalLab``.

    ``gymnasium.make_vec("labtrust/HospitalLab-v0", num_envs=4)`` makes it. An observation holds
    ``observation``, float32 ``[environment, member, field]``, and ``action_mask``, int8
    ``[environment, member, action]``. Actions are indices ``[environment, member]``.

    Infos are arrays with their twins: ``seed``, ``stream_seed`` and ``episode`` where an episode
    began, else ``accepted``, ``blocked``, ``blocked_reason_code`` and ``rewards`` of each member.
    With ``SAME_STEP``, ``final_obs`` has the last observation of each episode that ended, and
    ``final_info`` its infos.

    Attributes:
        batch: The batch that is played.
        members: Names of a crew's members, in the order of rows and indices.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium declares it so; it is not changed
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": RENDER_FPS,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        policy: CompiledPolicy | None = None,
        *,
        workers: int = 0,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **options: Unpack[EnvOptions],
    ) -> None:
        """Make the environments; ``reset`` starts the episodes.

        Args:
            num_envs: Number of environments.
            policy: A policy compiled before; by default the one that the options name is opened.
            workers: Number of processes that play; 0 means that this one does.
            autoreset_mode: A member of Gymnasium's ``AutoresetMode``, or its value.
            options: The fields of ``labtrust_env.config.EnvConfig``, but neither
                ``mask_in`` nor ``observation_form``.

        Raises:
            UsageError: One of those two is among the options; else as ``HospitalLabVector``.
            LabTrustError: As ``HospitalLabVector``.
        """
        options = array_options(options)
        self.batch = HospitalLabVector(
            LabEnvironments(EnvConfig(**options), policy),
            num_envs,
            workers=workers,
            autoreset_mode=autoreset_mode,
        )
        self.num_envs = num_envs
        self.members = self.batch.agents
        self.render_mode = self.batch.render_mode
        self.metadata = {**self.metadata, "autoreset_mode": self.batch.autoreset_mode}
        self.single_observation_space, self.single_action_space = centralised_spaces(
            len(self.members),
            int(self.batch.single_observation_space.shape[0]),
            int(self.batch.single_action_space.n),
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space: spaces.Space[Any] = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: Seed = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, Infos]:
        """Start episodes; seeds, options (also ``reset_mask``) and errors as of the batch.

        Returns:
            The observations of all environments, and the infos of those that were reset.
        """
        if seed is None or isinstance(seed, int):
            super().reset(seed=seed)
        observations, masks = self.batch.reset(seed, options)
        return {"observation": observations, "action_mask": masks}, dict(self.batch.reset_infos)

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Arrays, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """Let every member of every crew act, then let ``dt_s`` seconds pass in each laboratory.

        Args:
            actions: An index for each member of each environment.

        Returns:
            Observations, mean rewards of each crew, whether each episode terminated, whether it was
            truncated, and infos.

        Raises:
            LabTrustError: As ``HospitalLabVector.step``.
        """
        observations, masks, rewards, terminated, truncated, infos = self.batch.step(actions)
        told = infos["_accepted"]
        infos["rewards"], infos["_rewards"] = np.where(told[:, np.newaxis], rewards, 0), told.copy()
        if "final_obs" in infos:
            infos["final_obs"] = _final_observations(infos)
            infos["final_info"] |= {
                "rewards": np.where(told[:, np.newaxis], 0, rewards),
                "_rewards": ~told,
            }
        return (
            {"observation": observations, "action_mask": masks},
            crew_reward(rewards),
            np.asarray(terminated.any(axis=1)),
            np.asarray(truncated.any(axis=1)),
            infos,
        )

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the members' masks end to end, a row an environment."""
        return self.batch.action_masks().reshape(self.num_envs, -1)

    def render(self) -> tuple[Any, ...]:
        """Return a frame of each environment."""
        return self.batch.render()

    def close_extras(self, **options: Any) -> None:  # noqa: ANN401 - whatever Gymnasium passes
        """Close the batch."""
        del options
        self.batch.close()


def _final_observations(infos: Infos) -> NDArray[np.object_]:
    """Return an observation, as of a single environment, where an episode ended."""
    found = np.full(len(infos["_final_obs"]), None, dtype=object)
    masks = infos.pop("final_mask")
    del infos["_final_mask"]
    for row in np.flatnonzero(infos["_final_obs"]):
        found[row] = {"observation": infos["final_obs"][row], "action_mask": masks[row]}
    return found
