#!/usr/bin/env bash
# Makes a release of the packed binaries in a folder: their checksums, and what CHANGELOG.md says of the version.
#
#   .github/release/publish.sh DIST
#
# and of the runner GITHUB_REF_NAME, the tag.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tag=$GITHUB_REF_NAME
cd "$1"

version=v$(sed -n 's/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")
[[ $tag == "$version" ]] || { echo "the tag is $tag, and Cargo.toml says $version" >&2; exit 1; }

notes=$(awk -v heading="## ${tag#v}" \
    '/^## / { inside = ($0 == heading || index($0, heading " ") == 1); next } inside' "$checkout/CHANGELOG.md")
[[ -n $notes ]] || { echo "CHANGELOG.md has no section \`## ${tag#v}\`" >&2; exit 1; }

sha256sum -- *.tar.gz >SHA256SUMS
gh release create "$tag" --verify-tag --title "Crosscheck ${tag#v}" --notes "$notes" -- *.tar.gz SHA256SUMS
