"""A release: a folder of evidence bundles, results and whatever else, under one signed manifest."""

from typing import Final

MANIFEST: Final = "RELEASE_MANIFEST.v0.1.json"
PROVENANCE: Final = "provenance.intoto.json"
SBOM: Final = "sbom.cdx.json"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:labtrust:release-set:v0.1"
VERSION: Final = "0.1"
