"""Each control is worth having: without it, the attempt that it stops changes the world."""

import pytest
from labtrust_bench.agents.opponents.casts import INSIDER_ATTEMPTS, KEY_MISUSE, OUTSIDER_ATTEMPTS
from labtrust_bench.runs.controls import CONTROLS, control, overlaid, session_without
from labtrust_bench.runs.twins import Twins
from labtrust_bench.tasks.registry import get_task
from labtrust_core.domains import open_documents
from labtrust_core.errors import PolicyError, UnknownNameError, UsageError

ATTEMPTS = {
    "insider_key_misuse": {("insider_0", item.phase, item.name): item for item in KEY_MISUSE},
    "adversarial_disruption": {
        (member, item.phase, item.name): item
        for member, items in (("adversary_0", OUTSIDER_ATTEMPTS), ("insider_0", INSIDER_ATTEMPTS))
        for item in items
    },
}


def _words(item):
    return item if isinstance(item, str) else " ".join(item)


CASES = [(task, key) for task, found in ATTEMPTS.items() for key in found]


@pytest.fixture(scope="session")
def opened():
    """The shipped policy, as documents and compiled."""
    return open_documents()


@pytest.fixture(scope="session")
def twins(opened):
    """Both tasks' twins; an episode is played when a test first asks for it."""
    return {task: Twins(opened, get_task(task, "smoke"), 7) for task in ATTEMPTS}


@pytest.mark.parametrize(("task", "key"), CASES, ids=_words)
def test_an_attempt_is_stopped_by_its_control_and_succeeds_without(twins, task, key):
    row, attempt = twins[task].row(*key), ATTEMPTS[task][key]

    assert row.made > 0
    assert row.refused == row.made
    assert set(row.codes) <= attempt.codes
    assert row.effects == ()
    assert row.detected_after_s == row.contained_after_s == 0
    assert row.succeeds_without
    assert row.effects_without
    assert row.holds


def test_without_its_control_an_effect_may_never_be_noticed_or_stand_for_good(twins):
    row = twins["insider_key_misuse"].row("insider_0", "forbidden_action", "promote")

    assert row.detected_without_s is None
    assert row.contained_without_s is None


def test_a_door_left_open_is_noticed_by_its_alarm_and_shut(twins):
    row = twins["insider_key_misuse"].row("insider_0", "token_misuse", "borrowed")
    open_s = 200  # as long as the door may stand open

    assert open_s < row.detected_without_s <= open_s + 20
    assert open_s < row.contained_without_s <= open_s + 20


def test_every_control_stops_an_attempt():
    used = {item.control for found in ATTEMPTS.values() for item in found.values()}

    assert used == set(CONTROLS)


def test_attempts_of_one_name_are_stopped_by_one_control():
    for items in (KEY_MISUSE, OUTSIDER_ATTEMPTS, INSIDER_ATTEMPTS):
        named = {(item.phase, item.name) for item in items}
        assert len({(item.phase, item.name, item.control, item.codes) for item in items}) == len(
            named
        )


def test_unknown_attempt_names_the_known_ones(twins):
    with pytest.raises(UnknownNameError, match="persistence"):
        twins["insider_key_misuse"].row("insider_0", "bribery", "ask")


def test_unknown_control_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="token_expiry"):
        control("courtesy")


def test_a_changed_policy_has_a_fingerprint_of_its_own(opened):
    changed = overlaid(opened.documents, {"enforcement": {"enabled": False}})

    assert changed.fingerprint != opened.documents.fingerprint
    assert overlaid(opened.documents, {}) is opened.documents


def test_a_change_that_does_not_fit_is_an_error(opened):
    with pytest.raises(PolicyError, match="max_head_lag"):
        overlaid(opened.documents, {"keys": {"max_head_lag": "long"}})


def test_switching_a_control_off_leaves_the_policy_in_force_alone(opened):
    config = get_task("insider_key_misuse", "smoke").session_config()
    plain = session_without(opened, config, None)
    session = session_without(opened, config, "enforcement")

    assert session.engine.policy.enforcement == ()
    assert plain.engine.policy is opened.compiled
    assert opened.compiled.enforcement


def test_a_task_without_opponents_has_no_twins(opened):
    with pytest.raises(UsageError, match="no opponents"):
        Twins(opened, get_task("throughput_sla", "smoke"), 1).play()
