/* attributes.h - what the compiler is asked to watch over. */
#ifndef POPINJAY_BASE_ATTRIBUTES_H
#define POPINJAY_BASE_ATTRIBUTES_H

/* The result says whether the call did anything; not reading it is a bug. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* One bit for an enum value, for sets of states, verbs and flags. */
#define BIT(n) (1U << (n))

#endif
