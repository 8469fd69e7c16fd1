#!/bin/sh
# What the container runs: the town in /gt is made once, then its daemon and the dashboard run; "healthy" asks whether both do.
#   gastown-entry [serve|healthy|COMMAND…]
set -eu
town=${GT_TOWN_ROOT:-/gt}
port=${GASTOWN_PORT:-8080}

prepare() {
  [ -z "${GIT_USER:-}" ] || git config --global user.name "$GIT_USER"
  [ -z "${GIT_EMAIL:-}" ] || git config --global user.email "$GIT_EMAIL"
  [ -e "$town/mayor/town.json" ] || gt install "$town" --git
  secret=$HOME/.gastown-dashboard
  if [ ! -s "$secret" ]; then
    (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$secret")
    echo "password of the dashboard: $(cat "$secret")"
  fi
}

case ${1:-serve} in
  serve)
    prepare
    cd "$town"
    gt daemon start
    # beyond loopback inside the container; the host publishes it on its own loopback only
    exec gt dashboard --bind 0.0.0.0 --port "$port" --password-file "$HOME/.gastown-dashboard"
    ;;
  healthy)
    cd "$town"
    gt daemon status --json | grep -q '"running": true'
    curl -fsS -o /dev/null "http://127.0.0.1:$port/login"
    ;;
  *)
    prepare
    exec "$@"
    ;;
esac
