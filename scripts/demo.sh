#!/bin/sh
# The main job from end to end: is this machine fit, three policies on the same episodes of the
# real LIBERO, one report. Run it again after an interruption: finished episodes are kept.
set -eu
wamlab=.venv/bin/wamlab
out=${1:-runs/demo}

$wamlab doctor --quick
for policy in expert hasty random; do
    # 1 means that some episodes ended in an error; the report shows them
    $wamlab eval "recipes.demo:$policy" --out "$out/$policy" || [ $? = 1 ]
done
$wamlab report "$out/expert" "$out/hasty" "$out/random" --reference expert --out "$out/report"
