#!/bin/bash
# Starts RabbitMQ with the users, permissions and policies of definitions.json, their passwords from the environment.
#
# The file in the repository holds places for passwords, not passwords: it is the same for everybody and safe to
# commit. The broker loads the filled-in copy (in memory, gone with the container) at every start, so a changed
# password is in force after a restart; and because the definitions hold users, it makes no `guest`.
set -euo pipefail
umask 077

readonly template=/etc/turnstile/definitions.json filled=/tmp/definitions.json
definitions=$(<"$template")

for name in TICKETING_BROKER_PASSWORD RULES_BROKER_PASSWORD OPERATOR_PASSWORD; do
    password=${!name:-}
    # These go into JSON here and into URLs elsewhere; the rule spares both their escapes.
    if [[ ! $password =~ ^[A-Za-z0-9._~-]{8,128}$ ]]; then
        echo "$name must be 8 to 128 letters, digits or . _ ~ -" >&2
        exit 1
    fi
    definitions=${definitions//"@$name@"/$password}
    unset "$name"
done
printf '%s\n' "$definitions" >"$filled"

exec rabbitmq-server
