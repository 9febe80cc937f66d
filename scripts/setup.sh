#!/usr/bin/env bash
# What grokc needs from the system: looks for each thing, installs only what is missing.
#
#   scripts/setup.sh run     what `make run` needs to build grokc
#   scripts/setup.sh test    and its tests
#   scripts/setup.sh ci      and the formatter, the second compiler, the linter
#   scripts/setup.sh deb     and what packs it as a .deb
#   scripts/setup.sh slurm   only a Slurm for `make test-slurm`
#   scripts/setup.sh ecosystem   only what `make test-ecosystem` takes from the system
#
# Silent where nothing is missing. As root or with sudo it installs through apt-get; else, or with GROKC_INSTALL=no,
# it prints the one command to type and fails. It never touches anything but packages.
set -euo pipefail

mode=${1:-test}
case $mode in run | deb | test | ci | slurm | ecosystem) ;; *) echo "usage: setup.sh run|deb|test|ci|slurm|ecosystem" >&2; exit 2 ;; esac

have() { command -v "$1" >/dev/null 2>&1; }
find_compiler() {                               # $CC may carry options: its first word is the program
    for cc in "${CC:-cc}" gcc clang; do
        if have "${cc%% *}"; then return; fi
    done
}
includes() { echo "#include <$1>" | $cc -E - >/dev/null 2>&1; }     # does the compiler find the header?
library() {                                                         # pkg-config's name, header
    if have pkg-config; then pkg-config --exists "$1"; else includes "$2"; fi
}

compiler_there() { have "${cc%% *}" && includes stdio.h; }
make_there()     { have make; }
cmake_there() {
    local version
    have cmake && read -r _ _ version _ < <(cmake --version) && [[ $version =~ ^([0-9]+)\.([0-9]+) ]] &&
        ((BASH_REMATCH[1] > 3 || (BASH_REMATCH[1] == 3 && BASH_REMATCH[2] >= 22)))
}
pkgconf_there()  { have pkg-config; }
yaml_there()     { library yaml-0.1 yaml.h; }
jansson_there()  { library jansson jansson.h; }
zlib_there()     { library zlib zlib.h; }
fftw_there()     { library fftw3f fftw3.h; }
shlibdeps_there() { have dpkg-shlibdeps && have file; }
cmocka_there()   { library cmocka cmocka.h; }
git_there()      { have git; }
format_there()   { have clang-format; }
clang_there()    { have clang && echo 'int main(void){return 0;}' |
                       clang -fsanitize=address -x c -o /dev/null - 2>/dev/null; }
tidy_there()     { have clang-tidy; }
cross_there()    { [[ $manager != apt-get || $(uname -m) != x86_64 ]] || { have aarch64-linux-gnu-gcc && have qemu-aarch64; }; }
slurm_there() {
    local program
    for program in slurmctld slurmd munged sbatch; do PATH=$PATH:/usr/sbin have $program || return; done
}
gnuplot_there()  { have gnuplot; }
numpy_there()    { python3 -c 'import numpy' 2>/dev/null || /usr/bin/python3 -c 'import numpy' 2>/dev/null; }
venv_there()     { python3 -c 'import ensurepip, venv' 2>/dev/null && { [[ $manager != apt-get ]] ||
                       /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null; }; }
torch_there()    { [[ $manager != apt-get ]] || /usr/bin/python3 -c 'import torch' 2>/dev/null; }   # else PyPI's
chromium_there() { have chromium || have chromium-browser || have google-chrome; }

# One line for each thing: from which mode on, check, what it is called, and its packages.
things='
run  compiler  a_C_compiler          gcc,libc6-dev  gcc,glibc-devel       gcc            gcc
run  make      make                  make           make                  make           make
run  cmake     cmake_3.22_or_newer   cmake          cmake                 cmake          cmake
run  pkgconf   pkg-config            pkg-config     pkgconf-pkg-config    pkgconf        pkg-config
run  yaml      libyaml               libyaml-dev    libyaml-devel         libyaml        libyaml
run  jansson   jansson               libjansson-dev jansson-devel         jansson        jansson
run  zlib      zlib                  zlib1g-dev     zlib-devel            zlib           zlib
run  fftw      FFTW                  libfftw3-dev   fftw-devel            fftw           fftw
deb  shlibdeps dpkg-shlibdeps        dpkg-dev,file  dpkg-dev,file         dpkg           dpkg
test cmocka    cmocka                libcmocka-dev  libcmocka-devel       cmocka         cmocka
ci   git       git                   git            git                   git            git
ci   format    clang-format          clang-format   clang-tools-extra     clang          clang-format
ci   clang     clang_with_sanitizers clang          clang,compiler-rt     clang,compiler-rt llvm
ci   tidy      clang-tidy            clang-tidy     clang-tools-extra     clang          llvm
ci   gnuplot   gnuplot               gnuplot-nox    gnuplot               gnuplot        gnuplot
ci   numpy     numpy_for_python3     python3-numpy  python3-numpy         python-numpy   numpy
ci   cross     aarch64_in_an_emulator gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,qemu-user - - -
slurm slurm    Slurm_and_munge       slurm-wlm,munge slurm-slurmctld,slurm-slurmd,slurm,munge slurm-llnl,munge slurm
ecosystem venv  venv_for_python3     python3-venv   python3               python         python
ecosystem torch PyTorch              python3-torch  python3-torch         python-pytorch pytorch
ecosystem gnuplot gnuplot            gnuplot-nox    gnuplot               gnuplot        gnuplot
ecosystem chromium Chromium          chromium       chromium              chromium       chromium
'

manager=none
for candidate in apt-get dnf pacman brew; do
    if have $candidate; then manager=$candidate; break; fi
done

look() {                                        # fills names and packages with what is missing
    names='' packages=''
    local from check name apt dnf pacman brew package
    find_compiler
    while read -r from check name apt dnf pacman brew; do
        case $mode:$from in
            :* | *: | run:test | run:ci | test:ci) continue ;;
            deb:deb | deb:run) ;;
            deb:* | *:deb) continue ;;
            slurm:slurm | ecosystem:ecosystem) ;;
            slurm:* | *:slurm | ecosystem:* | *:ecosystem) continue ;;
        esac
        if "${check}_there"; then continue; fi
        case $manager in
            dnf) package=$dnf ;; pacman) package=$pacman ;; brew) package=$brew ;; *) package=$apt ;;
        esac
        names+="${names:+, }${name//_/ }"
        for package in ${package//,/ }; do
            [[ " $packages " == *" $package "* ]] || packages+="${packages:+ }$package"
        done
    done <<<"$things"
}

look
[[ -n $names ]] || exit 0

# Recommended packages only for ci: clang's sanitizers are among them.
lean=--no-install-recommends; [[ $mode != ci ]] || lean=
install="apt-get install -y ${lean:+$lean }$packages"
case $manager in
    apt-get) have sudo && type="sudo apt-get update && sudo $install" || type="su -c 'apt-get update && $install'"
             [[ $(id -u) != 0 ]] || type="apt-get update && $install" ;;
    dnf)     type="sudo dnf install $packages" ;;
    pacman)  type="sudo pacman -S --needed $packages" ;;
    brew)    type="brew install $packages" ;;
    none)    type="(no package manager that is known here; Debian's names: $packages)" ;;
esac
give_up() {
    printf 'grokc needs what this system does not have: %s.\n%s\n\n    %s\n\n' "$names" "$1" "$type" >&2
    exit 1
}

as_root=()
if [[ $manager != apt-get || ${GROKC_INSTALL:-yes} == no ]]; then
    give_up "To install it, type:"
elif [[ $(id -u) != 0 ]]; then
    if ! have sudo; then
        give_up "To install it, type (root's password is asked):"
    elif ! sudo -n true 2>/dev/null && ! { [[ -t 0 && -t 2 ]] && sudo -v; }; then
        give_up "To install it, type (or ask somebody who may):"
    fi
    as_root=(sudo)
fi

echo "Installing $names: $packages" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1; }
if ! apt -q update; then echo "apt-get update had errors; going on with the lists that are there" >&2; fi
# shellcheck disable=SC2086
if ! apt -qq install -y $lean $packages; then
    tail -n 15 "$log" >&2
    give_up "apt-get failed (its last words are above). When its trouble is mended, type:"
fi
missing=$names
look
[[ -z $names ]] || give_up "apt-get installed $missing, but this is still missing or too old here. What was tried:"
