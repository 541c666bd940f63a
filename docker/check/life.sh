#!/bin/bash
# What `make docker-check` looks at, one function for each of its lines. Sourced by check.sh, which starts and stops
# everything and says in which order.

# The one link of the transcripts that is used; asked for again after down and up.
link=

# play NAME ROLE: registration to the check of the link, as in the README. Sets `token`, `request` and `checked`.
play() {
    local answer json=(--header 'Content-Type: application/json')
    answer=$(ask --request POST "$url/register" "${json[@]}" \
        --data-raw "{\"email\":\"$1@gmail.com\",\"username\":\"$1\",\"password\":\"1q2W3E4r\",\"role\": \"$2\"}")
    expect "register $1" "$answer" 'Account created successfully'
    answer=$(ask --request POST "$url/login" "${json[@]}" --data-raw "{\"username\":\"$1\",\"password\":\"1q2W3E4r\"}")
    expect "login $1" "$answer" 'Login Success'
    token=$(member "$answer" access_token)
    check_request --header "Authorization: Bearer $token"
}

check_request() {
    local answer
    answer=$(ask --request GET "$url/request_for_ticketing_link" "$@" --data-raw '')
    expect 'request' "$answer" 'Your request is created successfully'
    request=$(member "$answer" request_id)
    say "$request" >>"$work/requests"
    checked=$(ask --request GET "$url/check_ticketing_link?request_id=$request" "$@" --data-raw '')
}

# answers_404 PATH
answers_404() {
    local status
    status=$(ask --output /dev/null --write-out '%{http_code}' "$url$1")
    [[ $status == 404 ]] || fail "$1: expected 404, got $status"
}

# Paths that let in whoever has them. Made up, because a log that has these has all.
secret_paths() {
    local before secret
    for before in /s /app/v1/unsubscribe /link_requests; do
        secret=$(</proc/sys/kernel/random/uuid)
        answers_404 "$before/$secret"
        say "$secret" >>"$work/secrets"
    done
}

transcripts() {
    play john premium
    expect 'premium' "$checked" 'Link Generated Successfully'
    link=$(member "$checked" link)
    [[ $link == "$url/buy_ticket/"* ]] || fail "the link carries another address: $link"
    say "$token" >>"$work/secrets"
    link_token=${link#"$url/buy_ticket/"}
    say "${link_token%%\?*}" >>"$work/secrets"
    expect 'a first use' "$(ask "$link")" 'Welcome to the Ticket Page'
    expect 'a second use' "$(ask "$link")" 'Your link is Invalid'
    play cena standard
    expect 'standard' "$checked" 'Your link is not ready yet please wait'
    say "$token" >>"$work/secrets"
    check_request
    expect 'guest' "$checked" 'Your link is not ready yet please wait'
    answers_404 /metrics
    secret_paths
    say 'ok   the transcripts through nginx: premium, standard, guest'
}

# Looks into the running processes, not at what was asked for.
hardening() {
    local service id ids status mounts foreign
    for service in "${services[@]}"; do
        find_containers "$service"
        for id in "${ids[@]}"; do
            status=$(docker exec "$id" cat /proc/1/status)
            grep -qE '^Uid:[[:space:]]+[1-9]' <<<"$status" || fail "$service runs as root"
            grep -qE '^CapEff:[[:space:]]+0+$' <<<"$status" || fail "$service has capabilities"
            grep -qE '^NoNewPrivs:[[:space:]]+1$' <<<"$status" || fail "$service may gain privileges"
            mounts=$(docker exec "$id" cat /proc/1/mounts)
            grep -qE '^[^ ]+ / [^ ]+ ro[, ]' <<<"$mounts" || fail "$service can write to its image"
            docker inspect "$id" >>"$work/inspect.$service"
        done
    done
    ! grep -l 'PRIVATE KEY' "$work"/inspect.* || fail "a private key stands in a container's settings"
    may_not_know ticketing POSTGRES_PASSWORD RULES_BROKER_PASSWORD OPERATOR_PASSWORD
    may_not_know rules POSTGRES_PASSWORD TICKETING_DATABASE_PASSWORD TICKETING_BROKER_PASSWORD OPERATOR_PASSWORD \
        STRIPE_SECRET_KEY
    foreign=$(on_project exec -T ticketing ls -A /keys/link-signing)
    [[ -z $foreign ]] || fail 'ticketing holds the key that signs links'
    foreign=$(on_project exec -T rules ls -A /keys/login)
    [[ -z $foreign ]] || fail 'rules holds a key that signs logins'
    say 'ok   no root, no capability, no new privilege, nothing to write to; each service knows its own secrets only'
}

# may_not_know SERVICE SETTING…
may_not_know() {
    local service=$1 name
    shift
    for name; do
        ! grep -qF "${!name}" "$work/inspect.$service" || fail "$service is told $name"
    done
}

# The name is looked up anew at each scrape, so this also shows that every replica is found.
all_targets_up() {
    local answer
    answer=$(ask --get "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" --data-urlencode 'query=count(up == 1)')
    # The replicas, rules, rabbitmq twice (queue by queue as well), and Prometheus itself.
    [[ $answer == *"\"$((replicas + 4))\"]"* ]]
}

consoles() {
    local answer
    answer=$(ask --user "operator:$OPERATOR_PASSWORD" "http://127.0.0.1:$CONSOLE_PORT/api/queues/turnstile")
    expect 'the console' "$answer" '"name":"rules.evaluate_link_requests"'
    until_true 60 'all targets of Prometheus up' all_targets_up
    on_project exec -T prometheus promtool test rules /etc/prometheus/alerts_test.yml >"$work/alerts.log" 2>&1 \
        || fail "the alerts: $(<"$work/alerts.log")"
    say "ok   the RabbitMQ console; Prometheus sees $replicas replicas and the rest, and its alerts fire when they should"
}

# A client that gives up on nothing: one request after the other, each under a key of its own, asked again under the
# same key until it is answered.
client() {
    local key
    while [[ ! -e $work/stop ]]; do
        key=$(</proc/sys/kernel/random/uuid)
        until call "$key"; do sleep 0.1; done
    done
}

# call KEY: fails if there was no answer, or one that means "later". A refusal ends the client, and with it the check.
call() {
    local answer status=silence
    if answer=$(curl --silent --max-time 20 --write-out '\n%{http_code}' --header "Idempotency-Key: $1" \
        "$url/request_for_ticketing_link"); then
        status=${answer##*$'\n'}
    fi
    case $status in
        201) member "$answer" request_id >>"$work/requests" ;;
        silence | 409 | 5??)
            say "$status" >>"$work/unanswered"
            return 1
            ;;
        *)
            say "$answer" >"$work/refused"
            exit 1
            ;;
    esac
}

acknowledged() { wc -l <"$work/requests"; }

went_on() { [[ ! -e $work/refused ]] || fail "refused: $(<"$work/refused")"; (($(acknowledged) >= $1)); }

restarts() {
    local service before
    : >"$work/unanswered"
    client &
    client_pid=$!
    for service in "${services[@]}"; do
        before=$(wc -l <"$work/unanswered")
        on_project restart "$service" >"$work/compose.log" 2>&1 || fail "restart $service: $(<"$work/compose.log")"
        until_true "$patience_seconds" "ready after a restart of $service" is_ready
        until_true "$patience_seconds" "requests after a restart of $service" \
            went_on $(($(acknowledged) + acknowledged_per_restart))
        say "ok   $service restarted under load; calls that had to be repeated: $(($(wc -l <"$work/unanswered") - before))"
    done
    : >"$work/stop"
    wait "$client_pid" || fail 'the client ended early'
    client_pid=
}

all_have_a_verdict() {
    [[ $(sql "select count(*) from events where event_type = 'RuleEvaluated'") == "$(acknowledged)" ]]
}

# Nothing acknowledged lost, nothing done twice: the requests in history are exactly those that were answered.
reconcile() {
    until_true "$patience_seconds" 'a verdict for every request' all_have_a_verdict
    sql "select aggregate_id from events where event_type = 'Requested'" | sort >"$work/stored"
    sort "$work/requests" | diff - "$work/stored" >"$work/difference" \
        || fail "answered (<) and stored (>) differ: $(head -n 5 "$work/difference")"
    on_project run --rm -T ticketing ticketing verify >"$work/verify.log" 2>&1 || fail "verify: $(<"$work/verify.log")"
    say "ok   $(acknowledged) requests answered, the same $(wc -l <"$work/stored") in history; ticketing verify:" \
        "$(grep -o 'all .* passed' "$work/verify.log")"
}

# Of the services' logs: one JSON object a line. Of all: no password, no token, no secret path. RabbitMQ and Postgres
# also print plain lines while they start.
logs() {
    local service id ids secret
    for service in "${services[@]}"; do
        find_containers "$service"
        for id in "${ids[@]}"; do docker logs "$id" >>"$work/log.$service" 2>&1; done
    done
    for service in rules ticketing; do
        [[ -s $work/log.$service ]] || fail "$service logged nothing"
        ! grep -vm1 '^{.*}$' "$work/log.$service" || fail "$service logs a line that is no JSON"
    done
    for secret in "${passwords[@]}"; do say "${!secret}" >>"$work/secrets"; done
    while read -r secret; do
        ! grep -lF -- "$secret" "$work"/log.* || fail 'a password, token or secret path stands in a log'
    done <"$work/secrets"
    say "ok   the services log JSON; none of $(wc -l <"$work/secrets") passwords, tokens and secret paths stands in any log"
}

down_and_up() {
    on_project down >"$work/compose.log" 2>&1 || fail "down: $(<"$work/compose.log")"
    start
    expect 'the used link after down and up' "$(ask "$link")" 'Your link is Invalid'
    reconcile
    say 'ok   down and up: history, accounts and keys were kept'
}
