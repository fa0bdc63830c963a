"""What reception notes about a tube that it accepts."""

from functools import cache

import pytest
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine

GOAL_S = 900


@cache
def policy():
    return open_policy()


def accepted(priority, at, **flags):
    """Return the outcome of deciding about a tube at a time."""
    tube = {"specimen_id": "S1", "panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST"}
    scenario = {"specimens": [{**tube, "priority": priority, "integrity_flags": flags}]}
    engine = Engine(policy())
    engine.reset(scenario, EpisodeConfig("EP", 1, simulated=False, signatures_required=False))
    steps = ("CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN")
    for number, (action, t_s) in enumerate(zip(steps, (0, 20, at), strict=True)):
        event = {"event_id": f"e{number}", "agent_id": "A_RECEPTION", "action_type": action}
        result = engine.step({**event, "t_s": t_s, "args": {"specimen_id": "S1"}})
        assert result.accepted
    return result


def test_the_goal_is_policys():
    assert policy().tables.stat_acceptance_goal_s == GOAL_S


@pytest.mark.parametrize("priority", ["STAT", "URGENT", "ROUTINE"])
@pytest.mark.parametrize("late_s", [0, 1])
def test_only_a_stat_tube_that_waited_longer_than_the_goal_is_noted(priority, late_s):
    noted = {"S1": "REQ_MISSING_STAT_ESCALATION"} if priority == "STAT" and late_s else None
    result = accepted(priority, GOAL_S + late_s)
    assert result.emits == ("ACCEPT_SPECIMEN",)
    assert result.data.get("warnings") == noted


def test_a_late_stat_tube_that_is_not_accepted_is_not_noted():
    result = accepted("STAT", GOAL_S + 1, clot=True)
    assert result.emits == ("HOLD_SPECIMEN",)
    assert "warnings" not in result.data


def test_blood_of_somebody_else_under_a_good_label_is_accepted():
    assert accepted("ROUTINE", 30, wrong_blood=True).emits == ("ACCEPT_SPECIMEN",)
