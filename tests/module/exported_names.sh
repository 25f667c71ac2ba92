#!/usr/bin/env bash
# Prints the names that the interfaces of the module export from namespace nbm, one a line.
# Usage: exported_names.sh MODULES_FOLDER. Relies on the house style: declarations of a namespace begin in the first column.
set -euo pipefail
find "$1" -name '*.cppm' -print0 | sort -z | xargs -0 awk '
  FNR == 1 { exported = 0 }
  /^export namespace nbm( |::|\{)/ { exported = 1; nested = 0; next }
  /^}  \/\/ namespace nbm/ { exported = 0 }
  /^namespace [a-z_]+ \{/ { if (exported) nested = 1; next }
  /^}  \/\/ namespace/ { nested = 0 }
  !exported || nested { next }
  /^(class|struct|concept|enum class) [A-Za-z_]+/ {
    line = $0; sub(/^(class|struct|concept|enum class) /, "", line); match(line, /^[A-Za-z0-9_]+/); print substr(line, 1, RLENGTH); next
  }
  /^using [A-Za-z_]+ =/ { print $2; next }
  /^(constexpr |inline |consteval )*auto [a-z0-9_]+\(/ {
    line = $0; sub(/\(.*/, "", line); sub(/.* /, "", line); print line; next
  }
  /^inline constexpr [A-Za-z:_]+ [a-z_]+/ { line = $0; sub(/ =.*/, "", line); sub(/<.*/, "", line); sub(/.* /, "", line); print line }
' | sort -u
