"""OAuth 2.0 upstream, with a real authorization server and a Dovecot that
believes its tokens: those that the client brings itself."""

import base64
import json
import subprocess

import pytest

from support.oauth import INITIAL
from support.secrets import plant

TOKENS = {"listen pop3s": {"token_login": "yes"},
          "listen pop3": {"token_login": "yes"},
          "listen plain": {"token_login": "yes"},
          "limits": {"upstream_reuse": "0 s"}}
MESSAGE = b"Subject: a scan\r\n\r\nof something\r\n"


def coded(octets):
    return base64.b64encode(octets).decode()


@pytest.fixture
def proxy(oauth_dovecot, start_proxy):
    return start_proxy(oauth_dovecot.upstream_config(), TOKENS)


@pytest.mark.parametrize("mechanism", INITIAL)
def test_curl_with_a_token(oauth, oauth_dovecot, proxy, mechanism):
    """SASL-12, IAUTH-10, IAUTH-11: the token goes through, as does the mail."""
    user = oauth_dovecot.new_user()
    oauth_dovecot.deliver(user, [MESSAGE])
    done = subprocess.run(
        ["curl", "-sS", "--cacert", proxy.ca_file, "--login-options",
         f"AUTH={mechanism}", "--config", "-",
         f"pop3s://localhost:{proxy.port_tls}/1"],
        input=f'user = "{user}"\noauth2-bearer = '
              f'"{oauth.access_token(user)}"\n'.encode(),
        capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace(b"\n", b"\r\n") == MESSAGE or \
        done.stdout == MESSAGE


@pytest.mark.parametrize("mechanism, answer", [
    ("XOAUTH2", "AQ=="), ("OAUTHBEARER", "*"), ("XOAUTH2", "")])
def test_token_that_is_none(oauth, oauth_dovecot, proxy, mechanism, answer):
    """SASL-13: JSON, a line that means nothing, and only then the refusal;
    another's token, or one that was revoked, is none either. The server is
    asked once, and it is no alarm."""
    user, other = oauth_dovecot.new_user(), oauth_dovecot.new_user()
    revoked = oauth.access_token(other)
    oauth.forget(other)
    who, token = {
        "AQ==": (other, oauth.access_token(user)), "*": (other, revoked),
        "": (user, plant("Starling-2-Straw", "no token at all"))}[answer]
    with proxy.pop3s() as c:
        challenge = c.command(
            f"AUTH {mechanism} {coded(INITIAL[mechanism](who, token))}")
        assert challenge.startswith(b"+ "), challenge
        assert "status" in json.loads(base64.b64decode(challenge[2:]))
        assert c.command(answer).startswith(b"-ERR [AUTH]")
        assert len(oauth.seen("/token/introspection")) == 1
        # The connection is of use again.
        c.ok(f"AUTH {mechanism} " + coded(INITIAL[mechanism](
            user, oauth.access_token(user))))
        c.quit()
    assert " info login_refused" in proxy.log()
    assert " error " not in proxy.log()


@pytest.mark.parametrize("mechanism", INITIAL)
def test_no_token_in_clear(oauth, oauth_dovecot, proxy, mechanism):
    """SASL-12: neither offered nor taken, even where passwords may pass."""
    user = oauth_dovecot.new_user()
    for connect in (proxy.plain, proxy.pop3):
        with connect() as c:
            assert mechanism not in " ".join(c.listing("CAPA"))
            c.err(f"AUTH {mechanism} " + coded(INITIAL[mechanism](
                user, oauth.access_token(user))))
    with proxy.pop3() as c:
        c.stls()
        assert mechanism in " ".join(c.listing("CAPA"))
        c.ok(f"AUTH {mechanism} " + coded(INITIAL[mechanism](
            user, oauth.access_token(user))))
        c.quit()


def test_only_where_it_is_offered(oauth, oauth_dovecot, start_proxy):
    """token_login = no, which is the default."""
    user = oauth_dovecot.new_user()
    proxy = start_proxy(oauth_dovecot.upstream_config())
    with proxy.pop3s() as c:
        assert "XOAUTH2" not in " ".join(c.listing("CAPA"))
        c.err("AUTH XOAUTH2 " + coded(INITIAL["XOAUTH2"](
            user, oauth.access_token(user))))
