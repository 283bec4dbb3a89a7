#!/usr/bin/env bash
# A small order business of Spring services, to test against.
#
#   spring.sh build                            compiles it where its sources changed, and prints the folder with classes, lib and agent.jar
#   spring.sh run ROLE INSTANCE BOOKS OTLP …   becomes that service (orders, payments or shipping) under the OpenTelemetry Java agent,
#                                              sends to the address OTLP, writes BOOKS, and takes more settings as --name=value
#
# Needs a JDK of 17 and Maven; what Maven fetches comes from Maven Central once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
mkdir -p "$target/peers"
target=$(cd "$target" && pwd)
built=$target/peers/spring
build_within_s=600

fail() {
    echo "spring.sh: $*" >&2
    exit 1
}

sources_hash() {
    (cd "$here/spring" && find pom.xml src -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1)
}

build() {
    local hash try
    hash=$(sources_hash)
    command -v javac >/dev/null || fail "javac is missing: install openjdk-17-jdk-headless"
    command -v mvn >/dev/null || fail "mvn is missing: install maven"
    # Two tests at once: one builds, the other waits and finds it done.
    exec 9>"$target/peers/spring.lock"
    timeout "$build_within_s" flock 9
    # Registries drop a connection now and then; what was loaded stays loaded, so a second try goes on from there.
    for try in 1 2 3; do
        if [ "$(cat "$built/hash" 2>/dev/null)" = "$hash" ]; then
            echo "$built"
            return
        fi
        rm -rf "$built"
        if timeout "$build_within_s" mvn -q -B -f "$here/spring/pom.xml" "-Dtarget=$built" package >"$built.log" 2>&1 </dev/null 9>&-; then
            echo "$hash" >"$built/hash"
        else
            echo "spring.sh: try $try to build failed" >&2
        fi
    done
    [ "$(cat "$built/hash" 2>/dev/null)" = "$hash" ] || {
        tail -n 40 "$built.log" >&2
        fail "the Spring services cannot be built"
    }
    echo "$built"
}

run() {
    local role=$1 instance=$2 books=$3 otlp=$4
    shift 4
    export OTEL_SERVICE_NAME=$role OTEL_RESOURCE_ATTRIBUTES="service.instance.id=$instance"
    export OTEL_EXPORTER_OTLP_ENDPOINT=$otlp OTEL_METRICS_EXPORTER=none
    export OTEL_BSP_SCHEDULE_DELAY=200 OTEL_BLRP_SCHEDULE_DELAY=200
    # A burst must not make the exporter drop what the books know of.
    export OTEL_BSP_MAX_QUEUE_SIZE=32768
    exec java -Xmx192m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true "-javaagent:$built/agent.jar" \
        "-Dbusiness.books=$books" -cp "$built/classes:$built/lib/*" switchboard.spring.Main "--spring.profiles.active=$role" "$@"
}

[ $# -ge 1 ] || fail "usage: spring.sh build | run ROLE INSTANCE BOOKS OTLP …"
verb=$1
shift
case $verb in
build) build ;;
run) run "$@" ;;
*) fail "usage: spring.sh build | run ROLE INSTANCE BOOKS OTLP …" ;;
esac
