# The short front of meson, pytest and tools/. `make help` lists the targets.
BUILD ?= build
PREFIX ?= /usr/local
SAMPLES ?= input
PYTHON := /usr/bin/python3
WERROR := $(if $(CI),true,false)
export ORIANE_BUILD := $(abspath $(BUILD))

.PHONY: all help deps deps-build build demo samples test test-long torture soak mutations bench bench-run bench-server bench-embed bench-stores score format lint clean install
all: build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | column -t -s '|'

deps: ## install the Debian packages that build, run and tests need (skips when all are there)
	@tools/deps build test

deps-build: # what demo needs: no browser, no test tools
	@tools/deps build

build: ## build/oriane
	@test -f $(BUILD)/build.ninja || meson setup -Dwerror=$(WERROR) $(BUILD)
	@$(if $(CI),meson configure -Dwerror=true $(BUILD))
	@ninja -C $(BUILD)

demo: deps-build build ## a server, a job, a search, and the console's address: VIDEOS="a.mp4 b.mkv" for your own
	@tools/demo $(if $(STAY),--stay) $(VIDEOS)

samples: ## the hundred small videos that examples/sample_100_videos_request.json names, into SAMPLES
	@tools/sample-videos $(SAMPLES)

test: deps build ## every test: tools, C tests plain and under sanitizers, end to end
	@$(PYTHON) tools/test

test-long: deps build ## the same with the long forms: 200 kills, longer clips
	@$(PYTHON) tools/test --long

torture: deps build ## a thousand kills, each followed by a look at what is left
	@tools/torture

soak: deps build ## 50,000 small videos through one server: ITEMS=1000 for fewer
	@ORIANE_SOAK_ITEMS=$(or $(ITEMS),50000) $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/e2e/test_soak.py

mutations: deps build ## 20,000 bent media files through the real decode process
	@ORIANE_MUTATIONS=$(or $(FILES),20000) $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/e2e/test_mutations.py

bench: bench-run bench-server bench-embed bench-stores ## all measurements; writes docs/performance.md

bench-run: deps build ## of one run, against ffmpeg and the earlier pipeline
	@$(PYTHON) bench/bench.py

bench-server: deps build ## of the server: latencies, job store, connections
	@tools/deps bench
	@$(PYTHON) bench/bench_server.py

bench-embed: deps build ## of the encoder, against ONNX Runtime from PyPI
	@tools/deps bench
	@$(PYTHON) bench/bench_embed.py

bench-stores: deps build ## of S3 and Qdrant, against awscli, curl and Qdrant's Python client
	@tools/deps bench
	@$(PYTHON) bench/bench_stores.py

score: deps build ## accuracy beside ffmpeg and PySceneDetect; writes docs/accuracy.md
	@tools/deps bench
	@$(PYTHON) bench/score/score.py $(if $(SEED),--seed $(SEED))

format: ## clang-format all C files in place
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

lint: build ## clang-tidy, cppcheck, subjects of new commits
	@tools/deps build lint
	@tools/lint
	@tools/check-commits

clean: ## remove what was built and the demo's output
	rm -rf $(BUILD) $(BUILD)-asan .demo

install: build ## into PREFIX (default /usr/local); DESTDIR is honoured
	install -D -m 755 $(BUILD)/oriane $(DESTDIR)$(PREFIX)/bin/oriane
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/oriane/copyright
