/* listener_names.h - a number for each listener that there has been.
 *
 * Figures are kept by number (base/counters.h), and a listener has the same one
 * after each reload, by its name. Those beyond COUNTERS_LISTENERS share the
 * last one, which is called "other".
 *
 * Thread: the main one.
 */
#ifndef POPINJAY_SERVER_LISTENER_NAMES_H
#define POPINJAY_SERVER_LISTENER_NAMES_H

#include "base/counters.h"

#define LISTENER_NAMES_OTHER (COUNTERS_LISTENERS - 1)

/* Empty where it is all zero. */
struct listener_names {
    char *at[LISTENER_NAMES_OTHER];
    unsigned count;
};

void listener_names_fini(struct listener_names *names);

/* That of |name|, a new one where it has none; LISTENER_NAMES_OTHER where there
 * is no place or no memory for it.
 */
unsigned listener_names_take(struct listener_names *names, const char *name);

/* NULL: no listener had this number. */
const char *listener_names_find(const struct listener_names *names,
                                unsigned number);

#endif
