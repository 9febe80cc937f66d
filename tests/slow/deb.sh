#!/usr/bin/env bash
# `make deb`: the package is built by CPack from the source tree, looked at, and installed in a new Debian of its own
# (debootstrap, as root), where the program has to work for somebody who is not root; removed, it leaves nothing behind.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"
unset GROKC GROKC_DEVICE CCACHE_BASEDIR     # ccache would hide absolute paths from the compiler, which removes them

for tool in cmake cpack dpkg-deb dpkg-shlibdeps file; do
    if ! command -v $tool >/dev/null; then
        skip "the package: no $tool (scripts/setup.sh deb)"
        exit 0
    fi
done
build() {
    cmake -S "$source_dir" -B build -DGK_TESTS=OFF -DGK_CUDA=OFF && cmake --build build --parallel "$(nproc)" --target grokc &&
        (cd build && cpack -G DEB)
}
if build >build.log 2>&1; then pass; else fail 'it is built' <(tail -n 12 build.log); end; fi
version=$(sed -n 's/^project(grokc VERSION \([0-9.]*\) .*/\1/p' "$source_dir/CMakeLists.txt")
deb=build/grokc_${version}_$(dpkg --print-architecture).deb
check "$deb is there" test -s "$deb"
[[ -s $deb ]] || end

# ---- what it says
# field NAME PATTERN: of its control file
field() { check "$1 is like $2" grep -qE -e "^$2$" <(dpkg-deb -f "$deb" "$1"); }
field Package grokc
field Version "$version"
field Section science
field Maintainer '.+ <.+@.+>'
for library in libc6 libjansson4 libyaml-0-2 zlib1g libfftw3-single3; do
    field Depends "(.*, )?$library( .*|,.*|-.*)?"
done
field Recommends 'gnuplot-nox, python3-numpy'
check 'a description of its own, in one line and in some' test "$(dpkg-deb -f "$deb" Description | wc -l)" -ge 4
check 'no line of it is over 80 columns' test -z "$(dpkg-deb -f "$deb" Description | awk 'length > 80')"
dpkg-deb -x "$deb" tree
check 'all of it is below /usr' test "$(cd tree && echo *)" = usr
for name in bin/grokc share/man/man1/grokc.1.gz share/bash-completion/completions/grokc share/zsh/vendor-completions/_grokc \
    share/fish/vendor_completions.d/grokc.fish share/doc/grokc/copyright share/doc/grokc/docs/manual.md \
    share/grokc/configs/paper.yaml share/grokc/python/grokc.py share/grokc/examples/branch.sh; do
    check "in it: $name" test -s "tree/usr/$name"
done
check 'every config' diff -r "$source_dir/configs" tree/usr/share/grokc/configs
check 'examples can be started' test -x tree/usr/share/grokc/examples/branch.sh
dpkg-deb -c "$deb" >listed
check 'root owns all of it, and nobody else may write' test -z "$(awk '$2 != "root/root" || $1 ~ /^.(.....w|........w)/' listed)"
check "no path of this machine: $(grep -rlF -e "$source_dir" -e "$PWD" tree)" test -z "$(grep -rlF -e "$source_dir" -e "$PWD" tree)"
if command -v lintian >/dev/null; then
    # Python is recommended: the program needs none, and its Python files are for those who have it.
    lintian --allow-root --suppress-tags no-changelog,python3-script-but-no-python3-dep "$deb" >lintian.out 2>&1
    check "lintian finds no error: $(grep '^E' lintian.out)" test -z "$(grep '^E' lintian.out)"
else skip 'lintian: there is none'; fi

# ---- in a Debian of its own
# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
why=
if [[ $(id -u) != 0 ]]; then why='only root can make a new Debian'
elif ! command -v debootstrap >/dev/null; then why='no debootstrap (apt-get install debootstrap)'
elif ! unshare --mount --pid --fork true 2>/dev/null; then why='no namespaces here'
fi
if [[ -n $why ]]; then
    skip "the package in a new Debian: $why"
    end
fi
new=$(mktemp -d /var/tmp/grokc-deb.XXXXXX)     # programs and devices: not on every /tmp, nor in memory
extra=$new
chmod 755 "$new"
if ! debootstrap --variant=minbase "$codename" "$new" >debootstrap.log 2>&1; then
    skip "the package in a new Debian: debootstrap failed: $(tail -n 1 debootstrap.log)"
    end
fi
# in_new COMMAND...: there, with a /proc of its own
in_new() {
    unshare --mount --pid --fork --mount-proc="$new/proc" chroot "$new" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"
}
# as_user COMMAND: a shell's, in the home of somebody who is not root
as_user() { in_new su user -c "cd && $1"; }
cp "$deb" "$new/grokc.deb"
check 'a user' in_new useradd --create-home user
if ! in_new apt-get install -y --no-install-recommends /grokc.deb >install.log 2>&1; then
    fail 'it can be installed' <(tail -n 12 install.log)
    end
fi
check 'installed' grep -q '^Status: install ok installed' <(in_new dpkg -s grokc)
check 'no file of it is wrong' test -z "$(in_new dpkg --verify grokc)"
check 'the program' grep -q "^grokc $version " <(as_user 'grokc --version')
small='--set run.epochs=40 --set run.measure_every=10 --set task.p=11 --set task.train_fraction=0.6 --set model.d_model=8
    --set model.heads=2 --set model.d_head=4 --set model.d_mlp=16 --set model.outputs=11'
check 'training by the name of a config' as_user "grokc train quick ${small//$'\n'/ }"
check 'the run is done' grep -qx 'done' "$new/home/user/runs/quick/state"
check 'a sweep, by its path' as_user 'grokc sweep configs/sweep_wd.yaml --dry-run'
check 'a report' as_user 'grokc report runs/quick -o report.html && test -s report.html'
check 'the backend is right there' as_user 'grokc verify'
check 'bash finds the completion' in_new bash -c 'source /usr/share/bash-completion/completions/grokc && complete -p grokc'
check 'removed' in_new apt-get remove -y grokc
in_new find / -xdev -iname '*grokc*' -not -path '/proc/*' -not -path '/home/*' -not -path /grokc.deb >left
check "nothing is left behind: $(tr '\n' ' ' <left)" test ! -s left
check 'the state of packages is sound' in_new dpkg --audit
check 'nothing needs to be purged' test -z "$(in_new dpkg -l 2>/dev/null | grep ' grokc ')"
end
