"""Envelopes: signed, read back, refused."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.trust.notes import key_of
from labtrust_export.envelope import EnvelopeError, read_envelope, signed, signers

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
TYPE = "application/vnd.in-toto+json"


def test_an_envelope_is_read_back_as_it_was_signed():
    envelope = signed(TYPE, b'{"a":1}', [("maker", KEY)])
    again = read_envelope(envelope.encoded())
    assert again == envelope
    good, bad = signers(again, [key_of("maker", KEY)])
    assert len(good) == 1
    assert not bad


def test_a_changed_payload_or_type_makes_the_signature_bad():
    envelope = signed(TYPE, b'{"a":1}', [("maker", KEY)])
    for changed in (
        type(envelope)(TYPE, b'{"a":2}', envelope.signatures),
        type(envelope)("text/plain", b'{"a":1}', envelope.signatures),
    ):
        good, bad = signers(changed, [key_of("maker", KEY)])
        assert not good
        assert len(bad) == 1


@pytest.mark.parametrize(
    ("data", "canonical"),
    [
        (b"", False),
        (b"{}", False),
        (b"{}\n", True),
        (b'{"payload":"!","payloadType":"t","signatures":[]}\n', True),
        (b'{"payload":"","payloadType":"t","signatures":[],"extra":1}\n', False),
        (b'{"payload":"","payloadType":"t","payload":"","signatures":[]}\n', False),
        (b'{"payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":"?"}]}\n', True),
    ],
)
def test_what_is_no_envelope_is_refused(data, canonical):
    with pytest.raises(EnvelopeError) as caught:
        read_envelope(data)
    assert caught.value.canonical is canonical


def test_a_signature_that_a_key_made_for_other_text_counts_against_it_even_beside_a_good_one():
    envelope = signed(TYPE, b"{}", [("maker", KEY)])
    key_id, raw = envelope.signatures[0]
    doubled = type(envelope)(TYPE, b"{}", ((key_id, raw), (key_id, bytes(64))))
    assert signers(doubled, [key_of("maker", KEY)]) == (set(), {key_id})


def test_signatures_stand_in_base64():
    body = signed(TYPE, b"{}", [("maker", KEY)]).encoded()
    assert base64.b64encode(b"{}") in body
