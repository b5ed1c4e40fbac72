#!/bin/sh
# fetchmail: hands each message to a delivery agent, here a plain file.
#
# Stores LF for CRLF, drops a lone CR, puts a blank line behind a header that
# has no body, and breaks lines of more than 8 KB. Its own Received header is
# off ("invisible"), and so is the rewriting of addresses.
set -eu

ssl='ssl sslproto "auto"'
[ "$POP3_TLS" = implicit ] || ssl='sslproto "tls1.2+"'

mkdir messages
cat >deliver <<'EOF'
#!/bin/sh
exec cat >"$(mktemp messages/XXXXXXXX)"
EOF
chmod 700 deliver

umask 077
cat >fetchmailrc <<EOF
set invisible
set no bouncemail
set no spambounce
poll $POP3_HOST protocol pop3 service $POP3_PORT auth password uidl
    user "$POP3_USER" password "$POP3_PASSWORD"
    $ssl sslcertck sslcertfile "$POP3_CA"
    no rewrite pass8bits fetchall no keep
    mda "$PWD/deliver"
EOF
exec fetchmail -f fetchmailrc --nosyslog --idfile "$PWD/ids" \
    --pidfile "$PWD/pid"
