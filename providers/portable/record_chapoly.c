/* Record cipher ChaCha20-Poly1305 (RFC 7905, RFC 8446). */
#include "builtin.h"
#include "ct.h"
#include "record.h"
#include "record_aead.h"

typedef struct state {
    hf_aead_record record;
    uint8_t key[32];
} state;

static hf_status init(void *memory, const hf_record_keys *keys)
{
    state *s = memory;
    hf_status status = hf_aead_record_init(&s->record, HF_CHACHA20_POLY1305, keys);

    if (status == HF_OK)
        memcpy(s->key, keys->key, sizeof s->key);
    return status;
}

static void cleanup(void *memory)
{
    hf_wipe(memory, sizeof(state));
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    const hf_kernel *kernel = hf_kernel_best();
    hf_aead_job a;

    (void)worker;
    for (size_t i = 0; i < n; i++) {
        const state *s = jobs[i].key;
        jobs[i].status = hf_aead_seal_prepare(&s->record, &jobs[i], &a);
        if (jobs[i].status == HF_OK)
            hf_chapoly_seal(s->key, kernel, &a.text, a.out_tag);
    }
}

static void open(void *worker, hf_record_job *jobs, size_t n)
{
    const hf_kernel *kernel = hf_kernel_best();
    hf_aead_job a;

    (void)worker;
    for (size_t i = 0; i < n; i++) {
        const state *s = jobs[i].key;
        jobs[i].status = hf_aead_open_prepare(&s->record, &jobs[i], &a);
        if (jobs[i].status == HF_OK && !hf_chapoly_open(s->key, kernel, &a.text, a.tag)) {
            jobs[i].status = HF_ERR_VERIFY;
            jobs[i].out_len = 0;
        }
    }
}

const hf_cipher hf_portable_chacha20_poly1305 = {
    .id = HF_CHACHA20_POLY1305,
    .provider = &hf_provider_portable,
    .key_state_size = sizeof(state),
    .key_init = init,
    .key_cleanup = cleanup,
    .seal = seal,
    .open = open,
};
