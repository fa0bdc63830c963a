"""Golden scenarios: data that say what an engine must do in a domain, and their runner."""
