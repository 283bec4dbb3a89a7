#!/usr/bin/env bash
# OpenTelemetry's Python SDK as a sender:  otel_python.sh --grpc HOST:PORT --http HOST:PORT
# Prints what it sent as JSON; `install` only fetches the packages. The packages come from PyPI once and stay in target/peers.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
venv=$target/peers/python
packages=(opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-grpc==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2)
install_within_s=600
send_within_s=60

mkdir -p "$target/peers"
exec 9>"$target/peers/python.lock"
timeout "$install_within_s" flock 9
if [ "$(cat "$venv/packages" 2>/dev/null)" != "${packages[*]}" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    timeout "$install_within_s" "$venv/bin/pip" install --quiet --retries 5 "${packages[@]}" >&2 </dev/null
    echo "${packages[*]}" >"$venv/packages"
fi
exec 9>&-
[ "${1:-}" != install ] || exit 0
exec timeout "$send_within_s" "$venv/bin/python" "$here/otel_python.py" "$@"
