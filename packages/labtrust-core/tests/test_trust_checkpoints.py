"""Checkpoints of logs: they state what the log comes to, and carry their owner's signature."""

import pytest
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.chain import Chain
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.verify import verify_log
from labtrust_core.trust import checkpoints
from labtrust_core.trust.checkpoints import log_extent, signed_checkpoint
from labtrust_core.trust.key_files import SigningKey, read_signing_key, write_key
from labtrust_core.trust.notes import Checkpoint, parse_checkpoint, parse_note, signers


@pytest.fixture
def log(tmp_path):
    """The file of a small log."""
    lines = []
    chain = Chain(lines.append)
    chain.start(0, {"episode": "e"})
    for number in range(4):
        chain.event(number, "agent", {"event_id": f"E{number}"}, {"status": "ACCEPTED"})
    chain.end(9, "completed")
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@pytest.fixture
def key(tmp_path) -> SigningKey:
    """A log's key."""
    write_key(tmp_path, "log")
    return read_signing_key(tmp_path / "log.key")


def test_a_checkpoint_states_origin_size_and_root_of_a_log(log):
    report, first = verify_log(log), log.read_bytes().splitlines()[0]
    extent = log_extent(log)

    assert extent.head == report.head
    assert extent.checkpoint == Checkpoint(
        f"labtrust/episode/{leaf_hash(first).hex()}", report.records, bytes.fromhex(report.root)
    )


def test_a_signed_checkpoint_is_a_note_by_the_key(log, key):
    checkpoint = log_extent(log).checkpoint
    note = parse_note(signed_checkpoint(checkpoint, key))

    assert parse_checkpoint(note.text) == checkpoint
    assert signers(note, [key.public()]) == ({str(key.public())}, set())


def test_signing_again_gives_the_same_bytes(log, key):
    checkpoint = log_extent(log).checkpoint

    assert signed_checkpoint(checkpoint, key) == signed_checkpoint(checkpoint, key)


def test_a_log_that_is_missing_or_empty_has_no_checkpoint(tmp_path):
    with pytest.raises(LedgerError, match="cannot read the log"):
        log_extent(tmp_path / "log.jsonl")
    (tmp_path / "log.jsonl").touch()
    with pytest.raises(LedgerError, match="is empty"):
        log_extent(tmp_path / "log.jsonl")


def test_a_log_that_cannot_be_read_to_its_end_has_no_checkpoint(log, monkeypatch):
    def broken(_file):
        yield log.read_bytes().splitlines(keepends=True)[0]
        raise OSError(5, "broken")

    monkeypatch.setattr(checkpoints, "read_lines", broken)
    with pytest.raises(LedgerError, match="cannot read the log"):
        log_extent(log)
