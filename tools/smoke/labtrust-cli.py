"""Smoke of the labtrust-cli wheel: the command answers with nothing but core beside it."""

import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = (("--help",), ("--version",), ("validate-policy",), ("doctor",))


def main() -> int:
    """Run each command; 0 when all do well and help offers no command that cannot run."""
    script = shutil.which("labtrust", path=str(Path(sys.executable).parent))
    if script is None:
        print("no labtrust beside the interpreter")
        return 1
    for command in COMMANDS:
        done = subprocess.run([script, *command], capture_output=True, text=True, check=False)
        print(f"labtrust {' '.join(command)}: exit code {done.returncode}")
        if done.returncode != 0:
            print(done.stdout, done.stderr)
            return 1
        if command == ("--help",) and "quick-eval" in done.stdout:
            print("quick-eval is offered without labtrust-bench")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
