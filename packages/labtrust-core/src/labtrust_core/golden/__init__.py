"""Golden scenarios: data that say what the engine must do, and the runner that checks it, for any domain."""
