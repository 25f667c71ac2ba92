#!/usr/bin/env bash
# Fails unless the option tables at the end of docs/callbacks.md are what the program prints.
# Usage: docs_callbacks.sh PROGRAM DOCUMENT
set -euo pipefail
diff <(sed '1,/^<!-- nbm callbacks --markdown -->$/d' "$2") <("$1" callbacks --markdown) ||
  { echo "docs/callbacks.md is not what 'nbm callbacks --markdown' prints; replace what follows its last comment"; exit 1; }
