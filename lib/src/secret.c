/* Wipe, compare, copy: the primitives that touch secrets. Time depends on lengths only. */
#include "handfast/secret.h"

#include <string.h>

void hf_wipe(void *p, size_t len)
{
    if (len == 0)
        return;
    memset(p, 0, len);
#if defined(__GNUC__)
    __asm__ __volatile__("" : : "r"(p) : "memory"); /* the zeros are observable: the store stays */
#else
    volatile uint8_t *v = p;
    while (len-- > 0)
        *v++ = 0;
#endif
}

uint32_t hf_ct_equal(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    uint32_t diff = 0;

    for (size_t i = 0; i < len; i++)
        diff |= hf_ct_barrier((uint32_t)(x[i] ^ y[i]));
    return hf_ct_is_zero(diff);
}

void hf_ct_copy_if(uint32_t mask, uint8_t *out, const uint8_t *in, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = hf_ct_select8(mask, in[i], out[i]);
}
