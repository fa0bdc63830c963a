"""Signed notes, checkpoints and verifier keys: read back, refused, verified."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.errors import SignatureError
from labtrust_core.trust.notes import (
    COSIGNATURE,
    ED25519,
    MAX_NOTE,
    MAX_SIGNATURES,
    Checkpoint,
    Note,
    NoteError,
    NoteSignature,
    VerifierKey,
    cosign,
    is_signed_by,
    key_of,
    parse_checkpoint,
    parse_note,
    sign_note,
    signers,
    verifier_key,
)

LOG = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
LOG_KEY = key_of("log.example", LOG)
WITNESS_KEY = key_of("witness.example", WITNESS, COSIGNATURE)
CHECKPOINT = Checkpoint("log.example/1", 7, b"r" * 32)
TIME = 1_700_000_000


def signed():
    signatures = (
        sign_note(CHECKPOINT.text, "log.example", LOG),
        cosign(CHECKPOINT.text, "witness.example", WITNESS, TIME),
    )
    return Note(CHECKPOINT.text, signatures)


def line(name=b"log.example", raw=b"i" * 4 + b"s"):
    return b"\xe2\x80\x94 " + name + b" " + base64.b64encode(raw) + b"\n"


# -------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize("kind", [ED25519, COSIGNATURE])
def test_a_key_is_read_back_as_it_is_written(kind):
    key = key_of("a/b.c-d~!", LOG, kind)
    assert verifier_key(str(key)) == key


def test_one_key_has_another_id_for_another_use_and_under_another_name():
    keys = (LOG_KEY, key_of("log.example", LOG, COSIGNATURE), key_of("log.example2", LOG))
    assert len({key.key_id for key in keys}) == 3


NAMES = ["", "a b", "a+b", "a\tb", "a\u00a0b", "\u00e9", "a\n", "a" * 201, "\x7f"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_what_cannot_be_a_name_is_refused(name):
    with pytest.raises(NoteError, match="not a name for a key"):
        key_of(name, LOG)
    with pytest.raises(NoteError):
        verifier_key(str(VerifierKey(name, ED25519, LOG_KEY.public)))
    with pytest.raises(NoteError):
        sign_note("text\n", name, LOG)
    with pytest.raises(NoteError):
        cosign("text\n", name, LOG, TIME)


def test_a_name_may_be_long():
    assert verifier_key(str(key_of("a" * 200, LOG))).name == "a" * 200


def spelt(kind=ED25519, public=LOG_KEY.public, name="log.example"):
    return str(VerifierKey(name, kind, public))


def test_an_id_in_capitals_is_not_the_id():
    name, key_id, body = spelt().split("+", 2)
    assert key_id.upper() != key_id
    with pytest.raises(NoteError, match="its id is"):
        verifier_key(f"{name}+{key_id.upper()}+{body}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log.example",
        "log.example+00000000",
        spelt() + "=",
        spelt() + "\n",
        spelt()[:-1],
        "log.example+00000000+" + spelt().split("+", 2)[2],
        "log.example+00000000+\u00e9",
        "log.example++",
        spelt(kind=2),
        spelt(kind=0),
        spelt(public=LOG_KEY.public[:31]),
        spelt(public=LOG_KEY.public + b"x"),
        spelt(public=b""),
    ],
    ids=ascii,
)
def test_a_malformed_key_is_refused(text):
    with pytest.raises(NoteError):
        verifier_key(text)


@pytest.mark.parametrize(
    ("public", "why"),
    [
        (bytes(32), "low order"),
        (b"\x01" + bytes(31), "low order"),
        (b"\xff" * 32, "canonical"),
        (b"\x02" + bytes(31), "not a point"),
    ],
    ids=["zero", "one", "large", "off"],
)
@pytest.mark.parametrize("kind", [ED25519, COSIGNATURE])
def test_a_key_that_must_not_be_trusted_is_refused(public, why, kind):
    with pytest.raises(SignatureError, match=why):
        verifier_key(spelt(kind=kind, public=public))


# ------------------------------------------------------------------------------------ reading notes


def test_a_note_is_read_back_as_it_is_written():
    assert parse_note(str(signed()).encode()) == signed()


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), max_size=20),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.binary(min_size=5, max_size=80), min_size=1, max_size=4),
)
def test_any_text_is_read_back(lines, signatures):
    text = "\n".join([*lines, "end"]) + "\n"
    note = Note(text, tuple(NoteSignature("a", raw[:4], raw[4:]) for raw in signatures))
    assert parse_note(str(note).encode()) == note


def test_a_text_may_hold_empty_lines_and_lines_that_look_signed():
    text = "one\n\n" + line().decode() + "\ntwo\n"
    note = Note(text, (sign_note(text, "log.example", LOG),))
    assert parse_note(str(note).encode()) == note
    assert signers(note, [LOG_KEY]) == ({str(LOG_KEY)}, set())


@pytest.mark.parametrize("char", ["\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\U0001f600"])
def test_what_is_no_ascii_control_character_may_stand_in_a_text(char):
    text = f"one{char}two\n"
    note = Note(text, (sign_note(text, "log.example", LOG),))
    assert parse_note(str(note).encode()) == note


@pytest.mark.parametrize("code", [code for code in range(32) if code != 10])
def test_a_control_character_is_refused_in_text_and_signatures(code):
    char = chr(code)
    with pytest.raises(NoteError, match="control"):
        parse_note(f"one{char}two\n\n".encode() + line())
    with pytest.raises(NoteError, match="control"):
        sign_note(f"one{char}two\n", "log.example", LOG)
    with pytest.raises(NoteError, match="signature line"):
        parse_note(b"text\n\n" + line(name=f"a{char}".encode()))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text",
        b"text\n",
        b"text\n\n",
        b"text\n" + line(),
        b"text\n\n" + line()[:-1],
        b"text\n\n" + line() + b"\n",
        b"text\n\n" + line() + b"more\n",
        b"\n\n" + line(),
        b"\n" + line(),
        line(),
        b"text\r\n\r\n" + line(),
        b"text\n\n" + line().replace(b"\n", b"\r\n"),
        b"text\n\n" + line().replace(b"\xe2\x80\x94", b"-"),
        b"text\n\n" + line().replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94"),
        b"text\n\n" + line().replace(b" log", b"  log"),
        b"text\n\n" + line().replace(b"\n", b" \n"),
        b"text\n\n" + line(name=b""),
        b"text\n\n" + line(name=b"a b"),
        b"text\n\n" + line(name=b"a+b"),
        b"text\n\n" + line(name=b"\xc3\xa9"),
        b"text\n\n" + line(name=b"a" * 201),
        b"text\n\n" + line(raw=b""),
        b"text\n\n" + line(raw=b"iiii"),
        b"text\n\n" + line().replace(b"=", b""),
        b"text\n\n" + line().replace(b"=\n", b"==\n"),
        b"text\n\n\xe2\x80\x94 a aWlpaXM\n",
        b"text\n\n\xe2\x80\x94 a aWlpaXN=\n",
        b"text\n\n\xe2\x80\x94 a aWlpaXM_\n",
    ],
    ids=ascii,
)
def test_what_is_no_note_is_refused(data):
    assert parse_note(b"text\n\n\xe2\x80\x94 a aWlpaXM=\n")
    with pytest.raises(NoteError):
        parse_note(data)


def test_what_is_not_utf8_is_refused_with_its_place():
    with pytest.raises(NoteError, match="byte 2"):
        parse_note(b"te\xff\n\n" + line())


def test_a_text_that_utf8_cannot_carry_is_not_signed():
    with pytest.raises(NoteError):
        sign_note("\ud800\n", "log.example", LOG)


@pytest.mark.parametrize("text", ["", "\n", "text", "text\n\r"])
def test_a_text_that_no_note_can_hold_is_not_signed(text):
    with pytest.raises(NoteError):
        sign_note(text, "log.example", LOG)
    with pytest.raises(NoteError):
        cosign(text, "log.example", LOG, TIME)


def test_a_note_may_have_sixteen_signatures_and_no_more():
    assert len(parse_note(b"text\n\n" + line() * MAX_SIGNATURES).signatures) == 16
    with pytest.raises(NoteError, match="17 signatures"):
        parse_note(b"text\n\n" + line() * (MAX_SIGNATURES + 1))


def test_a_note_may_have_64_kib_and_no_more():
    tail = b"\n\n" + line()
    room = MAX_NOTE - len(tail)
    assert len(parse_note(b"x" * room + tail).text) == room + 1
    with pytest.raises(NoteError, match="65537 bytes"):
        parse_note(b"x" * (room + 1) + tail)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_a_typed_error(data):
    try:
        note = parse_note(data)
    except NoteError:
        return
    assert str(note).encode() == data


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_no_good_signature(place, value):
    data = bytearray(str(signed()).encode())
    place %= len(data)
    if data[place] == value:
        return
    data[place] = value
    try:
        note = parse_note(bytes(data))
    except NoteError:
        return
    good, _ = signers(note, [LOG_KEY, WITNESS_KEY])
    assert len(good) < 2


# --------------------------------------------------------------------------------------- signatures


def test_known_keys_are_told_and_unknown_ones_passed_over():
    note = signed()
    assert signers(note, [LOG_KEY, WITNESS_KEY]) == ({str(LOG_KEY), str(WITNESS_KEY)}, set())
    assert signers(note, [LOG_KEY]) == ({str(LOG_KEY)}, set())
    assert signers(note, []) == (set(), set())


def test_a_line_that_shares_only_the_name_or_only_the_id_is_passed_over():
    (good,) = signed().signatures[:1]
    note = Note(
        CHECKPOINT.text,
        (
            NoteSignature("log.example", b"\x00" * 4, good.signature),
            NoteSignature("other.example", good.key_id, good.signature),
        ),
    )
    assert signers(note, [LOG_KEY]) == (set(), set())


def test_a_bad_signature_of_a_known_key_counts_even_beside_a_good_one():
    (good,) = signed().signatures[:1]
    bad = NoteSignature(good.name, good.key_id, bytes(64))
    for lines in ((good, bad), (bad, good), (bad,)):
        assert signers(Note(CHECKPOINT.text, lines), [LOG_KEY]) == (set(), {str(LOG_KEY)})


def test_a_signature_over_another_text_is_bad():
    note = Note(Checkpoint("log.example/1", 8, b"r" * 32).text, signed().signatures)
    assert signers(note, [LOG_KEY, WITNESS_KEY]) == (set(), {str(LOG_KEY), str(WITNESS_KEY)})


@pytest.mark.parametrize("length", [0, 1, 8, 63, 65, 72])
def test_a_signature_of_another_length_is_bad(length):
    for key, line_of in zip((LOG_KEY, WITNESS_KEY), signed().signatures, strict=True):
        raw = (line_of.signature * 2)[: length + 8 * (key is WITNESS_KEY)]
        assert not is_signed_by(signed(), NoteSignature(key.name, key.key_id, raw), key)


def test_a_signature_of_one_kind_is_none_of_the_other():
    text = CHECKPOINT.text
    plain, stamped = sign_note(text, "a", LOG), cosign(text, "a", LOG, TIME)
    note = Note(text, (plain, stamped))
    assert is_signed_by(note, plain, key_of("a", LOG))
    assert not is_signed_by(note, plain, key_of("a", LOG, COSIGNATURE))
    assert is_signed_by(note, stamped, key_of("a", LOG, COSIGNATURE))
    assert not is_signed_by(note, stamped, key_of("a", LOG))


# ------------------------------------------------------------------------------------- cosignatures


def test_a_cosignature_states_its_time_and_covers_it():
    signature = cosign(CHECKPOINT.text, "witness.example", WITNESS, TIME)
    assert int.from_bytes(signature.signature[:8], "big") == TIME
    note = Note(CHECKPOINT.text, (signature,))
    assert is_signed_by(note, signature, WITNESS_KEY)
    later = (TIME + 1).to_bytes(8, "big") + signature.signature[8:]
    assert not is_signed_by(
        note, NoteSignature(signature.name, signature.key_id, later), WITNESS_KEY
    )


def test_the_message_of_a_cosignature_is_that_of_c2sp():
    signature = cosign(CHECKPOINT.text, "witness.example", WITNESS, TIME)
    message = f"cosignature/v1\ntime {TIME}\n{CHECKPOINT.text}".encode()
    WITNESS.public_key().verify(signature.signature[8:], message)


@pytest.mark.parametrize("time_s", [-1, 2**63, 2**64])
def test_a_time_that_c2sp_does_not_know_is_not_signed(time_s):
    with pytest.raises(NoteError, match="not a time"):
        cosign(CHECKPOINT.text, "witness.example", WITNESS, time_s)


@pytest.mark.parametrize("time_s", [0, 2**63 - 1])
def test_the_first_and_the_last_time_are_signed(time_s):
    signature = cosign(CHECKPOINT.text, "witness.example", WITNESS, time_s)
    assert is_signed_by(Note(CHECKPOINT.text, (signature,)), signature, WITNESS_KEY)


def test_a_cosignature_beyond_the_last_time_is_bad():
    time_s = 2**63
    message = f"cosignature/v1\ntime {time_s}\n{CHECKPOINT.text}".encode()
    raw = time_s.to_bytes(8, "big") + WITNESS.sign(message)
    signature = NoteSignature("witness.example", WITNESS_KEY.key_id, raw)
    assert not is_signed_by(Note(CHECKPOINT.text, (signature,)), signature, WITNESS_KEY)


# -------------------------------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("size", [0, 1, 10**16 - 1])
def test_a_checkpoint_is_read_back_as_it_is_written(size):
    checkpoint = Checkpoint("log.example/1", size, b"r" * 32)
    assert parse_checkpoint(checkpoint.text) == checkpoint


ROOT = base64.b64encode(b"r" * 32).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"a\n1\n{ROOT}",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\nextension\n",
        f"\n1\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        f"a\n01\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n 1\n{ROOT}\n",
        f"a\n1 \n{ROOT}\n",
        f"a\n\u0661\n{ROOT}\n",
        f"a\n{10**16}\n{ROOT}\n",
        f"a\n0x1\n{ROOT}\n",
        "a\n1\n\n",
        f"a\n1\n{ROOT[:-4]}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT} \n",
        f"a\n1\n{base64.b64encode(b'r' * 33).decode()}\n",
        f"a\n1\n{ROOT[:-2]}J=\n",
    ],
    ids=ascii,
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(NoteError):
        parse_checkpoint(text)
