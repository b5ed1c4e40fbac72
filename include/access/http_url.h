/* http_url.h - which addresses of HTTP services may be asked.
 *
 * Where questions and answers hold secrets: over https, or of this machine.
 */
#ifndef POPINJAY_ACCESS_HTTP_URL_H
#define POPINJAY_ACCESS_HTTP_URL_H

#include <stdbool.h>

#include "base/attributes.h"

/* Whether |url| is one that may be asked. |why|, which may be NULL, is then a
 * constant text that completes "the URL ...".
 */
MUST_CHECK bool http_url_is_permitted(const char *url, bool allow_clear,
                                      const char **why);

#endif
