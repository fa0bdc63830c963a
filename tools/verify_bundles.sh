#!/usr/bin/env bash
# Verify the bundles that make_bundles.py has made, by replay, in an environment without the benchmark.
#   bash tools/verify_bundles.sh ENVIRONMENT FOLDER
set -euo pipefail

environment=$(cd "$1" && pwd)
cd "$2"
unset PYTHONPATH LABTRUST_POLICY_DIR

"$environment/bin/python" -I - numpy pettingzoo gymnasium labtrust_env labtrust_bench <<'EOF'
import importlib.util
import sys

found = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
sys.exit(f"an auditor has {', '.join(found)}; expected none of it" if found else 0)
EOF

verified=0
for task in evidence/*/; do
  verdict=$("$environment/bin/labtrust" verify-bundle --bundle "$task/episode_0/EvidenceBundle.v0.1" \
    --trust-policy keys/trust-policy.json --require-level L3 | tail -n 3) || {
    echo "$(basename "$task"): $verdict" >&2
    exit 1
  }
  echo "$(basename "$task"): ${verdict##*$'\n'}"
  verified=$((verified + 1))
done
if [[ $verified -ne $(find runs -mindepth 1 -maxdepth 1 | wc -l) || $verified -eq 0 ]]; then
  echo "$verified bundles were verified; expected one of every run" >&2
  exit 1
fi
