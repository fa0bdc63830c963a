"""A crew that does plausible things at random: after every step the world is still a laboratory."""

import random
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.testing.glance import glance
from labtrust_core.testing.world_invariants import objections

AGENTS = {
    "A_RECEPTION": "Z_SRA_RECEPTION",
    "A_RUNNER": "Z_ALIQUOT_LABEL",
    "A_PREAN": "Z_CENTRIFUGE_BAY",
    "A_ANALYTICS": "Z_ANALYZER_HALL_A",
    "A_OPS_0": "Z_ANALYZER_HALL_B",
    "A_CLINSCI": "Z_QC_SUPERVISOR",
}
# Verbs by agent, those that drive the work more than once.
VERBS = {
    "A_RECEPTION": [
        "CREATE_ACCESSION",
        "CHECK",
        "ACCEPT",
        "RETRIEVE",
        "STORE",
        "MOVE",
        "HOLD",
        "ADD_ON",
    ],
    "A_RUNNER": ["RETRIEVE", "STORE", "MOVE", "ALIQUOT", "ALIQUOT", "SPIN", "UNSPIN"],
    "A_PREAN": ["SPIN", "SPIN", "UNSPIN", "UNSPIN", "RETRIEVE", "STORE", "MOVE"],
    "A_ANALYTICS": ["QUEUE", "QUEUE", "RUN", "RUN", "END", "ENTER", "ENTER", "QC", "RERUN"],
    "A_OPS_0": ["QUEUE", "QUEUE", "RUN", "RUN", "END", "ENTER", "RESTOCK", "REJECT", "HOLD_RESULT"],
    "A_CLINSCI": [
        *["RELEASE", "RELEASE", "RELEASE_ALL", "CALL", "ACK", "RERUN", "HOLD_RESULT"],
        *["AMEND", "AMEND", "REPEAT"],
    ],
}
PANELS = {
    "BIOCHEM_PANEL_CORE": "SERUM_SST",
    "HAEM_PANEL_CORE": "WHOLE_BLOOD_EDTA",
    "COAG_PANEL_CORE": "PLASMA_CITRATE",
}
START = [
    *[("accepted", "Z_ANALYZER_HALL_A", "HAEM_PANEL_CORE")] * 4,
    *[("aliquoted", "Z_ANALYZER_HALL_A", "BIOCHEM_PANEL_CORE")] * 3,
    *[("aliquoted", "Z_ANALYZER_HALL_B", "COAG_PANEL_CORE")] * 3,
    *[("accepted", "Z_CENTRIFUGE_BAY", "BIOCHEM_PANEL_CORE")] * 2,
    ("separated", "Z_ALIQUOT_LABEL", "COAG_PANEL_CORE"),
    ("arrived_at_reception", "Z_SRA_RECEPTION", "HAEM_PANEL_CORE"),
    ("arrived_at_reception", "Z_SRA_RECEPTION", "COAG_PANEL_CORE"),
]
MOVES = st.lists(
    st.tuples(
        st.sampled_from([(agent, verb) for agent, verbs in VERBS.items() for verb in verbs]),
        st.integers(0, 11),
        st.sampled_from([0, 30, 60, 300]),
    ),
    min_size=5,
    max_size=40,
)


@cache
def policy():
    return open_policy()


def scenario():
    return {
        "agents": [{"agent_id": agent, "zone_id": zone} for agent, zone in AGENTS.items()],
        "specimens": [
            {
                "specimen_id": f"S{number}",
                "panel_id": panel,
                "container_type": PANELS[panel],
                "status": status,
                "zone_id": zone,
                "separated_ts_s": 0 if status in ("separated", "aliquoted") else None,
                "priority": ("STAT", "ROUTINE", "URGENT")[number % 3],
            }
            for number, (status, zone, panel) in enumerate(START)
        ],
        "workload": "district_smoke",
        "arrivals_until_s": 3600,
    }


def pick(items, number):
    """Return one of the items, or a name of nothing where there are none."""
    items = list(items)
    return items[number % len(items)] if items else "NOTHING"


class Chooser:
    """Real ids for a verb: what the agent could mean in its place."""

    def __init__(self, engine, agent_id, number):
        self.world, self.tables = engine.ctx.world, engine.ctx.tables
        self.agent, self.number = self.world.agents[agent_id], number
        near = {f"zone:{self.agent.zone}", f"agent:{agent_id}"}
        self.near = [item for item in self.world.specimens.values() if item.place in near]
        self.mark = f"{agent_id}/{number}/{engine.chain.length}"

    def tube(self, *statuses):
        found = [item.specimen_id for item in self.near if item.status in statuses]
        return pick(found or self.world.specimens, self.number)

    def anything(self):
        return pick([item.specimen_id for item in self.near], self.number)

    def spinning(self):
        tubes = self.world.specimens.values()
        return pick([t.specimen_id for t in tubes if t.status == "in_centrifuge"], self.number)

    def running(self):
        run = pick(self.world.runs, self.number)
        known = self.world.runs.get(run)
        return {"device_id": self.device() if known is None else known.device_id, "run_id": run}

    def device(self, kind=None):
        found = [
            name
            for name, table in self.tables.devices.items()
            if table.zone == self.agent.zone and kind in (None, table.type.kind)
        ]
        return pick(found or self.tables.devices, self.number)

    def result(self):
        found = [name for name, item in self.world.results.items() if item.status == "generated"]
        return pick(found or self.world.results, self.number)

    def out(self):
        found = [name for name, item in self.world.results.items() if item.status == "released"]
        return pick(found or self.world.results, self.number)

    def repeated(self):
        items = self.world.results.values()
        out = {(item.specimen_id, item.analyte) for item in items if item.status == "released"}
        found = [
            item.result_id
            for item in items
            if item.status == "generated" and (item.specimen_id, item.analyte) in out
        ]
        return pick(found or self.world.results, self.number)

    def released(self):
        tubes = self.world.specimens.values()
        found = [item.specimen_id for item in tubes if item.status == "released"]
        return pick(found or self.world.specimens, self.number)

    def call(self):
        result = pick(list(self.world.critical_open) or self.world.results, self.number)
        attempts = self.world.results[result].attempts if result in self.world.results else []
        return {
            "result_id": result,
            "attempt_id": attempts[-1].attempt_id if attempts else "NONE",
            "channel": "phone",
            "receiver_role": "primary_contact",
            "receiver_name_or_id": pick(["DR_A", "A_CLINSCI"], self.number),
            "receiver_location_or_org": "WARD",
            "read_back_confirmed": True,
            "outcome": "reached",
        }

    def entry(self):
        run = pick(self.world.runs, self.number)
        value = pick(["4.2", "9.9", "140"], self.number)
        specimens = self.world.runs[run].specimen_ids if run in self.world.runs else []
        panel = self.world.specimens[specimens[0]].panel_id if specimens else "HAEM_PANEL_CORE"
        code = pick(self.tables.panels[panel].analytes, self.number)
        unit = self.tables.analytes[code].unit
        fields = {"run_id": run, "analyte_code": code, "value": value, "units": unit}
        return {"result_id": f"R{self.mark}", **fields}


def _ready(chooser):
    return chooser.tube("aliquoted", "accepted")


def _head(chooser):
    here = {n: d for n, d in chooser.world.devices.items() if d.zone == chooser.agent.zone}
    busy = [name for name, item in here.items() if item.queue.waiting]
    device = pick(busy, chooser.number) if busy else chooser.device("analyser")
    head = chooser.world.devices[device].queue.head(35)
    return {"device_id": device, "run_id": f"RUN|{chooser.mark}", "specimen_ids": [head or "NONE"]}


REASON = {"reason_code": "INT_CLOTTED"}
RECIPES = {
    "CREATE_ACCESSION": lambda c: (
        "CREATE_ACCESSION",
        {"specimen_id": c.tube("arrived_at_reception")},
    ),
    "CHECK": lambda c: ("CHECK_ACCEPTANCE_RULES", {"specimen_id": c.tube("accessioning", "held")}),
    "ACCEPT": lambda c: ("ACCEPT_SPECIMEN", {"specimen_id": c.tube("accessioning", "held")}),
    "HOLD": lambda c: ("HOLD_SPECIMEN", {"specimen_id": c.tube("accessioning"), **REASON}),
    "REJECT": lambda c: ("REJECT_SPECIMEN", {"specimen_id": c.tube("queued"), **REASON}),
    "RETRIEVE": lambda c: ("RETRIEVE", {"specimen_ids": [c.anything()]}),
    "STORE": lambda c: ("STORE", {"specimen_ids": [c.anything()]}),
    "MOVE": lambda c: (
        "MOVE",
        {"from_zone": c.agent.zone, "to_zone": pick(c.tables.neighbours[c.agent.zone], c.number)},
    ),
    "SPIN": lambda c: (
        "CENTRIFUGE_START",
        {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": [c.tube("accepted")]},
    ),
    "UNSPIN": lambda c: (
        "CENTRIFUGE_END",
        {
            "device_id": "DEV_CENTRIFUGE_BANK_01",
            "specimen_ids": [c.spinning()],
        },
    ),
    "ALIQUOT": lambda c: (
        "ALIQUOT_CREATE",
        {
            "device_id": "DEV_ALIQUOTER_01",
            "specimen_id": c.tube("separated"),
            "aliquot_id": pick(["S1", f"AL{c.mark}"], c.number),
        },
    ),
    "QUEUE": lambda c: ("QUEUE_RUN", {"device_id": c.device("analyser"), "specimen_id": _ready(c)}),
    "RUN": lambda c: ("START_RUN", _head(c)),
    "END": lambda c: ("END_RUN", c.running()),
    "ENTER": lambda c: ("GENERATE_RESULT", c.entry()),
    "QC": lambda c: ("QC_EVENT", {"device_id": c.device("analyser")}),
    "RESTOCK": lambda c: ("RESTOCK_REAGENT", {"reagent_id": pick(c.tables.reagents, c.number)}),
    "RELEASE": lambda c: ("RELEASE_RESULT", {"result_id": c.result()}),
    "RELEASE_ALL": lambda c: (
        "RELEASE_RESULT",
        {"specimen_id": pick(c.world.releasable, c.number)},
    ),
    "AMEND": lambda c: ("AMEND_RESULT", {"result_id": c.repeated(), **REASON}),
    "REPEAT": lambda c: ("RERUN_REQUEST", {"result_id": c.out(), **REASON}),
    "ADD_ON": lambda c: (
        "ADD_ON_TEST",
        {"specimen_id": c.released(), "panel_id": "BIOCHEM_TSH_ADDON"},
    ),
    "HOLD_RESULT": lambda c: ("HOLD_RESULT", {"result_id": c.result(), **REASON}),
    "RERUN": lambda c: ("RERUN_REQUEST", {"result_id": c.result(), **REASON}),
    "CALL": lambda c: ("NOTIFY_CRITICAL_RESULT", c.call()),
    "ACK": lambda c: ("ACK_CRITICAL_RESULT", c.call()),
}


def started(*, simulated, seed):
    engine = Engine(policy())
    config = EpisodeConfig("EP", seed, simulated=simulated, signatures_required=False)
    engine.reset(scenario(), config)
    return engine


def play(engine, number, move, *, simulated):
    """Let time pass, and let an agent do something plausible."""
    (agent_id, verb), choice, wait = move
    if simulated:
        engine.advance(engine.now + wait)
    action, args = RECIPES[verb](Chooser(engine, agent_id, choice))
    if verb == "QC" and not simulated:
        args["qc_outcome"] = pick(["pass", "pass", "pass", "drift", "pass", "fail"], choice)
    t_s = engine.now if simulated else engine.now + wait
    event = {"event_id": f"e{number}", "t_s": t_s, "agent_id": agent_id}
    return engine.step({**event, "action_type": action, "args": args})


@pytest.mark.parametrize("simulated", [False, True])
@settings(max_examples=60, deadline=None)
@given(moves=MOVES, seed=st.integers(0, 99))
def test_the_world_stays_consistent_whatever_the_crew_does(simulated, moves, seed):
    engine = started(simulated=simulated, seed=seed)
    for number, move in enumerate(moves):
        play(engine, number, move, simulated=simulated)
        assert objections(glance(engine)) == {}


@pytest.mark.parametrize("simulated", [False, True])
def test_long_shifts_of_random_work_reach_every_stage_and_stay_consistent(simulated):
    choices = [(agent, verb) for agent, verbs in VERBS.items() for verb in verbs]
    accepted = Counter()
    for shift in range(16):
        rng = random.Random(shift)  # noqa: S311 - a fixed sequence of moves
        engine = started(simulated=simulated, seed=3)
        for number in range(2500):
            move = (rng.choice(choices), rng.randrange(12), rng.choice([0, 5, 20]))
            result = play(engine, number, move, simulated=simulated)
            accepted[result.event.action_type] += result.accepted
            if number % 50 == 0:
                assert objections(glance(engine)) == {}
    stages = (
        *("CENTRIFUGE_END", "ALIQUOT_CREATE", "START_RUN", "RERUN_REQUEST"),
        *("AMEND_RESULT", "ADD_ON_TEST"),
        # In simulated time results leave by themselves as a rule.
        *(() if simulated else ("RELEASE_RESULT",)),
    )
    assert [action for action in stages if not accepted[action]] == []
