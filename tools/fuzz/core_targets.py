"""Targets in labtrust-core: canonical JSON, ledger and run log, notes and keys, events, policy."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, Final, TypeAlias

import yaml
from cryptography.hazmat.primitives import serialization
from labtrust_core.canonical import MAX_LINE, NotCanonicalError, canonical_bytes, parse_canonical
from labtrust_core.domains import document_kinds, domain_of
from labtrust_core.errors import LabTrustError, LedgerError, PolicyError, SignatureError
from labtrust_core.event import MalformedEventError, parse_event
from labtrust_core.golden.reader import read_suite
from labtrust_core.ledger.files import OsFiles
from labtrust_core.ledger.recover import recover
from labtrust_core.ledger.run_log import RunLogFaultError, check_run_log
from labtrust_core.ledger.verify import (
    LogChecker,
    LogFaultError,
    feed_whole_line,
    read_lines,
    verify_log,
)
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.documents import read_document
from labtrust_core.policy.snapshot import document_digests, policy_of_snapshot
from labtrust_core.trust.key_files import read_signing_key
from labtrust_core.trust.notes import (
    COSIGNATURE,
    ED25519,
    NoteError,
    parse_checkpoint,
    parse_note,
    verifier_key,
)
from labtrust_export.testing.forgery import good
from labtrust_export.testing.sealing import joined, linked, relinked
from labtrust_export.testing.signers import LOG, WITNESSES
from second_verifier import formats, logs

from fuzz.edits import document_of, edited, edits, spliced
from fuzz.target import Target, accepted, file_of, require, scratch

Value: TypeAlias = Any  # a JSON value that is taken apart

_SECOND: Final = formats.read_canonical.__wrapped__
_BASES: Final = ("amended", "signed", "enforced", "run")
_FOREIGN: Final = (KeyError, TypeError, AttributeError, ValueError, IndexError, LabTrustError)
"""What the tools of forgers raise on what cannot be made into a log."""


@functools.cache
def _lines() -> list[bytes]:
    return [line for name in _BASES for line in good(name).episode.lines]


@functools.cache
def _values() -> list[Value]:
    return [json.loads(line) for line in _lines()]


# --------------------------------------------------------------------------------- canonical JSON


def check_canonical(data: bytes) -> None:
    """Both readers accept the same lines, and what is accepted is spelled as it came."""
    line = document_of(data, _values())
    value = accepted(lambda: parse_canonical(line), NotCanonicalError)
    if value is not None:
        require(canonical_bytes(value) == line, "an accepted line is spelled in another way")
    if len(line) <= MAX_LINE:
        second = accepted(lambda: _SECOND(line), ValueError)
        require(value == second, f"the readers differ: {value!r:.80} and {second!r:.80}")


# ------------------------------------------------------------------------------------------- logs


def _log_of(data: bytes) -> bytes:
    """Return a log: the input, or a good log with a piece or a place of a record changed."""
    if len(data) < 3 or data[0] > 1:  # noqa: PLR2004 - kind, log, record
        return data
    whole = good(_BASES[data[1] % len(_BASES)])
    if data[0] == 0:
        return spliced(joined(whole.episode.lines), data[2:])
    records = whole.records
    place = data[2] % len(records)
    records[place] = edited(records[place], data[3:])
    try:
        return joined(relinked(records))
    except _FOREIGN:
        return joined([canonical_bytes(record) for record in whole.records])


def _fault(check: Callable[[], object]) -> str | None:
    """Return the code with which a log is refused, or None."""
    try:
        check()
    except (LogFaultError, RunLogFaultError, logs.Failed) as fault:
        return str(fault.code)
    return None


def _checked(data: bytes) -> None:
    checker = LogChecker()
    for line in read_lines(BytesIO(data)):
        feed_whole_line(checker, line)
    checker.finish()


def check_ledger(data: bytes) -> None:
    """Both verifiers say the same of a ledger."""
    log = _log_of(data)
    formats.read_canonical.cache_clear()
    first, second = _fault(lambda: _checked(log)), _fault(lambda: logs.read_log(log))
    require(first == second, f"the verifiers differ: {first} and {second}")


def _run_log_of(data: bytes) -> bytes:
    if len(data) < 2 or data[0] > 1:  # noqa: PLR2004 - kind, record
        return data
    whole = good("run")
    if data[0] == 0:
        return spliced(joined(whole.episode.run), data[1:])
    records = whole.run
    place = data[1] % len(records)
    records[place] = edited(records[place], data[2:])
    try:
        return joined(linked(records))
    except _FOREIGN:
        return joined(whole.episode.run)


def check_run(data: bytes) -> None:
    """Both verifiers say the same of the log of a run."""
    log = _run_log_of(data)
    formats.read_canonical.cache_clear()
    first = _fault(lambda: check_run_log(read_lines(BytesIO(log))))
    second = _fault(lambda: logs.read_run_log(log))
    require(first == second, f"the verifiers differ: {first} and {second}")


class _Unsynced(OsFiles):
    """Files that nobody needs after a loss of power."""

    def sync(self, fd: int) -> None:
        """Leave it to the system."""

    def sync_folder(self, folder: object) -> None:
        """Leave it to the system."""


def check_recover(data: bytes) -> None:
    """A log that cannot be recovered stays as it is; one that can loses its tail, once."""
    log = _log_of(data)
    path, files = file_of("log.jsonl", log), _Unsynced()
    first = accepted(lambda: recover(path, files=files), LedgerError)
    left = path.read_bytes()
    if first is None:
        require(left == log, "a log that was refused has been changed")
        return
    require(log.startswith(left), "more was done than cutting off a tail")
    require(len(left) + first.bytes_dropped == len(log), "the bytes dropped are miscounted")
    second = recover(path, files=files)
    require(not second.bytes_dropped, "a second recovery found something to do")
    require(verify_log(path).ok == first.ended, "a recovered log that has ended does not verify")


# ----------------------------------------------------------------------------------- notes and keys


def check_note(data: bytes) -> None:
    """A note is written as it was read, and both verifiers read the same notes."""
    note = accepted(lambda: parse_note(data), NoteError)
    second = accepted(lambda: formats.parse_note(data), ValueError)
    require((note is None) == (second is None), f"the readers differ: {note} and {second}")
    if note is not None and second is not None:
        require(str(note).encode() == data, "the note is written in another way")
        require(note.text == second.text, "the readers see different texts")
        lines = [(item.name, item.key_id.hex(), item.signature) for item in note.signatures]
        require(lines == second.lines, "the readers see different signatures")


def check_checkpoint(data: bytes) -> None:
    """A checkpoint is written as it was read."""
    text = accepted(data.decode, UnicodeDecodeError)
    if text is not None:
        found = accepted(lambda: parse_checkpoint(text), NoteError)
        require(found is None or found.text == text, "the checkpoint is written in another way")


def check_verifier_key(data: bytes) -> None:
    """A key is written as it was read, and both verifiers accept the same keys."""
    text = accepted(data.decode, UnicodeDecodeError)
    if text is None:
        return
    key = accepted(lambda: verifier_key(text), SignatureError)
    require(key is None or str(key) == text, "the key is written in another way")
    for kind in (ED25519, COSIGNATURE):
        second = accepted(functools.partial(formats.read_key, text, kind), ValueError)
        mine = key is not None and key.kind == kind
        require(mine == (second is not None), f"the readers differ: {key} and {second}")


def check_pem(data: bytes) -> None:
    """A file of a private key is one, or refused."""
    path = file_of("log.key", data)
    (scratch() / "log.pub").write_text(f"{LOG.public()}\n")
    key = accepted(lambda: read_signing_key(path))
    require(key is None or key.public() == LOG.public(), "another key passed for the public one")


def _pems() -> list[bytes]:
    form = serialization.PrivateFormat
    return [
        LOG.private.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
        for kind in (form.PKCS8, form.OpenSSH)
    ]


# ---------------------------------------------------------------------------------- events, policy


@functools.cache
def _events() -> list[Value]:
    return [value["event"] for value in _values() if value["kind"] == "event"]


def check_event(data: bytes) -> None:
    """An event that is accepted is canonical, and reads back as the same."""
    document = document_of(data, _events())
    raw = accepted(lambda: json.loads(document), (ValueError, RecursionError))
    parsed = accepted(lambda: parse_event(raw), MalformedEventError)
    if parsed is not None:
        event, line = parsed
        require(parse_event(parse_canonical(line)) == (event, line), "it reads back as another")


def check_yaml(data: bytes) -> None:
    """What a policy file holds is JSON, and every place of it has a line."""
    document = accepted(lambda: read_document(file_of("policy.yaml", data)), PolicyError)
    if document is not None:
        json.dumps(document.data, allow_nan=False).encode()
        require(min(document.lines.values()) >= 1, "a place has no line")


def check_golden(data: bytes) -> None:
    """A golden suite is one, or refused."""
    accepted(lambda: read_suite(file_of("suite.yaml", _suite_of(data))))


def _suite_of(data: bytes) -> bytes:
    """Return a suite: the input, or a good one with some places changed."""
    if not data.startswith(b"\x00"):
        return data
    return yaml.safe_dump(edited(_suite(), data[1:]), sort_keys=False).encode()


@functools.cache
def _suite() -> Value:
    """Return a golden suite with two scenarios, as plain data."""
    path = min((find_policy_dir() / "golden").glob("9*.yaml"))
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    top = suite["golden_suite"]
    return {**suite, "golden_suite": {**top, "scenarios": top["scenarios"][:2]}}


def check_snapshot(data: bytes) -> None:
    """The snapshot of a policy is one, or refused."""
    document = document_of(data, [_policy()])
    kinds = document_kinds(domain_of("hospital_lab"))
    policy = accepted(lambda: policy_of_snapshot(document, kinds), PolicyError)
    digests = accepted(lambda: document_digests(document))
    require(policy is None or digests is not None, "a policy without digests of its documents")


@functools.cache
def _policy() -> Value:
    return json.loads(good("amended").episode.policy)


def _notes() -> list[bytes]:
    return [good("run").files[name] for name in ("checkpoint", "run_checkpoint")]


def _log_seeds() -> Iterable[bytes]:
    yield b""
    yield joined(good("frozen").episode.lines)
    yield from (b"\x00\x01\x00\x10" + bytes([place, 5]) + b"x" for place in range(8))
    yield from (b"\x01" + bytes([place % 4, place]) + item[2:] for place, item in _numbered(24))


def _run_seeds() -> Iterable[bytes]:
    yield joined(good("run").episode.run)
    yield from (b"\x00\x00\x01" + bytes([place, 2]) + b"x" for place in range(8))
    yield from (b"\x01" + bytes([place % 9]) + item[2:] for place, item in _numbered(24))


def _numbered(number: int) -> Iterable[tuple[int, bytes]]:
    return enumerate(edits(number))


def _canonical_seeds() -> list[bytes]:
    return [*_lines()[:4], b"{}", b'{"a":1.5e-7}', b'{"a":"\\u001f"}', b"[", *edits(16)]


def _key_seeds() -> list[bytes]:
    keys = [LOG.public(), WITNESSES[0].public(COSIGNATURE)]
    return [*(str(key).encode() for key in keys), b"a+b+c"]


def _event_seeds() -> list[bytes]:
    return [*(canonical_bytes(event) for event in _events()[:6]), b'{"\\ud800":1}', *edits(24)]


def _yaml_seeds() -> list[bytes]:
    return [
        b"a: [1, 2.5, {b: null}]\nc: 'x'\n",
        b"a: &x 1\nb: *x\n",
        b"a:\n  - |\n    text\n  - >-\n    more\n",
        b"? !t [a]\n: 1.0e999\n---\n%YAML 1.2\n",
        (find_policy_dir() / "golden" / "test_keys.v0.1.yaml").read_bytes(),
    ]


def _golden_seeds() -> list[bytes]:
    return [_suite_of(b"\x00"), b"golden_suite: {}\n", *(item[:1] + item[2:] for item in edits(24))]


def _snapshot_seeds() -> list[bytes]:
    return [
        b'{"documents":{"a":{"b":1,"c":2}},"order":[{"keys":["c","b"],"path":["a"]}]}',
        *edits(24),
    ]


def _checkpoint_seeds() -> list[bytes]:
    return [note.partition(b"\n\n")[0] + b"\n" for note in _notes()]


TARGETS: Final = (
    Target("canonical", "canonical JSON, both readers", check_canonical, _canonical_seeds),
    Target("ledger", "a ledger, both verifiers", check_ledger, _log_seeds),
    Target("run-log", "the log of a run, both verifiers", check_run, _run_seeds),
    Target("recover", "a log after a crash", check_recover, _log_seeds),
    Target("note", "a signed note, both readers", check_note, _notes),
    Target("checkpoint", "a checkpoint's text", check_checkpoint, _checkpoint_seeds),
    Target("verifier-key", "a public key, both readers", check_verifier_key, _key_seeds),
    Target("key-file", "a private key in PEM", check_pem, _pems),
    Target("event", "an event as JSON", check_event, _event_seeds),
    Target("yaml", "a policy file", check_yaml, _yaml_seeds),
    Target("golden", "a golden suite", check_golden, _golden_seeds),
    Target("policy", "the snapshot of a policy", check_snapshot, _snapshot_seeds),
)
