/* Record ciphers AES-CBC with HMAC: MAC-then-encrypt (RFC 5246 section 6.2.3.2) and encrypt-then-MAC (RFC 7366).
 * The records of one call are encrypted side by side, since each is a chain. */
#include "builtin.h"
#include "ct.h"
#include "kernel.h"
#include "mte_open.h"
#include "record.h"

typedef struct state {
    const hf_cipher_spec *spec;
    hf_record_mode mode;
    hf_aes_key aes;
    hf_md_hmac_key mac;
} state;

static hf_status init(void *memory, const hf_record_keys *keys, hf_cipher_id id, hf_hash_id hash)
{
    state *s = memory;

    if (keys->mode != HF_RECORD_TLS12 && keys->mode != HF_RECORD_TLS12_ETM)
        return HF_ERR_UNSUPPORTED;
    s->spec = hf_cipher_spec_of(id);
    s->mode = keys->mode;
    hf_aes_key_init(&s->aes, keys->key, s->spec->key_size);
    hf_status status = hf_md_hmac_key_init(&s->mac, hf_md_ops_of(hash), keys->mac_key, s->spec->mac_key_size);
    if (status != HF_OK)
        hf_wipe(s, sizeof *s);
    return status;
}

static void cleanup(void *memory)
{
    hf_wipe(memory, sizeof(state));
}

/* Writes IV, content, MAC-then-encrypt's MAC and padding to job->out, and the chain that encrypts it in place. */
static hf_status seal_prepare(const state *s, hf_record_job *job, hf_cbc_chain *chain)
{
    size_t mac_size = s->spec->mac_key_size;
    size_t total = hf_record_sealed_size(s->spec, s->mode, job->in_len, 0);
    uint8_t *text = job->out + HF_CBC_IV_SIZE;
    size_t len = job->in_len;

    job->out_len = 0;
    if (job->in_len > HF_PLAINTEXT_MAX || job->padding > HF_PLAINTEXT_MAX - job->in_len || !job->cbc_iv)
        return HF_ERR_INVALID;
    if (job->out_max < total)
        return HF_ERR_BUFFER;
    if (job->in != text && len > 0)
        memcpy(text, job->in, len);
    memcpy(job->out, job->cbc_iv, HF_CBC_IV_SIZE);
    if (s->mode == HF_RECORD_TLS12) {
        hf_md_hmac_record(&s->mac, job->sequence, job->content_type, text, len, text + len);
        len += mac_size;
    }
    size_t padding = HF_AES_BLOCK - len % HF_AES_BLOCK; /* with its length byte */
    memset(text + len, (int)(padding - 1), padding);
    len += padding;
    *chain = (hf_cbc_chain){.key = &s->aes, .in = text, .out = text, .blocks = len / HF_AES_BLOCK};
    memcpy(chain->state, job->cbc_iv, HF_CBC_IV_SIZE);
    job->out_len = total;
    return HF_OK;
}

static void seal(void *worker, hf_record_job *jobs, size_t n)
{
    const hf_kernel *kernel = hf_kernel_best();
    hf_cbc_chain chains[HF_CBC_CHAINS_MAX];
    hf_record_job *chained[HF_CBC_CHAINS_MAX];

    (void)worker;
    while (n > 0) {
        size_t count = 0;
        for (; n > 0 && count < HF_CBC_CHAINS_MAX; jobs++, n--) {
            jobs->status = seal_prepare(jobs->key, jobs, &chains[count]);
            if (jobs->status == HF_OK)
                chained[count++] = jobs;
        }
        if (count > 0)
            kernel->cbc_encrypt(chains, count);
        for (size_t i = 0; i < count; i++) {
            const state *s = chained[i]->key;
            if (s->mode != HF_RECORD_TLS12_ETM)
                continue;
            size_t covered = chained[i]->out_len - s->spec->mac_key_size; /* IV and ciphertext */
            hf_md_hmac_record(&s->mac, chained[i]->sequence, chained[i]->content_type, chained[i]->out, covered,
                              chained[i]->out + covered);
        }
    }
}

/* Encrypt-then-MAC: the content's length after decryption is public, since the record was authentic; the padding is
 * still checked without branches on single bytes (RFC 7366 section 3 keeps RFC 5246's rules). */
static void etm_finish(hf_record_job *job, size_t len)
{
    const uint8_t *plain = job->out;
    uint32_t padding = plain[len - 1];
    uint32_t good = hf_ct_lt(padding, (uint32_t)len);
    uint32_t diff = 0;
    size_t scan = len < 256 ? len : 256;

    for (size_t i = 0; i < scan; i++)
        diff |= hf_ct_le((uint32_t)i, padding) & (plain[len - 1 - i] ^ padding);
    good &= hf_ct_is_zero(diff);
    size_t content = hf_ct_declassify(((uint32_t)len - 1 - padding) & good);
    good = hf_ct_declassify(good);
    job->out_len = content;
    job->status = good ? HF_OK : HF_ERR_VERIFY;
    hf_wipe(job->out + job->out_len, len - job->out_len);
}

static bool etm_authentic(const state *s, const hf_record_job *job)
{
    size_t mac_size = s->spec->mac_key_size;
    uint8_t expected[HF_HASH_SIZE_MAX];

    hf_md_hmac_record(&s->mac, job->sequence, job->content_type, job->in, job->in_len - mac_size, expected);
    uint32_t good = hf_ct_equal(expected, job->in + job->in_len - mac_size, mac_size);
    hf_wipe(expected, sizeof expected);
    return hf_ct_declassify(good) != 0;
}

static void open_one(const hf_kernel *kernel, hf_record_job *job)
{
    const state *s = job->key;
    size_t mac_size = s->spec->mac_key_size;
    size_t outside = s->mode == HF_RECORD_TLS12_ETM ? HF_CBC_IV_SIZE + mac_size : HF_CBC_IV_SIZE;
    size_t inside = s->mode == HF_RECORD_TLS12_ETM ? 1 : mac_size + 1; /* shortest plaintext */
    size_t room = job->in_len > HF_CBC_IV_SIZE ? job->in_len - HF_CBC_IV_SIZE : 0;

    job->out_len = 0;
    if (job->out_max < room) {
        job->status = HF_ERR_BUFFER;
        return;
    }
    job->status = HF_ERR_VERIFY;
    if (job->in_len > HF_RECORD_BODY_MAX || job->in_len < outside + inside ||
        (job->in_len - outside) % HF_AES_BLOCK > 0 || (s->mode == HF_RECORD_TLS12_ETM && !etm_authentic(s, job))) {
        hf_wipe(job->out, room);
        return;
    }
    size_t len = job->in_len - outside;
    uint8_t iv[HF_CBC_IV_SIZE];
    memcpy(iv, job->in, sizeof iv);
    kernel->cbc_decrypt(&s->aes, iv, job->in + HF_CBC_IV_SIZE, job->out, len);
    if (s->mode == HF_RECORD_TLS12_ETM)
        etm_finish(job, len);
    else
        hf_mte_finish(&s->mac, job, len);
}

static void open(void *worker, hf_record_job *jobs, size_t n)
{
    const hf_kernel *kernel = hf_kernel_best();

    (void)worker;
    for (size_t i = 0; i < n; i++)
        open_one(kernel, &jobs[i]);
}

#define CBC_CIPHER(name, cipher, hash)                                                                                 \
    static hf_status init_##name(void *memory, const hf_record_keys *keys)                                             \
    {                                                                                                                  \
        return init(memory, keys, cipher, hash);                                                                       \
    }                                                                                                                  \
    const hf_cipher hf_portable_##name = {.id = cipher,                                                                \
                                          .provider = &hf_provider_portable,                                           \
                                          .key_state_size = sizeof(state),                                             \
                                          .key_init = init_##name,                                                     \
                                          .key_cleanup = cleanup,                                                      \
                                          .seal = seal,                                                                \
                                          .open = open}

CBC_CIPHER(aes_128_cbc_sha1, HF_AES_128_CBC_SHA1, HF_SHA1);
CBC_CIPHER(aes_256_cbc_sha1, HF_AES_256_CBC_SHA1, HF_SHA1);
CBC_CIPHER(aes_128_cbc_sha256, HF_AES_128_CBC_SHA256, HF_SHA256);
CBC_CIPHER(aes_256_cbc_sha256, HF_AES_256_CBC_SHA256, HF_SHA256);
CBC_CIPHER(aes_256_cbc_sha384, HF_AES_256_CBC_SHA384, HF_SHA384);
