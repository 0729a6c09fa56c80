#!/usr/bin/env bash
# Prometheus scrapes a running relay and finds its figures; promtool judges how they are named.
# Needs Debian's prometheus; installs it if it is missing, as root.
# usage: tests/metrics/run.sh [WRISTCAST]      default: target/debug/wristcast, built if need be
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh

need prometheus:prometheus promtool:prometheus
relay=${1:-target/debug/wristcast}
[ $# -gt 0 ] || cargo build --locked -p wristcast

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
wait_for() { # WHAT COMMAND...: until the command succeeds, a minute at most
  local what=$1; shift
  for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done
  echo "never: $what" >&2
  cat "$work"/*.log >&2
  exit 1
}

cat >"$work/show.toml" <<END
name = "Metrics"
[network]
interfaces = ["lo"]
sacn_port = 45568
artnet_port = 46454
[http]
listen = "127.0.0.1:48420"
[[group]]
name = "a \"quoted\" name"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
name = "radio \"1\""
END
cat >"$work/prometheus.yml" <<END
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: wristcast
    static_configs: [{ targets: ["127.0.0.1:48420"] }]
END
"$relay" run "$work/show.toml" >"$work/relay.log" 2>&1 & pids+=($!)
"$relay" send rainbow sacn/1 --sacn-port 45568 --to 127.0.0.1 >"$work/send.log" 2>&1 & pids+=($!)
wait_for "the relay is ready" curl -sf http://127.0.0.1:48420/readyz
wait_for "levels come in" sh -c \
  'curl -sf http://127.0.0.1:48420/metrics | grep -q "universe_live{universe=\"sacn/1\"} 1"'

promtool check config --syntax-only "$work/prometheus.yml"
# OpenMetrics puts a counter's suffix on its samples; promtool's older format has it on the family, too.
curl -sf http://127.0.0.1:48420/metrics |
  sed -E '/^# EOF/d; /^# UNIT /d; s/^# (HELP|TYPE) (wristcast_packets_[a-z_]+|wristcast_radio_(frames|looks|peaks)_[a-z]+|wristcast_strobe_episodes) /# \1 \2_total /; s/^# TYPE wristcast_build info/# TYPE wristcast_build_info gauge/; s/^# HELP wristcast_build /# HELP wristcast_build_info /' |
  promtool check metrics

prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
  --web.listen-address=127.0.0.1:49090 --log.level=warn >"$work/prometheus.log" 2>&1 & pids+=($!)
ask() { promtool query instant http://127.0.0.1:49090 "$1"; }
has() { ask "$1" | grep -q '=>'; }
wait_for "prometheus has scraped" has 'up{job="wristcast"} == 1'
for query in \
  'wristcast_packets_accepted_total > 0' \
  'wristcast_universe_live{universe="sacn/1"} == 1' \
  'wristcast_panic == 0' \
  'wristcast_radio_up{radio="radio \"1\""} == 1' \
  'histogram_quantile(0.99, sum by (le) (wristcast_latency_seconds_bucket{stage="handed"})) > 0'
do
  wait_for "$query" has "$query"
done
ask 'wristcast_universe_rate_hertz'
grep -iE 'error|warn' "$work/prometheus.log" && { echo "prometheus complains" >&2; exit 1; }
echo "metrics: prometheus $(prometheus --version 2>&1 | sed -n '1s/.*version \([^ ]*\).*/\1/p') took every figure"
