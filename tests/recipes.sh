#!/usr/bin/env bash
# Checks the recipes: all are configurations that the program knows, the one that needs no data trains, and the deep ones train on
# generated digits.
# Usage: recipes.sh PROGRAM FOLDER WORK
set -euo pipefail
program=$1 recipes=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
cd "$work"
count=0
for recipe in "$recipes"/*.toml; do
  name=$(basename "$recipe" .toml)
  "$program" config "$recipe" > "$name.full"
  # What it is expected to give stands in its head: the result with its error bar, the seed and the time.
  for word in 'Expected' 'seed' 'minutes on 2 cores'; do
    sed '/^[^#]/,$d' "$recipe" | grep "$word" > /dev/null || { echo "$name.toml: its head does not tell: $word"; exit 1; }
  done
  grep "^output = \"$name\"$" "$recipe" > /dev/null || { echo "$name.toml: its output is not $name"; exit 1; }
  count=$((count + 1))
done
[ "$count" -ge 5 ]
"$program" train "$recipes/digits-500.toml" --epochs 2 --ais-runs 10 --ais-betas 10 --ais-reverse 10 --quiet
grep test_log_prob digits-500/summary.json > /dev/null
# The deep ones, on the generated digits: an epoch of each part of their training.
for recipe in "$recipes"/dbm-*.toml; do
  name=$(basename "$recipe" .toml)
  "$program" train "$recipe" --data digits --redraw none --epochs 1 --pretrain-epochs 1 --ais-runs 10 --ais-betas 10 --no-pictures \
    --output "$name" --quiet
  grep test_bound "$name/summary.json" > /dev/null
done
