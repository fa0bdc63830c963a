"""A logged hour of the laboratory, and what the world was in some of its seconds."""

import pytest


def _watched(world):
    """Return what a snapshot must show of a world."""
    from collections import Counter

    lying, inside, waiting, carried = Counter(), Counter(), Counter(), Counter()
    queued = {
        item: name for name, machine in world.devices.items() for item in machine.queue.waiting
    }
    waiting.update(queued.values())
    for specimen in world.specimens.values():
        kind, _, name = specimen.place.partition(":")
        if specimen.specimen_id not in queued or kind != "zone":
            {"zone": lying, "device": inside, "agent": carried}[kind][name] += 1
    return {
        "people": {agent.agent_id: agent.zone for agent in world.agents.values()},
        "carried": {name: carried[name] for name in world.agents},
        "inside": {name: inside[name] for name in world.devices},
        "waiting": {name: waiting[name] for name in world.devices},
        "lying": dict(lying),
    }


@pytest.fixture(scope="session")
def render_log(tmp_path_factory):
    """Play an hour with every kind of bar and mark; gives the log, its policy, and some worlds."""
    from types import SimpleNamespace

    from labtrust_core.ledger.writer import LogWriter
    from labtrust_core.testing.laboratory import Laboratory, shipped_policy

    path = tmp_path_factory.mktemp("render") / "episode.jsonl"
    worlds = {}
    scenario = {
        "crew": "standard",
        "workload": "district_shift",
        "arrivals_until_s": 3000,
        "specimens": [
            {**_TUBES[kind], "specimen_id": f"{kind}{number}", "zone_id": zone}
            for kind, number, zone in (
                ("H", 1, "Z_ANALYZER_HALL_A"),
                ("H", 2, "Z_ANALYZER_HALL_A"),
                ("B", 1, "Z_CENTRIFUGE_BAY"),
                ("B", 2, "Z_CENTRIFUGE_BAY"),
                ("B", 3, "Z_SORTING_LANES"),
            )
        ],
    }
    with LogWriter(path, sync="none") as writer:
        lab = Laboratory(scenario, simulated=True, sink=writer.write)
        _play(lab, worlds)
        lab.engine.finish()
    return SimpleNamespace(path=path, policy=shipped_policy(), worlds=worlds)


_TUBES = {
    "H": {
        "panel_id": "HAEM_PANEL_CORE",
        "container_type": "WHOLE_BLOOD_EDTA",
        "status": "accepted",
    },
    "B": {"panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST", "status": "accepted"},
}


def _play(lab, worlds):
    """Let people carry, spin, analyse and control, and let things go wrong."""
    haem, spin = {"device_id": "DEV_HAEM_01"}, {"device_id": "DEV_CENTRIFUGE_BANK_01"}

    def do(at_s, agent, action, **args):
        lab.engine.advance(at_s)
        result = lab.do(agent, action, args)
        assert result.accepted, (action, result.detail)

    def watch(at_s):
        lab.engine.advance(at_s)
        worlds[at_s] = _watched(lab.world)

    lab.do("A_RUNNER_0", "MOVE", {"from_zone": "Z_SORTING_LANES", "to_zone": "Z_COLD_FRIDGE"})
    lab.do("<b>&amp;\x01", "NOOP")
    do(10, "A_RUNNER_0", "RETRIEVE", specimen_ids=["B3"])
    do(10, "A_PREAN_0", "CENTRIFUGE_START", **spin, specimen_ids=["B1", "B2"])
    do(10, "A_ANALYTICS_0", "QUEUE_RUN", **haem, specimen_id="H1")
    do(10, "A_QC_0", "MOVE", from_zone="Z_QC_SUPERVISOR", to_zone="Z_ANALYZER_HALL_A")
    do(20, "A_RUNNER_0", "MOVE", from_zone="Z_SORTING_LANES", to_zone="Z_CENTRIFUGE_BAY")
    do(20, "A_ANALYTICS_0", "START_RUN", **haem, run_id="RUN_1", specimen_ids=["H1"])
    do(30, "A_ANALYTICS_0", "QUEUE_RUN", **haem, specimen_id="H2")
    do(30, "A_QC_0", "QC_EVENT", device_id="DEV_CHEM_A_01")
    watch(35)
    do(40, "A_RUNNER_0", "STORE", specimen_ids=["B3"])
    watch(45)
    do(50, "A_PREAN_0", "CENTRIFUGE_START", **spin, specimen_ids=["B3"])
    watch(60)
    do(800, "A_PREAN_0", "CENTRIFUGE_END", **spin, specimen_ids=["B1"])
    watch(900)
    lab.engine.advance(1000)
    lab.do("A_CLINSCI_0", "RELEASE_RESULT", {"specimen_id": "H1"})  # if it has not gone by itself
    watch(3000)
    while not any(
        item.event.action_type == "SYS_DEVICE_REPAIR"
        for item in lab.engine.advance(lab.engine.now + 3600)
    ):
        pass
    watch(lab.engine.now)
