"""A receipt by itself holds against the caller's keys, and nothing in it can be changed."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import UsageError
from labtrust_core.ledger.chain import Chain
from labtrust_core.testing.laboratory import Laboratory
from labtrust_core.trust.checkpoints import signed_checkpoint
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import COSIGNATURE, Note, cosign, parse_note
from labtrust_export.bundle import Wanted, build_run
from labtrust_export.episode import parse_episode
from labtrust_export.portable import (
    PortableReceiptError,
    check_portable,
    portable_receipts,
    receipt_file_name,
)
from labtrust_export.receipts import InclusionProof, Receipt
from labtrust_export.run_evidence import find_run
from labtrust_export.trust_policy import TrustPolicy, Witnesses


@pytest.fixture(scope="session")
def start():
    """The body of a start record of the laboratory."""
    lines = []
    Laboratory({}, sink=lines.append)
    return json.loads(lines[0])["body"]


@pytest.fixture(scope="session")
def log(make, start):
    """An episode in which a tube comes, is measured and its result goes out."""
    lines = []
    chain = Chain(lines.append)
    chain.start(0, start)
    steps = [
        make.step("SYS_ARRIVAL", {}, {"specimen_ids": ["S1", "a/b"], "panels": ["P", "P"]}),
        make.step("ACCEPT_SPECIMEN", {"specimen_id": "S1"}, {"accepted_specimens": ["S1"]}),
        make.step("START_RUN", {"run_id": "RUN", "device_id": "D1", "specimen_ids": ["S1"]}),
        make.step("START_RUN", {"run_id": "OTHER", "device_id": "D2"}),
        make.step("CALIBRATE", {"run_id": "RUN", "device_id": "D9"}),
        make.step("GENERATE_RESULT", {"result_id": "R1", "run_id": "RUN", "specimen_id": "S1"}),
        make.step("RELEASE_RESULT", {"result_id": "R1"}, {"released_results": ["R1"]}),
    ]
    for number, (event, outcome, _t) in enumerate(steps):
        chain.event(number, "agent", event, outcome)
    chain.end(9, "completed")
    return parse_episode(b"".join(line + b"\n" for line in lines))


@pytest.fixture(scope="session")
def files(log, signing):
    """Entity id to the bytes of its receipt."""
    note = signed_checkpoint(log.checkpoint, signing.log)
    names = ("S1", "R1", "a/b")
    return {name: item.encoded() for name in names for item in portable_receipts(log, note, name)}


def code_of(data, trust):
    with pytest.raises(PortableReceiptError) as caught:
        check_portable(data, trust)
    return str(caught.value.code)


def spoiled(data, *path, to):
    """Return the bytes with one place of the file changed."""
    value = json.loads(data)
    place = value
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = to
    return canonical_bytes(value) + b"\n"


@pytest.mark.parametrize("name", ["S1", "R1", "a/b"])
def test_it_holds(files, signing, name):
    assert check_portable(files[name], signing.trust).receipt.entity_id == name


def test_it_is_the_receipt_of_the_bundle(files, log, signing):
    found = [check_portable(files[name], signing.trust).receipt for name in ("R1", "S1", "a/b")]

    assert found == list(log.receipts.receipts())


def test_a_result_brings_the_records_of_its_run_along(files, signing):
    found = check_portable(files["R1"], signing.trust)

    assert found.receipt.device_ids == ("D1", "D9")
    assert [json.loads(item.line)["seq"] for item in found.records] == [0, 3, 5, 6, 7]


@pytest.mark.parametrize(
    ("path", "to", "code"),
    [
        (("more",), 1, "RECEIPT_SCHEMA"),
        (("version",), "0.2", "RECEIPT_SCHEMA"),
        (("receipt", "decision"), "LOST", "RECEIPT_SCHEMA"),
        (("receipt", "decision"), "HELD", "RECEIPT_MISMATCH"),
        (("receipt", "entity_id"), "R2", "RECEIPT_MISMATCH"),
        (("receipt", "device_ids"), ["D1"], "RECEIPT_MISMATCH"),
        (("receipt", "timestamps", "released"), 1, "RECEIPT_MISMATCH"),
        (("receipt", "proof", "size"), 3, "RECEIPT_PROOF"),
        (("receipt", "proof", "record"), 3, "RECEIPT_PROOF"),
        (("receipt", "proof", "leaf"), "0" * 64, "RECEIPT_PROOF"),
        (("receipt", "proof", "root"), "0" * 64, "RECEIPT_PROOF"),
        (("receipt", "proof", "path"), [], "RECEIPT_PROOF"),
        (("records",), [], "RECEIPT_RECORD"),
        (("records", 0, "line"), "{}", "RECEIPT_RECORD"),
        (("records", 0, "path"), [], "RECEIPT_PROOF"),
        (("records", 1, "path", 0), "0" * 64, "RECEIPT_PROOF"),
        (("checkpoint",), "x", "CHECKPOINT_NOTE"),
    ],
)
def test_what_is_changed_is_found(files, signing, path, to, code):
    assert code_of(spoiled(files["R1"], *path, to=to), signing.trust) == code


def test_records_stand_once_in_order_from_the_first(files, signing):
    records = json.loads(files["R1"])["records"]
    for wrong in (records[1:], records[::-1], [*records, records[-1]]):
        assert code_of(spoiled(files["R1"], "records", to=wrong), signing.trust) == "RECEIPT_RECORD"


def test_a_record_that_says_something_else_is_in_no_ledger(files, signing):
    line = json.loads(files["R1"])["records"][-1]["line"].replace('"R1"', '"R2"')
    data = spoiled(files["R1"], "records", -1, "line", to=line)

    assert code_of(data, signing.trust) == "RECEIPT_PROOF"


def test_a_record_that_is_left_out_is_missed_where_the_receipt_follows_from_it(files, signing):
    records = json.loads(files["R1"])["records"]
    for number in range(1, len(records)):
        rest = records[:number] + records[number + 1 :]
        data = spoiled(files["R1"], "records", to=rest)
        assert code_of(data, signing.trust) == "RECEIPT_MISMATCH"


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[:-1], lambda data: data + b"\n", lambda data: b"[" + data],
    ids=["no LF", "LF", "no object"],
)
def test_other_bytes_are_not_canonical(files, signing, spoil):
    assert code_of(spoil(files["S1"]), signing.trust) == "RECEIPT_NOT_CANONICAL"


def with_note(data, change):
    note = parse_note(json.loads(data)["checkpoint"].encode())
    return spoiled(data, "checkpoint", to=str(change(note)))


def test_the_checkpoint_must_be_of_this_ledger(files, signing):
    other = with_note(files["S1"], lambda note: Note(f"x{note.text}", note.signatures))
    shape = with_note(files["S1"], lambda note: Note(f"{note.text}x\n", note.signatures))

    assert code_of(other, signing.trust) == "CHECKPOINT_ORIGIN"
    assert code_of(shape, signing.trust) == "CHECKPOINT_SHAPE"


def test_only_the_callers_keys_count(files, log, signing):
    stranger = SigningKey("test-log", Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    note = signed_checkpoint(log.checkpoint, stranger)
    (forged,) = (item.encoded() for item in portable_receipts(log, note, "S1"))

    assert code_of(forged, signing.trust) == "CHECKPOINT_KEY_UNKNOWN"
    assert code_of(files["S1"], TrustPolicy()) == "CHECKPOINT_KEY_UNKNOWN"


def test_a_bad_signature_of_a_trusted_key_is_found(files, signing):
    def change(note):
        (line,) = note.signatures
        return Note(note.text, (replace(line, signature=bytes(64)),))

    assert code_of(with_note(files["S1"], change), signing.trust) == "CHECKPOINT_SIGNATURE"


def test_witnesses_are_counted(files, signing):
    private = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    witness = SigningKey("test-witness", private)
    keys = (witness.public(COSIGNATURE),)
    trust = replace(signing.trust, witnesses=Witnesses(keys, 1))

    def cosigned(note):
        line = cosign(note.text, witness.name, private, 1_700_000_000)
        return Note(note.text, (*note.signatures, line))

    assert code_of(files["S1"], trust) == "CHECKPOINT_WITNESS"
    assert check_portable(with_note(files["S1"], cosigned), trust)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_byte_can_be_changed(files, signing, data):
    original = files["R1"]
    place = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != original[place]))
    with pytest.raises(PortableReceiptError):
        check_portable(original[:place] + bytes([byte]) + original[place + 1 :], signing.trust)


# ------------------------------------------------------------------------------------------- names


def name_of(entity_id, kind="specimen"):
    proof = InclusionProof("", (), 0, "", 1)
    texts = ("specimen_id", "result_id", "panel_id", "analyte_code", "value", "units", "decided_by")
    lists = ("records", "device_ids", "reason_codes", "tokens_consumed", "violations")
    return receipt_file_name(
        Receipt(
            entity_type=kind,
            entity_id=entity_id,
            decision="PENDING",
            timestamps={},
            critical_calls=(),
            proof=proof,
            **dict.fromkeys(texts),
            **dict.fromkeys(lists, ()),
        )
    )


def test_a_plain_id_is_the_name():
    assert name_of("S_hub-00012") == "receipt_specimen_S_hub-00012.v0.1.json"


@given(st.text(), st.text())
def test_a_name_is_a_name_and_no_two_ids_share_one(one, other):
    for text in (one, other):
        assert len(name_of(text)) < 200
        assert set(name_of(text)) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
        )
    assert (name_of(one) == name_of(other)) == (one == other)
    assert name_of(one, "result") != name_of(one)


def test_an_id_that_looks_like_a_cut_one_is_cut_itself():
    cut = name_of("a/b").removeprefix("receipt_specimen_").removesuffix(".v0.1.json")

    assert name_of(cut) != name_of("a/b")


# ------------------------------------------------------------------------------------- on the disk


def test_receipts_lie_beside_the_bundle_or_alone(tmp_path, written, signing):
    log = written(tmp_path / "log.jsonl")
    out = tmp_path / "out"
    build_run(find_run(log), out, signing.keys, wanted=Wanted(entities=("S1",)))
    alone = Wanted(bundle=False, entities=("S1", "S2"))
    (summary,) = build_run(find_run(log), tmp_path / "alone", signing.keys, wanted=alone)
    names = [f"receipt_specimen_{name}.v0.1.json" for name in ("S1", "S2")]

    assert sorted(path.name for path in out.iterdir()) == ["EvidenceBundle.v0.1", names[0]]
    assert [path.name for path in summary.portable] == names
    assert sorted((tmp_path / "alone").iterdir()) == sorted(summary.portable)
    assert check_portable(summary.portable[1].read_bytes(), signing.trust)


def test_an_entity_that_is_not_there_is_said_and_nothing_is_written(tmp_path, written, signing):
    log = written(tmp_path / "log.jsonl")
    with pytest.raises(UsageError, match="no specimen and no result of that name: S9"):
        build_run(find_run(log), tmp_path / "out", signing.keys, wanted=Wanted(entities=("S9",)))

    assert not (tmp_path / "out").exists()


def test_a_receipt_that_is_there_stays_unless_forced(tmp_path, written, signing):
    log = written(tmp_path / "log.jsonl")
    out = tmp_path / "out"
    out.mkdir()
    path = out / "receipt_specimen_S1.v0.1.json"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        build_run(find_run(log), out, signing.keys, wanted=Wanted(entities=("S1",)))
    assert (path.read_text(), [*out.iterdir()]) == ("mine", [path])

    build_run(find_run(log), out, signing.keys, wanted=Wanted(entities=("S1",), force=True))
    assert check_portable(path.read_bytes(), signing.trust)
