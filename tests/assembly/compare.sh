#!/usr/bin/env bash
# Fails unless the loops of loops.cpp are the same instructions with an empty list and with one without batch hooks.
# Usage: compare.sh OBJECT_FILE
set -euo pipefail
body() {  # the instructions of a function, without addresses and names
  objdump -dr --no-show-raw-insn "$1" | awk -v name="<$2>:" '$2 == name {on = 1; next} on && NF == 0 {exit} on {$1 = ""; print}' |
    sed -e 's/<loop_[a-z_]*\(+0x[0-9a-f]*\)\?>/<here\1>/' -e 's/[0-9a-f]* <here/<here/' -e 's/R_[A-Z0-9_]* loop_[a-z]*/R_here/' |
    grep -v '^ *nop\|^ *cs nop\|^ *data16'
}
empty=$(body "$1" loop_empty)
hookless=$(body "$1" loop_hookless)
with_hook=$(body "$1" loop_with_hook)
[ "$(wc -l <<<"$empty")" -ge 8 ] || { echo "loop_empty has no instructions: $empty"; exit 1; }
grep -q 'call' <<<"$empty" || { echo "loop_empty does not call update: $empty"; exit 1; }
[ "$empty" != "$with_hook" ] || { echo "a loop with a hook is the same as one without: nothing was compared"; exit 1; }
diff <(echo "$empty") <(echo "$hookless") || { echo "a list without batch hooks adds instructions to the loop"; exit 1; }
echo "$(wc -l <<<"$empty") equal lines; with a hook $(wc -l <<<"$with_hook")"
