/* config_units.h - times and sizes as an operator writes them.
 *
 * A whole number, blanks, a unit: proxy.conf.sample.
 */
#ifndef POPINJAY_CONFIG_UNITS_H
#define POPINJAY_CONFIG_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/* Long enough for what config_time_text and config_size_text write. */
#define CONFIG_AMOUNT_TEXT_MAX 32

/* `30 s` in milliseconds; without a unit: seconds. False where it is none. */
MUST_CHECK bool config_time_parse(const char *text, uint64_t *ms);

/* `64 MB` in octets; without a unit: octets. */
MUST_CHECK bool config_size_parse(const char *text, uint64_t *octets);

/* In the unit in which an operator would say it; returns |text|. */
const char *config_time_text(uint64_t ms, char *text, size_t size);
const char *config_size_text(uint64_t octets, char *text, size_t size);

#endif
