#!/bin/sh
# nmh's inc: one file a message in a folder of the MH store.
#
# Stores LF for CRLF. It gives up, and removes nothing, at a line of 32 KB.
set -eu

tls=-initialtls
[ "$POP3_TLS" = implicit ] || tls=-tls

mkdir messages
umask 077
cat >.mh_profile <<EOF
Path: .
Inbox: messages
credentials: file:$PWD/netrc
EOF
echo "machine $POP3_HOST login $POP3_USER password $POP3_PASSWORD" >netrc
PATH=/usr/bin/mh:$PATH SSL_CERT_FILE=$POP3_CA SSL_CERT_DIR=/nonexistent \
    exec inc -host "$POP3_HOST" -port "$POP3_PORT" -user "$POP3_USER" \
    "$tls" -certverify -truncate
