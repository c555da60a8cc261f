#!/usr/bin/env bash
# Puts `crosscheck` on the path of the steps that follow: a release, verified against its checksums, or a build of the
# checkout that this script is part of.
#
#   BUILD     where `true`, cargo builds the checkout
#   VERSION   the release, such as v0.1.0; by default the one that the checkout belongs to
#   RELEASES  URL below which every release has a folder of its name
#
# and of the runner RUNNER_OS, RUNNER_ARCH, RUNNER_TEMP and GITHUB_PATH.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

main() {
    cd "$RUNNER_TEMP"
    mkdir -p crosscheck/bin
    cd crosscheck
    if [[ ${BUILD:-} == true ]]; then
        build
    else
        download "$(version)" "$(target)"
    fi
    bin/crosscheck --version
    printf '%s\n' "$RUNNER_TEMP/crosscheck/bin" >>"$GITHUB_PATH"
}

build() {
    local folder=$PWD suffix=
    [[ $RUNNER_OS != Windows ]] || suffix=.exe
    # Within the checkout, so that its settings of cargo hold.
    (cd "$checkout" && cargo build --release --locked --package crosscheck --target-dir "$folder/target")
    cp "target/release/crosscheck$suffix" bin/
}

download() { # version, target
    local archive=crosscheck-$1-$2.tar.gz expected found
    fetch "$1" SHA256SUMS
    fetch "$1" "$archive"
    expected=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' SHA256SUMS)
    found=$(digest <"$archive")
    [[ -n $expected ]] || fail "SHA256SUMS of $1 does not name $archive"
    [[ $found == "$expected" ]] || fail "$archive has the checksum $found, and its release says $expected"
    # A name without a folder: tar takes `D:` for a host.
    tar -xzf "$archive" -C bin --strip-components=1
}

fetch() { # version, file
    curl --fail --silent --show-error --location --retry 3 --proto '=https,file' --proto-redir '=https' \
        --output "$2" "$RELEASES/$1/$2" || fail "could not download $2 of the release $1"
}

digest() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

version() {
    local version=${VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")}
    version=v${version#v}
    # It becomes part of a URL.
    [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$version is no release; a release is called v0.1.0"
    printf '%s\n' "$version"
}

target() {
    case $RUNNER_OS-$RUNNER_ARCH in
        Linux-X64) echo x86_64-unknown-linux-gnu ;;
        Linux-ARM64) echo aarch64-unknown-linux-gnu ;;
        macOS-X64) echo x86_64-apple-darwin ;;
        macOS-ARM64) echo aarch64-apple-darwin ;;
        Windows-X64) echo x86_64-pc-windows-msvc ;;
        *) fail "there is no release for $RUNNER_OS on $RUNNER_ARCH; build it with \`build: true\`" ;;
    esac
}

fail() {
    printf '::error title=Crosscheck is not installed::%s\n' "$*" >&2
    exit 2
}

main
