#!/bin/sh
# curl: one session of RETR and DELE for each message, told by a -K file.
#
# Stores each message as it came, CRLF and all.
set -eu

scheme=pop3s
[ "$POP3_TLS" = implicit ] || scheme=pop3
base="$scheme://$POP3_HOST:$POP3_PORT"

# These hold for one transfer, so each "next" needs them again.
common() {
    printf 'user = "%s:%s"\ncacert = "%s"\n' \
        "$POP3_USER" "$POP3_PASSWORD" "$POP3_CA"
    printf 'ssl-reqd\nsilent\nshow-error\nfail-early\n'
}

mkdir messages
common >list.conf
curl -K list.conf "$base/" >list

while read -r number _; do
    common
    printf 'url = "%s/%s"\noutput = "messages/%s"\nnext\n' \
        "$base" "$number" "$number"
    common
    # "head": a reply of one line is expected.
    printf 'url = "%s/%s"\nrequest = "DELE"\nhead\n' "$base" "$number"
    printf 'output = "/dev/null"\nnext\n'
done <list | sed '$d' >session.conf
curl -K session.conf
