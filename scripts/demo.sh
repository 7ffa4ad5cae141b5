#!/bin/sh
# The main job from end to end: is this machine fit, claims fixed before any run, six policies on
# the same episodes of the real LIBERO, one report. Run it again after an interruption: finished
# episodes are kept.
set -eu
wamlab=.venv/bin/wamlab
out=${1:-runs/demo}

$wamlab doctor --quick
mkdir -p "$out"
$wamlab register recipes.study:demo --out "$out/study.json"
runs=
for policy in expert flow_vla action_only joint idm random; do
    # 1 means that some episodes ended in an error; the report shows them
    $wamlab eval "recipes.demo:$policy" --out "$out/$policy" || [ $? = 1 ]
    runs="$runs $out/$policy"
done
# shellcheck disable=SC2086 - a list of folders
$wamlab report $runs --reference flow_vla --study "$out/study.json" --out "$out/report"
