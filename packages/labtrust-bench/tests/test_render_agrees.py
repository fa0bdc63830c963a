"""What a picture reads back from the log of a played episode is what the world was."""

from collections import Counter
from types import SimpleNamespace

import pytest
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.runs.plan import RunConfig
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.render.episode_log import read_episode_log
from labtrust_core.render.shift import FAULT, SERVICE, read_shift
from labtrust_core.render.whereabouts import Replay

EVERY = 20  # steps between two looks at the world


class Watcher:
    """Notes where everything is, now and then, and how many events have led there."""

    def __init__(self):
        self.steps = 0
        self.seen = []

    def begin(self, session):
        del session

    def step(self, session, results):
        del results
        self.steps += 1
        if self.steps % EVERY == 0:
            self.seen.append((session.engine.chain.events, session.ctx.trust.now, seen(session)))

    def end(self, session):
        self.devices = {name: item.busy_s for name, item in session.ctx.world.devices.items()}


def seen(session):
    """Return what a snapshot must show of the world."""
    world = session.ctx.world
    queued = {item: name for name, device in world.devices.items() for item in device.queue.waiting}
    places = Counter()
    for item in world.specimens.values():
        kind, _, name = item.place.partition(":")
        name = world.consignments[name].route_id if kind == "consignment" else name
        if kind != "zone" or item.specimen_id not in queued:
            places[kind, name] += 1
    return {
        "people": {
            item.agent_id: (item.zone, places["agent", item.agent_id])
            for item in world.agents.values()
        },
        "devices": {
            name: (Counter(queued.values())[name], places["device", name]) for name in world.devices
        },
        "lying": {name: n for (kind, name), n in places.items() if kind == "zone"},
        "on the road": {name: n for (kind, name), n in places.items() if kind == "consignment"},
    }


def shown(snapshot):
    """Return the same of a snapshot."""
    return {
        "people": {item.name: (item.zone, item.carried) for item in snapshot.people},
        "devices": {name: (item.waiting, item.inside) for name, item in snapshot.devices.items()},
        "lying": dict(snapshot.lying),
        "on the road": dict(snapshot.on_the_road),
    }


@pytest.fixture(scope="module")
def played(policy, tmp_path_factory):
    """Play a task with two sites, watched."""
    path = tmp_path_factory.mktemp("render") / "episode.jsonl"
    benchmark = Benchmark(RunConfig("multi_site_stat", variant="smoke", base_seed=7), policy)
    watcher = Watcher()
    with LogWriter(path, sync="none") as writer:
        run_episode(benchmark.session, benchmark.agents, 7, [watcher], sink=writer.write)
    crew = policy.tables.crews[benchmark.task.crew].members.values()
    return SimpleNamespace(log=read_episode_log(path), watcher=watcher, crew=crew)


def test_a_replay_shows_what_the_world_was_all_along(policy, played):
    places = {item.agent_id: item.zone for item in played.crew}
    replay, done = Replay(policy.tables, places, {}, 0), 0
    for events, now_s, world in played.watcher.seen:
        for event in played.log.events[done:events]:
            replay.take(event)
        done = events
        assert shown(replay.snapshot(now_s)) == world

    assert played.watcher.seen[-1][2]["lying"]
    assert any(world["on the road"] for _, _, world in played.watcher.seen)


def test_runs_last_as_long_as_the_devices_were_busy(policy, played):
    busy = Counter()
    exact = set(policy.tables.devices)
    for lane in read_shift(played.log, policy).devices:
        for bar in lane.bars:
            if bar.kind == FAULT or bar.open_end:
                exact.discard(lane.name)
            elif bar.kind != SERVICE:
                busy[lane.name] += bar.end_s - bar.start_s

    analysers = {name for name in exact if policy.tables.devices[name].type.kind != "centrifuge"}
    assert analysers
    assert {name: busy[name] for name in analysers} == {
        name: played.watcher.devices[name] for name in analysers
    }
