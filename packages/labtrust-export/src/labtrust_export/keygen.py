"""Makes keys for those who sign evidence, and the trust policy that trusts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from labtrust_core.canonical import MAX_LINE, NotCanonicalError
from labtrust_core.domains import DEFAULT_DOMAIN, document_kinds, domain_of
from labtrust_core.errors import LedgerError, UsageError
from labtrust_core.ledger.record import StartRecord, read_record
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import Keys
from labtrust_core.trust.key_files import require_no_evidence, write_key
from labtrust_core.trust.keys import KeyRegistry
from labtrust_core.trust.notes import COSIGNATURE, ED25519, VerifierKey

from labtrust_export.checkpoints import EvidenceError
from labtrust_export.folders import whole_entries
from labtrust_export.start import Start, read_start
from labtrust_export.statement import BUNDLE_FOLDER, EPISODE_LOG
from labtrust_export.trust_policy import TRUST_POLICY, TrustPolicy, Witnesses, read_trust_policy

ROLES: Final = {"log": ED25519, "bundle": ED25519, "release": ED25519, "witness": COSIGNATURE}
"""What a key is for, and its type."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a policy and its agents are known by: policy fingerprint, digest of its keys."""

    fingerprint: str
    keys_digest: str


def trusted_policy(partner: str | None = None, domain: str = DEFAULT_DOMAIN) -> Trusted:
    """Return what the policy in force is known by, with a partner's overlay where one is named.

    Raises:
        PolicyError: The policy does not load.
        UnknownNameError: There is no such partner or domain.
        SignatureError: A registered key must not be trusted.
    """
    policy = load_policy(find_policy_dir(), document_kinds(domain_of(domain)), partner)
    return Trusted(policy.fingerprint, KeyRegistry(policy.get("keys", Keys).keys).digest)


def stated_by(path: Path) -> Trusted:
    """Return what a log, or the log in a bundle, says that it was made under.

    Nothing is verified but the shape of its first record.

    Args:
        path: A log, a bundle, or the folder that a bundle was written to.

    Raises:
        EvidenceError: It does not begin with a start record.
        UsageError: It cannot be read.
    """
    places = (path / EPISODE_LOG, path / BUNDLE_FOLDER / EPISODE_LOG)
    log = next((place for place in places if place.is_file()), path)
    try:
        with log.open("rb") as file:
            line = file.readline(MAX_LINE + 1)
    except OSError as error:
        raise UsageError(
            f"cannot read {log}: {error.strerror}; expected a log or a bundle"
        ) from error
    start = _start(line.removesuffix(b"\n"), log)
    return Trusted(start.policy_fingerprint, start.keys_digest)


def make_keys(
    folder: Path, trusted: Iterable[Trusted], owners: Sequence[str], roles: Sequence[str]
) -> dict[str, list[VerifierKey]]:
    """Make keys and a trust policy that trusts them; all files or none.

    Thresholds are 1 and no witness is asked for: who demands more writes it into the file.

    Args:
        folder: Where; made if need be. Never below a run's folder or a bundle.
        trusted: Policies and agents' keys to trust.
        owners: First parts of the keys' names; the role follows.
        roles: Of ``ROLES``.

    Returns:
        Role to the public keys.

    Raises:
        UsageError: A file is there already, cannot be written, or the folder holds evidence.
        NoteError: An owner cannot stand in a key's name.
    """
    names = {role: [f"{owner}-{role}" for owner in owners] for role in roles}
    stems = [name.replace("/", "-") for named in names.values() for name in named]
    files = [f"{stem}.{ending}" for stem in stems for ending in ("key", "pub")]
    require_no_evidence(folder)
    with whole_entries(folder, [*files, TRUST_POLICY]) as staging:
        made = {
            role: [write_key(staging, name, ROLES[role]) for name in named]
            for role, named in names.items()
        }
        trust = trusting(
            TrustPolicy(
                log_keys=tuple(made.get("log", ())),
                bundle_keys=tuple(made.get("bundle", ())),
                release_keys=tuple(made.get("release", ())),
                witnesses=Witnesses(tuple(made.get("witness", ()))),
            ),
            trusted,
        )
        (staging / TRUST_POLICY).write_bytes(trust.encoded())
    return made


def trusting(trust: TrustPolicy, trusted: Iterable[Trusted]) -> TrustPolicy:
    """Return a trust policy that trusts further policies and agents' keys."""
    trusted = tuple(trusted)
    fingerprints = (*trust.policies, *(item.fingerprint for item in trusted))
    digests = (*trust.agent_keys, *(item.keys_digest for item in trusted))
    return replace(
        trust,
        policies=tuple(dict.fromkeys(fingerprints)),
        agent_keys=tuple(dict.fromkeys(digests)),
    )


def extend_trust(folder: Path, trusted: Iterable[Trusted]) -> TrustPolicy:
    """Let the trust policy of a folder trust further policies and agents' keys, and return it.

    Raises:
        TrustPolicyError: The file is no trust policy.
        UsageError: It cannot be read or written.
    """
    trust = trusting(read_trust_policy(folder / TRUST_POLICY), trusted)
    with whole_entries(folder, [TRUST_POLICY], force=True) as staging:
        (staging / TRUST_POLICY).write_bytes(trust.encoded())
    return trust


def _start(line: bytes, log: Path) -> Start:
    try:
        record = read_record(line)
        if isinstance(record, StartRecord):
            return read_start(record)
    except (NotCanonicalError, LedgerError) as error:
        raise EvidenceError(str(error), file=log) from error
    raise EvidenceError("the first record is no start record", file=log)
