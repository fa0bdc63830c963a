"""What a training is told, what a trained policy is kept in, and how it plays: NumPy alone."""

import msgspec
import numpy as np
import pytest
from labtrust_bench.learning.config import (
    PRESETS,
    TRAINING_SEEDS_FROM,
    adapted,
    preset,
    require_held_out,
)
from labtrust_bench.learning.curve import curve_svg
from labtrust_bench.learning.encoding import (
    action_set,
    input_size,
    layout_fingerprint,
    member_number,
    policy_input,
)
from labtrust_bench.learning.network import (
    FORMAT,
    PolicyFitError,
    PolicyHead,
    PolicyNetwork,
    read_network,
    write_network,
)
from labtrust_bench.learning.policy import LearnedAgent, learned_crew, stated_policy
from labtrust_bench.learning.run_files import CurveRow, read_curve, write_curve
from labtrust_bench.runs.crew import crew_of, stated
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.tasks.registry import get_task
from labtrust_core.errors import DocumentError, UnknownNameError, UsageError
from labtrust_env.observations import Observer
from labtrust_env.session import Session


def network(inputs=9, actions=3, layout="here", *, seed=0, usable=None):
    draws = np.random.default_rng(seed)
    head = PolicyHead(
        format=FORMAT,
        layers=2,
        decide="sample",
        layout_fingerprint=layout,
        policy_fingerprint="any",
        task="throughput_sla",
        variant="smoke",
    )
    weights = tuple(
        draws.standard_normal(size).astype(np.float32).astype(np.float64)
        for size in ((inputs, 4), (4, actions))
    )
    biases = tuple(
        draws.standard_normal(size).astype(np.float32).astype(np.float64) for size in (4, actions)
    )
    allowed = np.ones(actions, np.int8) if usable is None else np.array(usable, np.int8)
    return PolicyNetwork(head, allowed, weights, biases)


@pytest.fixture
def session(policy):
    return Session(policy, get_task("throughput_sla", "smoke").session_config())


@pytest.fixture
def fitting(session):
    """A policy of the right sizes with random weights."""
    layout = Observer(session).layout
    count = len(session.actions)
    fingerprint = layout_fingerprint(layout, session.actions)
    return network(input_size(layout, session.actions), count, fingerprint)


def test_every_preset_can_be_made():
    assert {name: preset(name, task="any").task for name in PRESETS} == dict.fromkeys(
        PRESETS, "any"
    )


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="tiny"):
        preset("enormous", task="any")


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"gamma": 1.5}, {"colour": "red"}])
def test_a_setting_out_of_its_range_is_refused(wrong):
    with pytest.raises(UsageError, match="no such training"):
        preset("default", task="any", **wrong)


def test_settings_replace_those_of_an_earlier_run():
    before = preset("tiny", task="any", seed=3)

    assert adapted(before, steps=7) == msgspec.structs.replace(before, steps=7)


def test_training_validation_and_held_out_seeds_never_meet():
    configs = [preset("default", task="any", seed=seed, labs=8) for seed in (0, 1, 99_999)]
    seen = [set(config.training_seeds(1_000)) for config in configs]
    seen += [set(config.validation_seeds) for config in configs]

    assert min(map(min, seen)) >= TRAINING_SEEDS_FROM
    assert len(set().union(*seen)) == sum(map(len, seen))


def test_a_policy_is_not_measured_on_what_it_was_trained_or_picked_on():
    config = preset("default", task="any")
    require_held_out(config, 10, (0, TRAINING_SEEDS_FROM - 1))

    for seed in (config.training_seeds(10)[-1], config.validation_seeds[0]):
        with pytest.raises(UsageError, match=str(seed)):
            require_held_out(config, 10, (0, seed))


def test_verbs_and_actions_can_be_left_out_of_the_action_set(session):
    left = action_set(session.actions, ["TICK", "MOVE"], ["RETRIEVE"])
    names = {action.name for action in session.actions if left[action.index]}

    assert left[0] == 1
    assert not {name for name in names if name.startswith(("MOVE", "TICK", "RETRIEVE"))}
    assert "STORE" in names


@pytest.mark.parametrize(("verbs", "names"), [(["DANCE"], []), ([], ["MOVE:MOON"]), (["NOOP"], [])])
def test_only_what_exists_and_is_not_waiting_can_be_left_out(session, verbs, names):
    with pytest.raises(UnknownNameError):
        action_set(session.actions, verbs, names)


def test_the_fingerprint_tells_layouts_and_action_tables_apart(session):
    layout = Observer(session).layout
    other = Observer(session).layout
    other.add("more", ["n"], "flag", 1, "One more number.")

    prints = {
        layout_fingerprint(layout, session.actions),
        layout_fingerprint(other, session.actions),
        layout_fingerprint(layout, session.actions[:-1]),
    }
    assert len(prints) == 3


def test_a_written_policy_is_read_back_exactly(tmp_path):
    before = network(usable=[1, 0, 1])
    write_network(tmp_path / "policy.npz", before)
    after = read_network(tmp_path / "policy.npz")

    assert after.head == before.head
    assert after.usable.tolist() == [1, 0, 1]
    assert all(
        np.array_equal(a, b)
        for a, b in zip(after.weights + after.biases, before.weights + before.biases, strict=True)
    )


def damaged(path, **changes):
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    for name, value in changes.items():
        if value is None:
            del arrays[name]
        else:
            arrays[name] = value
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "change",
    [
        {"head": None},
        {"head": np.frombuffer(b'{"format": 1}', np.uint8)},
        {"weight_1": None},
        {"extra": np.zeros(1, np.float32)},
        {"weight_1": np.zeros((5, 3), np.float32)},
        {"weight_1": np.zeros((4, 3), np.float64)},
        {"bias_0": np.full(4, np.nan, np.float32)},
        {"usable": np.array([0, 1, 1], np.int8)},
        {"usable": np.array([1, 2, 1], np.int8)},
        {"usable": np.array([1, 1], np.int8)},
    ],
)
def test_a_damaged_policy_is_refused_and_named(tmp_path, change):
    path = tmp_path / "policy.npz"
    write_network(path, network())
    damaged(path, **change)

    with pytest.raises(DocumentError, match=r"policy\.npz"):
        read_network(path)


def test_a_policy_with_a_pickle_in_it_is_not_opened(tmp_path):
    path = tmp_path / "policy.npz"
    write_network(path, network())
    damaged(path, usable=np.array([{"a": 1}, None, None], dtype=object))

    with pytest.raises(DocumentError, match="no policy can be read"):
        read_network(path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_policy_is_refused(tmp_path, content):
    path = tmp_path / "policy.npz"
    path.write_bytes(content)

    with pytest.raises(DocumentError, match="no policy can be read"):
        read_network(path)


def test_the_numbers_are_those_of_the_layers():
    policy = network()
    row = np.linspace(0, 1, 9, dtype=np.float32)
    hidden = np.tanh(row.astype(np.float64) @ policy.weights[0] + policy.biases[0])

    assert policy.logits(row) == pytest.approx(
        hidden @ policy.weights[1] + policy.biases[1], abs=1e-6
    )


def test_only_possible_and_usable_actions_are_taken():
    agent = LearnedAgent(network(usable=[1, 0, 1]))
    agent.reset("runner_0", 4)
    taken = {
        agent.act_on(np.zeros(2, np.float32), np.array([1, 1, 1], np.int8)) for _ in range(200)
    }

    assert taken == {0, 2}
    assert agent.act_on(np.zeros(2, np.float32), np.array([1, 1, 0], np.int8)) == 0


def test_draws_follow_the_distribution():
    policy = network()
    agent = LearnedAgent(policy)
    agent.reset("runner_0", 4)
    observation, mask = np.zeros(2, np.float32), np.ones(3, np.int8)
    taken = np.bincount([agent.act_on(observation, mask) for _ in range(4_000)], minlength=3)
    odds = np.exp(policy.logits(policy_input(observation, mask, member_number("runner_0"))))

    assert taken / taken.sum() == pytest.approx(odds / odds.sum(), abs=0.03)


def test_a_greedy_agent_takes_the_likeliest():
    policy = network()
    agent = LearnedAgent(policy, "greedy")
    agent.reset("runner_0", 4)
    observation, mask = np.zeros(2, np.float32), np.ones(3, np.int8)

    likeliest = int(
        policy.logits(policy_input(observation, mask, member_number("runner_0"))).argmax()
    )
    assert {agent.act_on(observation, mask) for _ in range(20)} == {likeliest}


def test_an_agent_repeats_itself_in_the_same_episode_and_differs_by_member_and_seed():
    agent = LearnedAgent(network())
    observation, mask = np.zeros(2, np.float32), np.ones(3, np.int8)

    def played(name, seed):
        agent.reset(name, seed)
        return tuple(agent.act_on(observation, mask) for _ in range(40))

    assert played("runner_0", 1) == played("runner_0", 1)
    assert len({played("runner_0", 1), played("runner_1", 1), played("runner_0", 2)}) == 3


def test_members_of_one_role_are_told_apart():
    numbers = [member_number(f"runner_{number}").tolist() for number in (0, 1, 3, 12)]

    assert numbers == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]


def test_an_observation_of_another_length_is_refused():
    with pytest.raises(PolicyFitError, match="do not fit"):
        LearnedAgent(network()).act_on(np.zeros(3, np.float32), np.ones(3, np.int8))


def test_a_trained_crew_plays_an_episode_and_the_same_one_again(session, fitting, tmp_path):
    write_network(tmp_path / "policy.npz", fitting)
    crew = learned_crew(session.members, tmp_path)

    assert run_episode(session, crew, 3) == run_episode(session, crew, 3)


def test_a_policy_of_another_layout_is_refused_before_it_plays(session, tmp_path):
    count = len(session.actions)
    write_network(
        tmp_path / "policy.npz",
        network(input_size(Observer(session).layout, session.actions), count, "elsewhere"),
    )

    with pytest.raises(PolicyFitError, match="train it again"):
        run_episode(session, learned_crew(session.members, tmp_path), 3)


def test_a_trained_crew_is_named_by_its_folder(session, fitting, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_network(folder / "policy.npz", fitting)
    spec = f"ppo:{folder}"

    assert crew_of(spec)(get_task("throughput_sla"), session.members).keys() == {*session.members}
    assert stated(spec) == f"ppo:{stated_policy(str(folder))}"
    assert str(tmp_path) not in stated(spec)


def test_a_folder_without_a_policy_is_refused(session, tmp_path):
    with pytest.raises(DocumentError, match="no policy"):
        learned_crew(session.members, tmp_path)
    with pytest.raises(DocumentError, match="no policy"):
        stated(f"ppo:{tmp_path}")


def rows():
    return [
        CurveRow(
            update=number,
            agent_steps=12_345_678 * number,
            seconds=1.5 * number,
            reward=-20.0 + 10 * number,
            paid=1.0,
            released=2.0,
            blocked=3.0,
            violations=0.0,
            validation_reward=-15.0 + 10 * number if number % 2 == 0 else None,
            validation_released=4.0 if number % 2 == 0 else None,
        )
        for number in range(1, 5)
    ]


def test_a_written_curve_is_read_back(tmp_path):
    write_curve(tmp_path / "curve.csv", rows())

    assert read_curve(tmp_path / "curve.csv") == rows()


def test_a_curve_that_is_none_is_refused(tmp_path):
    (tmp_path / "curve.csv").write_text("update,colour\n1,red\n", encoding="utf-8")

    with pytest.raises(DocumentError, match="no learning curve"):
        read_curve(tmp_path / "curve.csv")


def test_the_picture_names_the_other_crews_and_rises_with_the_reward():
    svg = curve_svg(rows(), {"random": -30.0, "scripted": 60.0}, "A curve")
    points = svg.split('points="')[1].split('"')[0].split()
    heights = [float(point.partition(",")[2]) for point in points]

    assert heights == sorted(heights, reverse=True)
    assert ">random<" in svg
    assert ">scripted<" in svg
