#!/bin/sh
# neomutt: <fetch-mail> into a Maildir. It wants a terminal; script(1) is one.
#
# Stores LF for CRLF.
set -eu

scheme=pops
[ "$POP3_TLS" = implicit ] || scheme=pop

mkdir -p messages/cur messages/new messages/tmp
umask 077
cat >muttrc <<EOF
set folder = "$PWD"
set mbox_type = Maildir
set spool_file = "$PWD/messages"
set record = ""
set header_cache = ""
set pop_host = "$scheme://$POP3_HOST:$POP3_PORT"
set pop_user = "$POP3_USER"
set pop_pass = "$POP3_PASSWORD"
set pop_delete = yes
set pop_last = no
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_ca_certificates_file = "$POP3_CA"
set certificate_file = "$PWD/accepted"
set wait_key = no
set sleep_time = 0
push "<fetch-mail><exit>"
EOF
# A certificate that it does not trust it shows, and asks: "r" rejects it.
echo rx | TERM=vt100 timeout 60 \
    script -qec "neomutt -n -F muttrc" terminal.log >/dev/null
# It exits with 0 whatever happened.
[ -n "$(ls messages/new)" ]
