/* load.h - the load generator: many POP3 sessions, and how long they took.
 *
 *   load.c          the command line; starts sessions, no more than wanted at once
 *   load_session.c  one session: what is said in which order, what is read
 *   load_report.c   what is printed at the end
 */
#ifndef POPINJAY_TESTS_BENCH_LOAD_H
#define POPINJAY_TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/endpoint.h"
#include "bench/loop.h"
#include "bench/manifest.h"
#include "bench/samples.h"
#include "bench/security.h"

#define PIPELINE_MAX 1024
#define ERRORS_MAX 5
#define ERROR_TEXT_MAX 256

/* What a session does between login and QUIT. */
enum script {
    SCRIPT_POLL, /* STAT, UIDL */
    SCRIPT_STAT,
    SCRIPT_LIST, /* as poll; its UIDL is what is looked at */
    SCRIPT_RETR,
    SCRIPT_HOLD,      /* STAT, then nothing until told */
    SCRIPT_HANDSHAKE, /* nothing at all, no login either */
};

struct load_options {
    struct endpoint connect;
    bool tls;
    bool resume;
    const char *ca_file;
    const char *server_name;
    const char *user; /* %u in it is the number of the user */
    const char *password;
    const char *manifest;
    const char *script_name;
    enum script script;
    uint64_t users;
    uint64_t sessions;
    uint64_t concurrency;
    uint64_t pipeline; /* RETR commands in flight */
    uint64_t timeout_seconds;
    uint32_t messages; /* 0: as many as STAT says */
    uint32_t repeat;   /* rounds of RETR */
};

struct load_report {
    uint64_t started;
    uint64_t finished; /* those that failed too */
    uint64_t failed;
    uint64_t resumed;
    uint64_t octets; /* of messages */
    uint64_t messages;
    uint64_t mismatches;
    uint64_t retr_ns; /* summed over sessions */
    uint64_t began_ns;
    struct samples session;     /* connect to the server's close */
    struct samples login;       /* connect to +OK of PASS */
    struct samples list;        /* connect to the end of UIDL */
    struct samples first_octet; /* RETR to the first octet of its answer */
    char errors[ERRORS_MAX][ERROR_TEXT_MAX]; /* different ones; "": none */
};

struct load_session;

struct load {
    struct load_options options;
    struct loop loop;
    struct security security;
    struct manifest manifest;
    struct load_report report;
    struct load_session **sessions; /* by number; NULL: not begun, or over */
    uint64_t held;                  /* logged in, and waiting to be told */
    bool released;                  /* they were told */
    bool starting;                  /* some are being started right now */
    struct source timer;            /* of the whole run */
    struct source input;            /* stdin */
};

/* load.c, by a session: it is held, or it is over and about to be freed. */
void load_on_held(struct load *l);
void load_on_over(struct load *l, uint64_t number);

/* load_session.c */
void load_session_start(struct load *l, uint64_t number);
void load_session_release(struct load_session *s); /* it need not hold on */
void load_session_fail(struct load_session *s, const char *why);

/* load_report.c */
void load_report_add_error(struct load_report *r, const char *text);

/* On stdout, as JSON; true where nothing is amiss. */
bool load_report_print(struct load_report *r, const struct load_options *o);

#endif
