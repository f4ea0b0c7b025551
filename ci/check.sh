#!/usr/bin/env bash
# One `planner check`, shown wherever a pipeline shows things. Works without GitHub too: what is not there is skipped.
#   SCENARIO BASELINE PRICES LOCKED FAIL_ON_WARN OUT   what the action's inputs set; OUT is a folder for the files
# Leaves in OUT: check.json, plan.json, comment.md, check.xml (JUnit), check.sarif. Exits as `planner check` does.
set -uo pipefail
out=${OUT:-planner-check}
mkdir -p "$out"
rm -f "$out"/{check.json,plan.json,comment.md,check.xml,check.sarif}

arguments=("${SCENARIO:-planner.toml}" --save "$out/plan.json" --format json -o "$out/check.json")
[ -z "${BASELINE:-}" ] || arguments+=(--baseline "$BASELINE")
[ -z "${PRICES:-}" ] || arguments+=(--prices "$PRICES")
[ "${LOCKED:-false}" != true ] || arguments+=(--locked)
[ "${FAIL_ON_WARN:-false}" != true ] || arguments+=(--fail-on-warn)
planner check "${arguments[@]}"
code=$?

if [ -f "$out/check.json" ]; then
    planner render "$out/check.json" --format github
    for file in comment.md check.xml check.sarif; do
        planner render "$out/check.json" -q -o "$out/$file"
    done
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$out/comment.md" >> "$GITHUB_STEP_SUMMARY"
fi
[ -z "${GITHUB_OUTPUT:-}" ] || echo "exit-code=$code" >> "$GITHUB_OUTPUT"
exit "$code"
