"""A small parallel environment that keeps every convention, and ones that break a single one.

It stands in a folder of its own so that another process can import it.
"""

import copy
import os
import random
import zlib
from pathlib import Path

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

ACTIONS = 4
NOISE = random.Random()  # noqa: S311 - what the broken ones share


class Game(ParallelEnv):
    """Players guess; one guess a step is ruled out, another one each step."""

    metadata = {"name": "guessing_game_v0", "render_modes": ["ansi"], "is_parallelizable": True}  # noqa: RUF012 - as PettingZoo has it
    render_mode = None
    with_state = True
    with_masks = True
    with_reasons = True

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.max_cycles = 12
        self.possible_agents = ["player_0", "player_1"]
        self.agents = []
        self.seeds = 0
        self.action_spaces = {name: spaces.Discrete(ACTIONS) for name in self.possible_agents}
        self.observation_spaces = {name: self.new_space() for name in self.possible_agents}
        if self.with_state:
            self.state_space = spaces.Box(0, 1, (2,), np.float32)

    def new_space(self):
        vector = spaces.Box(0, 1, (3,), np.float32)
        if not self.with_masks:
            return vector
        mask = spaces.Box(0, 1, (ACTIONS,), np.int8)
        return spaces.Dict({"observation": vector, "action_mask": mask})

    def action_space(self, agent):
        return self.action_spaces[agent]

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def reset(self, seed=None, options=None):
        del options
        self.seeds = self.seeds + 1 if seed is None else seed
        self.rng = random.Random(self.seeds)  # noqa: S311 - a toy
        self.agents = list(self.possible_agents)
        self.steps = 0
        self.draw()
        infos = {name: self.info(name, None) for name in self.agents}
        return {name: self.observe(name) for name in self.agents}, infos

    def draw(self):
        self.number = self.rng.random()
        self.ruled_out = 1 + int(self.number * 3)

    def mask(self):
        mask = np.ones(ACTIONS, np.int8)
        mask[self.ruled_out] = 0
        return mask

    def observe(self, name):
        place = self.possible_agents.index(name)
        vector = np.array([self.number, 0.25 + place / 2, self.steps / 1000], np.float32)
        return {"observation": vector, "action_mask": self.mask()} if self.with_masks else vector

    def info(self, name, reason):
        del name
        return {"blocked_reason_code": reason} if self.with_reasons else {}

    def step(self, actions):
        live = self.agents
        reasons = {name: self.refuse(actions.get(name, 0)) for name in live}
        rewards = {name: float(reasons[name] is None) for name in live}
        self.steps += 1
        self.draw()
        cut = self.steps >= self.max_cycles
        observations = {name: self.observe(name) for name in live}
        infos = {name: self.info(name, reasons[name]) for name in live}
        if cut:
            self.agents = []
        return observations, rewards, dict.fromkeys(live, False), dict.fromkeys(live, cut), infos

    def refuse(self, action):
        return "RULED_OUT" if action == self.ruled_out else None

    def state(self):
        return np.array([self.number, self.steps / 1000], np.float32)

    def render(self):
        return f"the number is {self.number}"

    def close(self):
        pass


class Noisy(Game):
    """Random from its second step on."""

    def draw(self):
        super().draw()
        if self.steps > 1:
            self.number = NOISE.random()


class Deaf(Game):
    def reset(self, seed=None, options=None):
        return super().reset(None if seed is None else 1, options)


class Remembering(Game):
    played = 0

    def reset(self, seed=None, options=None):
        answer = super().reset(seed, options)
        self.played += 1
        return answer

    def draw(self):
        super().draw()
        self.number /= 1 + self.played


class Repeating(Game):
    def reset(self, seed=None, options=None):
        return super().reset(self.seeds if seed is None else seed, options)


class Entangled(Game):
    """All of them draw from one generator."""

    common = random.Random(0)  # noqa: S311 - a toy

    def reset(self, seed=None, options=None):
        answer = super().reset(seed, options)
        type(self).common.seed(self.seeds)
        return answer

    def draw(self):
        super().draw()
        self.number = self.common.random()


class GlobalReader(Game):
    def draw(self):
        super().draw()
        self.number = self.number / 2 + np.random.get_state()[1][0] % 97 / 194  # noqa: NPY002 - its fault


class GlobalWriter(Game):
    def draw(self):
        super().draw()
        random.random()  # noqa: S311 - its fault


class Uncopied(Game):
    """Copies share the generator with their original."""

    def __deepcopy__(self, memo):
        twin = copy.copy(self)
        memo[id(self)] = twin
        return twin


class Unpickled(Game):
    """Pickles only what it was made with."""

    def __reduce__(self):
        return type(self), ()


class Unpicklable(Game):
    def __init__(self):
        super().__init__()
        self.secret = lambda: None


def where():
    """Return a number of the working directory."""
    return zlib.crc32(str(Path.cwd()).encode()) % 97 / 97


class Located(Game):
    def draw(self):
        super().draw()
        self.number /= 1 + where()


class Born(Game):
    def __init__(self):
        super().__init__()
        self.born = where()

    def draw(self):
        super().draw()
        self.number /= 1 + self.born


class Hashed(Game):
    def draw(self):
        super().draw()
        self.number = (hash("player") % 97) / 97


class Threaded(Game):
    def draw(self):
        super().draw()
        self.number /= int(os.environ.get("OMP_NUM_THREADS", "1"))


class Forgetful:
    """A factory whose copies make games of the usual length."""

    def __init__(self, cycles=12):
        self.cycles = cycles

    def __call__(self):
        env = Game()
        env.max_cycles = self.cycles
        return env

    def __reduce__(self):
        return Forgetful, ()


forgetful = Forgetful(5)


class Painting(Game):
    """Draws a number to paint it."""

    def render(self):
        self.rng.random()
        return "a number"


class Invisible(Game):
    metadata = Game.metadata | {"render_modes": []}


class Reader(Game):
    def reset(self, seed=None, options=None):
        Path(os.__file__).read_bytes()
        return super().reset(seed, options)


class Outside(Game):
    def observe(self, name):
        seen = super().observe(name)
        if self.steps == 5:
            seen["observation"][0] = 2
        return seen


class MoreKeys(Game):
    def observe(self, name):
        return super().observe(name) | {"undeclared": 1}


class OutsideState(Game):
    def state(self):
        return super().state() + 2


class NewSpaces(Game):
    def action_space(self, agent):
        del agent
        return spaces.Discrete(ACTIONS)


class OneSpace(Game):
    def __init__(self):
        super().__init__()
        self.action_spaces = dict.fromkeys(self.possible_agents, spaces.Discrete(ACTIONS))


class Reusing(Game):
    kept = None

    def observe(self, name):
        seen = super().observe(name)
        if self.kept is None:
            self.kept = {}
        buffer = self.kept.setdefault(name, seen["observation"])
        buffer[:] = seen["observation"]
        return seen | {"observation": buffer}


class Misnamed(Game):
    def __init__(self):
        super().__init__()
        self.possible_agents = ["First", "Second"]
        self.action_spaces = {name: spaces.Discrete(ACTIONS) for name in self.possible_agents}
        self.observation_spaces = {name: self.new_space() for name in self.possible_agents}


class NumpyFlags(Game):
    def step(self, actions):
        *rest, cut, infos = super().step(actions)
        return *rest, {name: np.bool_(flag) for name, flag in cut.items()}, infos


class LostReward(Game):
    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        rewards.pop("player_1", None)
        return observations, rewards, *rest


class Undying(Game):
    def step(self, actions):
        live = self.agents
        answer = super().step(actions)
        self.agents = live
        return answer


class Terminating(Game):
    def step(self, actions):
        observations, rewards, ended, cut, infos = super().step(actions)
        return observations, rewards, cut, ended, infos


class LateLimit(Game):
    def step(self, actions):
        self.max_cycles += self.steps == 0
        return super().step(actions)


class BoolMask(Game):
    def mask(self):
        return super().mask().astype(bool)


class ClosedMask(Game):
    def mask(self):
        return super().mask() * 0


class TooStrict(Game):
    """Rules out what would be accepted."""

    def refuse(self, action):
        del action


class TooKind(Game):
    """Allows what is refused."""

    def mask(self):
        return np.array([1, 1, 1, int(self.ruled_out != 3)], np.int8)


class Fragile(Game):
    def refuse(self, action):
        return {index: None for index in range(ACTIONS) if index != self.ruled_out}[action]


class Bare(Game):
    """Claims neither masks nor a state nor reasons."""

    with_state = with_masks = with_reasons = False


class BareObservations(Game):
    """Has its masks in the infos."""

    def new_space(self):
        return spaces.Box(0, 1, (3,), np.float32)

    def observe(self, name):
        return super().observe(name)["observation"]

    def info(self, name, reason):
        return super().info(name, reason) | {"action_mask": self.mask()}
