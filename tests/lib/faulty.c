/* The environment behind faulty.h. */
#include "faulty.h"

#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"
#include "pair.h"
#include "providers/certs.h"

/* In front of every block: its size, to hold against what free says, and its neighbours. */
typedef struct faulty_head {
    _Alignas(max_align_t) size_t size;
    struct faulty_head *next, *before;
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
    *h = (head){.size = size, .next = f->blocks};
    if (h->next)
        h->next->before = h;
    f->blocks = h;
    f->live++;
    f->live_bytes += size;
    memset(h + 1, 0xa5, size);
    return h + 1;
}

static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void faulty_free(void *arg, void *p, size_t size)
{
    faulty *f = arg;
    head *h = (head *)p - 1;
    f->bad_frees += h->size != size;
    f->dirty_frees += !is_zero(p, h->size);
    f->live--;
    f->live_bytes -= h->size;
    if (h->next)
        h->next->before = h->before;
    *(h->before ? &h->before->next : &f->blocks) = h->next;
    free(h);
}

bool faulty_holds(const faulty *f, const void *bytes, size_t len)
{
    for (const head *h = f->blocks; h; h = h->next)
        if (bytes_contain((const uint8_t *)(h + 1), h->size, bytes, len))
            return true;
    return false;
}

static hf_status faulty_random(void *arg, uint8_t *out, size_t len)
{
    faulty *f = arg;
    if (fails(++f->randoms, f->fail_random, f->stays))
        return HF_ERR_RANDOM;
    return hf_env_system()->random(NULL, out, len);
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
