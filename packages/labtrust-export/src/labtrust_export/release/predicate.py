"""What the manifest of a release says of it, computed from its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labtrust_export.release import PROVENANCE, SBOM, VERSION
from labtrust_export.release.kinds import count_kinds
from labtrust_export.release.statement import BundleFacts, Predicate


def predicate_of(
    digests: Mapping[str, str], bundles: Sequence[BundleFacts], exporter: str
) -> Predicate:
    """Return the predicate over all files but the manifest.

    Args:
        digests: Digest of every file by path.
        bundles: Facts of each bundle, by path.
        exporter: What writes it.
    """
    counts = count_kinds(digests, [bundle.path for bundle in bundles])
    return Predicate(
        absent=sorted(kind for kind, count in counts.items() if not count),
        bundles=list(bundles),
        exporter=exporter,
        kinds={kind: count for kind, count in counts.items() if count},
        provenance=digests.get(PROVENANCE),
        sbom=digests.get(SBOM),
        version=VERSION,
    )
