"""Small ledgers, written by hand or by the laboratory, and keys that sign them."""

import types

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.ledger.chain import Chain
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.record import read_record
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.testing.laboratory import Laboratory
from labtrust_core.trust.key_files import SigningKey
from labtrust_export.bundle import ExportKeys
from labtrust_export.receipts import receipts_of
from labtrust_export.trust_policy import TrustPolicy

TUBE = {"specimen_id": "S1", "panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST"}


def step(action="NOOP", args=None, data=None, *, t=None, blocked=False, **more):
    """Return an event record's parts; `more` goes to the outcome but for fields of events."""
    event = {"action_type": action}
    if args is not None:
        event["args"] = args
    if "reason_code" in more:
        event["reason_code"] = more.pop("reason_code")
    outcome = {"status": "BLOCKED" if blocked else "ACCEPTED", **more}
    if data is not None:
        outcome["data"] = data
    return event, outcome, t


def lines_of(steps, scenario=None):
    """Return the lines of a ledger; a step happens a second after the one before, or at its t."""
    lines = []
    chain = Chain(lines.append)
    now = 0
    chain.start(0, {"scenario": scenario or {}})
    for event, outcome, t in steps:
        now = now + 1 if t is None else t
        chain.event(now, "agent", event, outcome)
    chain.end(now, "completed")
    return lines


@pytest.fixture(scope="session")
def receipts():
    """Return the receipts of steps, by entity type and id."""

    def read(*steps, scenario=None):
        lines = lines_of(steps, scenario)
        found = receipts_of([read_record(line) for line in lines], [leaf_hash(x) for x in lines])
        return {(item.entity_type, item.entity_id): item for item in found}

    return read


@pytest.fixture(scope="session")
def make():
    """Give the tools for making ledgers by hand."""
    return types.SimpleNamespace(step=step, lines=lines_of)


def play(path, specimens=("S1", "S2"), *, finish=True):
    """Let the laboratory accept a tube, fail to release a result, and write the log."""
    with LogWriter(path) as log:
        scenario = {"specimens": [{**TUBE, "specimen_id": name} for name in specimens]}
        lab = Laboratory(scenario, sink=log.write)
        actions = ("CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN")
        for number, action in enumerate(actions):
            for name in specimens[:1]:
                args = {"specimen_id": name}
                assert lab.do("A_RECEPTION", action, args, at=20 * number).accepted
        lab.do("A_RECEPTION", "RELEASE_RESULT", {"result_id": "R1"})
        if finish:
            lab.engine.finish()
    return path


@pytest.fixture
def log(tmp_path):
    """The log of a short episode of the laboratory."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return play(folder / "episode_0.jsonl")


@pytest.fixture
def written():
    """Give the function that writes a log of the laboratory."""
    return play


@pytest.fixture(scope="session")
def signing():
    """A log key, a bundle key, and who trusts them."""
    log_key = SigningKey("test-log", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
    bundle_key = SigningKey("test-bundle", Ed25519PrivateKey.from_private_bytes(b"b" * 32))
    return types.SimpleNamespace(
        log=log_key,
        bundle=bundle_key,
        keys=ExportKeys((bundle_key,), log_key),
        trust=TrustPolicy(log_keys=(log_key.public(),), bundle_keys=(bundle_key.public(),)),
    )
