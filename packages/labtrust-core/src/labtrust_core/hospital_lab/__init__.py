"""The hospital blood-sciences laboratory, as a domain of the engine."""
