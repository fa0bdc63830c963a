"""A task and a metrics aggregator for LabTrust, offered by entry points."""
