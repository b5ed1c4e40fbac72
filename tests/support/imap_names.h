/* imap_names.h - names of what the parser of IMAP responses finds, for what tests
 * print and compare.
 */
#ifndef POPINJAY_TESTS_IMAP_NAMES_H
#define POPINJAY_TESTS_IMAP_NAMES_H

#include "imap/code.h"
#include "imap/response.h"

/* In capitals; "" for NONE. */
const char *imap_code_name(enum imap_code code);

/* "fetch uid" */
const char *imap_event_kind_name(enum imap_event_kind kind);

#endif
