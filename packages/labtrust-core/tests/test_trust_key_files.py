"""Key files: what is written can be read, by its owner only; what cannot be used is refused."""

import base64
import os
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from labtrust_core.errors import SignatureError, UsageError
from labtrust_core.trust.key_files import read_signing_key, read_verifier_key, write_key
from labtrust_core.trust.notes import COSIGNATURE

ED25519_OID = bytes([6, 3, 43, 101, 112])
PEM = b"-----BEGIN PRIVATE KEY-----\n%b\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def keys(tmp_path):
    """A folder with the key ``log``."""
    write_key(tmp_path / "keys", "log")
    return tmp_path / "keys"


def test_a_key_is_read_as_it_was_written(tmp_path):
    public = write_key(tmp_path, "lab/log")
    key = read_signing_key(tmp_path / "lab-log.key")

    assert (key.name, key.public()) == ("lab/log", public)
    assert read_verifier_key(tmp_path / "lab-log.pub") == public


def test_a_witness_has_a_key_of_its_own_kind(tmp_path):
    public = write_key(tmp_path, "witness", COSIGNATURE)

    assert public.kind == COSIGNATURE
    assert read_signing_key(tmp_path / "witness.key").public(COSIGNATURE) == public


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_private_key_is_its_owners(keys):
    assert stat.S_IMODE((keys / "log.key").stat().st_mode) == 0o600


def test_an_existing_key_is_not_overwritten(keys):
    before = (keys / "log.key").read_bytes()

    with pytest.raises(UsageError, match="File exists"):
        write_key(keys, "log")
    assert (keys / "log.key").read_bytes() == before


@pytest.mark.parametrize("name", ["manifest.json", "episode_log.jsonl"])
def test_no_key_is_written_below_evidence(tmp_path, name):
    (tmp_path / name).touch()

    with pytest.raises(UsageError, match=name):
        write_key(tmp_path / "logs" / "keys", "log")
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("suffix", [".key", ".pub"])
def test_a_missing_half_is_a_usage_error(keys, suffix):
    (keys / f"log{suffix}").unlink()

    with pytest.raises(UsageError, match=f"log{suffix}"):
        read_signing_key(keys / "log.key")


def test_the_public_half_of_another_key_is_refused(keys, tmp_path):
    write_key(tmp_path / "other", "log")
    (tmp_path / "other" / "log.pub").replace(keys / "log.pub")

    with pytest.raises(SignatureError, match="not the public half"):
        read_signing_key(keys / "log.key")


def test_a_key_with_a_password_is_refused(keys):
    private = read_signing_key(keys / "log.key").private
    (keys / "log.key").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    with pytest.raises(SignatureError, match="without a password"):
        read_signing_key(keys / "log.key")


def test_a_key_of_another_kind_is_refused(keys):
    (keys / "log.key").write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    with pytest.raises(SignatureError, match="no Ed25519 key"):
        read_signing_key(keys / "log.key")


@pytest.mark.parametrize("algorithm", [0, 110, 111, 113, 114, 127])  # 111: X448, 113: Ed448
def test_a_key_of_an_unknown_algorithm_is_refused(keys, algorithm):
    path = keys / "log.key"
    der = bytearray(base64.b64decode(b"".join(path.read_bytes().splitlines()[1:-1])))
    place = der.index(ED25519_OID) + len(ED25519_OID) - 1
    der[place] = algorithm
    path.write_bytes(PEM % base64.b64encode(der))

    with pytest.raises(SignatureError, match="holds no"):
        read_signing_key(path)


@pytest.mark.parametrize("data", [b"", b"no key", b"log+00000000+AAAA\n"])
def test_what_is_no_verifier_key_is_refused(keys, data):
    (keys / "log.pub").write_bytes(data)

    with pytest.raises(SignatureError):
        read_verifier_key(keys / "log.pub")


def test_what_is_no_text_is_refused(keys):
    (keys / "log.pub").write_bytes(b"\xff")

    with pytest.raises(UsageError, match=r"log\.pub"):
        read_verifier_key(keys / "log.pub")


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_public_key_is_for_all_to_read(tmp_path):
    before = os.umask(0)
    try:
        write_key(tmp_path, "log")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log.pub").stat().st_mode) == 0o644


def test_no_key_is_written_below_a_release(tmp_path):
    (tmp_path / "RELEASE_MANIFEST.v0.1.json").write_text("{}")
    with pytest.raises(UsageError):
        write_key(tmp_path / "keys", "log")
