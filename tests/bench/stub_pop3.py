#!/usr/bin/python3
"""A POP3 server that costs nearly nothing: says +OK, until QUIT.

    stub_pop3.py

Prints `port N` and serves on that port of the loopback interface until it is
ended. It stands behind nginx when sessions are held, so that ten thousand of
them do not take ten thousand of Dovecot's processes.
"""

import asyncio

LOOPBACK = "127.0.0.1"
BACKLOG = 4096


async def serve_session(reader, writer):
    """One session: no mailbox is so empty as this one."""
    writer.write(b"+OK ready\r\n")
    while line := await reader.readline():
        verb = line.split()[:1]
        writer.write(b"+OK 0 0\r\n" if verb == [b"STAT"] else b"+OK\r\n")
        if verb == [b"QUIT"]:
            break
    writer.close()


async def main():
    server = await asyncio.start_server(serve_session, LOOPBACK, 0,
                                        backlog=BACKLOG)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
