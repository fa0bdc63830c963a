"""Smoke of the labtrust-bench wheel: one episode of one task, at smoke size, releases results."""

import sys

from labtrust_bench import RunConfig, run_benchmark


def main() -> int:
    """Print what was released; 0 when it is more than nothing."""
    results = run_benchmark(RunConfig("throughput_sla", base_seed=7, variant="smoke"))
    released = results.episodes[0].metrics.throughput
    print(f"throughput_sla released {released}")
    return 0 if released > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
