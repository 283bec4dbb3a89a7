#!/usr/bin/env bash
# Makes the pictures of README.md, each from a run of the demo: `tests/screenshots.sh PROGRAM`, in some three minutes.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../screenshots"

# Settings and ledger of whoever runs this stay out of the pictures.
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

# picture NAME VIEW THEME KEYS: of second 34, when the breaker is open and inventory lags.
picture() {
    HOME=$home/$1 XDG_DATA_HOME=$home/$1 XDG_CONFIG_HOME=$home/$1 timeout 120 "$program" demo --headless --for 34s \
        --screenshot "$1.png" --view "$2" --theme "$3" --keys "$4" --size 1440x900 >"$home/$1.log" 2>&1 || { cat "$home/$1.log"; exit 1; }
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
