#!/usr/bin/env bash
# Runs crosscheck, and tells the steps that follow what came of it. Exits 0 whatever was found, so that the report is
# uploaded; a later step exits by `exit-code`.
#
#   COMMAND  the client's command as one string
#   ARGS     further options and filters, one word a line
#   CONFIG   the configuration
#   REPORT   folder of the report
#   MERGE    folder with the reports of shards, which are joined instead of a run
#
# and of the runner GITHUB_OUTPUT. Each may be empty but the folder of the report.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

main() {
    local words=() code=0
    if [[ -n ${MERGE:-} ]]; then merge_words; else run_words; fi
    # A report that an earlier run left says nothing of this one.
    rm -f -- "$REPORT/report.json"
    crosscheck "${words[@]}" || code=$?
    output exit-code "$code"
    if [[ -f $REPORT/report.json ]]; then
        output report-path "$REPORT"
        jq --raw-output --from-file "$here/counts.jq" "$REPORT/report.json" >>"$GITHUB_OUTPUT"
    fi
}

run_words() {
    local line
    words=(run --report="$REPORT")
    [[ -z ${CONFIG:-} ]] || words+=(--config="$CONFIG")
    [[ -z ${COMMAND:-} ]] || words+=(--command="$COMMAND")
    while IFS= read -r line; do
        line=${line%$'\r'}
        [[ -z $line ]] || words+=("$line")
    done <<<"${ARGS:-}"
    client_is_named || fail "no client is named: set \`command\`, or keep a crosscheck.toml in the repository"
}

# Without a client crosscheck drives its own, and a green job would mean nothing.
client_is_named() {
    local folder=$PWD word
    [[ -z ${CONFIG:-}${COMMAND:-} ]] || return 0
    for word in "${words[@]}"; do
        [[ $word != -- ]] || return 0
    done
    while [[ ! -f $folder/crosscheck.toml ]]; do
        [[ $folder == */* ]] || return 1
        folder=${folder%/*}
    done
}

merge_words() {
    local shard
    words=(merge)
    for shard in "$MERGE"/*/; do
        # A pattern that matches nothing stands for itself.
        [[ ! -d $shard ]] || words+=("$shard")
    done
    ((${#words[@]} > 1)) || fail "there is no report below \`$MERGE\`"
    words+=(--report="$REPORT")
}

output() { # name, value of one line
    printf '%s=%s\n' "$1" "${2%%$'\n'*}" >>"$GITHUB_OUTPUT"
}

fail() {
    printf '::error title=Crosscheck cannot run::%s\n' "$*" >&2
    exit 2
}

main
