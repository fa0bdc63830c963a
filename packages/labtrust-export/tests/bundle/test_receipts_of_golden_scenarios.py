"""Every specimen and result of every golden scenario has a receipt that says what became of it."""

from types import SimpleNamespace

import pytest
from labtrust_core.golden import runner
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.record import EventRecord, read_record
from labtrust_export.receipts import receipts_of

SETTLED = {"released": "RELEASED", "superseded": "SUPERSEDED", "amended": "AMENDED"}


def told(episode):
    """Return the receipts of a finished episode, and what its world holds."""
    records = [read_record(line) for line in episode.lines]
    receipts = receipts_of(records, [leaf_hash(line) for line in episode.lines])
    world = episode.engine.ctx.world
    return SimpleNamespace(
        name=episode.scenario.scenario_id,
        receipts={(item.entity_type, item.entity_id): item for item in receipts},
        results={name: item.status for name, item in world.results.items()},
        specimens={name: item.status for name, item in world.specimens.items()},
        events=[record for record in records if isinstance(record, EventRecord)],
    )


@pytest.fixture(scope="module", params=[None, "upstream_compat"])
def episodes(request):
    found = []
    hooks = {"tell": lambda episode, _parameters: found.append(told(episode))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "HOOKS", hooks)
        patch.setattr(runner, "hooks_of", lambda _scenario: [("tell", {})])
        assert runner.run_golden(partner=request.param).passed
    assert len(found) > 10
    return found


def test_every_specimen_and_result_has_one_and_nothing_else(episodes):
    for episode in episodes:
        held = {("result", name) for name in episode.results}
        held |= {("specimen", name) for name in episode.specimens}
        assert episode.receipts.keys() == held, episode.name


def test_a_result_that_came_in_the_episode_ended_as_its_receipt_says(episodes):
    seen = set()
    for episode in episodes:
        for name, status in episode.results.items():
            item = episode.receipts["result", name]
            if "result_generated" not in item.timestamps:
                continue  # the scenario brought it along, in whatever state
            if status in SETTLED:
                assert item.decision == SETTLED[status], (episode.name, name)
            else:
                assert item.decision not in SETTLED.values(), (episode.name, name)
            if item.decision == "HELD":
                assert status == "held", (episode.name, name)
            seen.add(item.decision)

    assert seen >= {"RELEASED", "PENDING"}


def test_a_specimen_that_was_turned_away_says_so_and_no_other_does(episodes):
    for episode in episodes:
        for name, status in episode.specimens.items():
            item = episode.receipts["specimen", name]
            if "received" in item.timestamps or item.decided_by is not None:
                rejected = status == "rejected"
                assert (item.decision == "REJECTED") == rejected, (episode.name, name)


def test_a_blocked_receipt_names_the_record_that_refused(episodes):
    for episode in episodes:
        for item in episode.receipts.values():
            if item.decision == "BLOCKED":
                record = episode.events[item.decided_by - 1]
                assert record.outcome["status"] == "BLOCKED"
                assert record.outcome["reason"] in item.reason_codes
