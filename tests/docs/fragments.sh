#!/usr/bin/env bash
# Makes one file of all C++ blocks that are no whole programs, each a function that is given what pages take for granted.
# Usage: fragments.sh BLOCKS > fragments.cpp
set -euo pipefail
cat <<'CODE'
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

import nbm;

#pragma clang diagnostic ignored "-Wunused"
#pragma clang diagnostic ignored "-Wshadow"

/// A callback of the user's.
struct MyCallback {
    void on_epoch_end(const nbm::EpochInfo&) {}
};
CODE
# Lines of classes, from `struct` at the beginning of a line to `};`: what has static members cannot be in a function.
classes() { awk '/^(struct|class|template)/ { inside = 1 } inside; /^};/ { inside = 0 }' "$1"; }
statements() { awk '/^(struct|class|template)/ { inside = 1 } { print inside ? "" : $0 } /^};/ { inside = 0 }' "$1"; }

for file in $(grep -L 'int main' "$1"/*/*.cpp); do
  name=$(basename "$(dirname "$file")")_$(basename "$file" .cpp)
  cat <<CODE

namespace ${name//[^a-z0-9_]/_} {
$(classes "$file")
void block(const nbm::Dataset<float>& data, nbm::DBM<float>& dbm, nbm::DBM<float>& rbm, nbm::PCD<float>& trainer,
    nbm::SGD<float>& optimiser, nbm::FitOptions<float>& options, nbm::DynamicCallbackList<float>& callbacks) {
    {
#line 1 "$file"
$(statements "$file")
    }
}
}
CODE
done
