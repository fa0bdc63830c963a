"""Smoke of the labtrust-env wheel: an episode can be played in it."""

import sys

from labtrust_env import parallel_env

STEPS = 20


def main() -> int:
    """Play a few steps with the first allowed action of each agent; 0 when all is well."""
    env = parallel_env(seed=7)
    observations, _ = env.reset(seed=7)
    played = 0
    while env.agents and played < STEPS:
        actions = {agent: int(observations[agent]["action_mask"].argmax()) for agent in env.agents}
        observations, *_ = env.step(actions)
        played += 1
    print(f"{played} steps with {len(env.possible_agents)} agents")
    return 0 if played == STEPS else 1


if __name__ == "__main__":
    sys.exit(main())
