"""A transparency log only grows, survives crashes, and every change of it is found."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labtrust_core.errors import UsageError
from labtrust_core.ledger.merkle import is_consistent
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.trust.notes import COSIGNATURE, Note, cosign, parse_checkpoint, parse_note
from labtrust_export.check_failed import CheckFailedError
from labtrust_export.envelope import signed
from labtrust_export.note_trust import NoteTrust
from labtrust_export.seen import nothing_seen
from labtrust_export.transparency import append
from labtrust_export.transparency.append import append_to_log
from labtrust_export.transparency.entries import leaves_of, read_entries
from labtrust_export.transparency.verify import consistency_of, verify_log_folder

STATEMENT = {
    "release": "urn:labtrust:release-set:v0.1",
    "bundle": "urn:labtrust:evidence-bundle:v0.1",
}


def add_manifest(folder, number, key, kind="release"):
    """Write something that a log takes for a release, or a bundle."""
    place = folder / f"item_{number:04}"
    place.mkdir(parents=True)
    payload = b'{"number":%d,"predicateType":"%s"}' % (number, STATEMENT[kind].encode())
    envelope = signed("application/vnd.in-toto+json", payload, [(key.name, key.private)])
    name = "RELEASE_MANIFEST.v0.1.json" if kind == "release" else "manifest.json"
    (place / name).write_bytes(envelope.encoded())
    (place / "episode_log.jsonl").write_bytes(b"")


@pytest.fixture
def key(master):
    return master.keys("log")


@pytest.fixture
def trust(key):
    return NoteTrust((key.public(),))


@pytest.fixture
def items(tmp_path, key):
    for number in range(3):
        add_manifest(tmp_path / "items", number, key, "release" if number else "bundle")
    return tmp_path / "items"


@pytest.fixture
def log(items, tmp_path, key):
    append_to_log(items, tmp_path / "log", key)
    return tmp_path / "log"


def code_of(log, trust, seen=None):
    with pytest.raises(CheckFailedError) as caught:
        verify_log_folder(log, trust, seen)
    return caught.value.code


def test_a_new_log_verifies_and_has_a_proof_an_entry(log, trust):
    verdict = verify_log_folder(log, trust)

    assert [entry.kind for entry in verdict.entries] == ["bundle", "release", "release"]
    assert verdict.checkpoint.size == 3
    assert len(list((log / "proofs").iterdir())) == 3


def test_what_is_there_is_not_logged_twice(items, log, key):
    before = (log / "entries.jsonl").read_bytes()
    done = append_to_log(items, log, key)

    assert (done.added, done.known) == ((), 3)
    assert (log / "entries.jsonl").read_bytes() == before


def test_real_bundles_are_found(master, tmp_path, key, trust):
    done = append_to_log(master.bundles, tmp_path / "log", key)

    assert [entry.kind for entry in done.added] == ["bundle"] * 3
    assert verify_log_folder(tmp_path / "log", trust).checkpoint == done.checkpoint


def test_nothing_found_is_an_error_and_writes_nothing(tmp_path, key):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no release"):
        append_to_log(tmp_path / "empty", tmp_path / "log", key)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("origin", ["labtrust/run/x", "a b", "a+b", ""])
def test_an_origin_that_looks_like_another_logs_is_refused(items, tmp_path, key, origin):
    with pytest.raises(UsageError, match="not an origin"):
        append_to_log(items, tmp_path / "log", key, origin=origin)


def test_a_log_keeps_its_origin(items, log, key):
    with pytest.raises(UsageError, match="keeps its origin"):
        append_to_log(items, log, key, origin="lab.example/releases")


def test_another_folder_is_not_turned_into_a_log(items, tmp_path, key):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        append_to_log(items, tmp_path / "home", key)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_any_sequence_of_appends_is_consistent(tmp_path_factory, key, trust, steps):
    place = tmp_path_factory.mktemp("grow")
    seen, number, before = nothing_seen(), 0, []
    for step in steps:
        for _ in range(step):
            add_manifest(place / "items", number, key)
            number += 1
        now = append_to_log(place / "items", place / "log", key).checkpoint
        verdict = verify_log_folder(place / "log", trust, seen)
        seen = seen.with_seen(now)
        for old in before:
            proof = consistency_of(place / "log", old.size)
            assert is_consistent((old.size, old.root), (now.size, now.root), proof.hashes)
        assert verdict.checkpoint == now
        before.append(now)


@settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_is_found(log, tmp_path_factory, trust, data):
    place = tmp_path_factory.mktemp("changed") / "log"
    shutil.copytree(log, place)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)

    assert code_of(place, trust).startswith("TRANSPARENCY_")


def truncate(path, count=1):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-count]))


def change_line(path, place, **fields):
    lines = path.read_bytes().splitlines()
    record = json.loads(lines[place]) | fields
    lines[place] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def first_proof(log):
    return min((log / "proofs").iterdir())


def swap_proofs(log):
    first, second, *_ = sorted((log / "proofs").iterdir())
    first.write_bytes(second.read_bytes())


TAMPERINGS = {
    "TRANSPARENCY_NOT_A_FOLDER": shutil.rmtree,
    "TRANSPARENCY_FILE_MISSING": lambda log: (log / "checkpoint").unlink(),
    "TRANSPARENCY_FILE_EXTRA": lambda log: (log / "notes.txt").touch(),
    "TRANSPARENCY_EMPTY": lambda log: (log / "entries.jsonl").write_bytes(b""),
    "TRANSPARENCY_NOT_CANONICAL": lambda log: (log / "entries.jsonl").write_bytes(b"{ }\n"),
    "TRANSPARENCY_ENTRY_SCHEMA": lambda log: change_line(log / "entries.jsonl", 1, kind="gift"),
    "TRANSPARENCY_ENTRY_ORDER": lambda log: change_line(log / "entries.jsonl", 1, seq=2),
    "TRANSPARENCY_CHECKPOINT_SIZE": lambda log: truncate(log / "entries.jsonl"),
    "TRANSPARENCY_CHECKPOINT_ROOT": lambda log: change_line(
        log / "entries.jsonl", 1, digest="0" * 64
    ),
    "TRANSPARENCY_CHECKPOINT_NOTE": lambda log: (log / "checkpoint").write_bytes(b"hello"),
    "TRANSPARENCY_PROOF_MISSING": lambda log: first_proof(log).unlink(),
    "TRANSPARENCY_PROOF_EXTRA": lambda log: (log / "proofs" / "z.tlog-proof").touch(),
    "TRANSPARENCY_PROOF_SHAPE": lambda log: first_proof(log).write_bytes(b"proof"),
    "TRANSPARENCY_PROOF_CHECKPOINT": swap_proofs,
}


@pytest.mark.parametrize("code", TAMPERINGS)
def test_each_tampering_has_its_code(log, trust, code):
    TAMPERINGS[code](log)

    assert code_of(log, trust) == code


def test_a_link_in_place_of_a_file_is_refused(log, trust):
    (log / "checkpoint").rename(log.parent / "elsewhere")
    (log / "checkpoint").symlink_to(log.parent / "elsewhere")

    assert code_of(log, trust) == "TRANSPARENCY_FILE_KIND"


def test_a_repeated_digest_is_refused(log, trust):
    digest = json.loads((log / "entries.jsonl").read_bytes().splitlines()[0])["digest"]
    change_line(log / "entries.jsonl", 1, digest=digest)

    assert code_of(log, trust) == "TRANSPARENCY_ENTRY_DUPLICATE"


def test_a_wrong_path_in_a_proof_is_found(log, trust):
    path = first_proof(log)
    lines = path.read_text(encoding="utf-8").split("\n")
    at = 2  # the first hash
    assert lines[at]
    del lines[at]
    path.write_text("\n".join(lines), encoding="utf-8")

    assert code_of(log, trust) == "TRANSPARENCY_PROOF_PATH"


def test_a_strangers_log_is_not_trusted(log, stage):
    stranger = NoteTrust((stage.keys("stranger").public(),))

    assert code_of(log, stranger) == "TRANSPARENCY_CHECKPOINT_KEY_UNKNOWN"


def test_a_forged_signature_is_found(log, trust):
    path = log / "checkpoint"
    head, _sep, line = path.read_text(encoding="utf-8").rpartition(" ")
    flipped = ("B" if line[20] == "A" else "A").join((line[:20], line[21:]))
    path.write_text(f"{head} {flipped}", encoding="utf-8")

    assert code_of(log, trust) == "TRANSPARENCY_CHECKPOINT_SIGNATURE"


def test_witnesses_are_counted_and_their_lines_reach_the_proofs(items, log, key, stage):
    witness = stage.keys.witness()
    trust = NoteTrust((key.public(),), (witness.public(COSIGNATURE),), 1)
    assert code_of(log, trust) == "TRANSPARENCY_CHECKPOINT_WITNESS"

    note = parse_note((log / "checkpoint").read_bytes())
    line = cosign(note.text, witness.name, witness.private, 1_790_000_000)
    (log / "checkpoint").write_text(
        str(Note(note.text, (*note.signatures, line))), encoding="utf-8"
    )
    append_to_log(items, log, key)

    assert verify_log_folder(log, trust).checkpoint.size == 3
    assert all(witness.name in item.read_text("utf-8") for item in (log / "proofs").iterdir())


def test_a_log_that_was_cut_back_and_signed_again_is_a_rollback(items, log, key, trust):
    seen = nothing_seen().with_seen(
        parse_checkpoint(parse_note((log / "checkpoint").read_bytes()).text)
    )
    shutil.rmtree(log)
    shutil.rmtree(items / "item_0002")
    append_to_log(items, log, key)

    assert code_of(log, trust, seen) == "TRANSPARENCY_ROLLBACK"


def test_a_log_with_another_history_is_a_fork(items, log, key, trust):
    seen = nothing_seen().with_seen(
        parse_checkpoint(parse_note((log / "checkpoint").read_bytes()).text)
    )
    shutil.rmtree(log)
    shutil.rmtree(items / "item_0002")
    for number in (7, 8):
        add_manifest(items, number, key)
    append_to_log(items, log, key)

    assert code_of(log, trust, seen) == "TRANSPARENCY_FORK"


def test_the_owners_state_keeps_him_from_forking_his_own_log(items, tmp_path, key):
    log, state = tmp_path / "log", tmp_path / "state.json"
    append_to_log(items, log, key, state=state)
    shutil.rmtree(log)
    shutil.rmtree(items / "item_0002")
    append_to_log(items, log, key)
    with pytest.raises(CheckFailedError) as caught:
        append_to_log(items, log, key, state=state)

    assert caught.value.code == "TRANSPARENCY_ROLLBACK"


class CrashError(Exception):
    """The power fails."""


@pytest.mark.parametrize("dies_at", range(7))
def test_after_a_crash_anywhere_the_same_command_completes(
    items, log, key, trust, monkeypatch, dies_at
):
    old = parse_checkpoint(parse_note((log / "checkpoint").read_bytes()).text)
    for number in (5, 6):
        add_manifest(items, number, key)
    calls = iter(range(100))

    def failing(write):
        def run(path, data):
            if next(calls) == dies_at:
                if write is appended:
                    write(path, data[: len(data) // 2])
                raise CrashError
            write(path, data)

        return run

    appended, replaced = append.append_durably, append.write_whole
    with monkeypatch.context() as patch:
        patch.setattr(append, "append_durably", failing(appended))
        patch.setattr(append, "write_whole", failing(replaced))
        try:
            append_to_log(items, log, key)
        except CrashError:
            assert dies_at < 4
    append_to_log(items, log, key)

    now = verify_log_folder(log, trust, nothing_seen().with_seen(old)).checkpoint
    assert now.size == 5


def test_entries_that_nobody_signed_are_taken_over_only_if_found_again(items, log, key):
    line = (log / "entries.jsonl").read_bytes().splitlines()[0]
    record = json.loads(line) | {"digest": "f" * 64, "seq": 3}
    with (log / "entries.jsonl").open("ab") as file:
        file.write(json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    with pytest.raises(CheckFailedError) as caught:
        append_to_log(items, log, key)

    assert caught.value.code == "TRANSPARENCY_ENTRY_UNSIGNED"


def test_a_log_whose_checkpoint_is_another_keys_is_not_continued(items, log, stage):
    with pytest.raises(CheckFailedError) as caught:
        append_to_log(items, log, stage.keys("stranger"))

    assert caught.value.code == "TRANSPARENCY_CHECKPOINT_KEY_UNKNOWN"


def test_proofs_of_older_checkpoints_stay_as_they_are(items, log, key, trust):
    before = {path.name: path.read_bytes() for path in (log / "proofs").iterdir()}
    add_manifest(items, 9, key)
    append_to_log(items, log, key)

    assert all((log / "proofs" / name).read_bytes() == data for name, data in before.items())
    assert verify_log_folder(log, trust).checkpoint.size == 4


def test_the_root_is_that_of_the_entries(log):
    note = parse_note((log / "checkpoint").read_bytes())
    entries = read_entries((log / "entries.jsonl").read_bytes())

    assert parse_checkpoint(note.text).root == MerkleProver(leaves_of(entries)).root()
