# The list of commands; `make help` prints it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

BIN := .venv/bin
# What a script says that skipped, aloud.
SKIPPED := 77
PYTEST := $(BIN)/python -m pytest
CARGO := cargo --quiet
# Test results do not depend on an index or a proxy of the user's; the lock file is never changed by a command.
export CARGO_TERM_COLOR ?= auto
export PIP_DISABLE_PIP_VERSION_CHECK := 1

export MIDSTREAM_DATA := $(abspath $(or $(MIDSTREAM_DATA),../shared/data))
RUST := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
# Runs a command; what it prints is shown only where it fails.
quiet = @mkdir -p .cache; $(1) >.cache/log 2>&1 || { cat .cache/log; exit 1; }
step = @printf '== %s\n' "$(1)"

##@ Every day

demo: .venv/.extension .venv/.local ## a local model loops and is stopped while it runs
	@$(BIN)/midstream demo $(ARGS)

check: lints rust-tests .venv/.extension ## lints, guards, types and fast tests: before every commit
	$(call step,fast Python tests)
	@$(PYTEST) -q -m "not model and not recorded and not slow"

ifdef K
test: .venv/.extension ## everything, ending with pytest's summary; K=words narrows to those Python tests
	@$(PYTEST) -k "$(K)"
else
test: system-packages lints rust-tests instruction-counts wasm interpreters .venv/.extension .venv/.local .venv/.peers .venv/.aimock
	$(call step,Python tests: the local model)
	@$(PYTEST) -q -m model
	$(call step,Python tests: behaviour$(,) docs$(,) recorded data)
	@$(PYTEST) -q -m "not model" -n 2 --dist loadfile
endif

stubs: .venv/.tools ## write python/midstream/_rust/*.pyi from the Rust code
	@$(BIN)/python scripts/write_stubs.py

##@ Now and then

wasm: .venv/.tools ## build the WebAssembly module, report its size, run the shared cases in Node
	$(call step,WebAssembly)
	@scripts/build_wasm.sh || [ $$? = $(SKIPPED) ]
	@[ ! -f target/wasm/midstream.js ] || scripts/node.sh --test --test-reporter dot rust/bindings/wasm/test/

bench: .venv/.extension ## published loop rules and our guard on the same streams; ARGS="--files 200" is quicker
	@$(BIN)/python benches/peers/loops $(ARGS)

bench-guard: .venv/.extension ## what a guard reads in a second and holds, beside ai2070-l0; ARGS="--rounds 3" is quicker
	$(call step,extension$(,) compiled as in a wheel)
	$(call quiet,$(BIN)/maturin develop --release --locked)
	@$(BIN)/python benches/peers/guard $(ARGS)

bench-gateway: .venv/.extension ## what the gateway adds to streams, beside LiteLLM's proxy; ARGS="--rounds 2 --quick" is quicker
	@$(BIN)/python benches/peers/gateway $(ARGS)

wheels: .venv/.tools ## abi3 wheel and sdist into dist/, the wheel tried; cp314t too where python3.14t is at hand
	@scripts/build_wheels.sh

audit: .venv/.tools ## licences and sources of dependencies; workflows, scripts; ADVISORIES=1 asks for known holes too
	@scripts/audit.sh

counts: ## instruction counts against the merge base with main; ARGS="--base REF", ARGS=--record for those of `make test`
	@python3 scripts/count_instructions.py $(ARGS)

soak: .venv/.extension ## 1,000 streams through the gateway for MINUTES=20, then long property runs: CASES=20000 REDACTION_CASES=10000000
	$(call step,gateway)
	@$(BIN)/python benches/peers/gateway/soak.py --minutes $(or $(MINUTES),20)
	$(call step,properties)
	@DISCONNECTS=10000 PROPTEST_CASES=$(or $(CASES),20000) REDACTION_CASES=$(or $(REDACTION_CASES),10000000) CHARACTERS=10000000 EVERY_CASE=1 \
		$(CARGO) test --locked --profile quick --workspace
	@$(PYTEST) -m "not model and not tools" --hypothesis-profile slow

fuzz: ## every fuzz target for SECONDS (60); needs rustup's nightly
	@SECONDS_EACH=$(or $(SECONDS),60) scripts/fuzz.sh

lock: ## resolve scripts/constraints.txt anew
	@scripts/setup.sh lock

clean: ## remove everything the commands made, but not crashes that fuzzing found
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache target dist scripts/bindgen/target fuzz/target fuzz/corpus
	rm -f python/midstream/_rust*.so
	find python scripts tests benches -name __pycache__ -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Parts of the above.

, := ,

lints: .venv/.extension
	$(call step,formatting)
	@cargo fmt --all --check
	@$(BIN)/ruff format --quiet --check .
	$(call step,lints)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/typos
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	@$(BIN)/python scripts/check_layers.py
	$(call step,types and stubs)
	@$(BIN)/python scripts/write_stubs.py --check
	$(call quiet,$(BIN)/mypy)
	$(call quiet,$(BIN)/pyright --warnings)

rust-tests:
	$(call step,Rust tests)
	@for folder in streams traces; do [ -d "$(MIDSTREAM_DATA)/$$folder" ] || \
		{ echo "== no recorded $$folder in $(MIDSTREAM_DATA): Rust tests of them skip"; [ "$(REQUIRE_DATA)" != 1 ]; }; done
	$(call quiet,$(CARGO) test --locked --workspace)

instruction-counts: system-packages
	$(call step,instruction counts)
	@python3 scripts/count_instructions.py --recorded --limit 5 || [ $$? = $(SKIPPED) ]

.PHONY: bench bench-guard bench-gateway demo check test stubs wasm wheels audit counts soak fuzz lock clean help lints rust-tests system-packages interpreters
.PHONY: instruction-counts

system-packages:
	@scripts/install_system.sh

interpreters: .venv/.extension
	@scripts/test_interpreters.sh

# Set-up, done once: a stamp is older than what it was made from only when that has changed.

.venv/.made:
	@scripts/setup.sh system
	@scripts/setup.sh venv
	@mkdir -p .cache && touch $@

.venv/.tools: .venv/.made pyproject.toml scripts/constraints.txt
	@scripts/setup.sh tools
	@touch $@

.venv/.local: | .venv/.extension
	@scripts/install_system.sh
	@scripts/setup.sh local_model && touch $@ || [ $$? = $(SKIPPED) ]

.venv/.peers: .venv/.tools
	@scripts/setup.sh peers && touch $@ || [ $$? = $(SKIPPED) ]

.venv/.aimock: .venv/.tools
	@scripts/setup.sh aimock && touch $@ || [ $$? = $(SKIPPED) ]

.venv/.extension: .venv/.tools $(RUST)
	$(call step,extension$(,) compiled from Rust)
	$(call quiet,$(BIN)/maturin develop --profile quick --locked)
	@touch $@
