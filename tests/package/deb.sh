#!/usr/bin/env bash
# Makes the Debian package, installs it on a bare Debian 12 in a root of its own, and uses the program and, in C++23,
# the library there.
# Skipped (77) without root, mmdebstrap, dpkg-dev or a Debian 12 mirror.  Usage: deb.sh BUILD SOURCE WORK
set -euo pipefail
build=$1 source=$2 work=$3
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
for tool in mmdebstrap dpkg-shlibdeps; do command -v "$tool" >/dev/null || skip "needs $tool"; done
(. /etc/os-release && [ "$ID-${VERSION_ID:-}" = debian-12 ]) || skip "a package is for the system that it is made on: this is not Debian 12"
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' | awk '$1 == "bookworm" && !found++ {print $2}')
[ -n "$mirror" ] || skip "no Debian 12 mirror in this machine's apt sources"

rm -rf --one-file-system "$work"
mkdir -p "$work"
(cd "$work" && cpack --config "$build/CPackConfig.cmake" -B "$work/packages")
package=$(echo "$work"/packages/*.deb)
dpkg-deb --info "$package"

root=$work/root
finish() { umount "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$root"; }
trap finish EXIT
mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$root" \
  "deb $mirror bookworm main" "deb $mirror bookworm-backports main"
cp /etc/hosts "$root/etc/hosts"
[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$root/etc/resolv.conf"
for settings in /etc/apt/apt.conf.d/99*; do [ ! -e "$settings" ] || cp "$settings" "$root/etc/apt/apt.conf.d/"; done
mount -t proc proc "$root/proc"
cp "$package" "$root/nbm.deb"
cp -r "$source/tests/downstream" "$root/downstream"
chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive bash -euc '
  apt-get -qq update
  apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends /nbm.deb >/dev/null
  nbm version
  nbm train --data bars-and-stripes:2 --hidden 2 --epochs 2 --ais-betas 10 --output /trained
  apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends clang-19 clang-tools-19 ninja-build >/dev/null
  apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends -t bookworm-backports cmake >/dev/null
  cmake -G Ninja -S /downstream -B /build -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_STANDARD=23
  cmake --build /build
  cd /build && ./downstream
  apt-get -qq -o Dpkg::Use-Pty=0 remove -y nbm >/dev/null
  [ ! -e /usr/bin/nbm ] && [ ! -e /usr/lib/cmake/nbm ]'
echo "the package works on a bare Debian 12"
