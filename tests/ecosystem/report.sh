#!/usr/bin/env bash
# Reports of runs, of a sweep and of a comparison in a browser: headless Chromium opens them from a file, at two
# widths, in light and dark.
# Nothing is asked for from the network, the console stays empty, nothing is wider than the
# window, every figure has a size and letters that can be read, screenshots are not blank. Printed they have at most
# ten pages.
# As ctest would call it: report.sh <grokc> <source directory>
source "$(dirname "$0")/../lib/program.sh"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
for program in "$browser" gnuplot python3; do
    if ! command -v "$program" >/dev/null; then
        skip "no ${program:-chromium} (apt-get install chromium gnuplot-nox python3)"
        exit 0
    fi
done

# open PAGE WIDTH light|dark OPTION...: what the browser says is in browser.log, what it asked
# for in net.json
open_page() {
    local page=$1 width=$2 scheme=$3
    shift 3
    [[ $scheme = dark ]] && scheme=0 || scheme=1
    rm -f net.json
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars \
        --force-device-scale-factor=1 --blink-settings=preferredColorScheme=$scheme \
        --user-data-dir="$scratch/profile" --disable-background-networking --disable-sync \
        --disable-component-update --no-first-run --host-resolver-rules='MAP * ~NOTFOUND' \
        --enable-logging=stderr --log-net-log="$scratch/net.json" --window-size="$width,1600" \
        "$@" "file://$scratch/$page" 2>browser.log
}

cat >base.yaml <<'YAML'
seed: 3
task:  {p: 43, train_fraction: 0.7}
model: {d_model: 48, heads: 4, d_head: 12, d_mlp: 96}
optim: {weight_decay: 2}
run:   {epochs: 2500, measure_every: 50, checkpoint_at: "every:250", arrays_at: "every:250", stop_test_loss: 1e-3}
YAML
expect 0 train base.yaml --out grokked
expect 0 train base.yaml --set run.epochs=0 --out one
expect 3 train base.yaml --set run.epochs=200 --set optim.lr=1000 --set optim.warmup=0 \
    --set loss.form=f32 --out diverged
"$grokc" train base.yaml --set run.epochs=100000000 --set run.stop_test_loss=null --out unfinished >/dev/null 2>&1 &
wait_for unfinished/metrics.jsonl '"epoch": 300,'
kill -9 $!
wait $! 2>/dev/null
cat >sweep.yaml <<'YAML'
task:  {p: 23, train_fraction: [0.8, 0.9]}
model: {d_model: 32, heads: 2, d_head: 16, d_mlp: 64}
optim: {weight_decay: {log: [0.5, 2, 3]}, lr: 2e-3}
run:   {epochs: 1200, measure_every: 25, stop_test_loss: 0.01, checkpoint_at: none, keep_checkpoints: last}
seed:  {range: [0, 4]}
YAML
expect 0 sweep sweep.yaml --out sweep
expect 0 train base.yaml --set optim.weight_decay=1 --out other
pages='grokked one diverged unfinished sweep'
for run in $pages; do expect 0 report $run -o $run.html; done
expect 0 compare grokked other diverged -o compare.html
pages+=' compare'
declare -A figures=(                                # what these two must have, no more and no less
    [sweep]='grok-epoch survival grok-map share-map test-losses train-losses key-frequencies key-count'
    [compare]='test-loss train-loss test-accuracy squared-l2-norm gini excluded')
for run in ${REPORT_RUNS:-}; do                     # somebody's own runs, to be looked at in $KEEP_SHOTS
    expect 0 report "$run" -o "${run##*/}.html"
    pages+=" ${run##*/}"
done

for name in $pages; do
    # shellcheck disable=SC2086
    check "$name: the page" python3 "$source_dir/tests/lib/report_page.py" $name.html ${figures[$name]:-}
    check "$name: contrast" python3 "$source_dir/tests/lib/report_contrast.py" $name.html
    # A copy that measures itself, in a frame: a window is at least 500 pixels wide. The numbers end up in the title.
    cat $name.html - >measured.html <<'HTML'
<script>
const box = element => element.getBoundingClientRect();
const letters = [...document.querySelectorAll("figure svg text")].map(t => box(t))
    .map(b => Math.min(b.width, b.height)).filter(size => size > 0);
parent.postMessage(JSON.stringify({
    window: innerWidth, page: document.documentElement.scrollWidth,
    maps: [...document.querySelectorAll("figure.exact svg")].map(s => box(s).width - s.viewBox.baseVal.width),
    svgs: [...document.querySelectorAll("figure svg")].map(s => [Math.round(box(s).width), Math.round(box(s).height)]),
    letters: letters.length,
}), "*");
</script>
HTML
    for width in 1280 400; do
        cat >frame.html <<HTML
<title></title><script>addEventListener("message", message => { document.title = message.data; });</script>
<iframe src="measured.html" style="border:0;width:${width}px;height:1600px"></iframe>
HTML
        open_page frame.html 1400 light --virtual-time-budget=5000 --dump-dom >dom.html
        check "$name: sizes at $width" python3 "$source_dir/tests/ecosystem/report_browser.py" sizes dom.html $width
        for scheme in light dark; do
            shot=$name-$width-$scheme.png
            open_page $name.html $width $scheme --screenshot="$scratch/$shot"
            check "$shot" python3 "$source_dir/tests/ecosystem/report_browser.py" shot "$shot" $width 1600 $scheme
            check "$shot: console and network" \
                python3 "$source_dir/tests/ecosystem/report_browser.py" quiet browser.log net.json
        done
    done
done

# Printed: at most ten pages, with what is folded away on the screen.
for name in grokked sweep compare; do
    open_page $name.html 1280 light --no-pdf-header-footer --print-to-pdf="$scratch/$name.pdf"
    pages=$(grep -ac '/Type */Page\b' $name.pdf)
    check "$name: $pages printed pages" test "$pages" -ge 1 -a "$pages" -le 10
done
if command -v pdftotext >/dev/null; then
    check "grokked: the last row's numbers are printed" \
        bash -c 'pdftotext grokked.pdf - | grep -q squared_l2_norm.unembed.W_U'
else
    skip "printed text: no pdftotext (apt-get install poppler-utils)"
fi

# The checks themselves: a page that asks for things and complains is noticed.
echo '<img src="http://localhost.invalid/x.png"><script>console.error("wrong")</script>' >planted.html
open_page planted.html 400 light --screenshot="$scratch/planted.png"
python3 "$source_dir/tests/ecosystem/report_browser.py" quiet browser.log net.json >planted.out
what="a page that is wrong"
matches planted.out 'console: .*wrong' 'network: http://localhost.invalid/x.png'
if python3 "$source_dir/tests/ecosystem/report_browser.py" shot planted.png 400 1600 light >shot.out; then
    fail "a blank screenshot is taken for a page" shot.out
else
    pass
fi
if [[ -n ${KEEP_SHOTS:-} ]]; then cp ./*.png "$KEEP_SHOTS"; fi
end
