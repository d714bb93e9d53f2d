#!/usr/bin/env bash
# Draws docs/port.png: the port view of a running demonstration, as a port
# without Grafana sees it. Needs Debian's prometheus and chromium.
# monitoring/picture.sh [SECONDS]: for how long trucks pass before it is drawn.
set -euo pipefail
cd "$(dirname "$0")/.."
for=${1:-300}
target=${CARGO_TARGET_DIR:-target}
dir=$(mktemp -d)
trap 'kill -INT $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cargo build --features sim
lanegate=$target/debug/lanegate

"$lanegate" demo --trucks 2000 --lanes 6 --seed 7 --json --sampling >"$dir/demo" &
until grep -q '^metrics at ' "$dir/demo"; do read -rt 0.2 <> <(:) || true; done
address=$(sed -n 's|^metrics at http://\(.*\)/metrics,.*|\1|p' "$dir/demo")
cp -r monitoring/prometheus/rules "$dir/rules"
sed -e "s|127.0.0.1:9464|$address|" monitoring/prometheus/prometheus.yml >"$dir/prometheus.yml"
prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" \
    --web.listen-address=127.0.0.1:19090 2>"$dir/log" &
read -rt "$for" <> <(:) || true

"$lanegate" report --prometheus http://127.0.0.1:19090 --since "${for}s" --output "$dir/port.html"
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$dir/chromium" --hide-scrollbars \
    --force-device-scale-factor=1 --window-size=1200,1460 --screenshot="$PWD/docs/port.png" \
    "file://$dir/port.html" 2>"$dir/chromium.log" || { cat "$dir/chromium.log" >&2; exit 1; }
ls -l docs/port.png
