#!/usr/bin/env bash
# Whom `switchboard send` is tried against:
#   send.sh install        fetches and builds what follows, once, into target/peers/send
#   send.sh go FOLDER      a peer in Go, until its standard input ends; its authority's certificate goes into the folder
#   send.sh python         a peer in Python, until its standard input ends
#   send.sh grpcurl ARGS…  grpcurl
# Both peers print their addresses as a line of JSON. Go's modules are pinned by send/go.sum, and run with Go 1.19; Python's packages come from PyPI.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
folder=$target/peers/send
packages=(grpcio==1.84.2 grpcio-reflection==1.84.2 grpcio-status==1.84.2 grpcio-tools==1.84.2 protobuf==7.36.2 googleapis-common-protos==1.76.0)
install_within_s=600
serve_within_s=900
call_within_s=60

within() {
    timeout --kill-after=10 "$install_within_s" "$@" </dev/null >&2
}

build() (
    source=$folder/source
    rm -rf "$folder"
    mkdir -p "$source/python"
    python3 -m venv "$folder/python" >&2
    within "$folder/python/bin/pip" install --quiet --retries 5 "${packages[@]}"
    cp "$here"/send/* "$source"
    cd "$source"
    export CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' GOTOOLCHAIN=local
    within go build -o "$folder/bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc \
        github.com/fullstorydev/grpcurl/cmd/grpcurl
    PATH=$folder/bin:$PATH within "$folder/python/bin/python" -m grpc_tools.protoc -I . \
        --go_out=. --go_opt=module=switchboard/peers --go-grpc_out=. --go-grpc_opt=module=switchboard/peers \
        --python_out=python --grpc_python_out=python peers.proto hidden.proto
    within go build -o "$folder/bin/peer" .
)

stamp() {
    cat "$here/send.sh" "$here"/send/* | sha256sum
}

install() {
    mkdir -p "$target/peers"
    exec 9>"$target/peers/send.lock"
    timeout "$install_within_s" flock 9
    if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$(stamp)" ]; then
        build
        stamp >"$folder/stamp"
    fi
    exec 9>&-
}

what=${1:-}
[ $# -eq 0 ] || shift
case $what in
install) install ;;
go) exec timeout "$serve_within_s" "$folder/bin/peer" "$@" ;;
python) PYTHONPATH=$folder/source/python exec timeout "$serve_within_s" "$folder/python/bin/python" "$here/send/peer.py" ;;
grpcurl) exec timeout "$call_within_s" "$folder/bin/grpcurl" "$@" ;;
*)
    echo "usage: send.sh install | go FOLDER | python | grpcurl ARGS…" >&2
    exit 2
    ;;
esac
