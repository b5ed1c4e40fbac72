"""The authorization server of the tests and the Dovecot that believes it, by
themselves: what other tests stand on."""

import imaplib
import ssl

import pytest

from support.oauth import DEVICE_CODE, INITIAL


def says(server, mechanism, user, token):
    """Whether the IMAP server lets |user| in by |token|."""
    m = imaplib.IMAP4_SSL(server.host, server.port_tls, timeout=20,
                          ssl_context=ssl.create_default_context(
                              cafile=server.ca_file))
    try:
        m.authenticate(mechanism, lambda challenge: b"" if challenge else
                       INITIAL[mechanism](user, token))
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        m.shutdown()


@pytest.mark.parametrize("mechanism", INITIAL)
def test_a_token_is_good_for_its_user(oauth, oauth_dovecot, mechanism):
    rose, fern = oauth_dovecot.new_user(), oauth_dovecot.new_user()
    token = oauth.access_token(rose)
    assert says(oauth_dovecot, mechanism, rose, token)
    assert not says(oauth_dovecot, mechanism, fern, token)
    oauth.forget(rose)
    assert not says(oauth_dovecot, mechanism, rose, token)


def test_refresh_tokens_rotate(oauth, oauth_dovecot):
    """One that is used again takes all others of the agreement with it."""
    user = oauth_dovecot.new_user()
    first = oauth.refresh_token(user)

    def refresh(token):
        return oauth.post("/token", "proxy", grant_type="refresh_token",
                          refresh_token=token)

    status, answer = refresh(first)
    assert status == 200 and answer["refresh_token"] != first
    assert says(oauth_dovecot, "XOAUTH2", user, answer["access_token"])
    status, again = refresh(first)
    assert (status, again["error"]) == (400, "invalid_grant")
    assert refresh(answer["refresh_token"])[0] == 400
    assert not says(oauth_dovecot, "XOAUTH2", user, answer["access_token"])


@pytest.mark.parametrize("client", ["proxy", "public"])
def test_device_code(oauth, oauth_dovecot, client):
    user = oauth_dovecot.new_user()
    _, code = oauth.post("/device/auth", client, scope="mail offline_access")

    def poll():
        return oauth.post("/token", client, grant_type=DEVICE_CODE,
                          device_code=code["device_code"])

    assert poll()[1]["error"] == "authorization_pending"
    oauth.approve(code["user_code"], user)
    status, answer = poll()
    assert status == 200 and answer["refresh_token"]
    assert says(oauth_dovecot, "XOAUTH2", user, answer["access_token"])
    oauth.revoke(user)
    assert not says(oauth_dovecot, "XOAUTH2", user, answer["access_token"])
    _, code = oauth.post("/device/auth", client)
    oauth.deny(code["user_code"])
    assert poll()[1]["error"] == "access_denied"


def test_an_application(oauth, oauth_dovecot):
    oauth_dovecot.create_user("robot", "secret")
    _, answer = oauth.post("/token", "robot", scope="mail",
                           grant_type="client_credentials")
    assert says(oauth_dovecot, "XOAUTH2", "robot", answer["access_token"])


def test_what_goes_wrong(oauth):
    ask = {"grant_type": "client_credentials"}
    try:
        oauth.behave(answer={"status": 503, "body": "{}"})
        assert oauth.post("/token", "robot", **ask) == (503, {})
        oauth.behave(reset=True)
        with pytest.raises(OSError):
            oauth.post("/token", "robot", **ask)
        oauth.behave(access_ttl=1, claimed_ttl=3600)
        assert oauth.post("/token", "robot", **ask)[1]["expires_in"] == 3600
    finally:
        oauth.behave()
