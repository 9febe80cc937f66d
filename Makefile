# Thin: each target does all its set-up (scripts/setup.sh), then calls CMake's presets. `make help` lists them.
CONFIG ?= configs/paper.yaml
ifeq ($(notdir $(CONFIG)),paper.yaml)
SET ?= --set run.stop_test_loss=1e-5
endif
OUT ?= runs/$(basename $(notdir $(CONFIG)))
PRESET ?= release
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 60

# -u MAKEFLAGS: variables meant for this Makefile do not reach those that CMake writes.
build = env -u MAKEFLAGS -u MAKELEVEL cmake --build --preset $(1) --parallel $(JOBS)
# The program alone where cmocka is missing.
configure = cmake --preset release -DGK_TESTS=$$(pkg-config --exists cmocka && echo ON || echo OFF)
fuzzers = $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.c)))
sources = find src include kernels tests bench -path tests/golden -prune -o '(' -name '*.[ch]' -o -name '*.cu' -o -name '*.cpp' ')' -print

.PHONY: run deb test test-slow test-asan test-slurm test-ecosystem bench peers gpu-meter fuzz format check-format tidy clean help

run:            ## train CONFIG (the paper's) into runs/; SET='--set key=value' and OUT=DIR change it
	@scripts/setup.sh run
	@test build/release/.configured -nt CMakePresets.json || { $(configure) && touch build/release/.configured; }
	@$(call build,release) --target grokc
	build/release/grokc train $(CONFIG) --out $(OUT) $(SET)

deb:            ## a package for this Debian or Ubuntu, build/deb/grokc_*.deb
	@scripts/setup.sh deb
	@cmake --preset release -B build/deb -DGK_TESTS=OFF -DGK_CUDA=OFF
	@env -u MAKEFLAGS -u MAKELEVEL cmake --build build/deb --parallel $(JOBS) --target grokc
	@cd build/deb && cpack -G DEB

test:           ## the fast tests; PRESET=ci|asan|clang|f64|tsan for another build
	@scripts/setup.sh test
	@cmake --preset $(PRESET) -DGK_TESTS=ON
	@$(call build,$(PRESET))
	@ctest --preset $(PRESET) -L fast

test-slow:      ## what takes minutes: longer trajectories, whole runs, a minute of each fuzzer
	@scripts/setup.sh test
	@cmake --preset release -DGK_TESTS=ON
	@$(call build,release)
	@ctest --preset release -L slow
	@$(MAKE) --no-print-directory fuzz

test-asan:      ## the fast tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory test PRESET=asan

test-slurm:     ## a sweep through everything that Slurm does to jobs, on a Slurm started for it (root)
	@scripts/setup.sh run
	@scripts/setup.sh slurm || echo "going on: the test says what it lacks"
	@test build/release/.configured -nt CMakePresets.json || { $(configure) && touch build/release/.configured; }
	@$(call build,release) --target grokc
	@timeout -k 20 300 bash tests/slurm/run_sweep.sh build/release/grokc .

test-ecosystem: ## the Python packages that grokc fits, in a throw-away environment (PyPI), and every example
	@scripts/setup.sh run
	@test build/release/.configured -nt CMakePresets.json || { $(configure) && touch build/release/.configured; }
	@$(call build,release) --target grokc
	@scripts/setup.sh ecosystem || echo "going on: the tests say what they lack"
	@bash tests/ecosystem/run.sh build/release/grokc .

bench:          ## time every operation, whole steps and measured rows on this machine
	@scripts/setup.sh run
	@test build/release/.configured -nt CMakePresets.json || { $(configure) && touch build/release/.configured; }
	@$(call build,release) --target grokc
	@for mode in ops step measure; do build/release/grokc bench $$mode --config configs/paper.yaml || exit; done

peers:          ## a step beside PyTorch and JAX, where they are installed (bench/peers)
	@scripts/setup.sh run
	@test build/release/.configured -nt CMakePresets.json || { $(configure) && touch build/release/.configured; }
	@$(call build,release) --target grokc
	@bench/peers/run.sh

gpu-meter:      ## what a step asks of a GPU, counted without one, beside the baseline (nvcc; ten minutes)
	@scripts/setup.sh test
	@cmake --preset release -DGK_TESTS=ON
	@$(call build,release) --target gpu-meter

fuzz:           ## every libFuzzer target for FUZZ_SECONDS (a minute)
	@scripts/setup.sh ci
	@cmake --preset fuzz
	@$(call build,fuzz) --target $(fuzzers)
	@for f in $(fuzzers); do mkdir -p build/fuzz/corpus/$$f; \
	    test -d tests/fuzz/$$f && seeds=tests/fuzz/$$f || seeds=; echo "== $$f"; \
	    build/fuzz/tests/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
	        -print_final_stats=1 -artifact_prefix=build/fuzz/$$f- build/fuzz/corpus/$$f $$seeds || exit; done

format:         ## lay out the C sources (.def lists and tests/golden are tables and stay)
	@$(sources) | xargs clang-format -i

check-format:   ## fail where `make format` would change something
	@$(sources) | xargs clang-format --dry-run -Werror --ferror-limit=1

tidy:           ## clang-tidy over the program
	@scripts/setup.sh ci
	@cmake --preset release -DGK_TESTS=ON
	@$(call build,release) --target gk_version_header
	@find src kernels -name '*.c' | xargs -P $(JOBS) -n 4 clang-tidy --quiet -p build/release

clean:          ## remove build/ (runs/ stays)
	rm -rf build

help:           ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 15
