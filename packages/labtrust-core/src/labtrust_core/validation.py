"""Check a policy folder as a whole, and report every problem at once.

A policy that has no problem here loads, compiles and is read in full: every file is known and of its shape, every reference
leads somewhere, every field is read by some code, and golden suites and lab profiles are in their formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from labtrust_core.domains import DEFAULT_DOMAIN, DOMAINS, document_kinds, domain_of
from labtrust_core.engine.domain import Domain
from labtrust_core.engine.references import problems
from labtrust_core.errors import (
    DocumentError,
    PolicyError,
    ScenarioError,
    SignatureError,
    UnknownNameError,
)
from labtrust_core.golden.reader import read_suite, read_test_keys
from labtrust_core.golden.runner import SUITE_FOLDER, TEST_KEYS
from labtrust_core.hospital_lab.policy_model import LabProfile
from labtrust_core.policy.dead_fields import code_of, dead_fields
from labtrust_core.policy.documents import SourceDocument, read_document
from labtrust_core.policy.load import load_policy, merged, misfit_error, partner_ids, typed
from labtrust_core.policy.model import Document, DocumentKind, Keys
from labtrust_core.policy.schemas import misfits
from labtrust_core.schema_files import schema_files
from labtrust_core.trust.keys import check_public_key

PROFILES: Final = "lab_profiles"
PARTNERS: Final = "partners"
SCHEMAS: Final = "schemas"
README: Final = "README.md"


def check_policy(
    directory: Path, partner: str | None = None, domain: Domain | str = DEFAULT_DOMAIN
) -> list[DocumentError]:
    """Return every problem of the policy in ``directory``; none when it is sound.

    Args:
        directory: The policy folder.
        partner: The one partner whose overlay is checked with the base; by default every partner's is.
        domain: The domain that the policy is for, or its name.

    Raises:
        UnknownNameError: There is no such partner or domain.
    """
    chosen = domain_of(domain)
    known = partner_ids(directory)
    if partner is not None and partner not in known:
        raise UnknownNameError("partner", partner, known)
    found = [
        *_effective(directory, None, chosen),
        *(item for name in ([partner] if partner else known) for item in _effective(directory, name, chosen)),
        *_unknown_files(directory, chosen),
        *_golden(directory),
        *_profiles(directory),
        *_dead(directory, chosen),
    ]
    return list({str(problem): problem for problem in found}.values())


def _effective(directory: Path, partner: str | None, domain: Domain) -> list[PolicyError]:
    """Return the problems of the base (``partner`` is ``None``) or of what a partner's overlay makes of it."""
    kinds = document_kinds(domain)
    found = [problem for kind in kinds for problem in _document_problems(directory, partner, kind)]
    if found:
        return found  # references can only be followed in documents that have their shape
    try:
        policy = load_policy(directory, kinds, partner)
    except PolicyError as error:
        return [error]
    keys = policy.get("keys", Keys).keys
    for key_id, key in keys.items():
        try:
            check_public_key(key_id, key.public_key)
        except SignatureError as error:
            place = ("keys", key_id, "public_key")
            expected = "a canonical Ed25519 key of full order"
            found.append(policy.error("keys", place, str(error), found=key.public_key, expected=expected))
    return [*found, *problems(policy, domain)]


def _document_problems(directory: Path, partner: str | None, kind: DocumentKind) -> list[PolicyError]:
    overlay = None if partner is None else directory / PARTNERS / partner / kind.path
    try:
        stack = [read_document(directory / kind.path)]
        if overlay is not None and overlay.exists():
            stack.append(read_document(overlay))
    except PolicyError as error:
        return [error]
    return _shape_problems(stack, kind.type)


def _shape_problems(stack: list[SourceDocument], kind: type[Document]) -> list[PolicyError]:
    data: dict[str, Any] = stack[0].data
    for source in stack[1:]:
        data = merged(data, source.data)
    found = [misfit_error(misfit, stack) for misfit in misfits(data, kind)]
    if not found:
        try:
            typed(data, kind, stack)
        except PolicyError as error:
            return [error]
    return found


def _unknown_files(directory: Path, domain: Domain) -> Iterator[PolicyError]:
    documents = {kind.path for kind in document_kinds(domain)}
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        relative = file.relative_to(directory)
        place = relative.as_posix()
        if relative.parts[0] == PARTNERS:
            place = Path(*relative.parts[2:]).as_posix()
            known = place in documents
        else:
            known = place in documents or _is_companion(relative)
        if not known and file.name != README:
            listed = ", ".join(sorted(documents))
            yield PolicyError("no part of the policy", file=file, found=place, expected=f"one of {listed}")


def _is_companion(relative: Path) -> bool:
    """Whether a file is one of those that go with a policy: suites, test keys, lab profiles, schemas."""
    folder, *rest = relative.parts
    if len(rest) != 1:
        return False
    if folder == SCHEMAS:
        return rest[0] in schema_files()
    return folder in {SUITE_FOLDER, PROFILES} and relative.suffix in {".yaml", ".yml"}


def _golden(directory: Path) -> Iterator[DocumentError]:
    folder = directory / SUITE_FOLDER
    if not folder.is_dir():
        return
    try:
        keys_file = directory / TEST_KEYS
        if keys_file.exists():
            read_test_keys(keys_file)
        if any(file != keys_file for file in folder.iterdir()):
            read_suite(folder)
    except ScenarioError as error:
        yield error


def _profiles(directory: Path) -> Iterator[PolicyError]:
    for file in sorted((directory / PROFILES).glob("*.y*ml")):
        try:
            document = read_document(file)
            found = _shape_problems([document], LabProfile)
        except PolicyError as error:
            found = [error]
        else:
            if not found:
                found = list(_profile_references(document, directory))
        yield from found


def _profile_references(document: SourceDocument, directory: Path) -> Iterator[PolicyError]:
    profile = msgspec.convert(document.data, LabProfile)
    stem = document.file.name.partition(".v")[0]
    checks: tuple[tuple[str, str | None, Iterable[str]], ...] = (
        ("profile_id", profile.profile_id, (stem,)),
        ("partner_id", profile.partner_id, partner_ids(directory)),
        ("domain_id", profile.domain_id, DOMAINS.names()),
    )
    for name, value, known in checks:
        if value is not None and value not in known:
            yield PolicyError(
                f"undefined {name}",
                file=document.file,
                line=document.line_of((name,)),
                path=name,
                found=value,
                expected="one of " + ", ".join(sorted(known)),
            )


def _dead(directory: Path, domain: Domain) -> Iterator[PolicyError]:
    places = code_of(sorted({"labtrust_core", *_modules_of(domain)}))
    for kind in document_kinds(domain):
        for name in dead_fields(kind.type, places):
            yield PolicyError(
                "no code reads this field", file=directory / kind.path, path=name, expected="a reader, or no such field"
            )


def _modules_of(domain: Domain) -> set[str]:
    parts = (domain.guards, domain.handlers, domain.system_handlers, domain.evaluators)
    functions = [function for part in parts for function in part.values()]
    names = {getattr(function, "__module__", None) for function in functions}
    return {type(domain).__module__, *cast("set[str]", names - {None})}
