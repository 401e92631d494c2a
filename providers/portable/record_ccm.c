/* Record cipher AES-128-CCM (RFC 6655, RFC 8446). The records of one call are hashed side by side. */
#include "builtin.h"
#include "ct.h"
#include "record.h"
#include "record_aead.h"

typedef struct state {
    hf_aead_record record;
    hf_aes_key key;
} state;

/* One turn of the loop: as many records as there are CBC chains. */
typedef struct turn {
    hf_aead_job prepared[HF_CBC_CHAINS_MAX];
    hf_ccm_message messages[HF_CBC_CHAINS_MAX];
    hf_record_job *jobs[HF_CBC_CHAINS_MAX];
    size_t n;
} turn;

static hf_status init(void *memory, const hf_record_keys *keys)
{
    state *s = memory;
    hf_status status = hf_aead_record_init(&s->record, HF_AES_128_CCM, keys);

    if (status == HF_OK)
        hf_aes_key_init(&s->key, keys->key, s->record.spec->key_size);
    return status;
}

static void cleanup(void *memory)
{
    hf_wipe(memory, sizeof(state));
}

/* Adds a job whose preparation succeeded to the turn. */
static void add(turn *t, hf_record_job *job, const state *s)
{
    t->jobs[t->n] = job;
    t->messages[t->n] = (hf_ccm_message){&s->key, t->prepared[t->n].text, HF_AEAD_NONCE, HF_AEAD_TAG, {0}};
    t->n++;
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    const hf_kernel *kernel = hf_kernel_best();
    turn t;

    (void)worker;
    while (n > 0) {
        for (t.n = 0; n > 0 && t.n < HF_CBC_CHAINS_MAX; jobs++, n--) {
            const state *s = jobs->key;
            jobs->status = hf_aead_seal_prepare(&s->record, jobs, &t.prepared[t.n]);
            if (jobs->status == HF_OK)
                add(&t, jobs, s);
        }
        if (t.n > 0)
            hf_ccm_seal(t.messages, t.n, kernel);
        for (size_t i = 0; i < t.n; i++)
            memcpy(t.prepared[i].out_tag, t.messages[i].mac, HF_AEAD_TAG);
    }
}

static void open(void *worker, hf_record_job *jobs, size_t n)
{
    const hf_kernel *kernel = hf_kernel_best();
    const uint8_t *tags[HF_CBC_CHAINS_MAX];
    bool good[HF_CBC_CHAINS_MAX];
    turn t;

    (void)worker;
    while (n > 0) {
        for (t.n = 0; n > 0 && t.n < HF_CBC_CHAINS_MAX; jobs++, n--) {
            const state *s = jobs->key;
            jobs->status = hf_aead_open_prepare(&s->record, jobs, &t.prepared[t.n]);
            if (jobs->status == HF_OK) {
                tags[t.n] = t.prepared[t.n].tag;
                add(&t, jobs, s);
            }
        }
        if (t.n > 0)
            hf_ccm_open(t.messages, t.n, kernel, tags, good);
        for (size_t i = 0; i < t.n; i++) {
            if (!good[i]) {
                t.jobs[i]->status = HF_ERR_VERIFY;
                t.jobs[i]->out_len = 0;
            }
        }
    }
}

const hf_cipher hf_portable_aes_128_ccm = {
    .id = HF_AES_128_CCM,
    .provider = &hf_provider_portable,
    .key_state_size = sizeof(state),
    .key_init = init,
    .key_cleanup = cleanup,
    .seal = seal,
    .open = open,
};
