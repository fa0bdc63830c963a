"""Laboratories with a fault, for batches; they stand where another process can import them."""

import os

from labtrust_env import EnvConfig, HospitalLabEnv

SMALL = EnvConfig(workload="district_smoke", horizon_s=600)


class Entangled(HospitalLabEnv):
    """Its rewards depend on how many others there are in the process."""

    made = 0

    def __init__(self, config=SMALL):
        super().__init__(config)
        Entangled.made += 1

    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        rewards = {name: value + Entangled.made for name, value in rewards.items()}
        return observations, rewards, *rest


class Broken(HospitalLabEnv):
    """It fails in its second step."""

    def __init__(self):
        super().__init__(SMALL)

    def step(self, actions):
        if self.session.steps:
            raise RuntimeError("the second step is one too many")
        return super().step(actions)


class Dying(Broken):
    """Its process ends in its second step, without a word."""

    def step(self, actions):
        if self.session.steps:
            os._exit(3)
        return super().step(actions)


class Unmakeable(HospitalLabEnv):
    """It can be made in the process that imported it as another's, and in no other."""

    def __init__(self):
        if os.environ.get("LABTRUST_TEST_MAKER") != str(os.getpid()):
            raise RuntimeError("made in the wrong process")
        super().__init__(SMALL)
