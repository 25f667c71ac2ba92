#!/usr/bin/env bash
# Fails unless the C++ block of the README is examples/quickstart.cpp, which is compiled.  Usage: readme.sh README EXAMPLE
set -euo pipefail
diff <(sed -n '/^```cpp$/,/^```$/p' "$1" | sed '1d;$d') "$2" || { echo "the example in $1 is not $2"; exit 1; }
