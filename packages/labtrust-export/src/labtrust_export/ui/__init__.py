"""Data for a viewer: one zip of a run, with everything that its index refers to."""
