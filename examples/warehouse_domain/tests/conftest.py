import itertools

import pytest
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from warehouse_domain.domain import COLD_CHAIN_WAREHOUSE, POLICY_DIR


class Warehouse:
    """What a test of the warehouse needs: engines and events."""

    def __init__(self):
        self.policy = open_policy(POLICY_DIR, domain=COLD_CHAIN_WAREHOUSE)
        self._numbers = itertools.count()

    def engine(self, scenario=None, *, seed=1, simulated=False, sink=None):
        """Return an engine at the start of an episode."""
        engine = Engine(self.policy)
        config = EpisodeConfig("EP", seed, simulated, signatures_required=False)
        engine.reset(scenario or {}, config, sink=sink)
        return engine

    def event(self, agent_id, action_type, t_s=0, **args):
        """Return an event with an id of its own."""
        return {
            "event_id": f"E{next(self._numbers)}",
            "t_s": t_s,
            "agent_id": agent_id,
            "action_type": action_type,
            "args": args,
        }


@pytest.fixture(scope="session")
def warehouse():
    """The toolbox."""
    return Warehouse()
