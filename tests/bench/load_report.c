#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench/load.h"
#include "bench/options.h"

void load_report_add_error(struct load_report *r, const char *text)
{
    char cut[ERROR_TEXT_MAX];

    (void)snprintf(cut, sizeof(cut), "%s", text);
    for (size_t i = 0; i < ERRORS_MAX; i++) {
        if (strcmp(r->errors[i], cut) == 0)
            return;
        if (r->errors[i][0] == '\0') {
            memcpy(r->errors[i], cut, sizeof(cut));
            return;
        }
    }
}

/* What a server said may be no UTF-8; it is shown all the same. */
static json_t *errors_to_json(struct load_report *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < ERRORS_MAX && r->errors[i][0] != '\0'; i++) {
        for (char *c = r->errors[i]; *c != '\0'; c++)
            if (*c < ' ' || *c > '~')
                *c = '?';
        json_array_append_new(list, json_string(r->errors[i]));
    }
    return list;
}

bool load_report_print(struct load_report *r, const struct load_options *o)
{
    double wall_s = (double)(clock_now_ns() - r->began_ns) / 1e9;
    json_t *all = json_pack(
        "{s:s, s:I, s:I, s:o, s:f, s:f, s:I, s:I, s:I, s:I, s:o, s:o, s:o,"
        " s:o, s:f}",
        "script", o->script_name, "sessions", (json_int_t)o->sessions, "failed",
        (json_int_t)r->failed, "errors", errors_to_json(r), "wall_s", wall_s,
        "cpu_s", clock_cpu_seconds(), "octets", (json_int_t)r->octets,
        "messages", (json_int_t)r->messages, "mismatches",
        (json_int_t)r->mismatches, "resumed", (json_int_t)r->resumed,
        "session_ms", samples_to_json(&r->session), "login_ms",
        samples_to_json(&r->login), "list_ms", samples_to_json(&r->list),
        "first_octet_ms", samples_to_json(&r->first_octet), "retr_s",
        (double)r->retr_ns / 1e9);

    if (all == NULL ||
        json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0)
        die(EXIT_FAILED, "no JSON could be made");
    (void)fputc('\n', stdout);
    json_decref(all);
    return r->failed == 0 && r->mismatches == 0;
}
