#!/usr/bin/env bash
# A single-node Apache Kafka (KRaft) on loopback, to test against.
#
#   kafka.sh start DIR    prints HOST:PORT once the broker answers; a DIR that was used before keeps its port and its data
#   kafka.sh secured DIR  the same with a listener for TLS and SASL besides, whose HOST:PORT it prints: SCRAM-SHA-512 and PLAIN, user
#                         "observer", password "observer-secret", and any unsigned token; DIR/ca.pem is its authority. DIR/mutual holds the
#                         HOST:PORT of one more listener, for TLS without SASL, which lets nobody in without a certificate; one with its key
#                         is in DIR/client.pem and in DIR/client.p12 (password "store-secret")
#   kafka.sh join DIR OF  starts one more broker of the cluster whose first one is that of the folder OF, and runs
#   kafka.sh stop DIR     ends the broker; the data stay
#   kafka.sh kill DIR     ends it without a word (SIGKILL); the data stay
#   kafka.sh groups DIR   prints what Kafka's own kafka-consumer-groups tells of all groups
#   kafka.sh topics DIR   prints what Kafka's own kafka-topics tells of all topics
#
# Needs Java 17 and Maven; the jars come from Maven Central once and stay in target/peers.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
jars=$target/peers/kafka
resolve_within_s=600
answer_within_s=90
stop_within_s=30
tool_within_s=60

fail() {
    echo "kafka.sh: $*" >&2
    exit 1
}

# Copies the jars once; a pom that changed means again.
resolve() {
    if cmp -s "$here/kafka.pom.xml" "$jars/pom.xml"; then
        return
    fi
    command -v java >/dev/null || fail "java is missing: install openjdk-17-jre-headless"
    command -v mvn >/dev/null || fail "mvn is missing: install maven"
    mkdir -p "$target/peers"
    # Two tests at once: one fetches, the other waits and finds it done.
    exec 9>"$target/peers/kafka.lock"
    timeout "$resolve_within_s" flock 9
    if cmp -s "$here/kafka.pom.xml" "$jars/pom.xml"; then
        exec 9>&-
        return
    fi
    local fresh
    fresh=$(mktemp -d "$target/peers/kafka-XXXXXX")
    # Registries drop a connection now and then; what was loaded stays loaded, so a second try goes on from there.
    local try
    for try in 1 2 3; do
        if timeout "$resolve_within_s" mvn -B -q -f "$here/kafka.pom.xml" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$fresh" >"$fresh/mvn.log" 2>&1 </dev/null; then
            cp "$here/kafka.pom.xml" "$fresh/pom.xml"
            rm -rf "$jars"
            mv "$fresh" "$jars"
            exec 9>&-
            return
        fi
        echo "kafka.sh: try $try to fetch Kafka's jars failed" >&2
    done
    cat "$fresh/mvn.log" >&2
    rm -rf "$fresh"
    fail "Kafka's jars cannot be fetched from Maven Central"
}

run_java() {
    local heap=$1
    shift
    java "-Xmx$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true "$@"
}

is_listening() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A port nobody listens on, below those that the system hands out by itself.
free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + RANDOM % 12000))
        if ! is_listening "$port"; then
            echo "$port"
            return
        fi
    done
    fail "no free port found between 20000 and 32000"
}

# Whether the process of the pid file lives and is the broker of this folder.
is_running() {
    local dir=$1 pid
    [ -s "$dir/pid" ] || return 1
    pid=$(cat "$dir/pid")
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$dir/server.properties"
}

# Asks ApiVersions (key 18, version 0) as a client does; the broker answers requests only once it is ready.
answers() {
    local port=$1
    timeout 5 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf "\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff" >&3
        [ "$(head -c 10 <&3 | od -An -tx1 -j4 | tr -d " \n")" = 000000070000 ]
    ' _ "$port" 2>/dev/null
}

# An authority, a certificate for the broker and one for a client, by Java's keytool.
certify() {
    local dir=$1 pass=store-secret
    local ca=(-keystore "$dir/ca.p12" -storepass "$pass" -storetype PKCS12)
    local server=(-keystore "$dir/server.p12" -storepass "$pass" -storetype PKCS12)
    local client=(-keystore "$dir/client.p12" -storepass "$pass" -storetype PKCS12)
    keytool -genkeypair -alias ca -keyalg EC -groupname secp256r1 -dname "CN=Test authority" -ext bc:critical=ca:true -validity 3650 "${ca[@]}"
    keytool -exportcert -rfc -alias ca -file "$dir/ca.pem" "${ca[@]}"
    keytool -genkeypair -alias broker -keyalg EC -groupname secp256r1 -dname "CN=broker" -validity 3650 "${server[@]}"
    keytool -genkeypair -alias client -keyalg EC -groupname secp256r1 -dname "CN=client" -validity 3650 "${client[@]}"
    keytool -certreq -alias broker "${server[@]}" |
        keytool -gencert -alias ca -rfc -ext san=dns:localhost,ip:127.0.0.1 -validity 3650 -outfile "$dir/broker.pem" "${ca[@]}"
    keytool -certreq -alias client "${client[@]}" | keytool -gencert -alias ca -rfc -validity 3650 -outfile "$dir/client.cert" "${ca[@]}"
    local store
    for store in server client; do
        keytool -importcert -noprompt -alias ca -file "$dir/ca.pem" -keystore "$dir/$store.p12" -storepass "$pass"
    done
    keytool -importcert -noprompt -alias broker -file "$dir/broker.pem" "${server[@]}"
    keytool -importcert -noprompt -alias client -file "$dir/client.cert" "${client[@]}"
    openssl pkcs12 -in "$dir/client.p12" -passin "pass:$pass" -nodes -out "$dir/client.pem"
}

configure() {
    local dir=$1 port controller_port security= roles=broker,controller node_id=1
    port=$(free_port)
    controller_port=$(free_port)
    while [ "$controller_port" = "$port" ]; do controller_port=$(free_port); done
    local listeners="PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port"
    local advertised=$listeners
    local -a how=(--standalone)
    if [ -e "$dir/joins" ]; then
        local first
        first=$(cat "$dir/joins")
        roles=broker
        # Numbered in the order in which they joined.
        node_id=$(($(wc -l <"$first/joined") + 1))
        controller_port=$(sed -n 's|^controller.quorum.bootstrap.servers=.*:||p' "$first/server.properties")
        listeners="PLAINTEXT://127.0.0.1:$port"
        advertised=$listeners
        how=()
    fi
    if [ -e "$dir/is-secured" ]; then
        command -v openssl >/dev/null || fail "openssl is missing: install openssl"
        certify "$dir" >"$dir/certificates.log" 2>&1 || {
            cat "$dir/certificates.log" >&2
            fail "the certificates cannot be made"
        }
        local secured_port mutual_port
        secured_port=$(free_port)
        while [ "$secured_port" = "$port" ] || [ "$secured_port" = "$controller_port" ]; do secured_port=$(free_port); done
        mutual_port=$(free_port)
        while [[ " $port $controller_port $secured_port " = *" $mutual_port "* ]]; do mutual_port=$(free_port); done
        echo "127.0.0.1:$mutual_port" >"$dir/mutual"
        listeners="PLAINTEXT://127.0.0.1:$port,SASL_SSL://127.0.0.1:$secured_port"
        listeners+=",MUTUAL://127.0.0.1:$mutual_port,CONTROLLER://127.0.0.1:$controller_port"
        advertised=$listeners
        how+=(--add-scram 'SCRAM-SHA-512=[name=observer,password=observer-secret]')
        security="
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,MUTUAL:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_observer=\"observer-secret\";
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"observer\";
ssl.keystore.type=PKCS12
ssl.keystore.location=$dir/server.p12
ssl.keystore.password=store-secret
ssl.truststore.type=PKCS12
ssl.truststore.location=$dir/server.p12
ssl.truststore.password=store-secret
listener.name.mutual.ssl.client.auth=required"
    fi
    cat >"$dir/server.properties" <<PROPERTIES
process.roles=$roles
node.id=$node_id
controller.quorum.bootstrap.servers=127.0.0.1:$controller_port
listeners=$listeners
advertised.listeners=$advertised
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/data
num.partitions=4
auto.create.topics.enable=true
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=10485760$security
PROPERTIES
    cat >"$dir/log4j2.properties" <<PROPERTIES
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
logger.server.name=kafka.server
logger.server.level=INFO
PROPERTIES
    local cluster_id
    if [ -e "$dir/joins" ]; then
        cluster_id=$(sed -n 's|^cluster.id=||p' "$first/data/meta.properties")
    else
        cluster_id=$(timeout "$tool_within_s" "${BASH_SOURCE[0]}" tool "$dir" kafka.tools.StorageTool random-uuid)
    fi
    timeout "$tool_within_s" "${BASH_SOURCE[0]}" tool "$dir" kafka.tools.StorageTool format \
        -t "$cluster_id" -c "$dir/server.properties" "${how[@]}" >"$dir/format.log" 2>&1 || {
        cat "$dir/format.log" >&2
        rm -f "$dir/server.properties"
        fail "the storage cannot be formatted"
    }
}

# Where a client is to connect to.
address_of() {
    local secured
    secured=$(sed -n 's|^listeners=.*,SASL_SSL://\([^,]*\),.*|\1|p' "$1/server.properties")
    echo "${secured:-127.0.0.1:$(port_of "$1")}"
}

port_of() {
    sed -n 's|^listeners=PLAINTEXT://127.0.0.1:\([0-9]*\).*|\1|p' "$1/server.properties"
}

# Starts the broker and waits for its answer; fails if it ended by itself.
launch() {
    local dir=$1 port deadline
    port=$(port_of "$dir")
    # No descriptor of the caller's may live on in the broker: who reads this script's output would wait for its end.
    (
        exec </dev/null >>"$dir/broker.log" 2>&1
        exec java -Xms192m -Xmx512m -XX:+UseSerialGC -Djava.awt.headless=true \
            "-Dlog4j2.configurationFile=$dir/log4j2.properties" "-Dkafka.logs.dir=$dir" \
            -cp "$jars/*" kafka.Kafka "$dir/server.properties"
    ) &
    echo $! >"$dir/pid"
    disown
    deadline=$((SECONDS + answer_within_s))
    while ! answers "$port"; do
        is_running "$dir" || kill -0 "$(cat "$dir/pid")" 2>/dev/null || return 1
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.2
    done
}

start() {
    local dir=$1
    resolve
    if is_running "$dir"; then
        fail "a broker of $dir runs already"
    fi
    local is_new=true
    [ ! -s "$dir/server.properties" ] || is_new=false
    # Between the look for a free port and the broker's bind another process may take it.
    local try
    for try in 1 2 3; do
        if $is_new; then
            rm -rf "$dir/data"
            configure "$dir"
        fi
        if launch "$dir"; then
            address_of "$dir"
            return
        fi
        stop "$dir"
        if ! $is_new || ! grep -qE 'BindException|Address already in use' "$dir/broker.log"; then
            break
        fi
        echo "kafka.sh: try $try found its port taken" >&2
    done
    tail -n 40 "$dir/broker.log" >&2
    fail "the broker did not answer within $answer_within_s s (the end of its log is above)"
}

stop() {
    local dir=$1 pid deadline
    if is_running "$dir"; then
        pid=$(cat "$dir/pid")
        kill "$pid" 2>/dev/null || true
        deadline=$((SECONDS + stop_within_s))
        while is_running "$dir" && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
        if is_running "$dir"; then
            kill -KILL "$pid" 2>/dev/null || true
        fi
    fi
    rm -f "$dir/pid"
}

# Ends the broker as a crash does, and waits until it is gone.
kill_broker() {
    local dir=$1 pid
    if is_running "$dir"; then
        pid=$(cat "$dir/pid")
        kill -KILL "$pid" 2>/dev/null || true
        while is_running "$dir"; do sleep 0.05; done
    fi
    rm -f "$dir/pid"
}

usage="usage: kafka.sh start|secured|join|stop|kill|groups|topics DIR"
[ $# -ge 2 ] || fail "$usage"
verb=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2
case $verb in
start) start "$dir" ;;
secured)
    [ -s "$dir/server.properties" ] || touch "$dir/is-secured"
    start "$dir"
    ;;
join)
    first=$(cd "${1:?the folder of the first broker}" && pwd)
    if [ ! -s "$dir/server.properties" ]; then
        echo "$first" >"$dir/joins"
        echo "$dir" >>"$first/joined"
    fi
    start "$dir"
    ;;
stop) stop "$dir" ;;
kill) kill_broker "$dir" ;;
tool)
    # Any main class of Kafka's: kafka.sh tool DIR CLASS ARGUMENT…
    run_java 256m "-Dlog4j2.configurationFile=$dir/log4j2.properties" -cp "$jars/*" "$@"
    ;;
groups)
    timeout "$tool_within_s" "${BASH_SOURCE[0]}" tool "$dir" org.apache.kafka.tools.consumer.group.ConsumerGroupCommand \
        --bootstrap-server "127.0.0.1:$(port_of "$dir")" --describe --all-groups
    ;;
topics)
    timeout "$tool_within_s" "${BASH_SOURCE[0]}" tool "$dir" org.apache.kafka.tools.TopicCommand \
        --bootstrap-server "127.0.0.1:$(port_of "$dir")" --describe
    ;;
*) fail "$usage" ;;
esac
