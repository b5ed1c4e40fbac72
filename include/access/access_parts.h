/* access_parts.h - the inside of a request, shared by access.c and the steps
 * that it takes.
 */
#ifndef POPINJAY_ACCESS_ACCESS_PARTS_H
#define POPINJAY_ACCESS_ACCESS_PARTS_H

#include "access/access.h"

/* What is said of a refusal, for the log. */
#define ACCESS_PROBLEM_MAX 256

enum access_progress {
    ACCESS_NEXT,  /* the next step may be taken */
    ACCESS_LATER, /* access_go_on is called when it is done; |cancel| is set */
    ACCESS_OVER,  /* the answer is there: access_refuse */
};

typedef enum access_progress access_step(struct access_request *r);

struct access_request {
    struct access *access;
    struct access_question question; /* |given| is the one below */
    struct credentials given;
    struct buf refused;            /* the same of the question's */
    const struct account *account; /* NULL: the client's words pass through */
    enum fault unwelcome;          /* told when the proof was judged; or NONE */
    struct access_answer answer;
    struct credentials used;       /* upstream */
    struct mailbox_list mailboxes; /* answer.mailboxes, where it is not NULL */
    bool folder_named;             /* by the name: user+Folder */

    unsigned step; /* the one that is taken */
    access_answered *answered;
    void *data;

    /* Of the step that takes its time: it is not to go on. */
    void (*cancel)(struct access_request *r);
    struct crypt_job *job;
    uint64_t job_began_ms;
    struct auth_http_ask *ask;
    struct address_text elsewhere; /* the answer's */
    uint64_t ask_began_ms;
    struct token_wish *wish;
    char problem[ACCESS_PROBLEM_MAX];
};

/* The step that took its time is done, with what it would have returned. The
 * request may be gone afterwards.
 */
void access_go_on(struct access_request *r, enum access_progress progress);

/* Always ACCESS_OVER. */
enum access_progress access_refuse(struct access_request *r, enum fault fault,
                                   const char *problem);

/* The mailbox that the name says is one that the answer's policy allows. */
enum access_progress access_judge_folder(struct access_request *r);

/* The steps, each in a file of its name. */
access_step access_step_folder;
access_step access_step_account;
access_step access_step_proof;
access_step access_step_auth_http;
access_step access_step_route;
access_step access_step_secret;

#endif
