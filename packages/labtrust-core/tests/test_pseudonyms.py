"""Pseudonyms are keyed, told apart by domain, and stand where a patient's number never may."""

import hmac
import re
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.errors import UsageError
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.pseudonyms import MIN_KEY_BYTES, key_id, pseudonym, synthetic_key

KEY = bytes(range(MIN_KEY_BYTES))
OTHER = bytes(range(1, MIN_KEY_BYTES + 1))
TESTS = Path(__file__).parent


def test_the_keyed_hash_is_the_published_one():
    # RFC 4231, test cases 1 and 2.
    first = hmac.digest(b"\x0b" * 20, b"Hi There", "sha256")
    second = hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256")
    assert first.hex() == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert second.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


# Worked out by hand from two SHA-256 digests, without the hmac module.
KNOWN = [
    ("patient", "0001", "p-ic4gegv5lbggszyw"),
    ("patient", "0002", "p-trposvpbdatwqspk"),
    ("visit", "0001", "p-olslm4v7p72cotyj"),
]


@pytest.mark.parametrize(("domain", "identifier", "expected"), KNOWN)
def test_known_pseudonyms_stay_what_they_are(domain, identifier, expected):
    assert pseudonym(KEY, domain, identifier) == expected


def test_a_known_key_keeps_its_id():
    assert key_id(KEY) == "k-7ign4xugkonmuedm"


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_pseudonym_has_one_form(identifier):
    assert re.fullmatch(r"p-[a-z2-7]{16}", pseudonym(KEY, "patient", identifier))


def test_key_domain_and_identifier_all_count():
    made = [
        pseudonym(key, domain, identifier)
        for key in (KEY, OTHER)
        for domain in ("patient", "visit")
        for identifier in ("1", "2")
    ]
    assert all(one != other for one, other in combinations(made, 2))


def test_the_border_between_domain_and_identifier_counts():
    assert pseudonym(KEY, "ab", "c") != pseudonym(KEY, "a", "bc")


def test_the_id_of_a_key_is_none_of_its_pseudonyms():
    assert key_id(KEY) != key_id(OTHER)
    assert key_id(KEY).removeprefix("k-") != pseudonym(KEY, "key-id", "k").removeprefix("p-")


@pytest.mark.parametrize("make", [lambda key: pseudonym(key, "patient", "1"), key_id])
def test_a_short_key_is_refused(make):
    with pytest.raises(UsageError, match="at least 32 bytes, found 31"):
        make(KEY[:-1])


@pytest.mark.parametrize(("domain", "identifier"), [("", "1"), ("patient", ""), ("a\x00b", "1")])
def test_what_could_be_mistaken_is_refused(domain, identifier):
    with pytest.raises(UsageError, match="pseudonym needs an identifier"):
        pseudonym(KEY, domain, identifier)


def test_each_seed_has_a_synthetic_key_of_its_own():
    assert len(synthetic_key(1)) == MIN_KEY_BYTES
    assert synthetic_key(1) == synthetic_key(1) != synthetic_key(2)


# No number that could be a real patient's

_TEN_DIGITS = re.compile(r"(?<![\w.])(\d{3})[ -]?(\d{3})[ -]?(\d{4})(?![\w.])")
_MODULUS = 11
_FIXTURES = {".py", ".yaml", ".yml", ".json", ".jsonl", ".csv"}


def is_nhs_number(digits):
    """Whether ten digits carry the check digit of an NHS number."""
    weighted = sum(
        weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=False)
    )
    return (_MODULUS - weighted % _MODULUS) % _MODULUS == int(digits[-1])


def nhs_numbers(text):
    found = ("".join(match.groups()) for match in _TEN_DIGITS.finditer(text))
    return [digits for digits in found if is_nhs_number(digits)]


def test_a_number_with_a_good_check_digit_is_found():
    good = "943 476 " + "5919"  # the example that is published as such, in two parts for this file
    assert nhs_numbers(f"patient {good}, bed 4") == [good.replace(" ", "")]
    assert nhs_numbers(f"patient {good[:-1]}8") == []


def test_no_policy_and_no_fixture_holds_a_patient_number():
    files = [
        file
        for folder in (find_policy_dir(), *TESTS.parents[1].glob("*/tests"))
        for file in sorted(folder.rglob("*"))
        if file.suffix in _FIXTURES
    ]
    holding = {
        str(file): found for file in files if (found := nhs_numbers(file.read_text("utf-8")))
    }
    assert holding == {}
    assert len(files) > 50
