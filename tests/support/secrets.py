"""How a password may be written where it should not be."""

import base64


def forms(secret):
    """|secret| as it may be written: as it is, and what base64 has of it at
    each of the three places where it may begin in a longer message."""
    yield secret.encode()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode())
        # Only what all octets around it leave the same.
        yield coded[(8 * before + 5) // 6:][:-4]
