/* status_families.h - the families of metrics and where their figures come from,
 * shared by its source files only: status_metrics.c (the table of families),
 * status_series.c (what writes the series of one).
 */
#ifndef POPINJAY_SERVER_STATUS_FAMILIES_H
#define POPINJAY_SERVER_STATUS_FAMILIES_H

#include <stddef.h>

#include "base/buf.h"
#include "base/counters.h"
#include "server/status_figures.h"

struct family;

typedef void family_writer(struct buf *out, const struct family *family,
                           const struct status_figures *f);

/* A family whose series are counters: the value of its label, and which. */
struct part {
    const char *value; /* NULL: the last */
    enum counter counter;
};

struct family {
    const char *name;
    const char *type;
    const char *help;
    family_writer *write;
    const char *label; /* of |parts| */
    const struct part *parts;
    enum counter counter;     /* of one series */
    enum counter_stage stage; /* of one histogram */
    size_t field; /* of one series: a uint64_t of struct status_figures, or of
                     each struct status_upstream or token_source_figures */
};

/* Each writes the series of |family|, by what the family has of counters, parts,
 * stages or fields.
 */
family_writer series_counter;
family_writer series_parts;
family_writer series_field;
family_writer series_build;
family_writer series_upstream;
family_writer series_up;
family_writer series_servers_up;
family_writer series_server_failures;
family_writer series_server_certificates;
family_writer series_of_each;
family_writer series_ready;
family_writer series_active;
family_writer series_sessions;
family_writer series_login_failures;
family_writer series_session_ends;
family_writer series_commands;
family_writer series_stage;
family_writer series_upstream_stage;
family_writer series_stages;
family_writer series_limits;
family_writer series_certificates;
family_writer series_attempts;
family_writer series_logins;
family_writer series_upstream_failures;
family_writer series_token_requests;
family_writer series_token_accounts;
family_writer series_of_source;
family_writer series_processor;

#endif
