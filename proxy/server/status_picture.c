/* The last hour as a picture: the sessions as an area, and below them a bar for
 * each minute in which logins failed. It has no text of its own, so that it may
 * be of any width; what it shows stands around it, and in words in its label.
 */
#include "server/status_parts.h"

#include "server/html_writer.h"

#define STEP 10 /* units a minute */
#define WIDTH (STEP * HISTORY_MINUTES)
#define AREA_HEIGHT 100
#define BARS_HEIGHT 30
#define HEIGHT (AREA_HEIGHT + BARS_HEIGHT)

static void number(struct buf *out, uint64_t value)
{
    (void)buf_append_number(out, value);
}

static void attribute(struct buf *out, const char *name, uint64_t value)
{
    html_text(out, " ");
    html_text(out, name);
    html_text(out, "=\"");
    number(out, value);
    html_text(out, "\"");
}

/* From the right end, at which the present minute is. */
static uint64_t x_of(unsigned ago)
{
    return WIDTH - (uint64_t)STEP * ago;
}

static uint64_t scaled(uint64_t value, uint64_t most, uint64_t height)
{
    uint64_t length = most > 0 ? value * height / most : 0;

    return value > 0 && length == 0 ? 1 : length; /* something is to be seen */
}

static void draw_sessions(struct buf *out, const struct history *h,
                          uint64_t most)
{
    const struct history_minute *m = history_minute(h, 0);
    unsigned ago = 0;

    html_text(out, "<path class=\"area\" d=\"M");
    number(out, WIDTH);
    html_text(out, " ");
    number(out, AREA_HEIGHT);
    for (; m != NULL;
         m = ago < HISTORY_MINUTES ? history_minute(h, ago) : NULL) {
        uint64_t y = AREA_HEIGHT - scaled(m->sessions, most, AREA_HEIGHT - 4);

        html_text(out, "L");
        number(out, x_of(ago));
        html_text(out, " ");
        number(out, y);
        html_text(out, "H");
        number(out, x_of(ago + 1));
        ago++;
    }
    html_text(out, "V");
    number(out, AREA_HEIGHT);
    html_text(out, "Z\"/>\n");
}

static void draw_failures(struct buf *out, const struct history *h)
{
    const struct history_minute *m;
    uint64_t most = 0;

    for (unsigned ago = 0; ago < HISTORY_MINUTES; ago++) {
        m = history_minute(h, ago);
        if (m != NULL && m->value[COUNTER_LOGINS_FAILED] > most)
            most = m->value[COUNTER_LOGINS_FAILED];
    }
    for (unsigned ago = 0; ago < HISTORY_MINUTES; ago++) {
        uint64_t height;

        m = history_minute(h, ago);
        if (m == NULL || m->value[COUNTER_LOGINS_FAILED] == 0)
            continue;
        height = scaled(m->value[COUNTER_LOGINS_FAILED], most, BARS_HEIGHT - 4);
        html_text(out, "<rect class=\"bar\"");
        attribute(out, "x", x_of(ago + 1) + 2);
        attribute(out, "y", HEIGHT - height);
        attribute(out, "width", STEP - 4);
        attribute(out, "height", height);
        html_text(out, "/>\n");
    }
}

static void label(struct buf *out, const struct status_figures *f,
                  const struct history_minute *hour)
{
    html_text(out, "Sessions of the last hour: now ");
    html_number(out, f->sessions);
    html_text(out, ", at most ");
    html_number(out, hour->sessions);
    html_text(out, "; logins that failed: ");
    html_number(out, hour->value[COUNTER_LOGINS_FAILED]);
}

void status_write_picture(struct buf *out, const struct status_figures *f,
                          const struct history_minute *hour)
{
    html_text(out, "<figure>\n<p class=\"most\">");
    html_number(out, hour->sessions);
    html_text(out, hour->sessions == 1 ? " session" : " sessions");
    html_text(out, "</p>\n<svg role=\"img\" aria-label=\"");
    label(out, f, hour);
    html_text(out, "\" preserveAspectRatio=\"none\" viewBox=\"0 0 ");
    number(out, WIDTH);
    html_text(out, " ");
    number(out, HEIGHT);
    html_text(out, "\">\n<path class=\"grid\" d=\"M0 4H");
    number(out, WIDTH);
    html_text(out, "M0 52H");
    number(out, WIDTH);
    html_text(out, "M0 100H");
    number(out, WIDTH);
    html_text(out, "\"/>\n");
    draw_sessions(out, f->history, hour->sessions);
    draw_failures(out, f->history);
    html_text(out, "</svg>\n<p class=\"axis\"><span>60 min ago</span>"
                   "<span>30 min</span><span>now</span></p>\n"
                   "<figcaption><span class=\"key area\"></span>sessions at "
                   "one time <span class=\"key bar\"></span>logins that "
                   "failed</figcaption>\n</figure>\n");
}
