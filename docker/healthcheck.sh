#!/bin/bash
# healthcheck PORT [PATH]: succeeds if http://127.0.0.1:PORT/PATH answers 200. PATH is /readyz unless given.
#
# Written in bash because the images have no HTTP client, and one would be there for this alone.
set -euo pipefail

readonly port=$1 path=${2:-/readyz} patience_seconds=3

exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" >&3
read -r -t "$patience_seconds" _ status _ <&3
[[ $status == 200 ]]
