"""The statement's reader: what it takes, and the one code for each thing that it refuses."""

import json

import pytest
from labtrust_core.canonical import canonical_bytes
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.testing.laboratory import Laboratory
from labtrust_export.bundle import bundle_files
from labtrust_export.episode import read_episode
from labtrust_export.policy_in_force import PolicyInForce
from labtrust_export.statement import StatementError, read_statement, statement_of


@pytest.fixture(scope="session")
def stated(tmp_path_factory):
    """A statement as plain data."""
    path = tmp_path_factory.mktemp("statement") / "log.jsonl"
    with LogWriter(path) as log:
        lab = Laboratory({"specimens": []}, sink=log.write)
        lab.engine.finish()
    episode = read_episode(path)
    files, predicate = bundle_files(
        episode, b"note", PolicyInForce().snapshot_for(episode.start), None
    )
    return json.loads(statement_of(files, predicate).payload())


def changed(stated, *path, to):
    """Return a copy with one place changed; `to` of None removes it."""
    copy = json.loads(json.dumps(stated))
    place = copy
    for part in path[:-1]:
        place = place[part]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return copy


def code_of(payload):
    with pytest.raises(StatementError) as caught:
        read_statement(payload)
    return str(caught.value.code)


def test_a_statement_reads_back(stated):
    payload = canonical_bytes(stated)

    assert read_statement(payload).payload() == payload


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data + b"\n", lambda data: b" " + data, lambda _data: b"[]"],
    ids=["LF", "blank", "no object"],
)
def test_other_bytes_are_not_canonical(stated, spoil):
    assert code_of(spoil(canonical_bytes(stated))) == "STATEMENT_NOT_CANONICAL"


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), "urn:labtrust:evidence-bundle:v0.2"),
        (("more",), 1),
        (("subject",), None),
        (("subject", 0, "digest"), {"sha512": "0" * 64}),
        (("subject", 0, "digest", "sha256"), "0" * 63),
        (("subject", 0, "digest", "sha256"), "0" * 64 + "\n"),
        (("subject", 0, "uri"), "x"),
        (("predicate", "version"), "0.2"),
        (("predicate", "exporter"), 1),
        (("predicate", "receipts"), None),
        (("predicate", "receipts", "results"), -1),
        (("predicate", "receipts", "results"), True),
        (("predicate", "run"), {}),
        (("predicate", "episode", "records"), "3"),
        (("predicate", "episode", "reason"), "won"),
        (("predicate", "episode", "partner"), 0),
        (("predicate", "fingerprints"), {"x": "y"}),
    ],
)
def test_another_shape_is_refused(stated, path, to):
    assert code_of(canonical_bytes(changed(stated, *path, to=to))) == "STATEMENT_SCHEMA"


DIGEST = {"sha256": "0" * 64}
NEEDED = ["checkpoint", "episode_log.jsonl", "policy.json", "receipts.jsonl"]
RUN = ["run_checkpoint", "run_log.jsonl"]


@pytest.mark.parametrize(
    "names",
    [
        [],
        NEEDED[::-1],
        [NEEDED[0], *NEEDED],
        ["NOTES", *NEEDED],
        sorted([*NEEDED, "manifest.json"]),
        sorted([*NEEDED, "a/b"]),
        sorted([*NEEDED, "run_log.jsonl"]),
        NEEDED[:3],
        NEEDED[1:],
    ],
)
def test_other_files_are_refused(stated, names):
    subjects = [{"name": name, "digest": DIGEST} for name in names]

    assert code_of(canonical_bytes(changed(stated, "subject", to=subjects))) == "STATEMENT_SUBJECTS"


@pytest.mark.parametrize("extra", [[], RUN])
@pytest.mark.parametrize(("domain", "names"), [("hospital_lab", NEEDED), ("other", NEEDED[:3])])
def test_the_domain_says_whether_there_are_receipts(stated, domain, names, extra):
    subjects = [{"name": name, "digest": DIGEST} for name in sorted([*names, *extra])]
    data = changed(stated, "subject", to=subjects)
    data = changed(data, "predicate", "episode", "domain", to=domain)

    assert list(read_statement(canonical_bytes(data)).digests()) == sorted([*names, *extra])
    other = changed(data, "predicate", "episode", "domain", to=f"not_{domain}")
    if domain == "hospital_lab":
        assert code_of(canonical_bytes(other)) == "STATEMENT_SUBJECTS"
