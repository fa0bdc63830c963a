"""Many laboratories at once, as arrays ``[environment, agent, ...]``, in one process or several.

``HospitalLabVector`` is for learners with many agents; ``HospitalLabVectorEnv`` is the same batch
as Gymnasium knows it, with one agent that decides for a whole crew, and what ``gymnasium.make_vec``
makes. What either shows is, byte by byte, what as many single environments show::

    with HospitalLabVector(EnvConfig(horizon_s=7_200), 8, workers=2) as labs:
        observations, masks = labs.reset(seed=1)        # float32 [8, agents, fields], int8 [.., n]
        while learning:
            actions = policy(observations, masks)       # integers [8, agents]
            observations, masks, rewards, terminated, truncated, infos = labs.step(actions)

=============================  =================================================================
``num_envs, num_agents``       Sizes of the first two axes.
``agents``                     Names of the second axis' rows, ``role_index``, in acting order.
``single_observation_space``   ``Box`` of one agent in one environment; all agents have the same.
``single_action_space``        ``Discrete`` likewise; ``single_state_space`` is of an environment.
``reset(seed, options)``       ``observations, masks``; ``seed + i`` for environment ``i``.
``step(actions)``              Also ``rewards`` (float64), ``terminated``, ``truncated`` (bool), all
                               ``[environment, agent]``, and ``infos``.
``action_masks()``             The masks as bool; ``states()`` the global states, where asked for.
``reset_infos``                The infos of the last reset.
``call(name, *args)``          A list: what a method or attribute of each environment gives.
``close()``                    Ends the processes; may be called again. ``with`` does it too.
=============================  =================================================================

Where an episode ends, ``SAME_STEP`` (the default here) begins the next one in the same step, and
``infos["final_obs"]`` and ``infos["final_mask"]`` hold what was seen last; ``NEXT_STEP`` does so in
the step after, whose action does not count; with ``DISABLED`` the caller resets, with the option
``reset_mask``. Infos are arrays, and ``infos["_key"]`` says in which environments ``key`` is told.
"""

from __future__ import annotations

from gymnasium.vector import AutoresetMode

from labtrust_env.vector.batch import HospitalLabVector
from labtrust_env.vector.chunk import LabEnvironments
from labtrust_env.vector.gymnasium_env import HospitalLabVectorEnv
from labtrust_env.vector.pool import WorkerError

__all__ = [
    "AutoresetMode",
    "HospitalLabVector",
    "HospitalLabVectorEnv",
    "LabEnvironments",
    "WorkerError",
]
