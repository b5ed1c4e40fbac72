/* task.h - a piece of work on the selected mailbox: a few commands in turn.
 *
 * A task begins with its _start and takes each IMAP_SESSION_ITEM and
 * IMAP_SESSION_COMPLETED by its _on_event until it is no longer running. After
 * a pause that the server asked for, _resume sends the last command again.
 */
#ifndef POPINJAY_SESSION_TASK_H
#define POPINJAY_SESSION_TASK_H

enum task_status {
    TASK_RUNNING = 0,
    TASK_DONE = 1,
    TASK_FAILED = -1, /* the task's |fault| says why */
};

#endif
