#include "base/crc32c.h"

#define POLYNOMIAL 0x82f63b78U /* 0x1edc6f41, its bits the other way round */

uint32_t crc32c_add(uint32_t before, struct span octets)
{
    uint32_t crc = ~before;

    for (size_t i = 0; i < octets.len; i++) {
        crc ^= octets.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    }
    return ~crc;
}
