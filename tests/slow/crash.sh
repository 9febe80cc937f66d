#!/usr/bin/env bash
# Faults of each kind at every single operation.
GROKC_STORM_EVERY=1 exec bash "$(dirname "$0")/../program/crash.sh" "$@"
