#!/usr/bin/python3
"""Python's poplib.

Stores each message with CRLF, as it came. poplib gives up at lines over 2048
octets; real mail has longer ones, so programs raise the limit.
"""

import os
import poplib
import ssl

poplib._MAXLINE = 1_000_000

env = os.environ
context = ssl.create_default_context(cafile=env["POP3_CA"])
address = env["POP3_HOST"], int(env["POP3_PORT"])
if env["POP3_TLS"] == "implicit":
    pop = poplib.POP3_SSL(*address, context=context)
else:
    pop = poplib.POP3(*address)
    pop.stls(context)
pop.user(env["POP3_USER"])
pop.pass_(env["POP3_PASSWORD"])

os.mkdir("messages")
count, _ = pop.stat()
for number in range(1, count + 1):
    _, lines, _ = pop.retr(number)
    with open(f"messages/{number}", "wb") as f:
        f.writelines(line + b"\r\n" for line in lines)
    pop.dele(number)
pop.quit()
