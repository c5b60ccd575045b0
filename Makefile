# Two commands on a fresh Debian 12 with Swift on PATH: `make demo` and `make test`.
# `make help` lists all. Needs GNU make and bash.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
BINARY := .build/release/strongroom
PYTHON := .cache/venv/bin/python

# An import that Package.swift does not list is an error: that keeps the layers apart.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
# The binary carries the Swift runtime in itself and runs where no Swift is.
RELEASE_FLAGS := -c release --product strongroom --static-swift-stdlib $(SWIFT_FLAGS) \
	-Xswiftc -cross-module-optimization

.PHONY: help
help: ## This list.
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo 'Settings (environment), with their defaults in `make test` and in `make soak`:'
	@$(MAKE) --no-print-directory settings

.PHONY: settings
settings:
	@sed -n 's/^# \?//;/^SETTINGS/,/^END/{/^SETTINGS\|^END/d;s/^/  /p}' scripts/soak.sh

.PHONY: setup
setup: ## Installs what is missing (Debian packages, the tests' Python environment).
	@scripts/setup.sh test

.PHONY: setup-build
setup-build:
	@scripts/setup.sh build

.PHONY: build
build: setup-build ## Builds the release binary, .build/release/strongroom.
	@swift build $(RELEASE_FLAGS)

.PHONY: debug
debug: setup-build ## Builds everything with its tests, unoptimised.
	@swift build --build-tests $(SWIFT_FLAGS)

.PHONY: install
install: ## Installs the binary built before: make install PREFIX=/usr/local [DESTDIR=...].
	@test -x $(BINARY) || { echo 'error: run `make build` first' >&2; exit 1; }
	install -D -m 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/strongroom
	install -D -m 0644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/strongroom/LICENSE
	@for file in Schemas/* ops/*.yaml ops/*.service ops/aws/* ops/runbooks/*; do \
		if [ -f "$$file" ]; then \
			install -D -m 0644 "$$file" "$(DESTDIR)$(PREFIX)/share/doc/strongroom/$$file"; \
		fi; \
	done

.PHONY: demo
demo: ## Builds, and shows on real files what Strongroom does (some minutes).
	@scripts/demo.sh

.PHONY: test
test: setup ## Lint, unit tests, end-to-end tests on the real binary (about 22 minutes).
	@python3 scripts/test.py

.PHONY: unit
unit: debug ## Unit tests only. One target: make unit FILTER=TransparencyLogTests
	@swift test --skip-build --disable-xctest $(SWIFT_FLAGS) $(if $(FILTER),--filter $(FILTER))

.PHONY: e2e
e2e: setup build ## End-to-end tests only. Some suites: make e2e SUITES='basics kill'
	@$(PYTHON) Tests/EndToEnd/run.py $(SUITES)

.PHONY: soak
soak: setup build ## The end-to-end suites with big numbers: hours (see the settings below).
	@scripts/soak.sh $(SUITES)

.PHONY: coverage
coverage: setup-build ## Line coverage per target; fails under 90 % for the pure and engine ones.
	@scripts/coverage.sh

.PHONY: lint
lint: setup ## Formatting of the Swift sources, and shellcheck.
	@scripts/lint.sh

.PHONY: fmt
fmt: ## Formats the Swift sources.
	@swift format -i -p -r Sources Tests Package.swift

.PHONY: pin
pin: setup ## Writes scripts/python/requirements.txt anew from requirements.in.
	@scripts/pin.sh

.PHONY: clean
clean: ## Removes what was built. `rm -rf .cache` also removes the tests' environment.
	@rm -rf .build
