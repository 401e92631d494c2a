/* Marks for the constant-time suite, and its cases. */
#ifndef HF_TESTS_CT_H
#define HF_TESTS_CT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

static inline void ct_secret(void *p, size_t len)
{
    VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}
static inline void ct_public(void *p, size_t len)
{
    VALGRIND_MAKE_MEM_DEFINED(p, len);
}

/* Ends the run when a case does not even compute what it should. */
#define CT_REQUIRE(ok)                                                                                                 \
    do {                                                                                                               \
        if (!(ok)) {                                                                                                   \
            fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #ok);                                          \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

void ct_aead(void);
void ct_cbc(void);
void ct_kernels(void);
void ct_hash(void);
void ct_premaster(void);
void ct_protocol(void);
void ct_shani(void); /* only with CT_SHANI */
void ct_x25519(void);

#endif
