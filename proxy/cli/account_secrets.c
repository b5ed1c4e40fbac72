/* What `popinjay account` asks for, hashed and sealed. */
#include <crypt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access/crypt_job.h"
#include "access/device_password.h"
#include "access/scram_keys.h"
#include "base/limits.h"
#include "cli/account_parts.h"
#include "cli/prompt.h"
#include "pop3/sasl.h"

#define SEALED_TEXT_MAX (2 * SECRET_MAX)
#define QUESTION_MAX 512

void account_secrets_init(struct account_secrets *s)
{
    buf_init(&s->password, SASL_PART_MAX);
    buf_init(&s->hash, CRYPT_OUTPUT_SIZE);
    buf_init(&s->scram, SEALED_TEXT_MAX);
    buf_init(&s->recoverable, SEALED_TEXT_MAX);
    buf_init(&s->secret, SEALED_TEXT_MAX);
}

void account_secrets_fini(struct account_secrets *s)
{
    buf_fini(&s->password);
    buf_fini(&s->hash);
    buf_fini(&s->scram);
    buf_fini(&s->recoverable);
    buf_fini(&s->secret);
}

static bool complain(const char *why)
{
    (void)fprintf(stderr, "popinjay: %s\n", why);
    return false;
}

/* --- asking --- */

static bool ask(const char *whose, const char *name, struct buf *password)
{
    char question[QUESTION_MAX];

    (void)snprintf(question, sizeof(question), "%s of %s: ", whose, name);
    return (prompt_password(question, password) &&
            sasl_part_is_valid(buf_span(password))) ||
           complain("a password is one line of 1 to 255 octets");
}

/* What nobody sees himself type is typed twice. */
static bool ask_new(const char *whose, const char *name, struct buf *password)
{
    struct buf again;
    bool same;

    if (!ask(whose, name, password))
        return false;
    if (!isatty(STDIN_FILENO))
        return true;
    buf_init(&again, SASL_PART_MAX);
    same = ask("Once more: password", name, &again) &&
           span_equals(buf_span(&again), buf_span(password));
    buf_fini(&again);
    return same || complain("these two are not the same");
}

/* --- the device's password --- */

static bool make_or_ask(struct account_secrets *s,
                        const struct account_options *o)
{
    if (!o->generates)
        return ask_new("Password of the device", o->name, &s->password);
    return device_password_make(&s->password) || complain("no randomness");
}

static bool seal(const struct account_secrets *s, const char *name,
                 enum secret_box_kind kind, struct span key,
                 const char *purpose, struct span secret, struct buf *sealed)
{
    const struct secret_lock lock = {
        .kind = kind,
        .octets = kind == SECRET_BOX_BY_KEY ? key : buf_span(&s->password),
        .purpose = purpose,
        .name = span_from_string(name),
    };

    return secret_box_seal(&lock, secret, sealed) == SECRET_BOX_OK ||
           complain("it cannot be sealed: no memory, or no randomness");
}

static bool keep_recoverable(struct account_secrets *s, const char *name,
                             struct span key)
{
    if (key.len == 0)
        return complain("a password that is kept recoverable needs a key file: "
                        "[accounts] key_file");
    (void)fprintf(stderr,
                  "popinjay: warning: the password of %s is kept so that it "
                  "can be recovered, for\nAPOP and CRAM-MD5: whoever has both "
                  "accounts.conf and the key file has it. Prefer\n--scram "
                  "where the device can do that.\n",
                  name);
    return seal(s, name, SECRET_BOX_BY_KEY, key, ACCOUNT_PASSWORD_PURPOSE,
                buf_span(&s->password), &s->recoverable);
}

/* Whatever was kept of the one before is kept of the new one. */
static bool take_password(struct account_secrets *s,
                          const struct account_options *o,
                          const struct account *before, struct span key)
{
    bool scram = o->scram || (before != NULL && before->scram != NULL);
    bool recoverable = o->recoverable ||
                       (before != NULL && before->recoverable_password != NULL);

    if (!crypt_hash(buf_span(&s->password), &s->hash))
        return complain("the password cannot be hashed");
    if (scram && !scram_keys_write(buf_span(&s->password), &s->scram))
        return complain("the password has characters that SCRAM does not "
                        "take");
    return !recoverable || keep_recoverable(s, o->name, key);
}

/* --- the secret of the upstream --- */

static bool was_sealed_by_password(const struct account *before)
{
    enum secret_box_kind kind;

    return before != NULL && before->secret != NULL &&
           secret_box_kind_of(span_from_string(before->secret), &kind) &&
           kind == SECRET_BOX_BY_PASSWORD;
}

static bool ask_secret(struct account_secrets *s,
                       const struct account_options *o,
                       const struct account *before, struct span key)
{
    enum secret_box_kind kind =
        o->seals_by_password || was_sealed_by_password(before)
            ? SECRET_BOX_BY_PASSWORD
            : SECRET_BOX_BY_KEY;
    const char *user =
        before != NULL ? before->user : o->value[ACCOUNT_SET_USER];
    struct buf secret;
    bool done;

    if (kind == SECRET_BOX_BY_KEY && key.len == 0)
        return complain("there is no key to seal the secret with: [accounts] "
                        "key_file, or\n--seal-by-password");
    buf_init(&secret, SASL_PART_MAX);
    done = ask_new("Password at the upstream", user != NULL ? user : o->name,
                   &secret) &&
           seal(s, o->name, kind, key, ACCOUNT_SECRET_PURPOSE,
                buf_span(&secret), &s->secret);
    buf_fini(&secret);
    return done;
}

/* The device's password, which a secret is sealed with: it must be the one that
 * the account has, or the secret would never open.
 */
static bool ask_known_password(struct account_secrets *s,
                               const struct account *before)
{
    return ask("Password of the device", before->name, &s->password) &&
           (crypt_judge(buf_span(&s->password), before->password) ==
                CRYPT_RIGHT ||
            complain("this is not the password of the device"));
}

static bool change_secret(struct account_secrets *s,
                          const struct account_options *o,
                          const struct account *before, struct span key)
{
    if (before->oauth != NULL || !account_has_proof(before))
        return complain("the account has no secret: it goes by tokens, or "
                        "passes through what the\ndevice gives");
    if (!o->seals_by_password && !was_sealed_by_password(before))
        return ask_secret(s, o, before, key);
    if (before->password == NULL)
        return complain("the device does not say its password, which is to "
                        "open the secret");
    return ask_known_password(s, before) && ask_secret(s, o, before, key);
}

bool account_secrets_ask(struct account_secrets *s,
                         const struct account_options *o,
                         const struct account *before, struct span key)
{
    bool needs_secret =
        before == NULL ? o->value[ACCOUNT_SET_OAUTH] == NULL
                       : o->seals_by_password || was_sealed_by_password(before);

    if (o->passes_through)
        return true;
    if (o->secret)
        return change_secret(s, o, before, key);
    if (before != NULL && !account_has_proof(before))
        return complain("the account has no password of its own: it passes "
                        "through what the\ndevice gives");
    return make_or_ask(s, o) && take_password(s, o, before, key) &&
           (!needs_secret || ask_secret(s, o, before, key));
}
