"""The bill of materials: what was installed where a release was built, as CycloneDX 1.6.

Made from the installed distributions' own metadata, and written by hand: the few fields that we can
state truthfully need no library, and whoever builds a release then needs nothing more than what
he builds it with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical

from labtrust_export import __version__
from labtrust_export.check_failed import CheckFailedError
from labtrust_export.envelope import MAX_ENVELOPE
from labtrust_export.release import SBOM
from labtrust_export.release.environment import Distribution

SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.6.schema.json"
SPEC_VERSION: Final = "1.6"
_RECORD: Final = "labtrust:record-sha256"


class _Component(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    version: Annotated[str, msgspec.Meta(min_length=1)]
    purl: Annotated[str, msgspec.Meta(pattern=r"\Apkg:")]


class _Bill(msgspec.Struct, frozen=True):
    bomFormat: str  # noqa: N815 - the field's name
    specVersion: str  # noqa: N815 - the field's name
    components: list[_Component]


def sbom_bytes(distributions: Sequence[Distribution], finished_on: str | None) -> bytes:
    """Return the file: canonical JSON and an LF.

    Args:
        distributions: What is installed.
        finished_on: A time as RFC 3339 writes it, if one is known; no other is stated.
    """
    tool = {"name": "labtrust-export", "type": "application", "version": __version__}
    about: dict[str, Any] = {"tools": {"components": [tool]}}
    if finished_on is not None:
        about["timestamp"] = finished_on
    bill = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "components": [_component(item) for item in distributions],
        "dependencies": [
            {"dependsOn": [_purl(distributions, name) for name in item.requires], "ref": item.purl}
            for item in distributions
        ],
        "metadata": about,
        "specVersion": SPEC_VERSION,
        "version": 1,
    }
    return canonical_bytes(bill) + b"\n"


def read_sbom(data: bytes) -> dict[str, str]:
    """Read a bill of materials: version by name of each component.

    Raises:
        CheckFailedError: ``RELEASE_SBOM``: not canonical, no bill of this version, empty, or it
            names something twice.
    """
    try:
        bill = msgspec.convert(parse_canonical(data[:-1], MAX_ENVELOPE), _Bill)
    except (NotCanonicalError, msgspec.ValidationError) as error:
        raise CheckFailedError("RELEASE_SBOM", SBOM, str(error)) from error
    if not data.endswith(b"\n") or (bill.bomFormat, bill.specVersion) != (
        "CycloneDX",
        SPEC_VERSION,
    ):
        raise CheckFailedError("RELEASE_SBOM", SBOM, f"no CycloneDX {SPEC_VERSION} with an LF")
    found = {item.name: item.version for item in bill.components}
    if not found or len(found) != len(bill.components):
        raise CheckFailedError("RELEASE_SBOM", SBOM, "no component, or one twice")
    return found


def _component(item: Distribution) -> dict[str, Any]:
    component: dict[str, Any] = {
        "bom-ref": item.purl,
        "name": item.name,
        "purl": item.purl,
        "type": "library",
        "version": item.version,
    }
    if item.license is not None:
        component["licenses"] = [{"expression": item.license}]
    elif item.license_name is not None:
        component["licenses"] = [{"license": {"name": item.license_name}}]
    if item.record is not None:
        component["properties"] = [{"name": _RECORD, "value": item.record}]
    return component


def _purl(distributions: Sequence[Distribution], name: str) -> str:
    return next(item.purl for item in distributions if item.name == name)
