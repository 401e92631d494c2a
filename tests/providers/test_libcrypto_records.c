/* Record ciphers of the libcrypto provider: what is sealed opens, at every length and in both places, and nothing
 * that was changed does. That the bytes are right is the contract suite's matter (crossed with other providers) and
 * the known answers'; here a plain MAC-then-encrypt record is rebuilt beside the stitched cipher. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"

#define ROOM (HF_RECORD_BODY_MAX + 64)

static void queue_is_clean(void)
{
    cr_assert_eq(ERR_peek_error(), 0, "libcrypto's error queue was left filled");
}

TestSuite(libcrypto_records, .fini = queue_is_clean);

/* One cipher in one mode, with both directions' keys. */
typedef struct pair {
    const hf_cipher *cipher;
    const hf_cipher_spec *spec;
    hf_record_mode mode;
    void *seal_key;
    void *open_key;
    size_t prefix;
} pair;

static const uint8_t secrets[64] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+";
static const uint8_t cbc_iv[HF_CBC_IV_SIZE] = "unpredictable-iv";

static bool pair_init(pair *p, const hf_cipher *cipher, hf_record_mode mode)
{
    const hf_cipher_spec *spec = hf_cipher_spec_of(cipher->id);
    size_t size = (cipher->key_state_size + HF_RECORD_KEY_ALIGN - 1) / HF_RECORD_KEY_ALIGN * HF_RECORD_KEY_ALIGN;
    hf_record_keys keys = {.mode = mode,
                           .direction = HF_SEAL,
                           .key = secrets,
                           .iv = spec->block_size == 1 ? secrets + 7 : NULL,
                           .mac_key = spec->mac_key_size ? secrets + 11 : NULL};

    *p = (pair){.cipher = cipher, .spec = spec, .mode = mode, .prefix = hf_record_prefix(spec, mode)};
    p->seal_key = aligned_alloc(HF_RECORD_KEY_ALIGN, size);
    p->open_key = aligned_alloc(HF_RECORD_KEY_ALIGN, size);
    cr_assert(p->seal_key && p->open_key);
    bool fits = mode == HF_RECORD_TLS12 || (mode == HF_RECORD_TLS13) == (spec->block_size == 1);
    hf_status status = cipher->key_init(p->seal_key, &keys);
    cr_assert_eq(status, fits ? HF_OK : HF_ERR_UNSUPPORTED, "%s in mode %d", spec->name, mode);
    if (!fits) {
        free(p->seal_key);
        free(p->open_key);
        return false;
    }
    keys.direction = HF_OPEN;
    cr_assert_eq(cipher->key_init(p->open_key, &keys), HF_OK);
    return true;
}

static void pair_cleanup(pair *p)
{
    p->cipher->key_cleanup(p->seal_key);
    p->cipher->key_cleanup(p->open_key);
    free(p->seal_key);
    free(p->open_key);
}

static hf_record_job seal_job(const pair *p, const uint8_t *in, size_t len, size_t padding, uint8_t *out,
                              size_t out_max)
{
    return (hf_record_job){.key = p->seal_key,
                           .sequence = 0x0102030405060708,
                           .in = in,
                           .in_len = len,
                           .out = out,
                           .out_max = out_max,
                           .cbc_iv = p->spec->block_size > 1 ? cbc_iv : NULL,
                           .padding = padding,
                           .content_type = 22};
}

static hf_record_job open_job(const pair *p, const uint8_t *in, size_t len, uint8_t *out, size_t out_max)
{
    hf_record_job job = seal_job(p, in, len, 0, out, out_max);

    job.key = p->open_key;
    job.cbc_iv = NULL;
    return job;
}

static void run_seal(const pair *p, hf_record_job *job)
{
    p->cipher->seal(NULL, job, 1);
}

static void run_open(const pair *p, hf_record_job *job)
{
    p->cipher->open(NULL, job, 1);
}

static uint8_t content[HF_PLAINTEXT_MAX];
static uint8_t sealed[ROOM];
static uint8_t other[ROOM];
static uint8_t opened[ROOM];

static void fill_content(void)
{
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* Calls `body` for every cipher in every mode that it has. */
static void for_each_pair(void (*body)(const pair *p))
{
    size_t n = 0;

    fill_content();
    for (const hf_cipher *const *cipher = hf_provider_libcrypto.ciphers; *cipher; cipher++) {
        for (hf_record_mode mode = HF_RECORD_TLS12; mode <= HF_RECORD_TLS13; mode++) {
            pair p;
            if (!pair_init(&p, *cipher, mode))
                continue;
            body(&p);
            queue_is_clean();
            pair_cleanup(&p);
            n++;
        }
    }
    cr_assert_eq(n, 4 * 2 + 5 * 2);
}

/* ---- Round trips ------------------------------------------------------------------------------ */

static void expect_content(const pair *p, const hf_record_job *job, size_t len, size_t padding)
{
    size_t inner = p->mode == HF_RECORD_TLS13 ? len + 1 + padding : len;

    cr_assert_eq(job->status, HF_OK, "%s, mode %d, %zu bytes", p->spec->name, p->mode, len);
    cr_assert_eq(job->out_len, inner);
    cr_assert_arr_eq(job->out, content, len);
    if (p->mode == HF_RECORD_TLS13) {
        cr_assert_eq(job->out[len], 22);
        for (size_t i = len + 1; i < inner; i++)
            cr_assert_eq(job->out[i], 0);
    }
}

static void round_trip(const pair *p, size_t len, size_t padding)
{
    size_t size = hf_record_sealed_size(p->spec, p->mode, len, padding);
    hf_record_job job = seal_job(p, content, len, padding, sealed, size);

    run_seal(p, &job);
    cr_assert_eq(job.status, HF_OK, "%s, mode %d, %zu bytes", p->spec->name, p->mode, len);
    cr_assert_eq(job.out_len, size);
    if (p->spec->block_size > 1)
        cr_assert_arr_eq(sealed, cbc_iv, sizeof cbc_iv);

    memcpy(other + p->prefix, content, len); /* in place: the same bytes */
    job = seal_job(p, other + p->prefix, len, padding, other, size);
    run_seal(p, &job);
    cr_assert_eq(job.status, HF_OK);
    cr_assert_arr_eq(other, sealed, size, "%s, mode %d, %zu bytes", p->spec->name, p->mode, len);

    job = open_job(p, sealed, size, opened, size);
    run_open(p, &job);
    expect_content(p, &job, len, padding);
    other[size] = 0xee;
    job = open_job(p, other, size, other + p->prefix, size);
    run_open(p, &job);
    expect_content(p, &job, len, padding);
    cr_assert_eq(other[size], 0xee);
}

static void all_lengths(const pair *p)
{
    static const size_t large[] = {1023, 1024, 1025, 4096, 16368, 16383, 16384};

    for (size_t len = 0; len <= 300; len++)
        round_trip(p, len, 0);
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        round_trip(p, large[i], 0);
    if (p->mode == HF_RECORD_TLS13) {
        round_trip(p, 0, 1);
        round_trip(p, 5, 251);
        round_trip(p, 5000, 3000);
        round_trip(p, 0, HF_PLAINTEXT_MAX);
    }
}

Test(libcrypto_records, every_length_comes_back)
{
    for_each_pair(all_lengths);
}

/* ---- Refusals --------------------------------------------------------------------------------- */

static void expect_refused(const pair *p, hf_record_job *job, const char *what)
{
    memset(opened, 0xaa, sizeof opened);
    job->out_len = 99;
    run_open(p, job);
    cr_assert_eq(job->status, HF_ERR_VERIFY, "%s, mode %d: %s, %zu bytes", p->spec->name, p->mode, what, job->in_len);
    cr_assert_eq(job->out_len, 0);
    size_t room = job->in_len > p->prefix ? job->in_len - p->prefix : 0;
    for (size_t i = 0; i < room; i++)
        cr_assert_eq(opened[i], 0, "%s: byte %zu shows", p->spec->name, i);
}

static void every_byte_changed(const pair *p)
{
    static const size_t lens[] = {0, 1, 37, 300};

    for (size_t l = 0; l < 4; l++) {
        size_t size = hf_record_sealed_size(p->spec, p->mode, lens[l], 0);
        hf_record_job job = seal_job(p, content, lens[l], 0, sealed, size);
        run_seal(p, &job);
        cr_assert_eq(job.status, HF_OK);
        for (size_t i = 0; i < size; i++) {
            sealed[i] ^= (uint8_t)(1u << (i & 7));
            job = open_job(p, sealed, size, opened, size);
            expect_refused(p, &job, "a changed byte");
            sealed[i] ^= (uint8_t)(1u << (i & 7));
        }
        job = open_job(p, sealed, size, opened, size); /* the key is still good */
        run_open(p, &job);
        expect_content(p, &job, lens[l], 0);
    }
}

Test(libcrypto_records, a_changed_byte_anywhere_is_refused)
{
    for_each_pair(every_byte_changed);
}

static void wrong_place(const pair *p)
{
    size_t size = hf_record_sealed_size(p->spec, p->mode, 50, 0);
    hf_record_job job = seal_job(p, content, 50, 0, sealed, size);
    run_seal(p, &job);
    cr_assert_eq(job.status, HF_OK);

    /* RFC 5288's nonce comes from the record, but the sequence is authenticated all the same. */
    job = open_job(p, sealed, size, opened, size);
    job.sequence++;
    expect_refused(p, &job, "another sequence number");
    if (p->mode != HF_RECORD_TLS13) {
        job = open_job(p, sealed, size, opened, size);
        job.content_type = 23;
        expect_refused(p, &job, "another type");
    }
    for (size_t len = 0; len < size; len++) {
        job = open_job(p, sealed, len, opened, size);
        expect_refused(p, &job, "cut short");
    }
    memset(sealed + size, 0, 64);
    for (size_t more = 1; more <= 32; more++) {
        job = open_job(p, sealed, size + more, opened, size + more);
        expect_refused(p, &job, "bytes behind");
    }
}

Test(libcrypto_records, another_place_or_length_is_refused)
{
    for_each_pair(wrong_place);
}

static void small_rooms(const pair *p)
{
    size_t size = hf_record_sealed_size(p->spec, p->mode, 50, 0);
    hf_record_job job = seal_job(p, content, 50, 0, sealed, size - 1);

    memset(sealed, 0xaa, size);
    run_seal(p, &job);
    cr_assert_eq(job.status, HF_ERR_BUFFER);
    cr_assert_eq(job.out_len, 0);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(sealed[i], 0xaa);
    job = seal_job(p, content, HF_PLAINTEXT_MAX + 1, 0, sealed, sizeof sealed);
    run_seal(p, &job);
    cr_assert_eq(job.status, HF_ERR_INVALID);
    job = seal_job(p, content, 50, 0, sealed, size);
    run_seal(p, &job);
    memset(opened, 0xaa, size);
    job = open_job(p, sealed, size, opened, size - hf_record_prefix(p->spec, p->mode) - 1);
    run_open(p, &job);
    cr_assert_eq(job.status, HF_ERR_BUFFER);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(opened[i], 0xaa);
}

Test(libcrypto_records, too_little_room_writes_nothing)
{
    for_each_pair(small_rooms);
}

static void several_jobs(const pair *p)
{
    hf_record_job jobs[3];
    size_t size = hf_record_sealed_size(p->spec, p->mode, 64, 0);

    for (size_t i = 0; i < 3; i++) {
        jobs[i] = seal_job(p, content + 64 * i, 64, 0, sealed + size * i, size);
        jobs[i].sequence = i;
    }
    jobs[1].out_max = 0; /* a failed job changes no other */
    p->cipher->seal(NULL, jobs, 3);
    cr_assert_eq(jobs[1].status, HF_ERR_BUFFER);
    for (size_t i = 0; i < 3; i += 2) {
        cr_assert_eq(jobs[i].status, HF_OK);
        hf_record_job job = open_job(p, sealed + size * i, size, opened, size);
        job.sequence = i;
        run_open(p, &job);
        cr_assert_eq(job.status, HF_OK);
        cr_assert_arr_eq(opened, content + 64 * i, 64);
    }
    p->cipher->seal(NULL, NULL, 0);
    p->cipher->open(NULL, NULL, 0);
}

Test(libcrypto_records, a_failed_job_changes_no_other)
{
    for_each_pair(several_jobs);
}

/* ---- MAC-then-encrypt beside the RFC ----------------------------------------------------------- */

/* GenericBlockCipher of RFC 5246 section 6.2.3.2 with `padding` bytes of padding (and the length byte). flip: changes
 * the padding byte of that index; SIZE_MAX for none. */
static size_t build_mte(const pair *p, size_t len, size_t padding, size_t flip, uint8_t *out)
{
    static uint8_t plain[ROOM];
    uint8_t message[13 + 512] = {1, 2, 3, 4, 5, 6, 7, 8, 22, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
    unsigned mac_len = 0;
    const EVP_MD *md = p->spec->mac_key_size == 20   ? EVP_sha1()
                       : p->spec->mac_key_size == 32 ? EVP_sha256()
                                                     : EVP_sha384();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    memcpy(message + 13, content, len);
    memcpy(plain, content, len);
    cr_assert_not_null(HMAC(md, secrets + 11, p->spec->mac_key_size, message, 13 + len, plain + len, &mac_len));
    size_t total = len + mac_len;
    memset(plain + total, (int)padding, padding + 1);
    if (flip != SIZE_MAX)
        plain[total + flip] ^= 1;
    total += padding + 1;
    cr_assert_eq(total % 16, 0);
    memcpy(out, cbc_iv, 16);
    cr_assert_eq(
        EVP_EncryptInit_ex(ctx, p->spec->key_size == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc(), NULL, secrets, cbc_iv),
        1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    cr_assert_eq(EVP_EncryptUpdate(ctx, out + 16, &n, plain, (int)total), 1);
    EVP_CIPHER_CTX_free(ctx);
    return 16 + total;
}

static void against_the_rfc(const pair *p)
{
    if (p->spec->block_size == 1 || p->mode != HF_RECORD_TLS12)
        return;
    for (size_t len = 0; len <= 300; len++) {
        size_t shortest = 15 - (len + p->spec->mac_key_size) % 16;
        size_t size = build_mte(p, len, shortest, SIZE_MAX, other);
        hf_record_job job = seal_job(p, content, len, 0, sealed, sizeof sealed);
        run_seal(p, &job);
        cr_assert_eq(job.out_len, size);
        cr_assert_arr_eq(sealed, other, size, "%s, %zu bytes", p->spec->name, len);
    }
}

Test(libcrypto_records, cbc_seals_as_the_rfc_says)
{
    for_each_pair(against_the_rfc);
}

static void longer_padding(const pair *p)
{
    if (p->spec->block_size == 1 || p->mode != HF_RECORD_TLS12)
        return;
    for (size_t len = 0; len <= 70; len += 7) {
        for (size_t padding = 15 - (len + p->spec->mac_key_size) % 16; padding <= 255; padding += 16) {
            size_t size = build_mte(p, len, padding, SIZE_MAX, sealed);
            hf_record_job job = open_job(p, sealed, size, opened, size);
            run_open(p, &job);
            expect_content(p, &job, len, 0);
            if (padding == 0)
                continue;
            size = build_mte(p, len, padding, 0, sealed);
            job = open_job(p, sealed, size, opened, size);
            expect_refused(p, &job, "padding whose first byte is wrong");
            size = build_mte(p, len, padding, padding, sealed);
            job = open_job(p, sealed, size, opened, size);
            expect_refused(p, &job, "padding whose length is wrong");
        }
    }
}

Test(libcrypto_records, any_legal_padding_opens_and_no_other)
{
    for_each_pair(longer_padding);
}
