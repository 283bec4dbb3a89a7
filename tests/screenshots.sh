#!/usr/bin/env bash
# Makes the pictures of README.md, each from a run of the demo: `tests/screenshots.sh PROGRAM`, in some five minutes. Where something is sent,
# that is done by keys in a window, which needs Xvfb, xdotool and python3 besides a Vulkan driver.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../screenshots"

# Settings and ledger of whoever runs this stay out of the pictures.
home=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$home"' EXIT

# home_of NAME: what `env` is told, so that a home of that name is used.
home_of() {
    echo "USER=ada HOME=$home/$1 XDG_DATA_HOME=$home/$1 XDG_CONFIG_HOME=$home/$1"
}

# picture NAME VIEW THEME KEYS [HOME [SECONDS]]: of second 34, when the breaker is open and inventory lags.
picture() {
    # shellcheck disable=SC2046
    env $(home_of "${5:-$1}") timeout 120 "$program" demo --headless --for "${6:-34}s" \
        --screenshot "$1.png" --view "$2" --theme "$3" --keys "$4" --size 1440x900 >"$home/$1.log" 2>&1 || { cat "$home/$1.log"; exit 1; }
}

# of_screen FILE PICTURE: what Xvfb's file of its screen (XWD) shows, as PNG.
of_screen() {
    python3 - "$1" "$2" <<'EOF'
import struct
import sys
import zlib

screen = open(sys.argv[1], "rb").read()
words = struct.unpack(">25I", screen[:100])
width, height, row_bytes = words[4], words[5], words[12]
# Behind the head stand 12 bytes for each colour, then the pixels: blue, green, red and nothing.
start = words[0] + words[19] * 12
rows = bytearray()
for y in range(height):
    row = screen[start + y * row_bytes:][:width * 4]
    pixels = bytearray(width * 3)
    pixels[0::3], pixels[1::3], pixels[2::3] = row[2::4], row[1::4], row[0::4]
    rows += b"\0" + pixels
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
open(sys.argv[2], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + chunk(b"IEND", b""))
EOF
}

# settled HOME CALL: whether the ledger there has its outcome.
settled() {
    python3 - "$home/$1/switchboard/ledger.sqlite" "$2" <<'EOF'
import sqlite3
import sys

ledger = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
sys.exit(not ledger.execute("SELECT 1 FROM sends WHERE call = ? AND outcome IS NOT NULL", sys.argv[2:]).fetchone())
EOF
}

# until SECONDS COMMAND…: asks again and again until it is so.
until_so() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "not within time: $*" >&2; return 1; }
        sleep 0.2
    done
}

# sent NAME THEME: an order that is placed by keys, its answer, and what it caused, as a window shows them.
sent() {
    local server window number keys
    mkdir -p "$home/$1/screen"
    Xvfb -displayfd 3 -noreset -screen 0 1440x900x24 -nolisten tcp -fbdir "$home/$1/screen" 3>"$home/$1/display" 2>/dev/null &
    server=$!
    until_so 20 test -s "$home/$1/display"
    local -x DISPLAY
    DISPLAY=:$(cat "$home/$1/display")
    # shellcheck disable=SC2046
    env $(home_of "$1") "$program" demo --no-script --rate 1 --theme "$2" >"$home/$1.log" 2>&1 &
    window=$!
    is_there() { number=$(xdotool search --onlyvisible --name Switchboard | head -n 1) && [ -n "$number" ]; }
    until_so 60 is_there
    xdotool windowmove "$number" 0 0 windowsize "$number" 1440 900 windowfocus --sync "$number" mousemove 1439 899
    # The business has a history by then.
    sleep 15
    # The second of the saved requests; the first that may change something is asked about.
    for keys in ctrl+5 Down Down Return ctrl+Return Return; do
        xdotool key --clearmodifiers "$keys"
        sleep 2
    done
    until_so 20 settled "$1" "POST /checkout"
    # Whoever reads what was written because of it has done so.
    sleep 8
    of_screen "$home/$1/screen/Xvfb_screen0" "$1.png"
    kill -TERM "$window"
    wait "$window" || { cat "$home/$1.log"; exit 1; }
    kill "$server"
    wait "$server" || true
}

# sends HOME: what is sent there to a lab by command lines: an order by HTTP three times, by gRPC, as records that die; and what may not be sent.
sends() {
    local lab folder requests
    folder=$home/$1
    mkdir -p "$folder"
    mkfifo "$folder/faults"
    # shellcheck disable=SC2046
    env $(home_of "$1") "$program" lab --no-script --rate 1 --otlp-grpc-port 14317 --otlp-http-port 14318 <"$folder/faults" >"$folder/lab" 2>"$home/$1.log" &
    lab=$!
    # The lab ends with this end of the pipe.
    exec 4>"$folder/faults"
    until_so 60 grep -q '^# ready' "$folder/lab"
    sed '/^# ready/,$d' "$folder/lab" >"$folder/lab.toml"
    requests=$(sed -n 's/^requests = "\(.*\)"$/\1/p' "$folder/lab.toml")
    printf '[http]\nmethod = "POST"\nurl = "http://192.0.2.17:8080/pay"\n' >"$folder/elsewhere.toml"
    printf '[record]\ntopic = "orders.placed"\ncopies = 20\nrate_per_s = 100\nkey = { text = "customer-7" }\nvalue = { json = %s }\n' \
        "'{ \"order_id\": \"bulk-{{counter}}\", \"customer\": \"customer-7\", \"country\": \"SE\", \"parcels\": 1, \"amount_cents\": 100, \"sku\": \"lamp\", \"payment\": \"paid\" }'" \
        >"$folder/bulk.toml"
    local file
    for file in "$requests/orders/place an order.toml" "$requests/orders/place an order.toml" "$requests/orders/place an order by gRPC.toml" \
        "$requests/orders/an order that cannot be shipped.toml" "$folder/bulk.toml" "$folder/elsewhere.toml" "$requests/orders/place an order.toml"; do
        # shellcheck disable=SC2046
        env $(home_of "$1") timeout 60 "$program" send "$file" --profile "$folder/lab.toml" --environment demo --confirm lab-kafka >>"$home/$1.log" 2>&1 ||
            [ "$file" = "$folder/elsewhere.toml" ] || { cat "$home/$1.log"; exit 1; }
    done
    exec 4>&-
    wait "$lab"
}

picture map-dark map dark '' &
picture map-light map light '' &
wait -n && wait -n
picture call-dark map dark 'N' &
picture service-light map light 'Ctrl+K "carrier" Enter' &
wait -n && wait -n
picture story-dark map dark 'Ctrl+K "4711" Enter' &
picture trace-dark traces dark '3 Down PageDown Enter N' &
wait -n && wait -n
picture group-dark groups dark 'Down' &
picture dead-letters-dark dead-letters dark 'A R' &
wait -n && wait -n
sent send-dark dark
sent send-light light
sends ledger
picture ledger-dark ledger dark 'Down Down' ledger 8
picture ledger-light ledger light 'Down Down Down Enter Down' ledger 8
