"""Smoke of the labtrust-env wheel: a short episode is played to its end, and something is done."""

import sys

from labtrust_env import hospital_lab_v0

STEPS = 60


def main() -> int:
    """Play with the last allowed action of each agent; 0 when all is well."""
    env = hospital_lab_v0.parallel_env(max_cycles=STEPS, render_mode="ansi")
    observations, infos = env.reset(seed=7)
    members = len(env.agents)
    played = accepted = 0
    while env.agents:
        actions = {
            agent: int(observations[agent]["action_mask"].nonzero()[0][-1]) for agent in env.agents
        }
        observations, _, _, _, infos = env.step(actions)
        accepted += sum(info["status"] == "ACCEPTED" for info in infos.values())
        played += 1
    print(f"{played} steps with {members} agents, {accepted} actions accepted")
    return 0 if played == STEPS and accepted > 0 and "reception_0" in str(env.render()) else 1


if __name__ == "__main__":
    sys.exit(main())
