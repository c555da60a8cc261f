#!/usr/bin/env bash
# Packs a binary as a release has it: crosscheck-vVERSION-TARGET.tar.gz, with completion scripts and manual pages.
#
#   .github/release/package.sh BINARY TARGET OUT      (BINARY without .exe)
#
# The binary must run here, for it writes the scripts and the pages itself.
set -euo pipefail

binary=$1 target=$2 out=$3
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[[ $target != *-windows-* ]] || binary+=.exe
name=crosscheck-v$("$binary" --version | cut -d ' ' -f 2)-$target

mkdir -p "$out/$name/completions"
cp "$binary" "$checkout"/{LICENSE-APACHE,LICENSE-MIT,README.md,CHANGELOG.md} "$out/$name"
"$binary" man --out "$out/$name/man"
for shell in bash:crosscheck.bash elvish:crosscheck.elv fish:crosscheck.fish powershell:_crosscheck.ps1 zsh:_crosscheck; do
    "$binary" completions "${shell%%:*}" >"$out/$name/completions/${shell#*:}"
done
# A name without a folder: tar takes `D:` for a host.
cd "$out"
tar -czf "$name.tar.gz" "$name"
rm -r "$name"
printf '%s\n' "$name.tar.gz"
