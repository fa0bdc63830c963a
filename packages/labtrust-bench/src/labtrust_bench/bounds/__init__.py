"""Small static instances of the laboratory: bounds on what any crew can reach, and how far off."""
