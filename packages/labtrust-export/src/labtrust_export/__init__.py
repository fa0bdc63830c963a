"""Evidence of LabTrust: receipts, bundles, verification, releases, FHIR, data for a viewer.

Everything here reads files and needs labtrust-core only: whoever verifies installs nothing of what
was run.
"""

__version__ = "0.1.0"
