/* Another library's AEAD in a bare loop: as little around it as a record needs. Its figures are what we compare with.
 */
#include <stdlib.h>
#include <string.h>

#include "candidate.h"

typedef struct state {
    hf_rec_case c;
    const hf_rec_aead *aead;
    uint8_t *states; /* one for each record of the batch */
    size_t state_stride, states_made;
    uint8_t *bodies, *plains;
    size_t prefix, body_size, stride;
    uint8_t iv[HF_REC_NONCE_SIZE];
    uint64_t sequence;
} state;

static const hf_rec_aead *find(const hf_rec_maker *maker, hf_cipher_id id)
{
    for (const hf_rec_aead *const *a = maker->aeads; *a; a++)
        if ((*a)->id == id)
            return *a;
    return NULL;
}

static bool offers(const hf_rec_maker *maker, hf_cipher_id id, hf_direction direction)
{
    (void)direction;
    return find(maker, id) != NULL;
}

static void destroy(void *p)
{
    state *s = p;

    for (size_t i = 0; s->aead->cleanup && i < s->states_made; i++)
        s->aead->cleanup(s->states + i * s->state_stride);
    free(s->states);
    free(s->bodies);
    free(s->plains);
    free(s);
}

static void seal_batch(state *s)
{
    uint8_t nonce[HF_REC_NONCE_SIZE], aad[HF_REC_AAD_SIZE];

    for (size_t i = 0; i < s->c.batch; i++) {
        uint8_t *body = s->bodies + i * s->stride;
        uint8_t *data = body + s->prefix;
        hf_rec_nonce(&s->c, s->iv, s->sequence, nonce, aad, body);
        s->aead->seal(s->states + i * s->state_stride, nonce, aad, data, s->c.bytes, data + s->c.bytes);
    }
}

static bool open_batch(state *s)
{
    uint8_t nonce[HF_REC_NONCE_SIZE], aad[HF_REC_AAD_SIZE];
    bool good = true;

    for (size_t i = 0; i < s->c.batch; i++) {
        const uint8_t *data = s->bodies + i * s->stride + s->prefix;
        hf_rec_nonce(&s->c, s->iv, 0, nonce, aad, NULL);
        good &= s->aead->open(s->states + i * s->state_stride, nonce, aad, s->plains + i * s->stride, data, s->c.bytes,
                              data + s->c.bytes);
    }
    return good;
}

static bool make_states(state *s)
{
    uint8_t key[HF_CIPHER_KEY_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];

    for (; s->states_made < s->c.batch; s->states_made++) {
        hf_rec_keys(s->states_made, key, s->iv, mac_key);
        if (!s->aead->init(s->states + s->states_made * s->state_stride, key))
            return false;
    }
    return true;
}

static hf_status make(const hf_rec_maker *maker, const hf_rec_case *c, void **out)
{
    state *s = calloc(1, sizeof *s);

    if (!s)
        return HF_ERR_NO_MEMORY;
    s->c = *c;
    s->aead = find(maker, c->spec->id);
    s->prefix = hf_record_prefix(c->spec, HF_RECORD_TLS12);
    s->body_size = s->prefix + c->bytes + HF_REC_TAG_SIZE;
    s->stride = (s->body_size + 63) & ~(size_t)63;
    s->bodies = aligned_alloc(64, s->stride * c->batch);
    s->plains = aligned_alloc(64, s->stride * c->batch);
    s->state_stride = (s->aead->state_size + 63) & ~(size_t)63;
    s->states = aligned_alloc(64, s->state_stride * c->batch);
    if (!s->bodies || !s->plains || !s->states) {
        destroy(s);
        return HF_ERR_NO_MEMORY;
    }
    memset(s->plains, 0, s->stride * c->batch);
    for (size_t i = 0; i < c->batch; i++)
        hf_rec_pattern(s->bodies + i * s->stride + s->prefix, c->bytes, 4);
    if (!make_states(s)) {
        destroy(s);
        return HF_ERR_UNSUPPORTED;
    }
    if (c->direction == HF_OPEN)
        seal_batch(s);
    *out = s;
    return HF_OK;
}

static bool run(void *p, uint64_t n)
{
    state *s = p;
    bool good = true;

    if (s->c.direction == HF_OPEN) {
        while (n-- > 0)
            good &= open_batch(s);
        return good;
    }
    for (; n > 0; n--, s->sequence++)
        seal_batch(s);
    return good;
}

static const uint8_t *result(const void *p, size_t i, size_t *out_len)
{
    const state *s = p;

    *out_len = s->c.direction == HF_SEAL ? s->body_size : s->c.bytes;
    return s->c.direction == HF_SEAL ? s->bodies + i * s->stride : s->plains + i * s->stride;
}

hf_rec_maker hf_rec_bare_maker(const char *name, const hf_rec_aead *const *aeads)
{
    return (hf_rec_maker){
        .name = name, .aeads = aeads, .offers = offers, .make = make, .run = run, .result = result, .destroy = destroy};
}
