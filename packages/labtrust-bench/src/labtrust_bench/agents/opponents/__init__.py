"""Opponents: members of a crew who try what they may not do, phase by phase."""
