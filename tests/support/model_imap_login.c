/* The model server before login: capabilities, STARTTLS, credentials. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "support/model_imap.h"
#include "support/model_scram.h"

#define ROLL(m, n) random_below((m)->random, (n))

static void say_capabilities(struct model_imap *m)
{
    const struct model_traits *t = m->traits;

    model_say(m, "CAPABILITY %s X-MODEL=1",
              t->rev2_only ? "IMAP4rev2" : "IMAP4rev1");
    if (t->starttls && !m->trusted) {
        model_say(m, " STARTTLS LOGINDISABLED");
        return;
    }
    model_say(m, "%s%s%s%s", t->sasl_ir && !t->rev2_only ? " SASL-IR" : "",
              t->literal_plus ? " LITERAL+" : "", t->id ? " ID" : "",
              t->condstore ? " CONDSTORE" : "");
    if (!m->authenticated)
        model_say(m, "%s%s%s%s%s%s", t->auth_plain ? " AUTH=PLAIN" : "",
                  t->auth_scram ? " AUTH=SCRAM-SHA-256" : "",
                  t->auth_scram_plus ? " AUTH=SCRAM-SHA-256-PLUS" : "",
                  t->auth_xoauth2 ? " AUTH=XOAUTH2" : "",
                  t->auth_oauthbearer ? " AUTH=OAUTHBEARER" : "",
                  t->login_disabled ? " LOGINDISABLED" : "");
    else
        model_say(m, "%s%s%s%s%s",
                  t->uidplus && !t->rev2_only ? " UIDPLUS" : "",
                  t->move && !t->rev2_only ? " MOVE" : "",
                  t->esearch && !t->rev2_only ? " ESEARCH" : "",
                  t->within ? " WITHIN" : "",
                  t->special_use ? " LIST-EXTENDED SPECIAL-USE" : "");
}

void model_greet(struct model_imap *m)
{
    if (model_chance(m, m->traits->fault)) {
        m->faults++;
        model_say(m, "* BYE not now\r\n");
        m->closing = true;
        return;
    }
    model_say(m, "* %s ", m->traits->preauth ? "PREAUTH" : "OK");
    if (m->traits->greeting_capabilities) {
        model_say(m, "[");
        say_capabilities(m);
        model_say(m, "] ");
    }
    model_say(m, "model\r\n");
}

void model_on_capability(struct model_imap *m, const char *tag,
                         const char *arguments)
{
    (void)arguments;
    model_say(m, "* ");
    say_capabilities(m);
    model_say(m, "\r\n");
    model_tagged(m, tag, "OK done");
}

void model_on_starttls(struct model_imap *m, const char *tag,
                       const char *arguments)
{
    (void)arguments;
    if (!m->traits->starttls || m->trusted)
        model_violation(m, "STARTTLS where it is not offered");
    m->accepted_tls = true;
    model_tagged(m, tag, "OK begin");
}

/* Every way to refuse a login, and what it should be called: MAP-1 to 4. */
static const struct {
    const char *answer;
    enum model_refusal refusal;
} refusals[] = {
    { "NO", MODEL_REFUSED_AUTH },
    { "NO no", MODEL_REFUSED_AUTH },
    { "NO [AUTHENTICATIONFAILED] no", MODEL_REFUSED_AUTH },
    { "NO [AUTHORIZATIONFAILED] no", MODEL_REFUSED_AUTH },
    { "NO [EXPIRED] no", MODEL_REFUSED_AUTH },
    { "NO [X-STRANGE 1 (2)] no", MODEL_REFUSED_AUTH },
    { "NO [UNAVAILABLE] later", MODEL_REFUSED_TEMP },
    { "NO [LIMIT] later", MODEL_REFUSED_TEMP },
    { "NO [INUSE] later", MODEL_REFUSED_TEMP },
    { "NO [SERVERBUG] later", MODEL_REFUSED_TEMP },
    { "NO [THROTTLED] later", MODEL_REFUSED_TEMP },
    { "NO [ALERT] Too many simultaneous connections", MODEL_REFUSED_TEMP },
    { "NO [CONTACTADMIN] ask", MODEL_REFUSED_PERM },
    { "NO [PRIVACYREQUIRED] never", MODEL_REFUSED_PERM },
    { "BAD what", MODEL_REFUSED_PERM },
};
#define REFUSALS_OF_CREDENTIALS 6

void model_refuse_login(struct model_imap *m, const char *tag, size_t among)
{
    size_t i = ROLL(m, among < ARRAY_LENGTH(refusals) ? among
                                                      : ARRAY_LENGTH(refusals));

    m->logins_refused++;
    m->refusal = refusals[i].refusal;
    model_tagged(m, tag, refusals[i].answer);
}

void model_judge_login(struct model_imap *m, const char *tag, bool right)
{
    m->refusal = MODEL_REFUSED_NOT;
    if (!right) {
        model_refuse_login(m, tag, REFUSALS_OF_CREDENTIALS);
        return;
    }
    m->authenticated = true;
    if (!m->traits->login_capabilities) {
        model_tagged(m, tag, "OK in");
        return;
    }
    model_say(m, "%s OK [", tag);
    say_capabilities(m);
    model_say(m, "] in\r\n");
}

/* --- AUTHENTICATE --- */

static const char *const mechanism_names[MODEL_MECHANISM_COUNT] = {
    [MODEL_PLAIN] = "PLAIN",
    [MODEL_SCRAM] = "SCRAM-SHA-256",
    [MODEL_SCRAM_PLUS] = "SCRAM-SHA-256-PLUS",
    [MODEL_OAUTHBEARER] = "OAUTHBEARER",
    [MODEL_XOAUTH2] = "XOAUTH2",
};

static void append_plain(const struct model_traits *t, const char *password,
                         struct buf *out)
{
    buf_append_octet(out, '\0');
    buf_append_string(out, t->user);
    buf_append_octet(out, '\0');
    buf_append_string(out, password);
}

/* No name of a world has a comma or an equals sign. */
static void append_token(const struct model_imap *m, const char *token,
                         struct buf *out)
{
    bool is_xoauth2 = m->mechanism == MODEL_XOAUTH2;

    buf_append_string(out, is_xoauth2 ? "user=" : "n,a=");
    buf_append_string(out, m->traits->user);
    if (!is_xoauth2) {
        buf_append_string(out, ",\1host=imap.example.org\1port=");
        buf_append_number(out, m->port);
    }
    buf_append_string(out, "\1auth=Bearer ");
    buf_append_string(out, token);
    buf_append_string(out, "\1\1");
}

/* Is it the message that has |secret|? */
static bool is_response(const struct model_imap *m, const char *text,
                        const char *secret)
{
    struct buf given;
    struct buf right;
    bool equal;

    buf_init(&given, MODEL_COMMAND_MAX);
    buf_init(&right, MODEL_COMMAND_MAX);
    if (m->mechanism == MODEL_PLAIN)
        append_plain(m->traits, secret, &right);
    else
        append_token(m, secret, &right);
    equal = base64_decode(span_from_string(text), &given) &&
            span_equals(buf_span(&given), buf_span(&right));
    buf_fini(&given);
    buf_fini(&right);
    return equal;
}

/* RFC 7628 §3.2.2: what is wrong with a token is told first, mostly. */
static void judge_response(struct model_imap *m, const char *tag,
                           const char *text)
{
    const struct model_traits *t = m->traits;
    bool is_plain = m->mechanism == MODEL_PLAIN;
    bool right;

    if (m->violation != NULL)
        return;
    right = is_response(m, text, is_plain ? t->password : t->token);
    if (!right && !is_plain && !is_response(m, text, t->stale_token))
        model_violation(m, "a token's message that is none");
    if (right || is_plain || ROLL(m, 4) == 0) {
        model_judge_login(m, tag, right);
        return;
    }
    m->error_told = true;
    m->mode = MODEL_READ_SASL;
    model_say(m, "+ eyJzdGF0dXMiOiI0MDEifQ==\r\n");
}

static bool is_token(const struct model_imap *m)
{
    return m->mechanism == MODEL_XOAUTH2 || m->mechanism == MODEL_OAUTHBEARER;
}

static bool is_scram(const struct model_imap *m)
{
    return m->mechanism == MODEL_SCRAM || m->mechanism == MODEL_SCRAM_PLUS;
}

static bool is_offered(const struct model_imap *m)
{
    if (m->mechanism == MODEL_PLAIN)
        return m->traits->auth_plain;
    if (is_scram(m))
        return model_scram_is_strongest(m);
    return m->mechanism == MODEL_XOAUTH2 ? m->traits->auth_xoauth2
                                         : m->traits->auth_oauthbearer;
}

static void check_login_allowed(struct model_imap *m, bool allowed)
{
    if (!m->trusted)
        model_violation(m, "a password before TLS");
    if (m->authenticated)
        model_violation(m, "a second login");
    if (is_token(m) != (m->traits->token != NULL))
        model_violation(m, "a password for a token, or the other way round");
    if (!is_token(m) && !model_scram_is_strongest(m))
        model_violation(m, "a weaker mechanism than there is");
    if (!allowed)
        model_violation(m, "a login that is not offered");
}

static void on_first_response(struct model_imap *m, const char *tag,
                              const char *text)
{
    m->challenged = true;
    if (is_scram(m))
        model_scram_on_first(m, tag, text);
    else
        judge_response(m, tag, text);
}

void model_on_authenticate(struct model_imap *m, const char *tag,
                           const char *arguments)
{
    size_t name = strcspn(arguments, " ");

    m->logins++;
    m->error_told = false;
    m->challenged = false;
    m->mechanism = MODEL_PLAIN;
    while (m->mechanism < MODEL_MECHANISM_COUNT &&
           (strlen(mechanism_names[m->mechanism]) != name ||
            strncmp(mechanism_names[m->mechanism], arguments, name) != 0))
        m->mechanism++;
    if (m->mechanism == MODEL_MECHANISM_COUNT) {
        model_violation(m, "a mechanism that is none");
        return;
    }
    check_login_allowed(m, is_offered(m));
    if (arguments[name] == '\0') {
        model_say(m, ROLL(m, 2) == 0 ? "+ \r\n" : "+\r\n");
        m->mode = MODEL_READ_SASL;
        return;
    }
    if (!m->traits->sasl_ir)
        model_violation(m, "an initial response without SASL-IR");
    on_first_response(m, tag, arguments + name + 1);
}

/* Takes a string off the front of |at|: quoted or, as it was put together
 * when it was read, `{n}` and the octets.
 */
static const char *take_string(const char *at, char *to, size_t size)
{
    size_t len = 0;

    if (*at == '{') {
        char *octets;
        unsigned long n = strtoul(at + 1, &octets, 10);

        octets += strcspn(octets, "}") + 1;
        while (n-- > 0 && *octets != '\0' && len + 1 < size)
            to[len++] = *octets++;
        to[len] = '\0';
        return octets;
    }
    for (at++; *at != '"' && *at != '\0' && len + 1 < size; at++) {
        if (*at == '\\')
            at++;
        to[len++] = *at;
    }
    to[len] = '\0';
    return at + 1;
}

void model_on_login(struct model_imap *m, const char *tag,
                    const char *arguments)
{
    char user[512];
    char password[512];

    m->logins++;
    m->mechanism = MODEL_PLAIN;
    check_login_allowed(m, !m->traits->login_disabled);
    if (*arguments != '"' && *arguments != '{') {
        model_violation(m, "LOGIN with a bare name");
        return;
    }
    arguments = take_string(arguments, user, sizeof(user));
    if (*arguments++ != ' ') {
        model_violation(m, "LOGIN with one argument");
        return;
    }
    take_string(arguments, password, sizeof(password));
    model_judge_login(m, tag,
                      strcmp(user, m->traits->user) == 0 &&
                          strcmp(password, m->traits->password) == 0);
}

/* The answer to the challenge of AUTHENTICATE. */
void model_on_response(struct model_imap *m, const char *tag,
                       const char *response)
{
    const char *heard = m->mechanism == MODEL_XOAUTH2 ? "" : "AQ==";

    if (!m->challenged) {
        on_first_response(m, tag, response);
        return;
    }
    if (is_scram(m)) {
        model_scram_on_response(m, tag, response);
        return;
    }
    if (strcmp(response, heard) != 0)
        model_violation(m, "an error that was not heard");
    model_judge_login(m, tag, false);
}
