#!/bin/sh
# getmail6: into a Maildir; POP3S only.
#
# Stores LF for CRLF and for a lone CR, a Return-Path where there is none, a
# blank line behind a header that has no body, and folds long header lines
# anew. Its Delivered-To and Received headers are off.
set -eu

# It delivers nothing as root, but drops to another user.
owner=$(id -un)
[ "$owner" != root ] || owner=nobody

mkdir -p messages/cur messages/new messages/tmp state
chown -R "$owner" messages
umask 077
cat >state/getmailrc <<EOF
[retriever]
type = SimplePOP3SSLRetriever
server = $POP3_HOST
port = $POP3_PORT
username = $POP3_USER
password = $POP3_PASSWORD
ca_certs = $POP3_CA

[destination]
type = Maildir
path = $PWD/messages/
user = $owner

[options]
read_all = true
delete = true
delivered_to = false
received = false
verbose = 1
EOF
exec getmail --getmaildir="$PWD/state" --rcfile=getmailrc
