#!/bin/sh
# Installs what a build of this project needs on Debian and its kin: `sh cmake/setup.sh demo` for
# the library, the command and SQLite, `sh cmake/setup.sh test` for all checks, `sh cmake/setup.sh
# bench` for the benchmarks. Elsewhere it names what to install. Does nothing where all is there.
set -eu

packages="g++ cmake ninja-build nlohmann-json3-dev libcli11-dev libsqlite3-dev sqlite3
  libsimdjson-dev"
case "${1:-}" in
  demo) ;;
  test)
    packages="$packages libcurl4-openssl-dev libcpp-httplib-dev catch2 pkg-config clang clang-tidy
      clang-format libclang-rt-dev librdkafka-dev libbenchmark-dev libabsl-dev libboost1.81-dev"
    command -v npm >/dev/null || packages="$packages nodejs npm"
    # A broker and a daemon that the tests run.
    command -v java >/dev/null || packages="$packages openjdk-17-jre-headless"
    command -v mvn >/dev/null || packages="$packages maven"
    ;;
  bench) packages="g++ cmake ninja-build libbenchmark-dev libabsl-dev libboost1.81-dev
    nlohmann-json3-dev libsimdjson-dev" ;;
  *) echo "usage: sh cmake/setup.sh demo|test|bench" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null; then
  echo "setup: no apt-get here; going on with what is installed (wanted: $packages)" >&2
  exit 0
fi
missing=$(for package in $packages; do
  dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' ||
    echo "$package"
done)
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086  # one word a package
$as_root apt-get install -q -y --no-install-recommends $missing
