/* The table of paths, its text, and the provider "mixed" that follows it. Two fakes that count their calls stand before
 * libcrypto's AES-128-GCM, so that a test sees who served. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"
#include "paths.h"

/* ---- Two providers that count ---- */

static const hf_cipher *real;
static unsigned seals[2], opens[2], keys_live[2];

static void seal_a(void *worker, hf_record_job *jobs, size_t n)
{
    seals[0]++;
    real->seal(worker, jobs, n);
}
static void seal_b(void *worker, hf_record_job *jobs, size_t n)
{
    seals[1]++;
    real->seal(worker, jobs, n);
}
static void open_a(void *worker, hf_record_job *jobs, size_t n)
{
    opens[0]++;
    real->open(worker, jobs, n);
}
static void open_b(void *worker, hf_record_job *jobs, size_t n)
{
    opens[1]++;
    real->open(worker, jobs, n);
}

static bool b_fails; /* key_init of the second */

static hf_status init_a(void *state, const hf_record_keys *keys)
{
    keys_live[0]++;
    return real->key_init(state, keys);
}
static hf_status init_b(void *state, const hf_record_keys *keys)
{
    if (b_fails)
        return HF_ERR_NO_MEMORY;
    keys_live[1]++;
    return real->key_init(state, keys);
}
static void cleanup_a(void *state)
{
    keys_live[0]--;
    real->key_cleanup(state);
}
static void cleanup_b(void *state)
{
    keys_live[1]--;
    real->key_cleanup(state);
}

static hf_cipher cipher_a, cipher_b;
static const hf_cipher *const list_a[] = {&cipher_a, NULL}, *const list_b[] = {&cipher_b, NULL};
static hf_provider a, b;

/* Sealing: one record by a, more by b; opening: contents beyond 2048 bytes by b, the rest by a. */
static void use_a_and_b(void)
{
    hf_path_table table;

    real = hf_provider_cipher(hf_provider_by_name("libcrypto"), HF_AES_128_GCM);
    a = b = *real->provider;
    a.name = "a";
    b.name = "b";
    a.ciphers = list_a;
    b.ciphers = list_b;
    cipher_a = cipher_b = *real;
    cipher_a.provider = &a;
    cipher_b.provider = &b;
    cipher_a.seal = seal_a;
    cipher_b.seal = seal_b;
    cipher_a.open = open_a;
    cipher_b.open = open_b;
    cipher_a.key_init = init_a;
    cipher_b.key_init = init_b;
    cipher_a.key_cleanup = cleanup_a;
    cipher_b.key_cleanup = cleanup_b;

    hf_path_table_default(&table);
    for (size_t size = 0; size < HF_PATH_SIZES; size++)
        for (size_t batch = 0; batch < HF_PATH_BATCHES; batch++) {
            table.best[HF_AES_128_GCM][HF_SEAL][size][batch] = batch == 0 ? &a : &b;
            table.best[HF_AES_128_GCM][HF_OPEN][size][batch] = size > hf_path_size_class(2048) ? &b : &a;
        }
    cr_assert_eq(hf_path_table_use(&table), HF_OK);
}

static hf_crypto compose(void)
{
    hf_crypto crypto;
    char why[200];
    cr_assert_eq(hf_crypto_compose(NULL, &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    memset(seals, 0, sizeof seals);
    memset(opens, 0, sizeof opens);
    cr_assert_eq(keys_live[0] + keys_live[1], 0, "the self-test leaves keys behind");
    return crypto;
}

enum { MOST = 40, LONGEST = 4000 };

typedef struct rig {
    hf_crypto crypto;
    hf_worker *worker;
    void *seal, *open;
} rig;

static rig rig_new(void)
{
    static const uint8_t key[16] = {1}, iv[12] = {2};
    rig r = {.crypto = compose()};
    const hf_cipher *cipher = r.crypto.ciphers[HF_AES_128_GCM];
    size_t size = (cipher->key_state_size + 63) / 64 * 64;

    cr_assert_str_eq(cipher->provider->name, "mixed");
    cr_assert_eq(hf_worker_new(&r.crypto, &r.worker), HF_OK);
    r.seal = aligned_alloc(64, size);
    r.open = aligned_alloc(64, size);
    for (int d = 0; d < 2; d++) {
        hf_record_keys keys = {.mode = HF_RECORD_TLS13, .direction = (hf_direction)d, .key = key, .iv = iv};
        cr_assert_eq(cipher->key_init(d == HF_SEAL ? r.seal : r.open, &keys), HF_OK);
    }
    return r;
}

static void rig_free(rig *r)
{
    const hf_cipher *cipher = r->crypto.ciphers[HF_AES_128_GCM];
    cipher->key_cleanup(r->seal);
    cipher->key_cleanup(r->open);
    free(r->seal);
    free(r->open);
    hf_worker_free(r->worker);
    cr_expect_eq(keys_live[0], 0);
    cr_expect_eq(keys_live[1], 0);
}

/* n records of `len` bytes there and back. */
static void round_trip(rig *r, size_t n, size_t len)
{
    static uint8_t content[LONGEST], bodies[MOST][LONGEST + 64], back[MOST][LONGEST + 64];
    const hf_cipher *cipher = r->crypto.ciphers[HF_AES_128_GCM];
    hf_record_job jobs[MOST];

    for (size_t i = 0; i < n; i++)
        jobs[i] = (hf_record_job){.key = r->seal,
                                  .sequence = i,
                                  .in = content,
                                  .in_len = len,
                                  .out = bodies[i],
                                  .out_max = sizeof bodies[i],
                                  .content_type = 23};
    hf_worker_run(r->worker, cipher, HF_SEAL, jobs, n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(jobs[i].status, HF_OK);
        cr_assert_eq(jobs[i].key, r->seal, "the key of a job is the caller's");
        jobs[i] = (hf_record_job){.key = r->open,
                                  .sequence = i,
                                  .in = bodies[i],
                                  .in_len = jobs[i].out_len,
                                  .out = back[i],
                                  .out_max = sizeof back[i]};
    }
    hf_worker_run(r->worker, cipher, HF_OPEN, jobs, n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(jobs[i].status, HF_OK);
        cr_assert_eq(jobs[i].key, r->open);
        cr_assert_eq(memcmp(back[i], content, len), 0);
    }
}

static void expect_served(unsigned seal_a_n, unsigned seal_b_n, unsigned open_a_n, unsigned open_b_n)
{
    cr_expect_eq(seals[0], seal_a_n, "a sealed %u times", seals[0]);
    cr_expect_eq(seals[1], seal_b_n, "b sealed %u times", seals[1]);
    cr_expect_eq(opens[0], open_a_n, "a opened %u times", opens[0]);
    cr_expect_eq(opens[1], open_b_n, "b opened %u times", opens[1]);
}

Test(paths, the_table_decides_by_size_and_batch, .init = use_a_and_b)
{
    rig r = rig_new();
    round_trip(&r, 1, 100);
    expect_served(1, 0, 1, 0);
    round_trip(&r, 2, 100);
    expect_served(1, 1, 2, 0);
    round_trip(&r, MOST, 3000);
    expect_served(1, 2, 2, 1);
    round_trip(&r, 1, LONGEST);
    expect_served(2, 2, 2, 2);
    rig_free(&r);
}

/* Both serve both directions, so both hold a key; when the second cannot be made, the first must not be left. */
Test(paths, a_key_that_fails_half_way_leaves_nothing, .init = use_a_and_b)
{
    static const uint8_t key[16], iv[12];
    hf_record_keys keys = {.mode = HF_RECORD_TLS13, .direction = HF_SEAL, .key = key, .iv = iv};
    rig r = rig_new();
    cr_expect_eq(keys_live[0], 2);
    cr_expect_eq(keys_live[1], 2);
    b_fails = true;
    void *state = aligned_alloc(64, (r.crypto.ciphers[HF_AES_128_GCM]->key_state_size + 63) / 64 * 64);
    cr_expect_eq(r.crypto.ciphers[HF_AES_128_GCM]->key_init(state, &keys), HF_ERR_NO_MEMORY);
    cr_expect_eq(keys_live[0], 2);
    free(state);
    rig_free(&r);
}

Test(paths, a_table_is_for_once, .init = use_a_and_b)
{
    hf_path_table table;
    hf_path_table_default(&table);
    cr_expect_eq(hf_path_table_use(&table), HF_ERR_STATE);
}

Test(paths, it_is_too_late_after_a_composition)
{
    hf_path_table table;
    (void)compose();
    hf_path_table_default(&table);
    cr_expect_eq(hf_path_table_use(&table), HF_ERR_STATE);
}

/* ---- The table itself ---- */

Test(paths, classes_end_where_they_say)
{
    cr_expect_eq(hf_path_size_class(0), 0);
    cr_expect_eq(hf_path_size_class(128), 0);
    cr_expect_eq(hf_path_size_class(129), 1);
    cr_expect_eq(hf_path_size_class(8192), 3);
    cr_expect_eq(hf_path_size_class(8193), 4);
    cr_expect_eq(hf_path_size_class(16384), 4);
    cr_expect_eq(hf_path_batch_class(1), 0);
    cr_expect_eq(hf_path_batch_class(2), 1);
    cr_expect_eq(hf_path_batch_class(15), 3);
    cr_expect_eq(hf_path_batch_class(16), 4);
    cr_expect_eq(hf_path_batch_class(32), 5);
    cr_expect_eq(hf_path_batch_class(100000), 5);
}

Test(paths, the_default_serves_every_cell_with_somebody_who_can)
{
    hf_path_table table;
    const char *why;

    hf_path_table_default(&table);
    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        for (size_t cell = 0; cell < 2 * HF_PATH_SIZES * HF_PATH_BATCHES; cell++) {
            const hf_provider *provider = (&table.best[id][0][0][0])[cell];
            cr_assert_not_null(provider);
            cr_expect(provider->available(&why));
            cr_expect_not_null(hf_provider_cipher(provider, (hf_cipher_id)id));
            cr_expect_str_neq(provider->name, "mixed");
        }
}

Test(paths, the_pair_is_the_two_that_serve_most)
{
    const hf_provider *libcrypto = hf_provider_by_name("libcrypto"), *portable = hf_provider_by_name("portable");
    const hf_provider *first, *second, third = {.name = "third"};
    hf_path_table table = {.best = {[0] = {{{NULL}}}}};

    hf_path_pair(&table, HF_AES_128_GCM, &first, &second);
    cr_expect_null(first);
    cr_expect_null(second);
    for (size_t cell = 0; cell < 2 * HF_PATH_SIZES * HF_PATH_BATCHES; cell++)
        (&table.best[HF_AES_128_GCM][0][0][0])[cell] = cell < 40 ? libcrypto : cell < 59 ? portable : &third;
    hf_path_pair(&table, HF_AES_128_GCM, &first, &second);
    cr_expect_eq(first, libcrypto);
    cr_expect_eq(second, portable);
    for (size_t cell = 40; cell < 60; cell++)
        (&table.best[HF_AES_128_GCM][0][0][0])[cell] = libcrypto;
    hf_path_pair(&table, HF_AES_128_GCM, &first, &second);
    cr_expect_eq(first, libcrypto);
    cr_expect_null(second);
}

/* ---- Text ---- */

Test(paths, text_says_what_the_table_says)
{
    static char text[HF_CIPHER_COUNT * 2 * HF_PATH_SIZES * HF_PATH_LINE_MAX];
    hf_path_table table, back;
    size_t len = 0, lines = 0;
    char why[200];

    hf_path_table_default(&table);
    const hf_provider *portable = hf_provider_by_name("portable");
    table.best[HF_AES_256_GCM][HF_OPEN][2][3] = portable;
    table.best[HF_AES_128_CBC_SHA1][HF_SEAL][4][5] = portable;
    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        for (int d = 0; d < 2; d++)
            for (size_t size = 0; size < HF_PATH_SIZES; size++, lines++) {
                hf_path_table_line(&table, (hf_cipher_id)id, (hf_direction)d, size, text + len);
                len += strlen(text + len);
                text[len++] = '\n';
            }
    cr_assert_eq(lines, HF_CIPHER_COUNT * 2 * HF_PATH_SIZES);
    cr_assert_eq(hf_path_table_parse(text, len, &back, why, sizeof why), HF_OK, "%s", why);
    cr_expect_eq(memcmp(&back, &table, sizeof table), 0);
}

static void expect_refused(const char *text, const char *said)
{
    hf_path_table table, before;
    char why[200];

    memset(&table, 0x5a, sizeof table);
    before = table;
    cr_expect_eq(hf_path_table_parse(text, strlen(text), &table, why, sizeof why), HF_ERR_INVALID, "%s", text);
    cr_expect_not_null(strstr(why, said), "%s: %s", text, why);
    cr_expect_eq(memcmp(&table, &before, sizeof table), 0);
}

#define SIX " portable portable portable portable portable portable"

Test(paths, malformed_text_is_refused_with_its_line)
{
    expect_refused("# a comment\n\nAES-129-GCM seal 128" SIX "\n", "line 3: no such cipher");
    expect_refused("AES-128-GCM sela 128" SIX, "line 1: seal or open");
    expect_refused("AES-128-GCM", "seal or open");
    expect_refused("AES-128-GCM seal", "a size");
    expect_refused("AES-128-GCM seal 129" SIX, "128, 512, 2048, 8192 or more");
    expect_refused("AES-128-GCM seal 128 portable portable", "six providers");
    expect_refused("AES-128-GCM seal 128" SIX " portable", "more than six");
    expect_refused("AES-128-GCM seal 128 nobody portable portable portable portable portable", "six providers");
    expect_refused("AES-128-GCM seal 128 mixed portable portable portable portable portable", "cannot serve");
    expect_refused("AES-128-CCM seal 128 x86 portable portable portable portable portable", "");
    expect_refused("AES-128-GCM-AND-A-NAME-THAT-IS-LONGER-THAN-ANY-CIPHER-OF-OURS-COULD-EVER-BE seal 128" SIX,
                   "too long");
}

Test(paths, text_without_a_cipher_leaves_the_default)
{
    static const char text[] = "  # nothing\r\n\nAES-128-GCM open more" SIX "\r\n";
    hf_path_table table, known;
    char why[200];

    hf_path_table_default(&known);
    cr_assert_eq(hf_path_table_parse(text, strlen(text), &table, why, sizeof why), HF_OK, "%s", why);
    for (size_t batch = 0; batch < HF_PATH_BATCHES; batch++)
        known.best[HF_AES_128_GCM][HF_OPEN][4][batch] = hf_provider_by_name("portable");
    cr_expect_eq(memcmp(&table, &known, sizeof table), 0);
    cr_assert_eq(hf_path_table_parse("", 0, &table, why, sizeof why), HF_OK);
}

/* ---- Measuring ---- */

static void count_cell(void *arg, const hf_path_cell *cell)
{
    const hf_provider *const *list = hf_providers();
    size_t k = 0, *n = arg;

    (*n)++;
    while (list[k] && list[k] != cell->best)
        k++;
    cr_assert_not_null(list[k]);
    cr_expect_gt(cell->gbps[k], 0, "the best one was measured");
    for (size_t i = 0; i < HF_PROVIDERS_MAX && list[i]; i++)
        cr_expect(cell->gbps[i] <= cell->gbps[k] * 1.0301, "%s is clearly faster than %s", list[i]->name,
                  cell->best->name);
}

Test(paths, measuring_finds_somebody_for_every_cell)
{
    hf_path_table table, before;
    size_t cells = 0;

    memset(&table, 0, sizeof table);
    before = table;
    cr_expect_eq(hf_path_table_measure(0, &table, NULL, NULL), HF_ERR_INVALID);
    cr_expect_eq(hf_path_table_measure(1001, &table, NULL, NULL), HF_ERR_INVALID);
    cr_expect_eq(memcmp(&table, &before, sizeof table), 0);
    cr_assert_eq(hf_path_table_measure(1, &table, count_cell, &cells), HF_OK);
    cr_expect_eq(cells, HF_CIPHER_COUNT * 2 * HF_PATH_SIZES * HF_PATH_BATCHES);
    for (size_t cell = 0; cell < HF_CIPHER_COUNT * 2 * HF_PATH_SIZES * HF_PATH_BATCHES; cell++)
        cr_expect_not_null((&table.best[0][0][0][0])[cell]);
}
