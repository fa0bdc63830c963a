"""Pictures of the laboratory as SVG: its floor plan, and a shift read back from an episode log."""
