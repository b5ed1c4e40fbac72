#include "access/proof.h"

#include <assert.h>
#include <gsasl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/proof_digests.h"
#include "base/base64.h"
#include "base/limits.h"

#define NUMBER_TEXT_MAX 16
#define BASE64_TEXT_MAX 128 /* of a key or a salt */

struct proof {
    struct proof_wish wish;
    const struct keyed_digest *passing; /* decoys.h */
    Gsasl_session *session;
    char *text;       /* libgsasl's, of the last step */
    char *challenge;  /* the same, before: that the client has answered to */
    bool is_known;    /* the account was looked for */
    enum fault fault; /* why it is not to be proven; or NONE */
    const struct account *account;
    struct scram_keys keys; /* the account's, or made up */
};

/* --- what an account holds --- */

static bool has_keys(const struct proof *p)
{
    return p->wish.mechanism == SASL_CRAM_MD5
               ? p->account->recoverable_password != NULL
               : p->account->scram != NULL;
}

static enum fault judge(const struct proof *p)
{
    if (p->account == NULL)
        return FAULT_NO_ACCOUNT;
    if (!account_admits(p->account, p->wish.listener, &p->wish.client))
        return FAULT_ACCOUNT_PLACE;
    return has_keys(p) ? FAULT_NONE : FAULT_CREDENTIALS;
}

static struct span user_of(const struct proof *p)
{
    const char *name = gsasl_property_fast(p->session, GSASL_AUTHID);

    return name != NULL ? span_from_string(name) : span_make(NULL, 0);
}

/* Made up in any case, so that it takes as long for a name that has none. What an
 * account has could be read by accounts_judge: only memory can be missing.
 */
static void find_keys(struct proof *p)
{
    bool made = decoys_make_scram(&p->wish.rules->decoys, p->passing,
                                  user_of(p), &p->keys);

    if (made && p->fault == FAULT_NONE)
        made = scram_keys_parse(span_from_string(p->account->scram), &p->keys);
    if (!made)
        p->fault = FAULT_NO_MEMORY;
}

/* The name is there before any key is asked for. */
static void look_up(struct proof *p)
{
    if (p->is_known)
        return;
    p->is_known = true;
    p->account = accounts_find(p->wish.rules->accounts, user_of(p));
    p->fault = judge(p);
    if (p->wish.mechanism == SASL_SCRAM_SHA_256)
        find_keys(p);
}

enum secret_box_status proof_open_password(const struct access_rules *rules,
                                           const struct account *account,
                                           struct buf *password)
{
    bool is_there = account != NULL && account->recoverable_password != NULL;
    const struct account *a = is_there ? account : rules->decoys.recoverable;
    enum secret_box_status status;
    struct secret_lock lock;

    if (a == NULL)
        return SECRET_BOX_EWRONG;
    lock = account_lock(a, SECRET_BOX_BY_KEY, buf_span(&rules->key),
                        ACCOUNT_PASSWORD_PURPOSE);
    status = secret_box_open(&lock, span_from_string(a->recoverable_password),
                             password);
    if (is_there)
        return status;
    buf_truncate(password, 0);
    return SECRET_BOX_EWRONG;
}

/* --- what libgsasl asks for --- */

static int give(struct proof *p, Gsasl_property property, struct span value)
{
    return gsasl_property_set_raw(p->session, property,
                                  (const char *)value.data, value.len);
}

static int give_base64(struct proof *p, Gsasl_property property,
                       const unsigned char *octets, size_t length)
{
    struct buf text;
    int code = GSASL_MALLOC_ERROR;

    buf_init(&text, BASE64_TEXT_MAX);
    if (base64_encode(span_make(octets, length), &text))
        code = give(p, property, buf_span(&text));
    buf_fini(&text);
    return code;
}

static int give_scram(struct proof *p, Gsasl_property property)
{
    const struct scram_keys *keys = &p->keys;
    char number[NUMBER_TEXT_MAX];

    if (p->fault == FAULT_NO_MEMORY)
        return GSASL_MALLOC_ERROR;
    if (property == GSASL_SCRAM_SALT)
        return give_base64(p, property, keys->salt, keys->salt_length);
    if (property == GSASL_SCRAM_STOREDKEY)
        return give_base64(p, property, keys->stored, SCRAM_KEY_SIZE);
    if (property == GSASL_SCRAM_SERVERKEY)
        return give_base64(p, property, keys->server, SCRAM_KEY_SIZE);
    (void)snprintf(number, sizeof(number), "%u", keys->iterations);
    return give(p, property, span_from_string(number));
}

static int give_property(struct proof *p, Gsasl_property property)
{
    switch (property) {
    case GSASL_PASSWORD: /* see judge_cram_md5 */
        look_up(p);
        return GSASL_NO_PASSWORD;
    case GSASL_SCRAM_ITER:
    case GSASL_SCRAM_SALT:
    case GSASL_SCRAM_STOREDKEY:
    case GSASL_SCRAM_SERVERKEY:
        look_up(p);
        return give_scram(p, property);
    default: /* of other mechanisms, and of channels that are bound */
        return GSASL_NO_CALLBACK;
    }
}

/* What is not given is made up by libgsasl, which goes on: then it must not come
 * to a good end.
 */
static int on_property(Gsasl *library, Gsasl_session *session,
                       Gsasl_property property)
{
    struct proof *p = gsasl_session_hook_get(session);
    int code = give_property(p, property);

    (void)library;
    if (code == GSASL_MALLOC_ERROR)
        p->fault = FAULT_NO_MEMORY;
    return code;
}

/* --- the exchange --- */

static Gsasl *ready(struct proof_maker *maker)
{
    Gsasl *library = maker->library;

    if (library != NULL)
        return library;
    if (gsasl_init(&library) != GSASL_OK)
        return NULL;
    gsasl_callback_set(library, on_property);
    maker->library = library;
    return library;
}

void proof_maker_fini(struct proof_maker *maker)
{
    if (maker->library != NULL)
        gsasl_done(maker->library);
    maker->library = NULL;
}

struct proof *proof_new(struct proof_maker *maker,
                        const struct proof_wish *wish)
{
    Gsasl *library = ready(maker);
    struct proof *p = calloc(1, sizeof(*p));

    if (library != NULL && p != NULL &&
        gsasl_server_start(library, sasl_mechanism_name(wish->mechanism),
                           &p->session) == GSASL_OK) {
        p->wish = *wish;
        p->passing = maker->decoys;
        gsasl_session_hook_set(p->session, p);
        return p;
    }
    free(p);
    return NULL;
}

/* libgsasl does not wipe what it was given. */
static void wipe_property(struct proof *p, Gsasl_property property)
{
    const char *value = gsasl_property_fast(p->session, property);

    if (value != NULL)
        wipe((void *)(uintptr_t)value, strlen(value));
}

void proof_free(struct proof *p)
{
    if (p == NULL)
        return;
    wipe_property(p, GSASL_SCRAM_STOREDKEY);
    wipe_property(p, GSASL_SCRAM_SERVERKEY);
    wipe(&p->keys, sizeof(p->keys));
    gsasl_free(p->text);
    gsasl_free(p->challenge);
    gsasl_finish(p->session);
    free(p);
}

/* Whom he wants to act as is not for him to say: the account does. */
static bool acts_as_another(const struct proof *p)
{
    const char *identity = gsasl_property_fast(p->session, GSASL_AUTHZID);

    return identity != NULL && identity[0] != '\0' &&
           !span_equals(span_from_string(identity), user_of(p));
}

static void fail(const struct proof *p, int code, struct sasl_step *step)
{
    *step =
        (struct sasl_step){ .status = SASL_FAILED, .fault = FAULT_CREDENTIALS };
    if (sasl_part_is_valid(user_of(p)))
        step->user = user_of(p);
    if (p->fault != FAULT_NONE)
        step->fault = p->fault;
    else if (code == GSASL_MALLOC_ERROR)
        step->fault = FAULT_NO_MEMORY;
    else if (code == GSASL_OK)
        step->fault = FAULT_IDENTITY;
}

/* libgsasl has made the challenge, taken the response apart and asked for the
 * password of its user. It has not been given it: it would prepare and compare
 * copies that nobody could wipe.
 */
static int judge_cram_md5(struct proof *p, struct span challenge,
                          struct span digest)
{
    const struct account *account = p->fault == FAULT_NONE ? p->account : NULL;
    enum proof_verdict verdict = PROOF_WRONG;
    struct buf password;

    buf_init(&password, SECRET_MAX);
    switch (proof_open_password(p->wish.rules, account, &password)) {
    case SECRET_BOX_OK:
        verdict = proof_judge_cram_md5(challenge, buf_span(&password), digest);
        break;
    case SECRET_BOX_EFORM:
    case SECRET_BOX_EWRONG: /* accounts_judge has opened that of an account */
        if (account != NULL)
            p->fault = FAULT_SECRET_SEALED;
        break;
    case SECRET_BOX_EFAILED:
        verdict = PROOF_FAILED;
        break;
    }
    buf_fini(&password);
    if (verdict == PROOF_FAILED)
        p->fault = FAULT_NO_MEMORY;
    return verdict == PROOF_RIGHT ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

/* The end of a response to CRAM-MD5. */
static struct span digest_in(struct span response)
{
    assert(response.len > PROOF_DIGEST_SIZE); /* libgsasl has seen to it */
    (void)span_take(&response, response.len - PROOF_DIGEST_SIZE);
    return response;
}

static bool is_ours_to_judge(const struct proof *p, int code)
{
    return code == GSASL_NO_PASSWORD && p->is_known &&
           p->wish.mechanism == SASL_CRAM_MD5;
}

/* It has no account, and there is somebody else to ask. */
static bool is_claim(const struct proof *p)
{
    return p->account == NULL && p->wish.rules->auth_http.cram_md5;
}

struct span proof_challenge(const struct proof *p)
{
    return p->challenge != NULL ? span_from_string(p->challenge)
                                : span_make(NULL, 0);
}

void proof_step(struct proof *p, struct span response, struct sasl_step *step)
{
    size_t length = 0;
    int code;

    gsasl_free(p->challenge);
    p->challenge = p->text;
    p->text = NULL;
    code = gsasl_step(p->session, (const char *)response.data, response.len,
                      &p->text, &length);
    if (is_ours_to_judge(p, code)) {
        if (is_claim(p)) {
            *step = (struct sasl_step){ .status = SASL_CLAIMED,
                                        .user = user_of(p),
                                        .digest = digest_in(response) };
            return;
        }
        code = judge_cram_md5(p, proof_challenge(p), digest_in(response));
    }
    if (code == GSASL_NEEDS_MORE && length > 0) /* or it waits for ever */
        *step = (struct sasl_step){ .status = SASL_CHALLENGE,
                                    .text = span_make(p->text, length) };
    else if (code == GSASL_OK && p->fault == FAULT_NONE && !acts_as_another(p))
        *step = (struct sasl_step){ .status = SASL_PROVEN,
                                    .text = span_make(p->text, length),
                                    .user = user_of(p) };
    else
        fail(p, code, step);
}
