"""Replay: every golden episode comes out byte for byte, and a forged one does not."""

import json
import math
from dataclasses import replace

import pytest
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.domains import open_documents
from labtrust_core.golden import runner as golden
from labtrust_core.golden.coverage import Recorder
from labtrust_core.golden.reader import read_suite, read_test_keys
from labtrust_core.golden.runner import TEST_KEYS, Bench, RunOptions, suite_folder
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.load import partner_ids
from labtrust_core.testing.laboratory import Laboratory
from labtrust_core.trust.keys import TestKeyring
from labtrust_export.testing.sealing import relinked
from labtrust_export.verify import replay
from labtrust_export.verify.codes import Level
from labtrust_export.verify.episode import EpisodePass
from labtrust_export.verify.policy import read_policy
from labtrust_export.verify.replay import Replay, compiled
from labtrust_export.verify.report import FaultError

FAULTS = ("tool_fault_injection", "frozen_zones", "stopped_devices")


class Lines:
    """A ledger in memory, read like a file."""

    def __init__(self, lines):
        self._lines = lines

    def lines(self, limit=0):
        """Yield the lines with their LF."""
        del limit
        return iter([line + b"\n" for line in self._lines])


def levels(lines, policy):
    """Return the code of the first fault of a ledger at L0 to L3, or None."""
    found = EpisodePass(policy, Level.L3, with_receipts=True)
    found.read(Lines(lines))
    for level in (Level.L0, Level.L1, Level.L2):
        if level in found.faults:
            return found.faults[level]
    try:
        Replay(found.start, compiled(found.start, policy)).run(Lines(lines))
    except FaultError as fault:
        return fault
    return None


class Suite:
    """A suite of golden scenarios under one policy, whose scenarios can be played one by one."""

    def __init__(self, partner=None):
        directory = find_policy_dir(None)
        opened = open_documents(directory, partner)
        self.policy = read_policy(opened.documents.snapshot + b"\n")
        suite = read_suite(suite_folder(directory, partner))
        keyring = TestKeyring(
            read_test_keys(directory / TEST_KEYS).keys, suite.deterministic.rng_seed
        )
        options = RunOptions(sign_placeholders=True)
        self.bench = Bench(suite, opened, keyring, Recorder(opened), options)
        self.scenarios = {item.scenario_id: item for item in suite.scenarios}

    def lines(self, name):
        """Play a scenario and return the lines of its ledger."""
        self.bench.recorder.begin(name, is_weakened=bool(self.scenarios[name].without))
        run = golden._Run(self.bench, self.scenarios[name])
        run.start()
        run.script()
        run.engine.finish()
        run.tools.release()
        return run.lines

    def is_odd(self, name):
        """Whether a scenario damages the engine or its start in a way that no ledger states."""
        scenario = self.scenarios[name]
        return bool(scenario.without) or any(key in scenario.initial_state for key in FAULTS)


@pytest.fixture(scope="module")
def suite():
    """The policy's own suite."""
    return Suite()


def names(*, odd):
    """Return the scenarios of the suite that are odd, or those that are not."""
    found = Suite()
    return [name for name in found.scenarios if found.is_odd(name) == odd]


@pytest.mark.parametrize("name", names(odd=False))
def test_every_golden_episode_keeps_the_rules_and_comes_out_again(suite, name):
    assert levels(suite.lines(name), suite.policy) is None


@pytest.mark.parametrize("name", names(odd=True))
def test_an_engine_that_was_damaged_does_not_come_out_again(suite, name):
    fault = levels(suite.lines(name), suite.policy)
    assert fault is not None
    assert fault.code.startswith(("AGENT_", "RULE_", "REPLAY_MISMATCH"))


@pytest.mark.parametrize("partner", partner_ids(find_policy_dir(None)))
def test_episodes_under_an_overlay_come_out_again(partner):
    suite = Suite(partner)
    found = [name for name in suite.scenarios if not suite.is_odd(name)]
    assert [name for name in found if levels(suite.lines(name), suite.policy)] == []


# -------------------------------------------------------------------------------- malformed events

MALFORMED = {
    "no object": "text",
    "nothing": None,
    "a list": [1, 2],
    "an object that is not whole": {"event_id": "E1"},
    "an object around a value": {"$value": 3},
    "a fraction that is whole": {"event_id": 5.0, "t_s": 0, "agent_id": "A", "action_type": "NOOP"},
    "bytes": b"123",
    "a number that is none": {"event_id": "E1", "t_s": math.nan},
    "a key that is no text": {1: 2},
    "too many fields": {f"field_{number}": number for number in range(100)},
    "a long text": {"event_id": "E" * 10_000},
}
NOT_KEPT_WHOLE = {
    "a tuple in arguments": {"args": {"of": (1, 2)}},
    "bytes in arguments": {"args": {"of": b"1"}},
    "infinity in arguments": {"args": {"of": math.inf}},
    "a huge integer in arguments": {"args": {"of": 2**60}},
    "a lone surrogate in arguments": {"args": {"of": "\ud800"}},
    "a set in arguments": {"args": {"of": {1}}},
}
WHOLE = {"event_id": "E1", "t_s": 0, "agent_id": "A_RUNNER", "action_type": "NOOP"}


@pytest.mark.parametrize(
    "raw",
    [*MALFORMED.values(), *({**WHOLE, **part} for part in NOT_KEPT_WHOLE.values())],
    ids=[*MALFORMED, *NOT_KEPT_WHOLE],
)
def test_what_was_no_event_comes_out_again(suite, raw):
    lines = []
    laboratory = Laboratory({}, sink=lines.append)
    assert laboratory.engine.step(raw).blocked_reason_code == "RC_EVENT_MALFORMED"
    laboratory.engine.step({**WHOLE, "event_id": "E2"})
    laboratory.engine.finish()
    assert levels(lines, suite.policy) is None


def test_an_event_that_was_whole_cannot_be_called_malformed(kit, verdict):
    def suppress(records):
        records[18]["outcome"] = {
            "detail": "no",
            "reason": "RC_EVENT_MALFORMED",
            "status": "BLOCKED",
        }

    report = verdict(kit.told("amended", suppress))
    assert report.failure.code == "REPLAY_MISMATCH"
    assert report.failure.record == 18


# ------------------------------------------------------------------------------------- what is told


def test_a_mismatch_names_the_first_record_that_differs(kit, verdict):
    def lie(records):
        records[3]["outcome"]["emits"] = ["NOTHING"]

    report = verdict(kit.told("reception", lie))
    assert (report.failure.code, report.failure.record) == ("REPLAY_MISMATCH", 3)
    assert "NOTHING" in report.failure.message
    assert report.reached is Level.L2


def test_a_time_far_away_does_not_let_the_clockwork_run_for_ever(kit, verdict):
    def hold(records):
        records[-1]["t"] = 2**52

    report = verdict(kit.told("clocked", hold))
    assert report.failure.code == "REPLAY_MISMATCH"
    assert report.reached is Level.L2


def test_another_engine_is_not_asked(kit, verdict):
    def other(records):
        records[0]["body"]["engine"] = "9.9.9"

    assert verdict(kit.told("signed", other)).failure.code == "REPLAY_UNAVAILABLE"


def test_a_domain_that_is_not_installed_cannot_replay(kit, verdict):
    def other(records):
        records[0]["body"]["domain"] = "moon_base"

    files = kit.told("signed", other)
    assert verdict(files).failure.code == "REPLAY_UNAVAILABLE"


def test_a_ledger_without_initial_state_stops_at_the_rules(kit, verdict):
    def forget(records):
        records[0]["body"]["scenario"] = None

    report = verdict(kit.told("clocked", forget))
    assert report.failure.code == "REPLAY_SCENARIO_MISSING"
    assert any("initial state" in note for note in report.notes)


def test_whatever_a_domain_raises_is_a_mismatch(kit, verdict, monkeypatch):
    class Broken(replay.Engine):
        def step(self, raw):
            raise ZeroDivisionError(f"a handler of a stranger's at {raw}")

    monkeypatch.setattr(replay, "Engine", Broken)
    report = verdict(kit.good("signed").files)
    assert report.failure.code == "REPLAY_MISMATCH"
    assert "ZeroDivisionError" in report.failure.message


def test_a_policy_that_no_engine_can_run_is_named(kit, verdict):
    bundle = kit.good("signed")
    policy = json.loads(bundle.episode.policy)
    del policy["documents"]["zones"]
    policy["order"] = [item for item in policy["order"] if item["path"][0] != "zones"]
    data = canonical_bytes(policy)
    records = bundle.records
    records[0]["body"]["policy_fingerprint"] = sha256_hex(data)
    lines = relinked(records, bundle.episode.agents)
    report = verdict(kit.sealed(replace(bundle.told(lines), policy=data)))
    assert report.failure.code == "REPLAY_POLICY"
    assert report.reached is Level.L2
