/* crc32c.h - the checksum of Castagnoli.
 *
 * Source: RFC 4960 Appendix B, RFC 3720 §12.1. Bit by bit, without a table: it
 * is for headers of some hundred octets.
 */
#ifndef POPINJAY_BASE_CRC32C_H
#define POPINJAY_BASE_CRC32C_H

#include <stdint.h>

#include "base/span.h"

/* The checksum of |octets| behind those whose checksum is |before|; 0: there
 * are none.
 */
uint32_t crc32c_add(uint32_t before, struct span octets);

#endif
