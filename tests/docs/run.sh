#!/usr/bin/env bash
# Runs the commands of Markdown pages, page by page in a folder of their own, and checks configurations and CMake code.
# C++ blocks are compiled by CMake. Skipped (77) without a Python that has h5py.  Usage: run.sh BLOCKS PROGRAM SOURCE WORK
set -euo pipefail
blocks=$1 program=$2 source=$3 work=$4
rm -rf "$work"
mkdir -p "$work/bin"
ln -s "$program" "$work/bin/nbm"
export PATH=$work/bin:$PATH
python=
for candidate in /usr/bin/python3 python3; do  # the system's has the packages of cmake/test-packages.txt
  if [ -z "$python" ] && "$candidate" -c 'import h5py' 2> /dev/null; then python=$candidate; fi
done
[ -n "$python" ] || { echo "skipped: needs python3 with h5py"; exit 77; }

# Commands that would take too long: the program checks what `nbm train` is asked for, and the set-up script knows its commands.
check_commands() {
  local line
  while IFS= read -r line; do
    case $line in
      'nbm train '*) bash -euc "nbm config ${line#nbm train } > /dev/null" ;;
      './nbm.sh '*) read -r _ command _ <<< "$line"; "$source/nbm.sh" help | grep "^  $command " > /dev/null ;;
      *) bash -nc "$line" ;;
    esac
  done < "$1"
}

run_block() {
  local file=$1
  if [ -e "$file.file" ]; then mkdir -p "$(dirname "$(cat "$file.file")")" && cp "$file" "$(cat "$file.file")"; fi
  case $file in
    *.checked|*.file|*.cpp|*.text|*.csv) ;;
    *.sh) if [ -e "$file.checked" ]; then check_commands "$file"; else bash -euo pipefail "$file" < /dev/null; fi ;;
    *.toml) nbm config "$file" > /dev/null ;;
    *.cmake) grep -v '^#' "$file" | sed 's/my_program/downstream/' | while IFS= read -r line; do
        grep -F "$line" "$source/tests/downstream/CMakeLists.txt" > /dev/null || { echo "not in tests/downstream: $line"; exit 1; }
      done ;;
    *.python) "$python" "$file" ;;
    *) echo "unknown kind"; exit 1 ;;
  esac
}

for page in "$blocks"/*/; do
  name=$(basename "$page")
  mkdir -p "$work/$name"
  cd "$work/$name"
  ln -s "$source/examples" examples
  for file in "$page"*; do
    [ -e "$file" ] || continue
    echo "== $name: ${file##*/}"
    (run_block "$file") || { echo "failed: $name, line ${file##*/}:"; cat "$file"; exit 1; }
  done
done
