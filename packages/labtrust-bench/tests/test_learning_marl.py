"""Training itself: needs the extra ``marl``, as `hatch run marl:test` has it."""

import functools
import json
import shutil

import numpy as np
import pytest
from labtrust_bench.learning.config import preset
from labtrust_bench.learning.encoding import member_number, policy_input
from labtrust_bench.learning.network import read_network
from labtrust_bench.learning.policy import learned_crew
from labtrust_bench.learning.run_files import RunFolder, read_curve, read_record
from labtrust_bench.tasks.registry import get_task
from labtrust_core.errors import UsageError
from labtrust_env.session import Session

pytest.importorskip("sb3_contrib", reason="training needs the extra marl")

from labtrust_bench.learning.decisions import DecisionBuffer, advantages_at_decisions
from labtrust_bench.learning.learner import last_checkpoint
from labtrust_bench.learning.pool import LabPool
from labtrust_bench.learning.streams import MemberStreams
from labtrust_bench.learning.trainer import resume, train
from labtrust_bench.learning.yardsticks import mean_rewards

# Libraries of the extra warn of their own use of others.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]
CONFIG = preset("tiny", task="throughput_sla", steps=39_000, validate_every=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train once for given options and give the folder."""

    @functools.cache
    def once(workers=1, seed=0, tag=""):
        folder = tmp_path_factory.mktemp(f"run{tag}") / "run"
        config = preset("tiny", task="throughput_sla", steps=39_000, validate_every=2, seed=seed)
        train(config, folder, workers)
        return RunFolder(folder)

    return once


def by_hand(paid, values, deciding, ends, gamma, gae_lambda):
    """The advantage of each decision of one stream, decision by decision."""
    places = [t for t in range(len(paid)) if deciding[t]]
    found = np.zeros(len(paid))
    for number in reversed(range(len(places))):
        at = places[number]
        limit = next(t for t in range(at, len(paid)) if ends[t])
        following = next((t for t in places if at < t <= limit), None)
        stop = limit + 1 if following is None else following
        gain = sum(gamma ** (t - at) * paid[t] for t in range(at, stop))
        if following is None:
            found[at] = gain - values[at]
        else:
            ahead = gamma ** (following - at)
            found[at] = gain + ahead * values[following] - values[at]
            found[at] += ahead * gae_lambda * found[following]
    return found


def test_advantages_reach_from_decision_to_decision():
    draws = np.random.default_rng(1)
    steps, streams = 40, 6
    paid = draws.standard_normal((steps, streams)).astype(np.float32)
    values = draws.standard_normal((steps, streams)).astype(np.float32)
    deciding = draws.random((steps, streams)) < 0.4
    ends = draws.random((steps, streams)) < 0.1
    ends[-1] = True
    begins = np.vstack([np.ones(streams, bool), ends[:-1]])

    found = advantages_at_decisions(paid, values, begins, deciding, 0.9, 0.8)
    expected = [
        by_hand(paid[:, s], values[:, s], deciding[:, s], ends[:, s], 0.9, 0.8)
        for s in range(streams)
    ]
    assert found == pytest.approx(np.array(expected).T, abs=1e-4)


@pytest.fixture
def streams():
    made = MemberStreams(LabPool(CONFIG), CONFIG.first_seed)
    yield made
    made.close()


def test_every_member_of_every_laboratory_is_a_stream(streams):
    first = streams.reset()

    assert streams.num_envs == CONFIG.labs * len(streams.pool.shape.members)
    assert first.shape == (streams.num_envs, streams.pool.shape.inputs)
    assert np.stack(streams.env_method("action_masks")).shape == streams.masks.shape
    assert streams.has_attr("action_masks")


def test_episodes_end_together_and_the_next_ones_begin(streams):
    streams.reset()
    waiting = np.zeros(streams.num_envs, np.int64)
    for _ in range(streams.pool.shape.steps):
        streams.step_async(waiting)
        _, _, over, _ = streams.step_wait()

    assert over.all()
    assert [item.seed for item in streams.finished] == list(
        range(CONFIG.first_seed, CONFIG.first_seed + CONFIG.labs)
    )
    assert streams.next_seed == CONFIG.first_seed + 2 * CONFIG.labs


def test_minibatches_hold_decisions_only(streams):
    from gymnasium import spaces

    buffer = DecisionBuffer(4, streams.observation_space, streams.action_space, "cpu", n_envs=2)
    import torch

    size = streams.pool.shape.actions
    masks = np.zeros((2, size), np.int8)
    masks[:, 0] = 1
    for step in range(4):
        masks[0, 1] = step % 2
        buffer.add(
            np.full((2, streams.pool.shape.inputs), step, np.float32),
            np.zeros((2, 1)),
            np.ones(2),
            np.zeros(2),
            torch.zeros(2),
            torch.zeros(2),
            action_masks=masks.astype(np.float32),
        )
    buffer.compute_returns_and_advantage(torch.zeros(2), np.ones(2))
    (batch,) = buffer.get(None)

    assert isinstance(streams.action_space, spaces.Discrete)
    assert sorted(batch.observations[:, 0].tolist()) == [1.0, 3.0]


@pytest.mark.slow
def test_a_run_leaves_all_that_was_promised(trained):
    folder = trained()
    record = read_record(folder.record)
    rows = read_curve(folder.curve)
    report = json.loads(folder.report.read_bytes())

    assert record.config == preset("tiny", task="throughput_sla", steps=39_000, validate_every=2)
    assert [row.update for row in rows] == list(range(1, record.updates + 1))
    assert rows[-1].agent_steps == record.agent_steps >= 39_000
    assert report["validation_reward"] == pytest.approx(
        max(row.validation_reward for row in rows if row.validation_reward is not None), abs=1e-3
    )
    assert last_checkpoint(folder.checkpoints) == record.updates
    assert list(folder.tensorboard.iterdir())
    assert "polyline" in folder.picture.read_text(encoding="utf-8")
    assert report["yardsticks"] == pytest.approx(mean_rewards(record.config))


@pytest.mark.slow
def test_the_same_configuration_gives_the_same_weights_whoever_plays(trained):
    first, again = trained(), trained(workers=2, tag="again")

    assert first.policy.read_bytes() == again.policy.read_bytes()
    assert [row.reward for row in read_curve(first.curve)] == [
        row.reward for row in read_curve(again.curve)
    ]


@pytest.mark.slow
def test_another_seed_learns_something_else(trained):
    assert trained().policy.read_bytes() != trained(seed=1).policy.read_bytes()


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_end(trained, tmp_path):
    whole = trained()
    stopped = RunFolder(tmp_path / "stopped")
    shutil.copytree(whole.path, stopped.path)
    last = last_checkpoint(stopped.checkpoints)
    for path in stopped.checkpoints.glob(f"*{last:06d}*"):
        path.unlink()
    stopped.report.unlink()
    resume(stopped.path)

    assert last_checkpoint(stopped.checkpoints) == last
    assert stopped.policy.read_bytes() == whole.policy.read_bytes()
    assert [row.reward for row in read_curve(stopped.curve)] == [
        row.reward for row in read_curve(whole.curve)
    ]


@pytest.mark.slow
def test_a_run_under_another_policy_does_not_go_on(trained, tmp_path):
    folder = RunFolder(tmp_path / "other")
    shutil.copytree(trained().path, folder.path)
    record = json.loads(folder.record.read_bytes())
    record["policy_fingerprint"] = "0" * 64
    folder.record.write_text(json.dumps(record), encoding="utf-8")

    with pytest.raises(UsageError, match="policy_fingerprint"):
        resume(folder.path)


@pytest.mark.slow
def test_numpy_decides_as_the_model_does(trained, policy):
    from sb3_contrib import MaskablePPO

    folder = trained()
    model = MaskablePPO.load(folder.model, device="cpu")
    network = read_network(folder.policy)
    session = Session(policy, get_task("throughput_sla", "smoke").session_config())
    crew = learned_crew(session.members, folder.path)
    session.reset(77)
    from labtrust_env.observations import Observer

    observer = Observer(session)
    compared = 0
    for name, agent in crew.items():
        agent.reset(name, 77)
    while session.steps < 60:
        observer.refresh()
        actions = {}
        for name, agent in crew.items():
            usable = session.mask(name) * network.usable
            row = policy_input(observer.observe(name), usable, member_number(name))
            likeliest, _ = model.predict(row, deterministic=True, action_masks=usable)
            logits = np.where(usable, network.logits(row), -np.inf)
            best = np.sort(logits)[-2:]
            if best[1] - best[0] > 1e-4:
                assert int(likeliest) == int(logits.argmax())
                compared += 1
            actions[name] = agent.act_on(observer.observe(name), session.mask(name))
        session.step(actions)
    assert compared > 100


def test_a_folder_with_something_in_it_is_not_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(UsageError, match="--resume"):
        train(CONFIG, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_a_search_proposes_settings_and_repeats_itself():
    pytest.importorskip("optuna", reason="a search needs the extra marl_hpo")
    from labtrust_bench.learning.search import search

    advanced = []
    config = preset("tiny", task="throughput_sla", steps=10)
    found = [search(config, 2, 1, lambda: advanced.append(1)) for _ in range(2)]

    assert found[0] == found[1]
    assert len(advanced) == 4
    assert found[0].settings.keys() == {
        "learning_rate",
        "entropy",
        "gamma",
        "gae_lambda",
        "epochs",
    }
    assert found[0].config.learning_rate == found[0].settings["learning_rate"]
    assert found[0].config.steps == config.steps
