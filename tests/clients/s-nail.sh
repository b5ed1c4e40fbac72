#!/bin/sh
# s-nail: opens the maildrop as a folder, moves its messages to a Maildir.
#
# Stores LF for CRLF, and an empty line at the end of each message.
set -eu

url=pop3s
[ "$POP3_TLS" = implicit ] || url=pop3

umask 077
cat >nailrc <<EOF
set v15-compat
set tls-verify=strict
set tls-ca-file="$POP3_CA"
set tls-ca-no-defaults
set pop3-use-starttls
set pop3-auth=plain
EOF
printf '%s\n' 'copy * maildir://messages' 'delete *' quit |
    MAILRC=nailrc exec s-nail -N -:u -S hold \
        -f "$url://$POP3_USER:$POP3_PASSWORD@$POP3_HOST:$POP3_PORT"
