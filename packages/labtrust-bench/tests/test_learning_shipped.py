"""The trained crew that the repository keeps: it fits, it plays, and it does what is said of it."""

from pathlib import Path

import pytest
from labtrust_bench.learning.comparison import compare
from labtrust_bench.learning.config import require_held_out
from labtrust_bench.learning.encoding import layout_fingerprint
from labtrust_bench.learning.network import read_network
from labtrust_bench.learning.run_files import RunFolder, read_curve, read_record
from labtrust_bench.tasks.registry import get_task
from labtrust_core.errors import UsageError
from labtrust_env.observations import Observer
from labtrust_env.session import Session

FOLDER = RunFolder(
    Path(__file__).resolve().parents[3] / "benchmarks" / "trained" / "throughput_sla_smoke"
)
pytestmark = pytest.mark.skipif(
    not FOLDER.policy.exists(), reason="only a checkout holds trained crews"
)


def test_it_was_trained_on_the_laboratory_as_it_is(policy):
    session = Session(policy, get_task("throughput_sla", "smoke").session_config())
    now = layout_fingerprint(Observer(session).layout, session.actions)

    assert read_network(FOLDER.policy).head.layout_fingerprint == now
    assert read_record(FOLDER.record).layout_fingerprint == now


def test_its_curve_has_every_update_and_its_policy_did_best_in_it():
    record, rows = read_record(FOLDER.record), read_curve(FOLDER.curve)
    validated = [row.validation_reward for row in rows if row.validation_reward is not None]

    assert len(rows) == record.updates
    assert rows[-1].agent_steps == record.agent_steps
    assert max(validated) > 3 * rows[1].reward


def test_the_seeds_of_the_comparison_are_held_out():
    record = read_record(FOLDER.record)
    require_held_out(record.config, record.updates, tuple(range(42, 62)))

    with pytest.raises(UsageError):
        require_held_out(record.config, record.updates, (record.seeds.first,))


def test_it_beats_random_and_fifo_in_a_few_episodes():
    found = compare(FOLDER.path, 4, 42)

    assert found.beats == {"random": True, "fifo": True}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_beats_random_and_fifo_over_twenty_held_out_episodes_and_comes_near_the_scripted_crew():
    found = compare(FOLDER.path, 20, 42)

    assert found.beats == {"random": True, "fifo": True}
    assert found.share_of_scripted > 0.9
    ppo = found.crews[-1]
    assert ppo.violations.mean <= 0.1
    assert ppo.reward.mean < found.ceiling
