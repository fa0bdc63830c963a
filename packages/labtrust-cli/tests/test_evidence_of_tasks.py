"""Evidence of every task: the receipts are those of all specimens and results of the world."""

from types import SimpleNamespace

import pytest

pytest.importorskip("labtrust_export", reason="evidence belongs to labtrust-export")
pytest.importorskip("labtrust_bench", reason="tasks belong to labtrust-bench")


def listed():
    from labtrust_bench.tasks.registry import list_tasks

    return list_tasks()


class World:
    """Notes what there is at the end of an episode."""

    def begin(self, session):
        """Nothing yet."""

    def step(self, session, results):
        """Wait."""

    def end(self, session):
        world = session.ctx.world
        self.results = {name: item.status for name, item in world.results.items()}
        self.specimens = {name: item.status for name, item in world.specimens.items()}


@pytest.fixture(scope="module", params=listed())
def played(request, tmp_path_factory):
    """Play a task, watched, and build its bundle."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from labtrust_bench.runs.benchmark import Benchmark
    from labtrust_bench.runs.episode import run_episode
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_core.ledger.writer import LogWriter
    from labtrust_core.trust.key_files import SigningKey
    from labtrust_export.bundle import ExportKeys, build_bundle
    from labtrust_export.receipts import read_receipt
    from labtrust_export.run_evidence import EpisodeSource

    folder = tmp_path_factory.mktemp(request.param)
    benchmark = Benchmark(RunConfig(request.param, variant="smoke", base_seed=7))
    world = World()
    with LogWriter(folder / "log.jsonl", sync="none") as writer:
        run_episode(benchmark.session, benchmark.agents, 7, [world], sink=writer.write)
    key = SigningKey("test", Ed25519PrivateKey.generate())
    summary = build_bundle(
        EpisodeSource(folder / "log.jsonl"), folder / "out", ExportKeys((key,), key)
    )
    lines = (summary.path / "receipts.jsonl").read_bytes().splitlines()
    found = [read_receipt(line) for line in lines]
    return SimpleNamespace(
        world=world,
        summary=summary,
        specimens={item.entity_id: item for item in found if item.entity_type == "specimen"},
        results={item.entity_id: item for item in found if item.entity_type == "result"},
    )


def test_every_specimen_and_result_has_a_receipt(played):
    assert played.specimens.keys() == played.world.specimens.keys()
    assert played.results.keys() == played.world.results.keys()
    assert played.specimens


def test_what_is_out_is_said_to_be_out(played):
    out = {name for name, item in played.results.items() if item.decision == "RELEASED"}

    assert out == {name for name, status in played.world.results.items() if status == "released"}


def test_what_was_turned_away_is_said_to_be(played):
    away = {name for name, item in played.specimens.items() if item.decision == "REJECTED"}

    assert away == {name for name, status in played.world.specimens.items() if status == "rejected"}


def test_the_summary_counts_them(played):
    assert sum(played.summary.specimens.values()) == len(played.specimens)
    assert sum(played.summary.results.values()) == len(played.results)
