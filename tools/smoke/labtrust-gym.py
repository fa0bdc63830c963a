"""Smoke of the labtrust-gym wheel: the main job runs and leaves its results on disk."""

import shutil
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run quick-eval; 0 when it is done and good and wrote something."""
    script = shutil.which("labtrust", path=str(Path(sys.executable).parent))
    if script is None:
        print("no labtrust beside the interpreter")
        return 1
    out = Path("quick_eval")
    done = subprocess.run([script, "quick-eval", "--seed", "7", "--out-dir", str(out)], check=False)
    files = sorted(path.name for path in out.rglob("*") if path.is_file())
    print(f"exit code {done.returncode}, wrote {', '.join(files) or 'nothing'}")
    return 0 if done.returncode == 0 and files else 1


if __name__ == "__main__":
    sys.exit(main())
