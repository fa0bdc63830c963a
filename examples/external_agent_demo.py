"""An agent of somebody else's: it imports nothing of LabTrust, and keeps to the contract.

    labtrust eval-agent examples/external_agent_demo.py:Demo --task throughput_sla --smoke

One object plays for one member of the crew. It is told the seed and a summary of the policy, and is
asked for an action whenever its member is free. This one does what brings a specimen furthest, and
carries what waits for a runner.
"""

from __future__ import annotations

from typing import Any

Observation = dict[str, Any]

WORK = (
    "ACK_CRITICAL_RESULT",
    "NOTIFY_CRITICAL_RESULT",
    "RELEASE_RESULT",
    "AMEND_RESULT",
    "START_RUN",
    "QUEUE_RUN",
    "CENTRIFUGE_END",
    "ALIQUOT_CREATE",
    "CENTRIFUGE_START",
    "ACCEPT_SPECIMEN",
    "CHECK_ACCEPTANCE_RULES",
    "REJECT_SPECIMEN",
    "CREATE_ACCESSION",
    "QC_EVENT",
)
"""What is done when it is possible, the first first: what brings a specimen furthest."""


class Demo:
    """Plays for any member of the crew."""

    contract_version = "0.1"

    def __init__(self) -> None:
        self.member = ""
        self.home = ""

    def reset(
        self,
        seed: int,
        policy_summary: dict[str, Any],
        partner_id: str | None,
        timing_mode: str,
    ) -> None:
        """Begin an episode. Nothing is drawn, so the seed changes nothing."""
        del seed, partner_id, timing_mode
        self.member = policy_summary["member"]
        self.home = ""

    def act(self, observation: Observation) -> tuple[int, dict[str, str]]:
        """Return the index of an action, and why."""
        self.home = self.home or observation["zone"]
        legal: dict[str, int] = observation["legal"]
        for wanted in WORK:
            for name, index in legal.items():
                if name.partition(":")[0] == wanted:
                    return index, {"why": f"{wanted} is possible"}
        goal, action, why = self.errand(observation)
        if goal != observation["zone"]:
            return walk(observation, goal), {"why": why}
        return legal.get(action, legal["NOOP"]), {"why": why}

    def errand(self, observation: Observation) -> tuple[str, str, str]:
        """Return where to go, what to do there, and why."""
        if observation["carrying"]:
            return observation["carrying"][0]["next_zone"], "STORE", "it must go there"
        waiting = {
            zone: item for zone, item in observation.get("pickups", {}).items() if item["count"]
        }
        if waiting and self.member.startswith("runner"):
            zone = max(waiting, key=lambda item: (waiting[item]["oldest_s"], item))
            return zone, "RETRIEVE", "it has waited longest"
        if "separated" in observation["here"]:
            return observation["zone"], "RETRIEVE", "it is ready to go on"
        return self.home, "NOOP", "nothing to do"


def walk(observation: Observation, goal: str) -> int:
    """Return one step towards a zone: through the next one, whose door may have to be opened."""
    legal: dict[str, int] = observation["legal"]
    hop = observation["hops"].get(goal)
    if hop is None:
        return legal["NOOP"]
    way = observation["ways"][hop]
    shut = way["door"] is not None and not way["open"]
    return legal.get(f"OPEN_DOOR:{way['door']}" if shut else f"MOVE:{hop}", legal["NOOP"])
