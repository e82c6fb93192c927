#!/bin/sh
# Style, types, floors and the freshness of the generated stubs. All of them run; the status is the worst.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
status=0

run() {
  echo "check: $*" >&2
  "$@" || status=1
}

# The stubs as they would be generated now, compared with the committed ones.
stubs_are_fresh() {
  if ! .venv-proto/bin/python -c 'import grpc_tools' 2>/dev/null; then
    echo "  not checked: grpcio-tools 1.62.3 is not in .venv-proto (it has wheels for Python 3.11 and 3.12)" >&2
    return 0
  fi
  fresh=$(mktemp -d)
  .venv-proto/bin/python -m grpc_tools.protoc -I. --python_out="$fresh" --pyi_out="$fresh" lbdash/proto/*.proto
  for stub in "$fresh"/lbdash/proto/*; do
    diff -q "$stub" "lbdash/proto/${stub##*/}" >&2 || stale=1
  done
  rm -rf "$fresh"
  [ -z "${stale:-}" ] || { echo "  the stubs are stale: run 'make proto' and commit the result" >&2; return 1; }
}

run $bin/ruff format --check --quiet .
run $bin/ruff check --quiet .
run $bin/mypy --no-error-summary
run $bin/lint-imports --no-logo
run stubs_are_fresh
exit $status
