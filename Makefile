# Yunting 云庭. `make run` starts a court; `make test` proves it.
SHELL := /bin/sh
GO    ?= go
DATA  ?= ./data

dist      := web/static/dist
sources   := $(shell find web/src -name '*.ts' -o -name '*.tsx' -o -name '*.css' 2>/dev/null)
entries   := $(wildcard web/src/*/main.ts web/src/*/main.tsx)
fonts     := service/pdf/fonts/NotoSerifSC-Regular.ttf.gz
hurry     := GOGC=off GOMEMLIMIT=600MiB # for the compiler: no collecting below that memory, a seventh less CPU for a first build
version   := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help run build assets test e2e check lint generate fuzz bench clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Set up what is needed, build, and start the demo court on http://127.0.0.1:8080
	@sh scripts/need.sh run
	@$(MAKE) --no-print-directory -j2 build
	exec bin/yunting demo --data-dir $(DATA)

# Without cgo: one static file, and no C compiler needed. -w: no DWARF, which stack traces and profiles do without and
# the linker writes for a second.
build: assets ## Build bin/yunting
	CGO_ENABLED=0 $(hurry) $(GO) build -ldflags '-w -X main.version=$(version)' -o bin/yunting ./cmd/yunting

assets: $(dist)/.built $(fonts) $(dist)/rare-sc.ttf $(dist)/licences.txt ## Build the bundles, fonts and the licence page from pinned packages

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --omit=dev --no-audit --no-fund --loglevel=error
	@touch $@

# What only checks and tests need.
web/node_modules/.installed-dev: web/node_modules/.installed
	cd web && npm install --include=dev --no-save --no-audit --no-fund --loglevel=error
	@touch $@

# A file of its own rather than `go tool esbuild`, so that it compiles while npm unpacks; not optimised, for it works a
# fraction of a second. The packages below the pages need no assets and fill the cores that esbuild's last ones leave idle.
bin/esbuild: go.mod go.sum
	CGO_ENABLED=0 $(hurry) $(GO) build -gcflags='github.com/evanw/...=-N -l' -o bin/ github.com/evanw/esbuild/cmd/esbuild ./signaling
	@touch $@

$(dist)/.built: web/node_modules/.installed bin/esbuild $(sources)
	@mkdir -p $(dist)
	bin/esbuild $(entries) --bundle --format=esm --splitting --minify --sourcemap --target=es2020 \
		--jsx=automatic --jsx-import-source=preact --outbase=web/src --entry-names='[dir]' \
		--chunk-names='chunk-[hash]' --outdir=$(dist) --log-level=warning
	@touch $@

$(fonts): web/node_modules/.installed web/build-fonts.mjs web/rare-glyphs.mjs
	node web/build-fonts.mjs

$(dist)/rare-sc.ttf: $(fonts)
	@test -e $@ || node web/build-fonts.mjs
	@touch $@

$(dist)/licences.txt: web/node_modules/.installed go.mod web/build-licences.mjs
	@mkdir -p $(dist)
	GO=$(GO) node web/build-licences.mjs $@

# The tests that play in Chromium, or kill the whole server, want the machine to themselves and run one package at a time.
alone := Browser|Chromium|OneCase|NothingAcknowledged|TenThousand|AnotherMachine

test: ## Install what the tests need and run every test: unit, PostgreSQL, sockets, browser
	@sh scripts/need.sh test
	@$(MAKE) --no-print-directory assets check
	$(GO) test -race -shuffle=on -timeout 25m -p 2 -skip '$(alone)' ./...
	@$(MAKE) --no-print-directory e2e

e2e: assets web/node_modules/.installed-dev ## Only the browser tests, the story and the crash test
	@sh scripts/need.sh test
	$(GO) test -shuffle=on -timeout 25m -p 1 -count=1 -run '$(alone)' ./media ./media/record ./signaling ./web ./cmd/yunting

check: web/node_modules/.installed-dev ## Formatting, vet and the TypeScript types (fast)
	@test -z "$$(gofmt -l cmd docket internal media service signaling web bench 2>/dev/null | tee /dev/stderr)"
	$(GO) vet ./...
	cd web && npx --no-install tsc --noEmit -p .

lint: check ## check and staticcheck
	$(GO) tool staticcheck ./...

generate: ## Make the generated files again (the demo's clip)
	$(GO) generate ./...

fuzz: ## Fuzz every parser for a short while each
	sh scripts/fuzz.sh $(or $(FUZZTIME),20s)

bench: ## Benchmarks with results in bench/
	sh bench/run.sh

clean: ## Remove what was built (never the data)
	rm -rf bin $(dist) service/pdf/fonts/*.gz
