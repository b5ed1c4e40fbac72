#include "access/decoys.h"

#include <stdio.h>
#include <string.h>

#define LABEL "popinjay decoys 1"
/* As scram_keys_write makes them: none of the accounts has such keys any more. */
#define USUAL_ITERATIONS 4096U
#define USUAL_SALT_LENGTH 16U
#define SHAPE_TEXT_MAX 40

_Static_assert(SCRAM_KEY_SIZE == KEYED_DIGEST_SIZE &&
                   SCRAM_SALT_MAX == 2 * KEYED_DIGEST_SIZE,
               "decoys are digests");

/* --- what accounts look like --- */

/* Of more kinds than there is room for, the first ones do. */
static void add_shape(struct decoys *d, const char *text)
{
    struct decoy_shape shape;
    struct scram_keys keys;

    if (!scram_keys_parse(span_from_string(text), &keys))
        return;
    shape = (struct decoy_shape){ keys.iterations, keys.salt_length };
    wipe(&keys, sizeof(keys));
    for (size_t i = 0; i < d->shape_count; i++)
        if (d->shapes[i].iterations == shape.iterations &&
            d->shapes[i].salt_length == shape.salt_length)
            return;
    if (d->shape_count < DECOY_SHAPES_MAX)
        d->shapes[d->shape_count++] = shape;
}

bool decoys_init(struct decoys *d, const struct accounts *accounts,
                 struct span key)
{
    *d = (struct decoys){ .lasting = NULL };
    for (size_t i = 0; i < accounts_count(accounts); i++) {
        const struct account *a = &accounts->at[i];

        if (a->scram != NULL)
            add_shape(d, a->scram);
        if (a->recoverable_password != NULL)
            d->recoverable = a;
        if (a->password != NULL && d->password == NULL)
            d->password = a->password;
    }
    if (d->shape_count == 0)
        d->shapes[d->shape_count++] =
            (struct decoy_shape){ USUAL_ITERATIONS, USUAL_SALT_LENGTH };
    if (key.len > 0)
        d->lasting = keyed_digest_derive(key, LABEL);
    return key.len == 0 || d->lasting != NULL;
}

void decoys_fini(struct decoys *d)
{
    keyed_digest_free(d->lasting);
    d->lasting = NULL;
}

/* --- one name --- */

struct making {
    const struct keyed_digest *digest;
    struct span name;
};

static bool make(const struct making *m, const char *purpose,
                 unsigned char digest[KEYED_DIGEST_SIZE])
{
    const struct span parts[] = { span_from_string(purpose), m->name };

    return keyed_digest_make(m->digest, parts, ARRAY_LENGTH(parts), digest);
}

static bool weigh(const struct making *m, const struct decoy_shape *shape,
                  unsigned char weight[KEYED_DIGEST_SIZE])
{
    char text[SHAPE_TEXT_MAX];
    const struct span parts[] = {
        SPAN_LITERAL("shape"),
        m->name,
        span_make(text,
                  (size_t)snprintf(text, sizeof(text), "%u %zu",
                                   shape->iterations, shape->salt_length)),
    };

    return keyed_digest_make(m->digest, parts, ARRAY_LENGTH(parts), weight);
}

/* Each name has a weight for each shape, and takes the heaviest: where a shape
 * comes or goes, the names that have another keep it.
 */
static bool choose(const struct decoys *d, const struct making *m,
                   struct decoy_shape *chosen)
{
    unsigned char heaviest[KEYED_DIGEST_SIZE] = { 0 };
    unsigned char weight[KEYED_DIGEST_SIZE];

    for (size_t i = 0; i < d->shape_count; i++) {
        if (!weigh(m, &d->shapes[i], weight))
            return false;
        if (memcmp(weight, heaviest, sizeof(weight)) < 0)
            continue;
        memcpy(heaviest, weight, sizeof(weight));
        *chosen = d->shapes[i];
    }
    return true;
}

bool decoys_make_scram(const struct decoys *d,
                       const struct keyed_digest *passing, struct span name,
                       struct scram_keys *keys)
{
    const struct making m = { d->lasting != NULL ? d->lasting : passing, name };
    struct decoy_shape shape = d->shapes[0];

    if (!choose(d, &m, &shape) || !make(&m, "salt", keys->salt) ||
        !make(&m, "rest of the salt", keys->salt + KEYED_DIGEST_SIZE) ||
        !make(&m, "stored", keys->stored) || !make(&m, "server", keys->server))
        return false;
    keys->iterations = shape.iterations;
    keys->salt_length = shape.salt_length;
    return true;
}
