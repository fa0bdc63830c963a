"""Check a policy folder as a whole, and report every problem at once.

A policy that has no problem here loads, compiles and is read in full: every file is known and of
its shape, every reference leads somewhere, every field is read by some code, and golden suites and
lab profiles are in their formats.
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
from labtrust_core.golden.runner import TEST_KEYS
from labtrust_core.policy.dead_fields import code_of, dead_fields
from labtrust_core.policy.documents import SourceDocument, read_document
from labtrust_core.policy.load import (
    PARTNERS,
    SUITE_FOLDER,
    load_policy,
    merged,
    misfit_error,
    partner_ids,
    typed,
)
from labtrust_core.policy.model import Document, DocumentKind, Keys, LabProfile
from labtrust_core.policy.schemas import misfits
from labtrust_core.schema_files import schema_files
from labtrust_core.trust.keys import check_public_key

PROFILES: Final = "lab_profiles"
SCHEMAS: Final = "schemas"
README: Final = "README.md"


def check_policy(
    directory: Path, partner: str | None = None, domain: Domain | str = DEFAULT_DOMAIN
) -> list[DocumentError]:
    """Return every problem of the policy in ``directory``; none when it is sound.

    Args:
        directory: The policy folder.
        partner: The one partner whose overlay is checked with the base; by default every partner's
            is.
        domain: The domain that the policy is for, or its name.

    Raises:
        UnknownNameError: There is no such partner or domain.
    """
    chosen = domain_of(domain)
    known = partner_ids(directory)
    if partner is not None and partner not in known:
        raise UnknownNameError("partner", partner, known)
    base = _effective(directory, None, chosen)
    known_already = {_place(problem, directory) for problem in base}
    overlaid = [
        problem
        for name in ([partner] if partner else known)
        for problem in _effective(directory, name, chosen)
        if _place(problem, directory) not in known_already
    ]
    found = [
        *base,
        *overlaid,
        *_unknown_files(directory, chosen),
        *_golden(directory),
        *(
            problem
            for name in ([partner] if partner else known)
            for problem in _golden(directory / PARTNERS / name)
        ),
        *_profiles(directory),
        *_dead(directory, chosen),
    ]
    return list({str(problem): problem for problem in found}.values())


def _place(problem: PolicyError, directory: Path) -> tuple[str, ...]:
    """Return what makes two problems one, be it in the base or in an overlay of the same file."""
    file = Path(problem.file or "")
    overlays = directory / PARTNERS
    if file.is_relative_to(overlays):
        file = directory.joinpath(*file.relative_to(overlays).parts[1:])
    return str(file), problem.path, problem.message, problem.found, problem.expected


def _effective(directory: Path, partner: str | None, domain: Domain) -> list[PolicyError]:
    """Return the problems of the base (no partner), or of what a partner's overlay makes of it."""
    kinds = document_kinds(domain)
    found = [problem for kind in kinds for problem in _document_problems(directory, partner, kind)]
    if partner is not None:
        folder = directory / PARTNERS / partner
        found += [
            _stray(file, folder, kinds)
            for file in _files(folder)
            if not _is_document(file, folder, kinds) and not _is_suite(file, folder)
        ]
    if found:
        return found  # references can only be followed in documents that have their shape
    policy = load_policy(directory, kinds, partner)
    keys = policy.get("keys", Keys).keys
    for key_id, key in keys.items():
        try:
            check_public_key(key_id, key.public_key)
        except SignatureError as error:
            place = ("keys", key_id, "public_key")
            expected = "a canonical Ed25519 key of full order"
            found.append(
                policy.error("keys", place, str(error), found=key.public_key, expected=expected)
            )
    return [*found, *problems(policy, domain)]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != README)


def _is_document(file: Path, folder: Path, kinds: tuple[DocumentKind, ...]) -> bool:
    return file.relative_to(folder).as_posix() in {kind.path for kind in kinds}


def _is_suite(file: Path, folder: Path) -> bool:
    return file.parent == folder / SUITE_FOLDER and file.suffix in {".yaml", ".yml"}


def _stray(file: Path, folder: Path, kinds: tuple[DocumentKind, ...]) -> PolicyError:
    return PolicyError(
        "no part of the policy",
        file=file,
        found=file.relative_to(folder).as_posix(),
        expected="one of " + ", ".join(sorted(kind.path for kind in kinds)),
    )


def _document_problems(
    directory: Path, partner: str | None, kind: DocumentKind
) -> list[PolicyError]:
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


def _unknown_files(directory: Path, domain: Domain) -> list[PolicyError]:
    """Return the files that belong to nothing; those of partners are found with their overlays."""
    kinds = document_kinds(domain)
    return [
        _stray(file, directory, kinds)
        for file in _files(directory)
        if not _is_document(file, directory, kinds)
        and not _is_companion(file.relative_to(directory))
    ]


def _is_companion(relative: Path) -> bool:
    """Whether a file goes with a policy: an overlay, suite, test keys, lab profile or schema."""
    folder, *rest = relative.parts
    if folder == PARTNERS:
        return len(rest) > 1
    if len(rest) != 1:
        return False
    if folder == SCHEMAS:
        return rest[0] in schema_files()
    return folder in {SUITE_FOLDER, PROFILES} and relative.suffix in {".yaml", ".yml"}


def _golden(directory: Path) -> Iterator[DocumentError]:
    folder = directory / SUITE_FOLDER
    keys_file = directory / TEST_KEYS
    found: list[DocumentError] = []
    suites = 0
    for file in sorted(folder.glob("*.y*ml")):
        try:
            if file == keys_file:
                read_test_keys(file)
            else:
                suites += 1
                read_suite(file)
        except ScenarioError as error:
            found.append(error)
    if suites and not found:
        try:
            read_suite(folder)  # what only shows between files
        except ScenarioError as error:
            found.append(error)
    yield from found


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
                "no code reads this field",
                file=directory / kind.path,
                path=name,
                expected="a reader, or no such field",
            )


def _modules_of(domain: Domain) -> set[str]:
    parts = (domain.guards, domain.handlers, domain.system_handlers, domain.evaluators)
    functions = [function for part in parts for function in part.values()]
    names = {getattr(function, "__module__", None) for function in functions}
    return {type(domain).__module__, *cast("set[str]", names - {None})}
