#!/bin/sh
# Runs JavaMail.java; compiled in memory, so it starts in a second or two.
set -eu
jars=/usr/share/java
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
    -cp "$jars/javax.mail.jar:$jars/javax.activation.jar" \
    "$(dirname "$0")/JavaMail.java"
