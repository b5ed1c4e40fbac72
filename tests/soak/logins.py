"""The ways in which devices log in, by the name that a kind gives them."""

from support import proofs
from support.oauth import xoauth2 as xoauth2_response


async def user_pass(session, user, password):
    await session.command(f"USER {user}")
    await session.command(f"PASS {password}")


async def plain(session, user, password):
    word = proofs.coded(f"\0{user}\0{password}")
    await session.command(f"AUTH PLAIN {word}")


async def apop(session, user, password):
    digest = proofs.apop(password, session.greeting)
    await session.command(f"APOP {user} {digest}")


async def cram_md5(session, user, password):
    challenge = proofs.decoded(await session.challenge("AUTH CRAM-MD5"))
    await session.command(
        proofs.coded(proofs.cram_md5(user, password, challenge)))


async def scram(session, user, password):
    client = proofs.Scram(user, password)
    server_first = proofs.decoded(await session.challenge(
        f"AUTH SCRAM-SHA-256 {proofs.coded(client.first)}"))
    server_final = proofs.decoded(await session.challenge(
        proofs.coded(client.final(server_first))))
    assert client.is_server(server_final), "popinjay does not know the password"
    await session.command("")


async def xoauth2(session, user, password):
    """The password is a token of the device's own."""
    word = proofs.coded(xoauth2_response(user, password).decode())
    await session.command(f"AUTH XOAUTH2 {word}")


WAYS = {way.__name__: way for way in (user_pass, plain, apop, cram_md5, scram,
                                   xoauth2)}
