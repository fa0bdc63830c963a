"""The second verifier: independent, of one mind with the first, and strict in what it reads."""

import ast
import base64
import json
import struct
import sys
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytest.importorskip("labtrust_export")

import independent_verifier
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical
from labtrust_core.errors import SignatureError
from labtrust_core.trust.keys import check_public_key
from labtrust_export.testing.accepted import ACCEPTED
from labtrust_export.testing.battery import classes, forgeries
from labtrust_export.testing.forgery import BASES, good, honest_trust
from labtrust_export.testing.sealing import resealed
from labtrust_export.testing.signers import trust_bytes
from labtrust_export.testing.tricks import written
from labtrust_export.trust_policy import parse_trust_policy
from labtrust_export.verify.codes import Level
from labtrust_export.verify.verifier import verify_bundle
from second_verifier import formats

TOOLS = Path(independent_verifier.__file__).parent
PARTS = [TOOLS / "independent_verifier.py", *sorted((TOOLS / "second_verifier").glob("*.py"))]
OURS = {"cryptography", "second_verifier"}
EACH = 2  # forgeries of a class; the battery tries all of them

VECTORS = TOOLS.parent / "packages" / "labtrust-core" / "tests" / "vectors"  # official ones

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), inner)
    ),
    max_leaves=12,
)


def bundle(folder, name="amended"):
    folder.mkdir()
    for file, data in good(name).files.items():
        (folder / file).write_bytes(data)
    return folder


def nothing_seen():
    return {"version": "0.1", "runs": {}}


@pytest.fixture
def trust_file(tmp_path):
    path = tmp_path / "trust-policy.json"
    path.write_bytes(trust_bytes(honest_trust()))
    return path


@pytest.fixture
def shown(capsys):
    """Run the command line; return its exit code and the verdict that it prints."""

    def run(*arguments):
        code = independent_verifier.main([str(one) for one in arguments])
        printed = capsys.readouterr().out
        return code, json.loads(printed) if printed else None

    return run


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_it_imports_nothing_but_python_and_cryptography(part):
    names = set()
    for node in ast.walk(ast.parse(part.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])

    assert names <= sys.stdlib_module_names | OURS


@pytest.mark.parametrize("name", BASES)
def test_a_good_bundle_reaches_the_rules(name, tmp_path):
    verdict = independent_verifier.verify(bundle(tmp_path / "bundle", name), honest_trust())

    assert verdict == ("L2", None, "")


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.name)
def test_both_verifiers_say_the_same_of_forgeries(kind, tmp_path):
    for number, forgery in enumerate(islice(kind.forgeries(), EACH)):
        folder = written(tmp_path / str(number), forgery.made.files, forgery.made.trick)
        first = verify_bundle(folder, parse_trust_policy(trust_bytes(forgery.trust)), upto=Level.L2)
        second = independent_verifier.verify(folder, forgery.trust)

        reached = None if first.reached is None else str(first.reached)
        code = None if first.failure is None else str(first.failure.code)
        assert (second.level, second.code) == (reached, code), forgery.name


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(good("run").files)),
    st.lists(st.tuples(st.integers(0), st.binary(max_size=2)), min_size=1, max_size=3),
)
def test_both_verifiers_say_the_same_of_damage_that_is_signed(file, changes):
    data = good("run").files[file]
    for place, other in changes:
        before, after = data[: place % len(data)], data[place % len(data) + 1 :]
        data = before + other + after or b"x"
    files = {**good("run").files, file: data}
    with TemporaryDirectory() as folder:
        damaged = written(Path(folder), files if file == "manifest.json" else resealed(files))
        first = verify_bundle(
            damaged, parse_trust_policy(trust_bytes(honest_trust())), upto=Level.L2
        )
        second = independent_verifier.verify(damaged, honest_trust())

    assert second.code == (None if first.failure is None else str(first.failure.code))


@pytest.mark.slow  # every forgery is made, to try one in 40
@pytest.mark.parametrize("level", ["L0", "L1"])
def test_forgeries_of_a_level_are_refused_at_it(level, tmp_path):
    tried = 0
    for number, forgery in enumerate(islice(forgeries(levels=[level]), 0, None, 40)):
        verdict = independent_verifier.verify(
            written(tmp_path / str(number), forgery.made.files, forgery.made.trick),
            forgery.trust,
            level,
        )
        tried += 1
        assert verdict.code in forgery.codes, forgery.name

    assert tried > 20


@pytest.mark.parametrize("entry", ACCEPTED, ids=lambda entry: entry.name)
def test_what_passes_on_purpose_passes_here_too(entry, tmp_path):
    made = entry.make()
    folder = written(tmp_path, made.files)

    verdict = independent_verifier.verify(folder, made.trust or honest_trust())

    assert verdict == ("L2", None, "")


def test_no_check_above_the_level_that_is_asked_for_is_made(tmp_path):
    nobody = {**honest_trust(), "bundle_keys": []}
    folder = bundle(tmp_path / "bundle")

    assert independent_verifier.verify(folder, nobody, "L0") == ("L0", None, "")
    assert independent_verifier.verify(folder, nobody, "L1").code == "ENVELOPE_KEY_UNKNOWN"


def test_a_run_that_was_seen_further_on_is_a_rollback(tmp_path):
    state = nothing_seen()
    folder = bundle(tmp_path / "bundle", "run")
    assert independent_verifier.verify(folder, honest_trust(), "L2", state).code is None
    for seen in state["runs"].values():
        seen["size"] += 1

    verdict = independent_verifier.verify(folder, honest_trust(), "L2", state)

    assert (verdict.level, verdict.code) == ("L2", "HISTORY_ROLLBACK")


def test_another_run_of_the_same_origin_is_a_fork(tmp_path):
    state = nothing_seen()
    folder = bundle(tmp_path / "bundle", "run")
    independent_verifier.verify(folder, honest_trust(), "L2", state)
    for seen in state["runs"].values():
        seen["root"] = "0" * 64

    assert independent_verifier.verify(folder, honest_trust(), "L2", state).code == "HISTORY_FORK"


def test_a_bundle_without_a_run_has_no_history(tmp_path):
    verdict = independent_verifier.verify(
        bundle(tmp_path / "bundle"), honest_trust(), "L2", nothing_seen()
    )

    assert (verdict.level, verdict.code) == ("L2", "HISTORY_NO_RUN_LOG")


def test_the_command_keeps_what_it_has_seen(shown, tmp_path, trust_file):
    folder, state = bundle(tmp_path / "bundle", "run"), tmp_path / "state.json"

    assert shown(folder, trust_file, "--state", state)[0] == 0
    seen = json.loads(state.read_text())
    assert shown(folder, trust_file, "--state", state)[0] == 0
    assert json.loads(state.read_text()) == seen
    assert len(seen["runs"]) == 1


def test_the_command_says_no_with_a_code(shown, tmp_path, trust_file):
    folder = bundle(tmp_path / "bundle")
    (folder / "checkpoint").unlink()

    code, verdict = shown(folder, trust_file)

    assert (code, verdict["level"], verdict["code"]) == (1, None, "BUNDLE_FILE_MISSING")


@pytest.mark.parametrize(
    "trust", ["", "[]", "{", '{"version":"0.1","version":"0.1"}', "[" * 100_000]
)
def test_a_trust_policy_that_is_none_is_a_bad_question(shown, tmp_path, trust):
    path = tmp_path / "trust-policy.json"
    path.write_text(trust)

    assert shown(bundle(tmp_path / "bundle"), path) == (2, None)


def test_a_key_listed_twice_is_a_bad_question(tmp_path):
    trust = honest_trust()
    twice = {**trust, "log_keys": trust["log_keys"] * 2}

    with pytest.raises(ValueError, match="twice"):
        independent_verifier.verify(bundle(tmp_path / "bundle"), twice)


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("encoding", vectors("low_order"))
def test_a_key_of_low_order_is_refused(encoding):
    assert not formats.is_accepted_key(bytes.fromhex(encoding))


def test_official_signatures_are_judged_as_official_vectors_say():
    for key, cases in vectors("wycheproof_ed25519"):
        for _number, message, signature, result, *_ in cases:
            good = formats.signed_by(*map(bytes.fromhex, (key, signature, message)))
            assert result == "acceptable" or good == (result == "valid")


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference(size):
    known = vectors("merkle")
    leaves = [formats.leaf_hash(bytes.fromhex(leaf)) for leaf in known["leaves"][:size]]

    assert formats.Tree(leaves).root.hex() == known["roots"][size]


@pytest.mark.parametrize("name", vectors("jcs"))
def test_official_documents_have_their_canonical_form(name):
    given_, canonical = vectors("jcs")[name]

    assert formats.canonical(json.loads(given_)) == canonical


@given(st.binary(min_size=32, max_size=32))
def test_keys_are_accepted_as_they_are_at_registration(raw):
    try:
        check_public_key("a key", base64.b64encode(raw).decode())
    except SignatureError:
        accepted = False
    else:
        accepted = True

    assert formats.is_accepted_key(raw) == accepted


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON))
def test_canonical_forms_are_those_of_the_ledger(value):
    assert formats.canonical(value).encode() == canonical_bytes(value)


def is_read_by_both(data):
    """Whether both readers take the bytes, or None where they disagree."""
    try:
        first = parse_canonical(data, 65_536)
    except NotCanonicalError:
        first = None
    try:
        second = formats.read_canonical(data)
    except ValueError:
        second = None
    return None if first != second else first is not None


@given(st.dictionaries(st.text(max_size=2), JSON, max_size=3), st.data())
def test_damaged_bytes_are_read_by_both_readers_or_by_none(value, data):
    line = bytearray(formats.canonical(value).encode("utf-8", "replace"))
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] = data.draw(st.sampled_from(list(b'{}[]",:0123456789.eE+-\\ux \x00\x7f\xed\xff')))

    assert is_read_by_both(bytes(line)) is not None


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        (b"{}", True),
        (b"[]", False),
        (b'{"a":9007199254740991}', True),
        (b'{"a":9007199254740992}', True),  # as the double that it is
        (b'{"a":9007199254740993}', False),
        (b'{"a":1e+21}', True),
        (b'{"a":1000000000000000000000}', False),
        (b'{"a":1e400}', False),
        (b'{"a":-0}', False),
        (b'{"a":1.0}', False),
        (b'{"a":NaN}', False),
        (b'{"a":1,"a":1}', False),
        (b'{"b":1,"a":1}', False),
        (b'{"a": 1}', False),
        (b'{"a":1}\r', False),
        (b"\xef\xbb\xbf{}", False),
        (b'{"a":"\\u001f"}', True),
        (b'{"a":"\\u001F"}', False),
        (b'{"a":"\\u0041"}', False),
        (b'{"a":"\\ud800"}', False),
        (b'{"a":"\xed\xa0\x80"}', False),
        ('{"\U00010000":1,"\uffff":1}'.encode(), True),  # by UTF-16 units
        ('{"\uffff":1,"\U00010000":1}'.encode(), False),
        (b'{"a":' + b"[" * 31 + b"]" * 31 + b"}", True),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", False),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", False),
        (b'{"a":' + b"9" * 5_000 + b"}", False),
    ],
)
def test_what_is_canonical(line, is_read):
    assert is_read_by_both(line) is is_read


@pytest.mark.parametrize(
    ("bits", "spelled"),
    [  # the samples of RFC 8785, appendix B
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xC340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44B52D02C7E14AF5, "9.999999999999997e+22"),
        (0x44B52D02C7E14AF6, "1e+23"),
        (0x44B52D02C7E14AF7, "1.0000000000000001e+23"),
        (0x444B1AE4D6E2EF4E, "999999999999999700000"),
        (0x444B1AE4D6E2EF4F, "999999999999999900000"),
        (0x444B1AE4D6E2EF50, "1e+21"),
        (0x3EB0C6F7A0B5ED8C, "9.999999999999997e-7"),
        (0x3EB0C6F7A0B5ED8D, "0.000001"),
        (0x41B3DE4355555553, "333333333.3333332"),
        (0x41B3DE4355555554, "333333333.33333325"),
        (0x41B3DE4355555555, "333333333.3333333"),
        (0x41B3DE4355555556, "333333333.3333334"),
        (0x41B3DE4355555557, "333333333.33333343"),
        (0xBECBF647612F3696, "-0.0000033333333333333333"),
        (0x43143FF3C1CB0959, "1424953923781206.2"),
    ],
)
def test_doubles_are_spelled_as_the_standard_says(bits, spelled):
    assert formats.canonical(struct.unpack(">d", bits.to_bytes(8, "big"))[0]) == spelled
