#include "sim/plain.h"

/* One line without its end; advances |message| past it. */
static struct span take_line(struct span *message)
{
    size_t end = 0;
    struct span line;

    while (end < message->len && message->data[end] != '\n')
        end++;
    line = span_make(message->data, end);
    if (end == message->len) {
        *message = (struct span){ NULL, 0 };
        return line; /* the last line has no end; a CR in it is its own */
    }
    if (end > 0 && line.data[end - 1] == '\r')
        line.len--;
    *message = span_make(message->data + end + 1, message->len - end - 1);
    return line;
}

void plain_message(struct span message, bool top, uint32_t lines,
                   struct buf *out)
{
    bool in_body = false;
    uint32_t written = 0;

    while (message.len > 0) {
        struct span line;

        if (top && in_body && written++ == lines)
            break;
        line = take_line(&message);
        if (line.len > 0 && line.data[0] == '.')
            buf_append_octet(out, '.');
        buf_append(out, line);
        buf_append_string(out, "\r\n");
        if (line.len == 0)
            in_body = true;
    }
    buf_append_string(out, ".\r\n");
}
