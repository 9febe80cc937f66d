#!/usr/bin/env bash
# `pip install .`: a wheel is built from the source tree, installed into an environment with nothing else in it, and used
# from there: the program, the modules, a training through Python, `python -m grokc follow`.
source "$(dirname "$0")/../lib/program.sh"

unset GROKC PYTHONPATH
python=$(command -v python3)
export PIP_DISABLE_PIP_VERSION_CHECK=1
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null || ! command -v cmake >/dev/null; then
    skip 'the wheel: no venv in this Python, or no cmake'
    exit 0
fi
if ! "$python" -m pip download -q --no-deps -d pypi 'scikit-build-core>=0.10' >pypi.out 2>&1; then
    skip 'the wheel: scikit-build-core cannot be had from PyPI'
    exit 0
fi

sums "$source_dir/python" >before
# The CUDA backend takes long to build and is tested elsewhere.
check 'a wheel is built' "$python" -m pip wheel -q --no-deps -w wheel \
    --config-settings=cmake.define.GK_CUDA=OFF "$source_dir"
unchanged 'building leaves the sources' "$source_dir/python"
wheel=$(echo wheel/grokc-*.whl)
version=$(sed -n 's/^project(grokc VERSION \([0-9.]*\).*/\1/p' "$source_dir/CMakeLists.txt")
check "$wheel: the version of CMakeLists.txt" test "${wheel#wheel/grokc-"$version"-py3-none-}" != "$wheel"
"$python" -m zipfile -l "$wheel" | awk 'NR > 1 { print $1 }' >names
for name in grokc.py pth2safetensors.py "grokc-$version.data/scripts/grokc" \
    "grokc-$version.data/data/share/grokc/configs/paper.yaml" "grokc-$version.dist-info/licenses/LICENSE"; do
    check "in it: $name" grep -qxF "$name" names
done
check 'nothing else' test -z "$(grep -vE '^(grokc|pth2safetensors)\.py$|/scripts/grokc$|/configs/|\.dist-info/' names)"

check 'a clean environment' "$python" -m venv clean
check 'pip install' clean/bin/pip install -q "$wheel"
clean/bin/pip list --format freeze | sed 's/=.*//' | grep -vxE 'pip|setuptools|wheel' | sort | tr '\n' ' ' >installed
check "numpy alone comes with it: $(cat installed)" test "$(cat installed)" = 'grokc numpy '
export PATH=/usr/bin:/bin
check 'grokc --version' grep -q "^grokc $version (" <(clean/bin/grokc --version)
check 'pip knows the version' grep -qx "Version: $version" <(clean/bin/pip show grokc)
cat >use.py <<'PYTHON'
import os, sys
import numpy as np
import grokc

folder = os.path.dirname(sys.executable)
assert os.path.dirname(grokc.program()) == folder, grokc.program()
assert sys.prefix in grokc.__file__, grokc.__file__
config = {"task": {"p": np.int64(11)}, "run": {"epochs": 20, "measure_every": 10}}
rows = list(grokc.train(config, "run"))
assert [row["epoch"] for row in rows] == [0, 10, 20], rows
run = grokc.Run("run")
loss = grokc.cross_entropy(run.logits(grokc.pairs(11))[:, :11], grokc.pairs(11)[:, :2].sum(1) % 11)
assert abs(loss - rows[-1]["all_loss_p"]) <= 1e-5 * loss, loss
paper = os.path.join(sys.prefix, "share/grokc/configs/paper.yaml")
assert len(list(grokc.train(paper, "paper", sets={"run.epochs": 1, "task.p": 23}))) > 0
PYTHON
check 'training from Python' clean/bin/python use.py
check 'its pickle reader' clean/bin/python -m pth2safetensors --help
clean/bin/python -m grokc follow run >out 2>err
check 'follow says what it lacks' grep -q 'pip install tensorboard' err
check 'pip uninstall' clean/bin/pip uninstall -q -y grokc
check 'nothing is left' test -z "$(find clean -type f -path '*grokc*')"
end
