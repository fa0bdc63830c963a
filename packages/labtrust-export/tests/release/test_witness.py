"""A witness never cosigns two histories of one log, whatever it is shown and whenever it dies."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labtrust_core.errors import DocumentError, UsageError
from labtrust_core.ledger.durable import exclusive
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.trust.notes import (
    COSIGNATURE,
    Checkpoint,
    Note,
    is_signed_by,
    parse_note,
    sign_note,
    signers,
)
from labtrust_export import witness as module
from labtrust_export.check_failed import CheckFailedError
from labtrust_export.proof_text import consistency_text
from labtrust_export.seen import read_seen
from labtrust_export.witness import History, Witness

NOW = 1_790_000_000
ORIGIN = "lab.example/log"


def lines_of(count, fork_at=None):
    """Return a log; from ``fork_at`` on it is another one."""
    forked = count if fork_at is None else fork_at
    return [b"record %d%s" % (item, b"" if item < forked else b" forged") for item in range(count)]


class Scene:
    """A log, whose owner may lie, and a witness."""

    def __init__(self, folder, keys):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log_key = keys("log")
        self.witness = Witness(keys.witness(), folder / "seen.json")
        self.witness.begin()
        self.checkpoint, self.log = folder / "checkpoint", folder / "log.jsonl"

    def state(self, lines, *, origin=ORIGIN, key=None):
        """Sign a checkpoint of a log."""
        leaves = [leaf_hash(line) for line in lines]
        text = Checkpoint(origin, len(lines), root_of(leaves)).text
        key = key or self.log_key
        self.checkpoint.write_bytes(
            str(Note(text, (sign_note(text, key.name, key.private),))).encode()
        )
        self.log.write_bytes(b"".join(line + b"\n" for line in lines))
        return self

    def ask(self, history=None, time_s=NOW):
        """Ask for a cosignature."""
        shown = History(self.log) if history is None else history
        return self.witness.cosign(self.checkpoint, (self.log_key.public(),), shown, time_s)

    def refusal(self, history=None):
        """Return the code with which the witness refuses; nothing may have changed."""
        before = [self.checkpoint.read_bytes(), self.witness._state.read_bytes()]
        with pytest.raises(CheckFailedError) as caught:
            self.ask(history)
        assert [self.checkpoint.read_bytes(), self.witness._state.read_bytes()] == before
        return caught.value.code

    def is_cosigned(self):
        """Whether the checkpoint has the witness's good line."""
        good, bad = signers(parse_note(self.checkpoint.read_bytes()), (self.witness.public,))
        return bool(good) and not bad

    def proof(self, lines, old):
        """Write a consistency proof for the checkpoint."""
        prover = MerkleProver([leaf_hash(line) for line in lines])
        path = self.folder / "proof"
        note = parse_note(self.checkpoint.read_bytes())
        path.write_text(str(consistency_text(prover, old, note)), encoding="utf-8")
        return History(proof=path)


@pytest.fixture
def scene(tmp_path, master):
    return Scene(tmp_path / "scene", master.keys)


def test_a_log_that_grows_is_cosigned_each_time(scene):
    for count in (1, 2, 7, 8):
        done = scene.state(lines_of(count)).ask()
        assert scene.is_cosigned()
        assert done.checkpoint.size == count
    assert read_seen(scene.witness._state).logs[ORIGIN].size == 8


def test_the_line_states_the_time_and_is_the_same_for_the_same_time(scene):
    scene.state(lines_of(3)).ask(time_s=5)
    first = scene.checkpoint.read_bytes()
    scene.state(lines_of(3)).ask(time_s=5)
    line = parse_note(first).signatures[-1]

    assert scene.checkpoint.read_bytes() == first
    assert int.from_bytes(line.signature[:8], "big") == 5


def test_a_second_cosignature_is_not_added(scene):
    scene.state(lines_of(3)).ask()
    before = scene.checkpoint.read_bytes()

    assert not scene.ask(time_s=NOW + 9).is_new
    assert scene.checkpoint.read_bytes() == before


def test_a_smaller_log_is_a_rollback(scene):
    scene.state(lines_of(5)).ask()

    assert scene.state(lines_of(4)).refusal() == "WITNESS_ROLLBACK"


@pytest.mark.parametrize("count", [5, 9])
def test_another_history_is_a_fork(scene, count):
    scene.state(lines_of(5)).ask()

    assert scene.state(lines_of(count, fork_at=2)).refusal() == "WITNESS_FORK"


def test_a_log_of_an_unknown_key_is_refused(scene, stage):
    stranger = stage.keys("stranger")

    assert scene.state(lines_of(3), key=stranger).refusal() == "WITNESS_UNKNOWN_LOG"


def test_a_forged_signature_of_the_log_is_refused(scene):
    scene.state(lines_of(3))
    note = parse_note(scene.checkpoint.read_bytes())
    forged = Note(note.text.replace("\n3\n", "\n4\n"), note.signatures)
    scene.checkpoint.write_bytes(str(forged).encode())

    assert scene.refusal() == "WITNESS_CHECKPOINT_SIGNATURE"


def test_what_is_no_checkpoint_is_refused(scene):
    scene.state(lines_of(3))
    scene.checkpoint.write_bytes(b"hello")

    assert scene.refusal() == "WITNESS_CHECKPOINT"


def test_an_empty_log_is_refused(scene):
    assert scene.state([]).refusal() == "WITNESS_EMPTY"


def test_a_log_that_is_not_the_checkpoints_is_refused(scene):
    scene.state(lines_of(3))
    scene.log.write_bytes(b"".join(line + b"\n" for line in lines_of(3, fork_at=1)))

    assert scene.refusal() == "WITNESS_LOG_ROOT"


def test_a_log_that_is_too_short_is_refused(scene):
    scene.state(lines_of(3))
    scene.log.write_bytes(b"record 0\n")

    assert scene.refusal() == "WITNESS_LOG_SIZE"


def test_an_origin_of_ours_must_follow_from_the_first_record(scene):
    first = leaf_hash(lines_of(1)[0]).hex()
    assert scene.state(lines_of(2), origin=f"labtrust/run/{first}").ask().is_new
    for wrong in (f"labtrust/run/{'0' * 64}", f"labtrust/other/{first}"):
        assert scene.state(lines_of(2), origin=wrong).refusal() == "WITNESS_LOG_ORIGIN"


def test_a_proof_takes_the_place_of_the_log(scene):
    scene.state(lines_of(3))
    scene.ask(scene.proof(lines_of(3), 0))
    scene.state(lines_of(7))

    assert scene.ask(scene.proof(lines_of(7), 3)).before == 3
    assert scene.is_cosigned()


def test_a_proof_about_another_size_is_refused(scene):
    scene.state(lines_of(3)).ask()
    scene.state(lines_of(7))

    assert scene.refusal(scene.proof(lines_of(7), 2)) == "WITNESS_INCONSISTENT"


def test_a_proof_of_a_fork_does_not_hold(scene):
    scene.state(lines_of(3)).ask()
    forged = lines_of(7, fork_at=1)
    scene.state(forged)

    assert scene.refusal(scene.proof(forged, 3)) == "WITNESS_INCONSISTENT"


def test_a_proof_of_another_checkpoint_is_refused(scene):
    scene.state(lines_of(3)).ask()
    scene.state(lines_of(6))
    history = scene.proof(lines_of(6), 3)
    scene.state(lines_of(7))

    assert scene.refusal(history) == "WITNESS_PROOF"


def test_what_is_no_proof_is_refused(scene):
    scene.state(lines_of(3))
    path = scene.folder / "proof"
    path.write_bytes(b"old three\n\nhello")

    assert scene.refusal(History(proof=path)) == "WITNESS_PROOF"


def test_growth_without_a_proof_is_refused(scene):
    assert scene.state(lines_of(3)).refusal(History()) == "WITNESS_NO_HISTORY"


def test_a_bad_line_in_the_witnesss_name_is_refused(scene):
    scene.state(lines_of(3)).ask(time_s=7)
    note = parse_note(scene.checkpoint.read_bytes())
    line = note.signatures[-1]
    forged = type(line)(line.name, line.key_id, bytes(8) + line.signature[8:])
    scene.checkpoint.write_bytes(str(Note(note.text, (note.signatures[0], forged))).encode())

    assert scene.refusal() == "WITNESS_CHECKPOINT_SIGNATURE"


def test_a_full_note_is_refused(scene):
    scene.state(lines_of(3))
    note = parse_note(scene.checkpoint.read_bytes())
    scene.checkpoint.write_bytes(str(Note(note.text, note.signatures * 16)).encode())

    assert scene.refusal() == "WITNESS_CHECKPOINT_FULL"


def test_a_lost_state_is_an_error_and_not_a_fresh_start(scene):
    scene.state(lines_of(5)).ask()
    scene.witness._state.unlink()
    scene.state(lines_of(2))

    with pytest.raises(UsageError, match="cannot read the state"):
        scene.ask()


def test_a_new_state_does_not_replace_one(scene):
    with pytest.raises(UsageError, match="keeps its state"):
        scene.witness.begin()


def test_a_state_of_another_witness_is_refused(scene, stage):
    scene.witness = Witness(stage.keys.witness("other-witness"), scene.witness._state)

    assert scene.state(lines_of(3)).refusal() == "WITNESS_STATE_KEY"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}\n",
        b'{"logs":{"a":{"root":"00","size":1}},"version":"0.1","witness":null}\n',
        b'{"logs":{},"version":"0.2","witness":null}\n',
    ],
)
def test_a_damaged_state_is_an_error(scene, text):
    scene.state(lines_of(3))
    scene.witness._state.write_bytes(text)

    with pytest.raises(DocumentError, match="not a state"):
        scene.ask()


def test_two_processes_do_not_use_one_state_at_once(scene):
    scene.state(lines_of(3))
    lock = scene.witness._state.with_name("seen.json.lock")

    with exclusive(lock, lock), pytest.raises(UsageError, match="in use"):
        scene.ask()


@pytest.mark.parametrize("step", ["write_seen", "write_whole"])
def test_a_witness_that_dies_has_not_signed_what_it_does_not_remember(scene, monkeypatch, step):
    scene.state(lines_of(5)).ask()
    scene.state(lines_of(8))

    def dies(*_arguments):
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(module, step, dies)
        with pytest.raises(OSError, match=r"^$"):
            scene.ask()
    assert not scene.is_cosigned()
    remembered = read_seen(scene.witness._state).logs[ORIGIN].size
    assert remembered == (5 if step == "write_seen" else 8)
    if step == "write_whole":  # it may have signed 8, so another 8 is a fork
        scene.state(lines_of(8, fork_at=6))
        assert scene.refusal() == "WITNESS_FORK"
    scene.state(lines_of(8)).ask()
    assert scene.is_cosigned()


MOVES = st.lists(
    st.tuples(st.integers(1, 12), st.one_of(st.none(), st.integers(0, 11)), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=MOVES)
def test_all_that_a_witness_ever_signed_is_one_history(tmp_path_factory, master, moves):
    scene = Scene(tmp_path_factory.mktemp("moves"), master.keys)
    signed = []
    for count, fork_at, by_proof in moves:
        lines = lines_of(count, fork_at)
        scene.state(lines)
        seen = read_seen(scene.witness._state).logs.get(ORIGIN)
        old = 0 if seen is None else seen.size
        history = scene.proof(lines, old) if by_proof and old <= count else None
        try:
            scene.ask(history)
        except CheckFailedError:
            assert not scene.is_cosigned()
        else:
            note = parse_note(scene.checkpoint.read_bytes())
            assert is_signed_by(note, note.signatures[-1], scene.witness.public)
            signed.append(lines)
    for early, late in itertools.pairwise(signed):
        assert late[: len(early)] == early


def test_the_public_half_is_a_cosigners_key(scene):
    assert scene.witness.public.kind == COSIGNATURE
    assert json.loads(scene.witness._state.read_bytes())["witness"] == str(scene.witness.public)
