/* model_scram.h - the model server's side of SCRAM-SHA-256: strict in what it
 * takes, and now and then a liar.
 *
 * Its proofs are made by a hash that is quick, and known here only: what matters
 * is which octets go into them.
 *
 * Source: RFC 5802 §5 to §7.
 */
#ifndef POPINJAY_TESTS_MODEL_SCRAM_H
#define POPINJAY_TESTS_MODEL_SCRAM_H

#include "session/scram.h"
#include "support/model_imap.h"

/* What whoever owns the client makes of what it is asked for. */
void model_scram_prove(const struct scram_work *work,
                       struct scram_proof *proof);

/* Of what a server with these traits offers it is the strongest that the client
 * can do.
 */
bool model_scram_is_strongest(const struct model_imap *m);

/* The first message, in base64; and the lines that answer challenges. */
void model_scram_on_first(struct model_imap *m, const char *tag,
                          const char *text);
void model_scram_on_response(struct model_imap *m, const char *tag,
                             const char *text);

#endif
