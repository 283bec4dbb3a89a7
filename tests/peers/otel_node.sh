#!/usr/bin/env bash
# OpenTelemetry's JavaScript SDK as a sender:  otel_node.sh --http HOST:PORT
# Prints what it sent as JSON; `install` only fetches the packages. The packages come from the npm registry once and stay in target/peers.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
folder=$target/peers/node
# The newest that Node 18 and 20 run; later ones want Node 22.
packages=(@opentelemetry/api@1.9.1 @opentelemetry/exporter-trace-otlp-http@0.223.1 @opentelemetry/resources@2.12.1 @opentelemetry/sdk-trace-base@2.12.1)
install_within_s=600
send_within_s=60

mkdir -p "$target/peers"
exec 9>"$target/peers/node.lock"
timeout "$install_within_s" flock 9
if [ "$(cat "$folder/packages" 2>/dev/null)" != "${packages[*]}" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    echo '{"private": true}' >"$folder/package.json"
    (cd "$folder" && timeout "$install_within_s" npm install --loglevel=error --no-audit --no-fund "${packages[@]}" >&2 </dev/null)
    echo "${packages[*]}" >"$folder/packages"
fi
exec 9>&-
[ "${1:-}" != install ] || exit 0
# Node looks for packages beside the script.
cp "$here/otel_node.mjs" "$folder/otel_node.mjs"
exec timeout "$send_within_s" node "$folder/otel_node.mjs" "$@"
