/* Known-answer test of one record cipher: what it seals must be the known record, it must open that record, and it
 * must refuse it after any change. Runs when a composition is chosen, before the cipher sees a peer.
 *
 * Short and long content, and a batch wide enough that every lane of a multi-buffer kernel takes part. */
#include "selftest.h"

#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"
#include "handfast/secret.h"

#define BATCH 17 /* more than the 16 lanes of the widest kernels */
#define BODY_MAX (HF_KAT_LONG + 256)
#define SLOT HF_KAT_SHORT_MAX /* room for a short body in the batch */

typedef struct rig {
    const hf_cipher *cipher;
    const hf_cipher_spec *spec;
    const hf_kat_record *record;
    void *worker;
    void *seal_key, *open_key; /* NULL until key_init went well */
    uint8_t cbc_iv[HF_CBC_IV_SIZE];
    uint8_t content[HF_KAT_LONG];
    uint8_t body[BODY_MAX];
    uint8_t out[BODY_MAX];
} rig;

void hf_kat_content(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)((7 * i + 3) ^ (i >> 8));
}

static void count_up(uint8_t *out, size_t len, unsigned first)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(first + i);
}

static void *make_key(const rig *r, hf_direction direction)
{
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
    count_up(key, sizeof key, 0x10);
    count_up(iv, sizeof iv, 0xa0);
    count_up(mac_key, sizeof mac_key, 0x40);
    hf_record_keys keys = {.mode = r->record->mode,
                           .direction = direction,
                           .key = key,
                           .iv = r->spec->block_size > 1 ? NULL : iv,
                           .mac_key = r->spec->mac_key_size > 0 ? mac_key : NULL};

    size_t size = (r->cipher->key_state_size + HF_RECORD_KEY_ALIGN - 1) / HF_RECORD_KEY_ALIGN * HF_RECORD_KEY_ALIGN;
    void *state = aligned_alloc(HF_RECORD_KEY_ALIGN, size);
    if (state && r->cipher->key_init(state, &keys) != HF_OK) {
        free(state);
        state = NULL;
    }
    return state;
}

static void drop_key(const rig *r, void *state)
{
    if (!state)
        return;
    r->cipher->key_cleanup(state);
    free(state);
}

static hf_record_job seal_job(rig *r, size_t content_len, size_t padding)
{
    bool tls13 = r->record->mode == HF_RECORD_TLS13;
    return (hf_record_job){.key = r->seal_key,
                           .sequence = HF_KAT_SEQUENCE,
                           .in = r->content,
                           .in_len = content_len,
                           .out = r->body,
                           .out_max = sizeof r->body,
                           .cbc_iv = r->spec->block_size > 1 ? r->cbc_iv : NULL,
                           .padding = tls13 ? padding : 0,
                           .content_type = HF_KAT_TYPE,
                           .status = HF_ERR_CRYPTO};
}

static hf_record_job open_job(rig *r, const uint8_t *body, size_t body_len, uint8_t *out)
{
    return (hf_record_job){.key = r->open_key,
                           .sequence = HF_KAT_SEQUENCE,
                           .in = body,
                           .in_len = body_len,
                           .out = out,
                           .out_max = body_len,
                           .content_type = HF_KAT_TYPE,
                           .status = HF_ERR_CRYPTO};
}

/* Whether `job` gave the content, and in TLS 1.3 its type and zeros behind it. */
static bool opened_well(const rig *r, const hf_record_job *job, size_t content_len, size_t padding)
{
    size_t want = content_len;
    if (r->record->mode == HF_RECORD_TLS13)
        want += 1 + padding;
    if (job->status != HF_OK || job->out_len != want || memcmp(job->out, r->content, content_len) != 0)
        return false;
    for (size_t i = content_len; i < want; i++)
        if (job->out[i] != (i == content_len ? HF_KAT_TYPE : 0))
            return false;
    return true;
}

static bool short_record(rig *r)
{
    hf_record_job job = seal_job(r, HF_KAT_SHORT, 0);
    r->cipher->seal(r->worker, &job, 1);
    if (job.status != HF_OK || job.out_len != r->record->short_len ||
        memcmp(r->body, r->record->short_body, job.out_len) != 0)
        return false;
    job = open_job(r, r->record->short_body, r->record->short_len, r->out);
    r->cipher->open(r->worker, &job, 1);
    return opened_well(r, &job, HF_KAT_SHORT, 0);
}

static bool long_record(rig *r)
{
    hf_record_job job = seal_job(r, HF_KAT_LONG, HF_KAT_LONG_PADDING);
    r->cipher->seal(r->worker, &job, 1);
    if (job.status != HF_OK || job.out_len != r->record->long_len ||
        memcmp(r->body + job.out_len - HF_KAT_TAIL, r->record->long_tail, HF_KAT_TAIL) != 0)
        return false;
    job = open_job(r, r->body, r->record->long_len, r->out);
    r->cipher->open(r->worker, &job, 1);
    return opened_well(r, &job, HF_KAT_LONG, HF_KAT_LONG_PADDING);
}

static bool batch_of_records(rig *r)
{
    hf_record_job jobs[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        jobs[i] = seal_job(r, HF_KAT_SHORT, 0);
        jobs[i].out = r->body + i * SLOT;
        jobs[i].out_max = SLOT;
    }
    r->cipher->seal(r->worker, jobs, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        if (jobs[i].status != HF_OK || jobs[i].out_len != r->record->short_len ||
            memcmp(jobs[i].out, r->record->short_body, jobs[i].out_len) != 0)
            return false;
    for (size_t i = 0; i < BATCH; i++)
        jobs[i] = open_job(r, r->body + i * SLOT, r->record->short_len, r->out + i * SLOT);
    r->cipher->open(r->worker, jobs, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        if (!opened_well(r, &jobs[i], HF_KAT_SHORT, 0))
            return false;
    return true;
}

/* Whether `job` is refused and leaves no plaintext: what a provider may have written is the ciphertext's length. */
static bool refused(rig *r, hf_record_job job)
{
    size_t overhead = hf_record_prefix(r->spec, r->record->mode) + r->spec->tag_size;

    if (r->record->mode == HF_RECORD_TLS12_ETM)
        overhead += r->spec->mac_key_size;
    memset(r->out, 0xee, job.in_len);
    r->cipher->open(r->worker, &job, 1);
    if (job.status != HF_ERR_VERIFY || job.out_len != 0)
        return false;
    for (size_t i = 0; i + overhead < job.in_len; i++)
        if (r->out[i] != 0)
            return false;
    return true;
}

/* Every change to the short record or its context, one at a time. */
static bool changed_records(rig *r)
{
    size_t len = r->record->short_len;
    uint8_t *body = r->body;

    memcpy(body, r->record->short_body, len);
    for (size_t i = 0; i < len; i++) {
        body[i] ^= 0x80;
        if (!refused(r, open_job(r, body, len, r->out)))
            return false;
        body[i] ^= 0x80;
    }
    size_t shorter[] = {len - 1, len - 16, 16, 0};
    for (size_t i = 0; i < sizeof shorter / sizeof shorter[0]; i++)
        if (!refused(r, open_job(r, body, shorter[i], r->out)))
            return false;

    hf_record_job job = open_job(r, body, len, r->out);
    job.sequence++;
    /* RFC 5288, RFC 6655: the nonce is in the record there, but the sequence number is in the additional data. */
    if (!refused(r, job))
        return false;
    job = open_job(r, body, len, r->out);
    job.content_type ^= 1;
    return r->record->mode == HF_RECORD_TLS13 || refused(r, job); /* TLS 1.3 always says application_data */
}

static bool one_mode(rig *r)
{
    bool good = false;

    r->seal_key = make_key(r, HF_SEAL);
    r->open_key = make_key(r, HF_OPEN);
    if (r->seal_key && r->open_key)
        good = short_record(r) && long_record(r) && batch_of_records(r) && changed_records(r);
    drop_key(r, r->seal_key);
    drop_key(r, r->open_key);
    return good;
}

hf_status hf_self_test_cipher(const hf_cipher *cipher)
{
    const hf_cipher_spec *spec = hf_cipher_spec_of(cipher->id);
    rig *r = calloc(1, sizeof *r);
    if (!r)
        return HF_ERR_NO_MEMORY;
    r->cipher = cipher;
    r->spec = spec;
    count_up(r->cbc_iv, sizeof r->cbc_iv, 0xd0);
    hf_kat_content(r->content, sizeof r->content);

    hf_status status = spec ? HF_OK : HF_ERR_SELF_TEST;
    if (status == HF_OK && cipher->provider->worker_new)
        status = cipher->provider->worker_new(&r->worker);
    if (status != HF_OK) {
        free(r);
        return status;
    }
    size_t tested = 0;
    for (size_t i = 0; i < hf_kat_record_count && status == HF_OK; i++) {
        r->record = &hf_kat_records[i];
        if (r->record->id != cipher->id)
            continue;
        status = one_mode(r) ? HF_OK : HF_ERR_SELF_TEST;
        tested++;
    }
    if (cipher->provider->worker_free)
        cipher->provider->worker_free(r->worker);
    free(r);
    return status == HF_OK && tested != 2 ? HF_ERR_SELF_TEST : status;
}
