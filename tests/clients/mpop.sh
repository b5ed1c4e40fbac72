#!/bin/sh
# mpop: pipelines its commands; into a Maildir.
#
# Stores LF for CRLF. Its Received header is off.
set -eu

starttls=off
[ "$POP3_TLS" = implicit ] || starttls=on

mkdir -p messages/cur messages/new messages/tmp
umask 077
cat >mpoprc <<EOF
account default
host $POP3_HOST
port $POP3_PORT
user $POP3_USER
password "$POP3_PASSWORD"
auth user
tls on
tls_starttls $starttls
tls_trust_file $POP3_CA
pipelining on
only_new off
keep off
uidls_file $PWD/uidls
received_header off
delivery maildir $PWD/messages
EOF
exec mpop -C mpoprc
