"""SCRAM at a real server that offers -PLUS, and knows another binding."""

from support.cyrus import ADMIN, IMAPD_CONF, Cyrus


class ScramCyrus(Cyrus):
    """It offers -PLUS of each SCRAM by itself."""

    def _configure(self):
        super()._configure()
        text = IMAPD_CONF.format(admin=ADMIN[0])
        self._instance.write("/etc/imapd.conf", text.replace(
            "sasl_mech_list: PLAIN LOGIN",
            "sasl_mech_list: PLAIN LOGIN SCRAM-SHA-256"))


def line_of(proxy, event):
    return next(line for line in proxy.log().splitlines()
                if f" {event} " in line)


def test_binding_that_is_not_known(start_proxy):
    """DEC-19, IAUTH-8: it offers -PLUS on TLS 1.3 without the binding that is
    meant for that, and refuses it before it has looked at the password: that is
    no [AUTH], the log says what to set, and that helps."""
    with ScramCyrus() as cyrus:
        user = cyrus.new_user()
        upstream = cyrus.upstream_config()
        proxy = start_proxy(upstream, cyrus.settings)
        with proxy.pop3s() as c:
            c.ok(f"USER {user}")
            reply = c.err(f"PASS {cyrus.password(user)}")
        assert reply.startswith(b"-ERR [SYS/PERM]")
        line = line_of(proxy, "login_refused")
        assert "mechanism=SCRAM-SHA-256-PLUS" in line
        words = "SCRAM-SHA-256, PLAIN, LOGIN"
        assert f"sasl_mechanisms = {words}" in line
        proxy = start_proxy({**upstream, "sasl_mechanisms": words},
                            cyrus.settings)
        with proxy.pop3s() as c:
            c.login(user, cyrus.password(user))
            c.quit()
        assert "mechanism=SCRAM-SHA-256 " in line_of(proxy, "logged_in")
