/* An environment that fails on purpose: the n-th allocation, the n-th call of the generator; and that counts, so that
 * a leak or a wrong size in free is seen. */
#ifndef TESTS_FAULTY_H
#define TESTS_FAULTY_H

#include "handfast/handfast.h"

typedef struct faulty {
    hf_env env;                /* what a configuration takes */
    size_t allocs, fail_alloc; /* so many so far; the number of the one that fails, from 1; 0: none */
    size_t randoms, fail_random;
    bool stays; /* every later one fails too */
    size_t live, live_bytes, bad_frees;
    size_t dirty_frees; /* blocks that were not zero when they were given back */
    struct faulty_head *blocks;
} faulty;

/* f must stay where it is as long as anything lives. */
void faulty_init(faulty *f);

/* Whether the bytes stand in any block that lives now. */
bool faulty_holds(const faulty *f, const void *bytes, size_t len);

#endif
