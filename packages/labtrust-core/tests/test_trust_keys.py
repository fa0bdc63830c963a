"""Keys: what may be registered, and that Ed25519 is RFC 8032's."""

import base64

import msgspec
import pytest
from labtrust_core.errors import SignatureError
from labtrust_core.policy.model import Key
from labtrust_core.trust.keys import (
    KeyRegistry,
    TestKeyBinding,
    TestKeyring,
    check_public_key,
    derive_test_key,
)
from labtrust_core.trust.signatures import is_signed

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _x_of(y):
    """Return the x of a point of the curve with this y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    for root in (x, x * ROOT_OF_MINUS_ONE % P):
        if root * root % P == square:
            return root
    return None


def _add(first, second):
    (x1, y1), (x2, y2) = first, second
    k = D * x1 * x2 * y1 * y2
    return (
        (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P,
    )


def _times(number, point):
    result = (0, 1)
    for bit in f"{number:b}":
        result = _add(result, result)
        if bit == "1":
            result = _add(result, point)
    return result


def _torsion_points():
    """Return the eight points whose order divides eight, as multiples of one of order eight."""
    order = 2**252 + 27742317777372353535851937790883648493
    for y in range(2, 100):
        x = _x_of(y)
        if x is None:
            continue
        point = _times(order, (x, y))
        if _times(4, point) != (0, 1):
            return [_times(number, point) for number in range(8)]
    raise AssertionError("no point of order eight found")


def _encodings():
    """Return every 32-byte string that decodes to a point of low order, canonical or not."""
    found = set()
    for x, y in _torsion_points():
        signs = {x & 1} if x else {0, 1}
        for spelling in {y, y + P}:
            if spelling < 2**255:
                found |= {(spelling | sign << 255).to_bytes(32, "little") for sign in signs}
    return sorted(found)


LOW_ORDER = _encodings()


def _encoded(raw):
    return base64.b64encode(raw).decode()


def test_there_are_fourteen_encodings_of_low_order():
    assert len(LOW_ORDER) == 14


@pytest.mark.parametrize("raw", LOW_ORDER, ids=bytes.hex)
def test_a_key_of_low_order_is_refused(raw):
    with pytest.raises(SignatureError, match="K1"):
        KeyRegistry({"K1": Key(public_key=_encoded(raw), agent_id="A", role_id="R")})


@pytest.mark.parametrize("y", [P + 2, P + 5, 2**255 - 1])
def test_a_key_that_is_not_in_canonical_encoding_is_refused(y):
    with pytest.raises(SignatureError, match="canonical"):
        check_public_key("K1", _encoded(y.to_bytes(32, "little")))


def test_a_key_off_the_curve_is_refused():
    y = next(y for y in range(2, 100) if _x_of(y) is None)
    with pytest.raises(SignatureError, match="curve"):
        check_public_key("K1", _encoded(y.to_bytes(32, "little")))


@pytest.mark.parametrize("text", ["", "ü", "AAAA", "!", "A" * 44, " " * 44])
def test_a_key_that_is_not_base64_of_32_bytes_is_refused(text):
    with pytest.raises(SignatureError):
        check_public_key("K1", text)


def test_a_key_has_one_spelling(toy):
    good = toy.keyring.keys["K_A_BOSS"].public_key
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    check_public_key("K1", good)
    with pytest.raises(SignatureError, match="base64"):
        check_public_key("K1", good[:42] + alphabet[alphabet.index(good[42]) ^ 1] + "=")


def test_a_taken_key_id_is_refused(toy):
    with pytest.raises(SignatureError, match="K_A_BOSS"):
        toy.keys.extended({"K_A_BOSS": toy.keyring.keys["K_A_BOSS"]})


def test_the_digest_of_a_registry_covers_every_field(toy):
    keys = toy.keyring.keys
    changed = msgspec.structs.replace(keys["K_A_BOSS"], not_after_s=5)
    assert KeyRegistry({**keys, "K_A_BOSS": changed}).digest != toy.keys.digest


def test_the_digest_of_a_registry_does_not_depend_on_its_order(toy):
    backwards = dict(reversed(toy.keyring.keys.items()))
    assert KeyRegistry(backwards).digest == toy.keys.digest


def test_test_keys_depend_on_seed_and_id_only():
    raw = [
        derive_test_key(seed, key_id).private_bytes_raw()
        for seed, key_id in [(1, "K1"), (1, "K1"), (2, "K1"), (1, "K2")]
    ]
    assert raw[0] == raw[1]
    assert len({*raw}) == 3


def test_a_keyring_signs_for_the_keys_that_it_registers():
    ring = TestKeyring({"K1": TestKeyBinding(agent_id="A", role_id="R", not_after_s=5)}, seed=1)
    assert ring.keys["K1"].not_after_s == 5
    assert is_signed(ring.keys["K1"], _encoded(ring.private["K1"].sign(b"x")), b"x")


RFC_8032 = [  # section 7.1: secret key, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        (
            "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12ee50"
            "f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe5738829adb"
            "26c81b37c93a1b270b20329d658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89"
            "ffbc1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4feba15452f80288a82"
            "1a579116ec6dad2b3b310da903401aa62100ab5d1a36553e06203b33890cc9b832f79ef80560ccb9a39c"
            "e767967ed628c6ad573cb116dbefefd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206b"
            "e6cd9ec7aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed185ce81bd8435"
            "9d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2d17ba70eb6248e594e1a2297acbbb39d"
            "502f1a8c6eb6f1ce22b3de1a1f40cc24554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf"
            "2b13fd65f27088d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc2732e694"
            "85bbc9c90bfbd62481d9089beccf80cfe2df16a2cf65bd92dd597b0707e0917af48bbb75fed413d238f5"
            "555a7a569d80c3414a8d0859dc65a46128bab27af87a71314f318c782b23ebfe808b82b0ce26401d2e22"
            "f04d83d1255dc51addd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2af58429ec960"
            "31dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb751fb73e666c6c655ade82972"
            "97d07ad1ba5e43f1bca32301651339e22904cc8c42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c"
            "4b4c4525004aa06eeff8ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df"
            "f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08d78ff4ef5d63653a6504"
            "0cf9bfd4aca7984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e2ab47b57f7f7276c"
            "d419c17a3ca8e1b939ae49e488acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc56"
            "00a32ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e6aed3fb0f9cd71a4"
            "3dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5fb93246f6b1116398a346f1a641f3b041e989"
            "f7914f90cc2c7fff357876e506b50d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa9"
            "33a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380db2eaaa707b4c"
            "4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef68d3a101e8a3b8ca"
            "c60c905c15fc910840b94c00a0b9d0"
        ),
        (
            "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
            "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03"
        ),
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_ed25519_is_that_of_rfc_8032(secret, public, message, signature):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert private.sign(bytes.fromhex(message)).hex() == signature
    key = Key(public_key=_encoded(bytes.fromhex(public)), agent_id="A", role_id="R")
    KeyRegistry({"K1": key})
    spelled = _encoded(bytes.fromhex(signature))
    assert is_signed(key, spelled, bytes.fromhex(message))
    assert not is_signed(key, spelled, bytes.fromhex(message) + b"\x00")


def test_a_registry_is_extended_by_new_keys(toy):
    ring = TestKeyring({"K_NEW": TestKeyBinding(agent_id="A", role_id="R")}, seed=1)
    extended = toy.keys.extended(ring.keys)
    assert extended.keys == {**toy.keys.keys, **ring.keys}
    assert extended.digest == KeyRegistry({**ring.keys, **toy.keys.keys}).digest


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused_for_its_length(toy, length):
    raw = base64.b64decode(next(iter(toy.keyring.keys.values())).public_key) + b"\x00"
    with pytest.raises(SignatureError, match=f"has {length} bytes"):
        check_public_key("K", base64.b64encode(raw[:length]).decode())
