"""What a verification tells: facts of the episode, notes, whose keys, and which bytes differ."""

import json
import os
import types
from collections import Counter

import pytest
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.ledger.record import read_record
from labtrust_export.testing.runs import with_run
from labtrust_export.verify import contents, verifier
from labtrust_export.verify.codes import Level
from labtrust_export.verify.files import Folder, opened
from labtrust_export.verify.policy import StatedPolicy
from labtrust_export.verify.report import FaultError
from labtrust_export.verify.start import checked_start

Space = types.SimpleNamespace
NO_RUN = "the bundle does not say which run the episode belongs to"
NO_SIGNATURES = "the episode did not ask agents for signatures"


def counted(records):
    """Return how many events there are of agents, and of each status."""
    events = [item for item in records if "event" in item]
    counts = Counter(item["outcome"]["status"] for item in events)
    return counts | Counter(item["origin"] for item in events)


@pytest.mark.parametrize("base", ["signed", "enforced", "reception", "amended"])
def test_a_report_states_what_the_ledger_says(kit, verdict, base):
    bundle = kit.good(base)
    records, lines = bundle.records, bundle.episode.lines
    body, counts = records[0]["body"], counted(records)
    leaves = [leaf_hash(line) for line in lines]
    receipts = [json.loads(line) for line in bundle.files["receipts.jsonl"].splitlines()]
    kinds = Counter(item["entity_type"] for item in receipts)
    report = verdict(bundle.files)
    assert report.facts == {
        "episode": body["config"]["episode"],
        "seed": body["config"]["seed"],
        "domain": body["domain"],
        "partner": body["partner"],
        "engine": body["engine"],
        "ended": records[-1]["body"]["reason"],
        "records": len(records),
        "events": len(records) - 2,
        "events_of_agents": counts["agent"],
        "accepted": counts["ACCEPTED"],
        "blocked": counts["BLOCKED"],
        "head": leaves[-1].hex(),
        "root": root_of(leaves).hex(),
        "policy_fingerprint": sha256_hex(bundle.episode.policy),
        "keys_digest": body["keys_digest"],
        "specimens": kinds["specimen"],
        "results": kinds["result"],
        "run": None,
        "number": None,
    }
    assert report.checked[Level.L0] == (
        f"{len(bundle.files)} files, {len(records)} records, {len(receipts)} receipts"
    )
    assert report.checked[Level.L2] == (
        f"{counts['agent']} events of agents asked the gates again, "
        f"{counts['ACCEPTED']} accepted and {counts['BLOCKED']} blocked held against policy"
    )
    assert report.checked[Level.L3] == f"{len(records)} records came out byte for byte"
    unsigned = [] if body["config"]["signatures_required"] else [NO_SIGNATURES]
    assert report.notes == [*unsigned, NO_RUN]


def test_a_report_states_whose_keys_signed_what(kit, verdict):
    bundle = kit.good("signed")
    report = verdict(kit.sealed(with_run(bundle.episode)))
    events = [item for item in bundle.records if item.get("event", {}).get("key_id")]
    signed = [item["event"] for item in events if item["outcome"]["status"] == "ACCEPTED"]
    assert list(report.signed_by) == [
        "manifest.json",
        "checkpoint",
        "run_checkpoint",
        "accepted events",
    ]
    assert report.signed_by["accepted events"] == sorted({item["key_id"] for item in signed})
    assert report.checked[Level.L1].endswith(f"; {len(signed)} signed events count")
    assert NO_RUN not in report.notes


def noted(*, signatures=True, scenario=(), injured=False, end="completed", again=()):
    """Return the notes on an episode of a run."""
    start = Space(config=Space(signatures_required=signatures), scenario=scenario)
    episode = Space(start=start, end=Space(reason=end), is_injured=injured)
    return verifier._notes(Space(episode=episode, run=Space(again=set(again))))


@pytest.mark.parametrize(
    ("what", "notes"),
    [
        ({}, []),
        ({"signatures": False}, [NO_SIGNATURES]),
        (
            {"scenario": None},
            ["the ledger does not hold the initial state: no replay, fewer rules"],
        ),
        (
            {"injured": True},
            ["a fault was injected: the ledger was to freeze at an event of the episode"],
        ),
        ({"end": "interrupted"}, ["the episode ended as interrupted"]),
        ({"again": [3, 1]}, ["begun more than once, after an interruption: episodes 1, 3"]),
        (
            {"again": range(21)},
            [
                "begun more than once, after an interruption: episodes "
                + ", ".join(map(str, range(20)))
            ],
        ),
    ],
)
def test_what_is_worth_knowing_is_noted(what, notes):
    assert noted(**what) == notes


@pytest.mark.parametrize(
    ("digests", "text"),
    [
        ((), "none"),
        (("a",), "a"),
        (("a", "b", "c"), "a, b, c"),
        (("a", "b", "c", "d"), "a, b, c ..."),
    ],
)
def test_trusted_digests_are_listed(digests, text):
    assert verifier._listed(digests) == text


# ------------------------------------------------------------------------------ where bytes differ


@pytest.mark.parametrize(
    ("stated", "expected", "told"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "b is stated as 2, the files say 3"),
        ({"a": 1}, {"a": 1, "b": 3}, "b is stated as nothing, the files say 3"),
        ({"a": 1, "b": 3}, {"a": 1}, "b is stated as 3, the files say nothing"),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, "a is stated as 1, the files say 2"),
        ({"a": 1}, {"a": 1}, "the shapes differ"),
    ],
)
def test_the_first_field_that_differs_is_named(stated, expected, told):
    assert contents._first_difference(stated, expected) == told


def test_a_field_is_named_by_its_path():
    assert contents._flat({"a": {"b": {"c": 1}, "d": None}, "e": "x"}) == {
        "a.b.c": 1,
        "a.d": None,
        "e": "x",
    }


def test_a_receipt_that_differs_is_named_by_its_line(kit, verdict):
    files = dict(kit.good("amended").files)
    first, *rest = files["receipts.jsonl"].splitlines(keepends=True)
    expected = json.loads(first)
    files["receipts.jsonl"] = b"".join(rest)
    report = verdict(kit.resealed(files))
    assert (report.failure.code, report.failure.record) == ("RECEIPT_MISMATCH", 0)
    assert f"{expected['entity_type']} {expected['entity_id']}" in report.failure.message


def test_a_receipt_too_many_is_named_by_its_line(kit, verdict):
    files = dict(kit.good("reception").files)
    lines = files["receipts.jsonl"].splitlines(keepends=True)
    files["receipts.jsonl"] = b"".join([*lines, lines[-1]])
    report = verdict(kit.resealed(files))
    assert (report.failure.code, report.failure.record) == ("RECEIPT_MISMATCH", len(lines))
    assert report.failure.message.endswith(": none")


def test_one_byte_of_receipts_is_no_empty_file(kit, verdict):
    files = kit.good("reception").files
    report = verdict(kit.resealed(files | {"receipts.jsonl": b"\n"}))
    assert (report.failure.code, report.failure.record) == ("RECEIPT_MISMATCH", 0)
    report = verdict(kit.resealed(files | {"receipts.jsonl": b""}), name="empty")
    assert (report.failure.code, report.failure.record) == ("RECEIPT_NONE", None)
    assert report.failure.file == "receipts.jsonl"


def begun(policy, start):
    """Return the policy that a ledger with such a start runs under, or the code of its fault."""
    holder = Space(episode=Space(start=start))
    try:
        return contents.Contents._checked_policy(holder, policy)
    except FaultError as fault:
        return fault.code


def test_a_policy_must_be_the_one_that_the_ledger_names():
    policy = StatedPolicy(b"", "a" * 64, {})
    assert begun(policy, Space(policy_fingerprint="a" * 64)) is policy
    assert begun(policy, Space(policy_fingerprint="b" * 64)) == "POLICY_FINGERPRINT"
    assert begun(policy, None) is policy
    fault = FaultError("POLICY_SCHEMA", "")
    assert begun(fault, Space(policy_fingerprint="a" * 64)) == "POLICY_SCHEMA"


# --------------------------------------------------------------------------------- the start record


@pytest.mark.parametrize(
    ("field", "code"), [("keys_digest", "KEYS_DIGEST"), ("scenario_digest", "SCENARIO_DIGEST")]
)
def test_a_digest_of_the_start_that_does_not_fit_is_named(kit, field, code):
    record = kit.good("signed").records[0]
    name = field.removesuffix("_digest")
    right, record["body"][field] = record["body"][field], "0" * 64
    with pytest.raises(FaultError) as caught:
        checked_start(read_record(canonical_bytes(record)))
    fault = caught.value
    assert (fault.code, fault.file, fault.record) == (code, "episode_log.jsonl", 0)
    zeros = "0" * 64
    assert fault.message == f"{name} has the digest {right}, {field} says {zeros}"


def test_a_start_without_a_scenario_has_no_digest_to_fit(kit):
    record = kit.good("signed").records[0]
    record["body"] |= {"scenario": None, "scenario_digest": "0" * 64}
    assert checked_start(read_record(canonical_bytes(record))).scenario is None


# --------------------------------------------------------------------------------------- the folder


@pytest.mark.parametrize(
    ("names", "code", "told"),
    [
        (["checkpoint", "dir/", "a_dir/"], "BUNDLE_FILE_KIND", "'a_dir'"),
        (["checkpoint", "b b", "a b"], "BUNDLE_NAME_ILLEGAL", "'a b'"),
        (["a b", "dir/"], "BUNDLE_FILE_KIND", "'dir'"),
        ([], "BUNDLE_EMPTY", "nothing"),
    ],
)
def test_of_what_no_bundle_holds_the_first_by_name_is_named(tmp_path, names, code, told):
    for name in names:
        path = tmp_path / name
        path.mkdir() if name.endswith("/") else path.touch()
    with pytest.raises(FaultError) as caught:
        Folder(tmp_path)
    assert (caught.value.code, caught.value.file) == (code, None)
    assert told in caught.value.message


def test_known_files_are_told_from_strange_ones(tmp_path):
    for name in ("manifest.json", "checkpoint", "zzz", "aaa"):
        (tmp_path / name).touch()
    folder = Folder(tmp_path)
    assert (folder.known, folder.strange) == ({"manifest.json", "checkpoint"}, "aaa")


def test_a_file_that_is_gone_or_a_link_is_refused_under_its_name(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "dir").mkdir()
    for name in ("missing", "link", "dir"):
        with pytest.raises(FaultError) as caught, opened(tmp_path, name):
            pass
        assert (caught.value.code, caught.value.file) == ("BUNDLE_FILE_KIND", name)


def test_a_file_is_opened_so_that_no_link_is_followed_and_no_pipe_waited_for(tmp_path, monkeypatch):
    flags = []
    real = os.open
    (tmp_path / "log").touch()
    monkeypatch.setattr(os, "open", lambda path, how: flags.append(how) or real(path, how))
    with opened(tmp_path, "log"):
        pass
    for name in ("O_NOFOLLOW", "O_NONBLOCK"):
        wanted = getattr(os, name, 0)  # where the system has it
        assert flags[0] & wanted == wanted


@pytest.mark.parametrize(
    ("code", "file", "kept"),
    [
        ("POLICY_SCHEMA", "policy.json", True),
        ("BUNDLE_FILE_KIND", "policy.json", False),
        ("POLICY_SCHEMA", "checkpoint", False),
    ],
)
def test_only_what_a_policy_says_wrong_is_kept_for_later(code, file, kept):
    fault = FaultError(code, "", file=file)

    def read(_name, _limit):
        raise fault

    holder = Space(_read_small=read)
    if kept:
        assert contents.Contents._read_policy(holder) is fault
        return
    with pytest.raises(FaultError) as caught:
        contents.Contents._read_policy(holder)
    assert caught.value is fault


@pytest.mark.parametrize(("start", "end"), [(None, None), (None, "end"), ("start", None)])
def test_a_statement_of_a_ledger_that_states_nothing_is_refused(start, end):
    manifest = Space(statement=Space(predicate=None))
    holder = Space(manifest=manifest, episode=Space(start=start, end=end))
    with pytest.raises(FaultError) as caught:
        contents.Contents._check_predicate(holder)
    assert (caught.value.code, caught.value.file) == ("PREDICATE_MISMATCH", "manifest.json")
