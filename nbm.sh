#!/usr/bin/env bash
# nbm from a fresh clone: set-up, build, demo, tests, benchmarks. Run it without an argument for help.
set -euo pipefail
started_in=$PWD
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
Usage: ./nbm.sh COMMAND

  demo    set up, build, train a restricted Boltzmann machine on generated digits, report its log-likelihood
  test    set up, build and run all tests
  bench   set up, build and run the benchmark program; its options follow (bench --help lists them)
  setup   only install the system packages that are missing (cmake/packages.txt lists them with the reasons;
          cmake/test-packages.txt those that only test installs, for the test of the report's page in a browser)
TEXT
}

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'nbm.sh: %s\n' "$*" >&2; exit 1; }

lists=(cmake/packages.txt)  # the lists of packages that a command needs
listed() { grep -hv '^#' "${lists[@]}"; }
packages() { listed | awk '{print $1}'; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
cmake_is_new_enough() {
  local have
  have=$(cmake --version 2>/dev/null | awk 'NR == 1 {print $3}')
  [ -n "$have" ] && [ "$(printf '3.28\n%s\n' "$have" | sort -V | head -n 1)" = 3.28 ]
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "installing packages needs root or sudo; ask an administrator to install: $(packages | tr '\n' ' ')"
  fi
}
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >/dev/null; }

refresh_package_lists() { apt update || fail "'apt-get update' failed; check this machine's apt sources and network"; }

# Debian 12's own CMake is 3.25, too old for modules: bookworm-backports, on the mirror that this machine already uses.
enable_backports() {
  local mirror list=/etc/apt/sources.list.d/nbm-backports.list
  if apt-get indextargets --format '$(RELEASE)' | grep -x bookworm-backports >/dev/null; then return; fi
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' | awk '$1 == "bookworm" && !found++ {print $2}')
  [ -n "$mirror" ] || fail "no Debian 12 mirror found in this machine's apt sources, so CMake 3.28 cannot be installed from bookworm-backports"
  echo "Adding bookworm-backports (for CMake) in $list"
  echo "deb $mirror bookworm-backports main" | as_root tee "$list" >/dev/null
  refresh_package_lists
}

system_name() { (. /etc/os-release 2>/dev/null && echo "${ID:-unknown}-${VERSION_ID:-}") || echo unknown; }

setup() {
  local missing=() package system
  system=$(system_name)
  case $system in
    debian-12|debian-13|ubuntu-24.04) ;;
    *) echo "nbm.sh: set-up knows Debian 12, Debian 13 and Ubuntu 24.04, not this system ($system)." >&2
       echo "Install the equivalents of these packages, then build with: cmake --preset release && cmake --build --preset release" >&2
       listed >&2
       exit 1 ;;
  esac
  for package in $(packages); do
    installed "$package" || { [ "$package" = cmake ] && cmake_is_new_enough; } || missing+=("$package")
  done
  local cmake_from=()
  if ! cmake_is_new_enough && [ "$system" = debian-12 ]; then cmake_from=(-t bookworm-backports cmake); fi
  if [ ${#missing[@]} = 0 ] && [ ${#cmake_from[@]} = 0 ]; then echo "Set-up: nothing is missing."; return; fi

  say "Set-up: installing"
  for package in "${missing[@]}"; do listed | grep "^$package "; done
  refresh_package_lists
  if [ ${#cmake_from[@]} != 0 ]; then
    echo "cmake from bookworm-backports: 3.28 or newer is needed for modules"
    enable_backports
  fi
  if [ ${#cmake_from[@]} != 0 ]; then apt install -y --no-install-recommends "${cmake_from[@]}" || fail "could not install CMake from bookworm-backports"; fi
  if [ ${#missing[@]} != 0 ]; then
    apt install -y --no-install-recommends "${missing[@]}" || fail "could not install: ${missing[*]}"
  fi
  cmake_is_new_enough || fail "CMake 3.28 or newer is needed; 'cmake --version' says: $(cmake --version 2>/dev/null | head -n 1)"
}

configure() {  # configure PRESET-OPTIONS...
  say "Configuring"
  cmake --preset release --log-level=WARNING "$@"
}
build() {  # build PRESET-OPTIONS...
  configure "$@"
  say "Building"
  cmake --build --preset release
}

demo() {
  setup
  configure -DNBM_BUILD_TESTS=OFF
  say "Building"
  cmake --build --preset release --target nbm_program
  say "Training (less than a minute)"
  build/release/examples/nbm/nbm train --data digits --hidden 300 --trainer pcd --steps 5 --epochs 60 \
    --learning-rate 0.1 --decay 0.001 --momentum 0 --ais-runs 100 --ais-betas 30000 --output demo --overwrite
}

run_tests() {
  # Ubuntu has Chromium as a snap only, which no package brings.
  case $(system_name) in
    ubuntu-*) echo "No Chromium in Ubuntu's packages: the test of the report's page in a browser is skipped unless it is there." ;;
    *) lists+=(cmake/test-packages.txt) ;;
  esac
  setup
  build -DNBM_BUILD_TESTS=ON
  say "Testing"
  ctest --preset release
}

bench() {
  setup
  configure -DNBM_BUILD_TESTS=ON
  say "Building"
  cmake --build --preset release --target nbm_bench
  say "Measuring"
  local program=$PWD/build/release/tests/bench/nbm_bench
  cd "$started_in"  # what the options name is meant from there
  "$program" "$@"
}

case ${1:-} in
  setup) setup; echo "./nbm.sh test also installs the packages of cmake/test-packages.txt, which show the program's pages in a browser." ;;
  demo) demo ;;
  test) run_tests ;;
  bench) shift; bench "$@" ;;
  ''|help|-h|--help) usage ;;
  *) usage >&2; fail "unknown command '$1'; valid ones are demo, test, bench, setup" ;;
esac
