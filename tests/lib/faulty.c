/* The environment behind faulty.h. */
#include "faulty.h"

#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"
#include "providers/certs.h"

/* In front of every block: its size, to hold against what free says. */
typedef union head {
    size_t size;
    max_align_t align;
} head;

static bool fails(size_t now, size_t at, bool stays)
{
    return at != 0 && (now == at || (stays && now > at));
}

static void *faulty_alloc(void *arg, size_t size)
{
    faulty *f = arg;
    if (fails(++f->allocs, f->fail_alloc, f->stays))
        return NULL;
    head *h = malloc(sizeof *h + size);
    if (!h)
        return NULL;
    h->size = size;
    f->live++;
    f->live_bytes += size;
    memset(h + 1, 0xa5, size);
    return h + 1;
}

static void faulty_free(void *arg, void *p, size_t size)
{
    faulty *f = arg;
    head *h = (head *)p - 1;
    f->bad_frees += h->size != size;
    f->live--;
    f->live_bytes -= h->size;
    free(h);
}

static hf_status faulty_random(void *arg, uint8_t *out, size_t len)
{
    faulty *f = arg;
    if (fails(++f->randoms, f->fail_random, f->stays))
        return HF_ERR_RANDOM;
    return hf_libcrypto_random(NULL, out, len);
}

static int64_t faulty_time(void *arg)
{
    (void)arg;
    return TEST_NOW;
}

void faulty_init(faulty *f)
{
    memset(f, 0, sizeof *f);
    f->env = (hf_env){faulty_alloc, faulty_free, f, faulty_random, f, faulty_time, NULL};
}
