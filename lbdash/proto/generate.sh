#!/bin/sh
# Regenerate the stubs of every .proto in this directory. Run it after editing one, and commit the result.
#
#   lbdash/proto/generate.sh [PYTHON]     PYTHON has grpcio-tools 1.62.3, default: .venv-proto/bin/python
#
# That old version is on purpose: its stubs carry no runtime version check, so they load on protobuf 4.25 to 7.
set -eu
cd "$(dirname "$0")/../.."
python=${1:-.venv-proto/bin/python}
exec "$python" -m grpc_tools.protoc -I. --python_out=. --pyi_out=. lbdash/proto/*.proto
