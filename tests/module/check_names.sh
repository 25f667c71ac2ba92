#!/usr/bin/env bash
# Fails when a name that the module exports is missing from names.cpp, so that the test of visibility stays complete.
# Usage: check_names.sh MODULES_FOLDER NAMES_FILE
set -euo pipefail
missing=$(comm -23 <("$(dirname "$0")/exported_names.sh" "$1") <(sed -n 's/^using nbm::\([A-Za-z0-9_]*\);$/\1/p' "$2" | sort -u))
[ -z "$missing" ] || { echo "names.cpp does not mention: $missing"; exit 1; }
[ "$("$(dirname "$0")/exported_names.sh" "$1" | wc -l)" -gt 100 ] || { echo "too few exported names were found"; exit 1; }
