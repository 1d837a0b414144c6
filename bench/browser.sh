#!/bin/sh
# Prints from real Chromium how soon a late joiner sees a picture, and how soon a hearing goes on after a lost socket and
# network. TIMES sets how often each is measured (default 20). Needs root for the network namespace.
set -eu
cd "$(dirname "$0")/.."
exec go test -run '^$' -bench 'LateJoiner|Resume' -benchtime "${TIMES:-20}x" ./cmd/yunting
