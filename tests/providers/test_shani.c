/* What a peer may send to the provider `shani`, in batches: every padding from 0 to 255 bytes, wrong MACs, wrong
 * paddings, short and long records, keys and modes mixed. The judge is `portable`, record by record. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "cpu.h"
#include "own_rigs.h"
#include "portable/primitives.h"

#define KEYS 5
#define BATCH 19 /* more than a window */
#define BODY_MAX 3072
#define CONTENT_MAX 2000
#define SEED 70

typedef enum fault { NONE, MAC_BIT, PADDING_BYTE, PADDING_LENGTH, CIPHERTEXT_BIT, FAULTS } fault;

typedef struct sent {
    const contract_rig *ours, *judge;
    uint8_t body[BODY_MAX];
    size_t len, content;
    fault what;
} sent;

static own_rigs rigs[KEYS];
static sent records[BATCH];
static uint8_t bodies[BATCH][BODY_MAX], outs[BATCH][BODY_MAX];
static unsigned number; /* of a draw: the same run every time */

static unsigned draw(unsigned below)
{
    uint8_t r[4];

    contract_fill(r, sizeof r, 1000 + number++);
    return ((unsigned)r[0] << 16 | (unsigned)r[1] << 8 | r[2]) % below;
}

/* HMAC over sequence, type, version, length, data. */
static void mac_of(const contract_rig *rig, const uint8_t *mac_key, uint64_t sequence, const uint8_t *data, size_t len,
                   uint8_t *out)
{
    static uint8_t message[13 + BODY_MAX];

    for (size_t i = 0; i < 8; i++)
        message[i] = (uint8_t)(sequence >> (56 - 8 * i));
    memcpy(message + 8, (uint8_t[]){23, 3, 3, (uint8_t)(len >> 8), (uint8_t)len}, 5);
    memcpy(message + 13, data, len);
    size_t size = rig->spec->mac_key_size;
    cr_assert_eq(hf_portable_hmac(size == 20 ? HF_SHA1 : HF_SHA256, mac_key, size, message, 13 + len, out), HF_OK);
}

/* A record with `pad` + 1 bytes of padding, and one thing wrong with it. */
static void make(sent *s, unsigned key_seed, uint64_t sequence, size_t content, size_t pad, fault what)
{
    static uint8_t plain[BODY_MAX];
    uint8_t key[HF_CIPHER_KEY_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
    const contract_rig *rig = s->judge;
    size_t mac = rig->spec->mac_key_size, inner = content;
    bool etm = rig->mode == HF_RECORD_TLS12_ETM;

    contract_fill(key, sizeof key, 3 * key_seed); /* as contract.c makes them */
    contract_fill(mac_key, sizeof mac_key, 3 * key_seed + 2);
    contract_fill(plain, content, number);
    if (!etm) {
        mac_of(rig, mac_key, sequence, plain, content, plain + inner);
        if (what == MAC_BIT)
            plain[inner + draw((unsigned)mac)] ^= (uint8_t)(1u << draw(8));
        inner += mac;
    }
    memset(plain + inner, (int)pad, pad + 1);
    if (what == PADDING_BYTE)
        plain[inner + draw((unsigned)pad + 1)] ^= (uint8_t)(1u << draw(8));
    if (what == PADDING_LENGTH)
        plain[inner + pad] = (uint8_t)draw(256);
    inner += pad + 1;
    memcpy(s->body, contract_cbc_iv, HF_CBC_IV_SIZE);
    cr_assert_eq(
        hf_portable_cbc_encrypt(key, rig->spec->key_size, contract_cbc_iv, plain, inner, s->body + HF_CBC_IV_SIZE),
        HF_OK);
    s->len = HF_CBC_IV_SIZE + inner;
    if (etm) {
        mac_of(rig, mac_key, sequence, s->body, s->len, s->body + s->len);
        s->len += mac;
        if (what == MAC_BIT)
            s->body[s->len - 1 - draw((unsigned)mac)] ^= (uint8_t)(1u << draw(8));
    }
    if (what == CIPHERTEXT_BIT)
        s->body[draw((unsigned)s->len)] ^= (uint8_t)(1u << draw(8));
    s->content = content;
    s->what = what;
}

/* How many of the batch were good. What a record without a fault must be is known without a judge. */
static size_t judge(size_t n, bool in_place)
{
    static uint8_t want[BODY_MAX];
    hf_record_job jobs[BATCH];
    size_t good = 0;

    for (size_t i = 0; i < n; i++) {
        memcpy(bodies[i], records[i].body, records[i].len);
        memset(outs[i], 0xa5, BODY_MAX);
        jobs[i] = contract_open_job(records[i].ours, i, bodies[i], records[i].len,
                                    in_place ? bodies[i] + HF_CBC_IV_SIZE : outs[i]);
    }
    contract_run(records[0].ours, HF_OPEN, jobs, n);
    for (size_t i = 0; i < n; i++) {
        const sent *s = &records[i];
        const char *name = contract_name(s->ours);
        hf_record_job one = contract_open_job(s->judge, i, s->body, s->len, want);
        contract_run(s->judge, HF_OPEN, &one, 1);
        cr_assert(s->what != NONE || one.status == HF_OK, "%s: the judge", name);
        cr_assert_eq(jobs[i].status, one.status, "%s: %zu of %zu: content %zu, body %zu, fault %d: status %d", name, i,
                     n, s->content, s->len, s->what, jobs[i].status);
        cr_assert_eq(jobs[i].out_len, one.out_len, "%s: content %zu, fault %d", name, s->content, s->what);
        cr_assert_eq(memcmp(jobs[i].out, want, s->len - HF_CBC_IV_SIZE - s->judge->tail), 0,
                     "%s: content %zu, fault %d: the room", name, s->content, s->what);
        good += jobs[i].status == HF_OK;
    }
    return good;
}

static bool open_keys(const contract_case *which)
{
    for (unsigned k = 0; k < KEYS; k++) {
        contract_case one = {which->id, k % 2 == 0 ? which->mode : (hf_record_mode)(OWN_MODES_SUM - which->mode)};
        if (!own_rigs_open(&rigs[k], &one, SEED + k))
            return false;
    }
    return true;
}

static void close_keys(void)
{
    for (unsigned k = 0; k < KEYS; k++)
        own_rigs_close(&rigs[k]);
}

/* Record i of a batch under key k. */
static void put(size_t i, unsigned k, size_t content, size_t pad, fault what)
{
    records[i].ours = rigs[k].kernels[0];
    records[i].judge = own_rig_of(&rigs[k], hf_provider_by_name("portable"));
    cr_assert_not_null(records[i].judge);
    make(&records[i], SEED + k, i, content, pad, what);
}

/* The shortest padding that fits, and 16 more of it `more` times; at most 255. */
static size_t padding(unsigned k, size_t content, size_t more)
{
    size_t mac = rigs[k].reference->mode == HF_RECORD_TLS12 ? rigs[k].reference->spec->mac_key_size : 0;
    size_t pad = 15 - (content + mac) % 16 + 16 * more;

    return pad <= 255 ? pad : pad - 16;
}

OWN_EACH_CASE(shani, mixed_batches_are_judged_as_portable_judges)
{
    size_t good = 0, all = 0;

    if (!open_keys(which))
        return;
    for (unsigned round = 0; round < 400; round++) {
        size_t n = 1 + draw(BATCH);
        for (size_t i = 0; i < n; i++) {
            unsigned k = draw(KEYS);
            size_t content = draw(4) == 0 ? draw(CONTENT_MAX) : draw(200);
            put(i, k, content, padding(k, content, draw(16)), (fault)(draw(2) ? NONE : draw(FAULTS)));
        }
        good += judge(n, round % 2);
        all += n;
    }
    cr_expect_geq(good, 1500);
    cr_expect_geq(all - good, 800);
    close_keys();
}

/* Contents over more than a block of the hash, so that each end of it comes with each padding; two of a pair differ. */
OWN_EACH_CASE(shani, every_padding_of_every_content)
{
    size_t pairs = 0;

    if (!open_keys(which))
        return;
    for (size_t content = 0; content < 80; content++)
        for (size_t more = 0; more < 16; more++) {
            for (unsigned i = 0; i < 2; i++)
                put(i, 0, content, padding(0, content, i == 0 ? more : 15 - more), NONE);
            cr_assert_eq(judge(2, content % 2), 2);
            cr_assert_eq(judge(1, content % 2), 1);
            for (unsigned i = 0; i < 2; i++)
                put(i, 0, content, padding(0, content, more), i == pairs % 2 ? MAC_BIT : NONE);
            cr_assert_eq(judge(2, content % 2), 1);
            pairs++;
        }
    cr_expect_eq(pairs, 80 * 16);
    close_keys();
}

/* The provider knows what the CPU says of itself. */
Test(shani, is_available_where_the_cpu_has_it)
{
    const hf_provider *shani = hf_provider_by_name("shani");
    const char *why = "unset";

    cr_assert_eq(shani, &hf_provider_shani);
    cr_expect_eq(shani->available(&why), hf_cpu_has("sha_ni") && hf_cpu_has("aes") && hf_cpu_has("sse4_1"));
    cr_expect_eq(shani->available(&why), strlen(why) == 0);
    cr_expect_eq(shani->available(&why), strlen(shani->version()) > 0);
}
