/* http_stand.h - an HTTP service of a test, on the test's own loop: it keeps what
 * it was asked last, and answers what it was told to.
 */
#ifndef POPINJAY_TESTS_SUPPORT_HTTP_STAND_H
#define POPINJAY_TESTS_SUPPORT_HTTP_STAND_H

#include <stdbool.h>
#include <uv.h>

#define HTTP_STAND_REQUEST_MAX 16384
#define HTTP_STAND_ANSWERS_MAX 16
#define HTTP_STAND_VISITORS_MAX 8 /* at a time */

struct http_visitor;

struct http_stand {
    uv_loop_t *loop;
    uv_tcp_t listening;
    unsigned port;
    unsigned requests;                    /* whole ones so far */
    char request[HTTP_STAND_REQUEST_MAX]; /* the last: head, empty line, body */
    /* In turn, whole answers as they are sent; NULL: the request stays without
     * one. The last is given again and again.
     */
    const char *answers[HTTP_STAND_ANSWERS_MAX];
    unsigned answer_count;
    char url[64]; /* "http://127.0.0.1:PORT" */
    /* Made beforehand: memory may run out in what is tested. */
    struct http_visitor *visitors;
    bool is_closed;
};

/* At a free port of 127.0.0.1. */
void http_stand_open(struct http_stand *s, uv_loop_t *loop);

void http_stand_close(struct http_stand *s);

#endif
