"""The trust policy's reader refuses whatever it cannot be sure about."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.errors import UsageError
from labtrust_core.trust.notes import COSIGNATURE, ED25519, VerifierKey, key_of
from labtrust_export.trust_policy import (
    TrustPolicy,
    TrustPolicyError,
    Witnesses,
    parse_trust_policy,
    read_trust_policy,
)

LISTS = ("log_keys", "bundle_keys", "release_keys")


def key(name="k", number=1, kind=ED25519):
    return key_of(name, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), kind)


FULL = TrustPolicy(
    log_keys=(key("log", 1), key("log", 2)),
    witnesses=Witnesses((key("w", 3, COSIGNATURE),), 1),
    bundle_keys=(key("b", 4),),
    bundle_threshold=2,
    release_keys=(key("r", 5),),
    release_threshold=3,
    policies=("a" * 64, "b" * 64),
    agent_keys=("c" * 64,),
)


def stated(**changes):
    return json.dumps(json.loads(FULL.encoded()) | changes).encode()


@pytest.mark.parametrize("policy", [FULL, TrustPolicy()])
def test_what_is_written_reads_back(policy):
    assert parse_trust_policy(policy.encoded()) == policy


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"version":NaN}',
        b"\xff\xfe",
        "{}".encode("utf-16"),
        b"[" * 5000,
        FULL.encoded().replace(b'"version": "0.1"', b'"version": "0.1", "version": "0.1"'),
        FULL.encoded() + b" " * 1024 * 1024,
        stated(version="0.2"),
        stated(extra=1),
        stated(log_keys="x"),
        stated(bundle_threshold=0),
        stated(bundle_threshold=True),
        stated(release_threshold=1.5),
        stated(witnesses={"keys": [], "quorum": -1}),
        stated(witnesses={"keys": []}),
        stated(policies=["A" * 64]),
        stated(policies=["a" * 64, "a" * 64]),
        stated(agent_keys=[1]),
        stated(version="\ud800"),
        stated(**{"\ud800": 1}),
    ],
)
def test_another_shape_is_refused(data):
    with pytest.raises(TrustPolicyError):
        parse_trust_policy(data)


@pytest.mark.parametrize("missing", list(json.loads(FULL.encoded())))
def test_every_field_is_needed(missing):
    data = json.loads(FULL.encoded())
    del data[missing]
    with pytest.raises(TrustPolicyError, match=f"missing required field `{missing}`"):
        parse_trust_policy(json.dumps(data).encode())


LOW_ORDER = VerifierKey("weak", ED25519, b"\1" + bytes(31))


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([""], "not a verifier key"),
        ([str(key())[:-4]], "base64"),
        ([str(key()).replace("k+", "j+", 1)], "its id is"),
        ([str(LOW_ORDER)], "low order"),
        ([str(key(kind=COSIGNATURE))], "of another type"),
        ([str(key()), str(key())], "twice"),
        ([str(key("a")), str(key("b"))], "twice"),
    ],
)
def test_a_key_that_cannot_be_trusted_is_refused_and_named(place, texts, message):
    with pytest.raises(TrustPolicyError, match=message) as caught:
        parse_trust_policy(stated(**{place: texts}))

    assert str(caught.value).startswith(f"{place}[{len(texts) - 1}]: ")


def test_a_witness_has_a_key_of_the_other_type():
    with pytest.raises(TrustPolicyError, match=r"witnesses.keys\[0\].*of another type"):
        parse_trust_policy(stated(witnesses={"keys": [str(key())], "quorum": 1}))


def test_an_error_names_the_file(tmp_path):
    path = tmp_path / "trust-policy.json"
    with pytest.raises(UsageError, match="cannot read the trust policy"):
        read_trust_policy(path)
    path.write_bytes(stated(log_keys=[""]))
    with pytest.raises(TrustPolicyError, match=r"trust-policy\.json: log_keys\[0\]"):
        read_trust_policy(path)
