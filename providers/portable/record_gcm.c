/* Record ciphers AES-128-GCM and AES-256-GCM (RFC 5288, RFC 8446). */
#include "builtin.h"
#include "ct.h"
#include "record.h"
#include "record_aead.h"

typedef struct state {
    hf_aead_record record;
    hf_gcm_key key;
} state;

static hf_status init(void *memory, const hf_record_keys *keys, hf_cipher_id id)
{
    state *s = memory;
    hf_status status = hf_aead_record_init(&s->record, id, keys);

    if (status == HF_OK)
        hf_gcm_key_init(&s->key, hf_kernel_best(), keys->key, s->record.spec->key_size);
    return status;
}

static hf_status init_128(void *memory, const hf_record_keys *keys)
{
    return init(memory, keys, HF_AES_128_GCM);
}

static hf_status init_256(void *memory, const hf_record_keys *keys)
{
    return init(memory, keys, HF_AES_256_GCM);
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
            hf_gcm_seal(&s->key, kernel, &a.text, a.out_tag);
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
        if (jobs[i].status != HF_OK)
            continue;
        /* In place the plaintext ends where the tag stands: tag and text do not overlap. */
        if (!hf_gcm_open(&s->key, kernel, &a.text, a.tag)) {
            jobs[i].status = HF_ERR_VERIFY;
            jobs[i].out_len = 0;
        }
    }
}

#define GCM_CIPHER(cipher, key_init_function)                                                                          \
    {                                                                                                                  \
        .id = cipher, .provider = &hf_provider_portable, .key_state_size = sizeof(state),                              \
        .key_init = key_init_function, .key_cleanup = cleanup, .seal = seal, .open = open                              \
    }

const hf_cipher hf_portable_aes_128_gcm = GCM_CIPHER(HF_AES_128_GCM, init_128);
const hf_cipher hf_portable_aes_256_gcm = GCM_CIPHER(HF_AES_256_GCM, init_256);
