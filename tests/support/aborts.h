/* aborts.h - shows that an assertion guards against a mistake of ours. */
#ifndef POPINJAY_TESTS_ABORTS_H
#define POPINJAY_TESTS_ABORTS_H

/* Fails the test unless |run| ends in abort(). It is run in a process of its
 * own, whose standard error is not shown.
 */
#define assert_aborts(run) aborts_check(run, __FILE__, __LINE__)

void aborts_check(void (*run)(void), const char *file, int line);

#endif
