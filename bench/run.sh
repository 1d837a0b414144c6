#!/bin/sh
# Runs the benchmarks of media's leaves and the load of bench/sfu, and writes
# bench/RESULTS.md. RUNS and WINDOW set how long it takes (default 3 and 5s).
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -run '^$' -bench . -benchmem -benchtime "${BENCHTIME:-0.3s}" ./media ./media/feedback ./media/loss ./media/packet ./media/packetcache ./media/record ./media/rewrite ./media/seal ./media/simulcast ./media/udpbatch | tee "$work/leaves.txt"
go build -o "$work/sfu" ./bench/sfu
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
test -z "$(git status --porcelain -- media bench/sfu 2>/dev/null)" || commit="$commit with local changes"
"$work/sfu" suite --runs "${RUNS:-3}" --duration "${WINDOW:-5s}" --benchmarks "$work/leaves.txt" --commit "$commit"
