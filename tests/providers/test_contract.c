/* The contract of a record cipher, for each provider alone and crossed: lengths, rooms, modes, keys, counters. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "paths.h"

#define EACH_CASE(test)                                                                                                \
    ParameterizedTestParameters(contract, test)                                                                        \
    {                                                                                                                  \
        return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);                                     \
    }                                                                                                                  \
    ParameterizedTest(contract_case *which, contract, test)

/* Which ciphers each provider of this build must have: a list that shrinks is a failure, not a skip. */
Test(contract, nothing_is_missing)
{
    enum { all = (1u << HF_CIPHER_COUNT) - 1 };
    static const struct {
        const char *provider;
        bool built;
        unsigned ciphers; /* a bit for each */
    } expected[] = {{"portable", true, all},
                    {"libcrypto", true, all},
                    {"ipsecmb", HF_HAVE_IPSECMB, all},
                    {"vaes", HF_HAVE_VAES, 1u << HF_AES_128_GCM | 1u << HF_AES_256_GCM},
                    {"ifma", HF_HAVE_IFMA, 1u << HF_CHACHA20_POLY1305},
                    {"shani", HF_HAVE_SHANI,
                     1u << HF_AES_128_CBC_SHA1 | 1u << HF_AES_256_CBC_SHA1 | 1u << HF_AES_128_CBC_SHA256 |
                         1u << HF_AES_256_CBC_SHA256}};

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const hf_provider *provider = hf_provider_by_name(expected[i].provider);
        const char *why = "";
        cr_assert_eq(provider != NULL, expected[i].built, "%s", expected[i].provider);
        if (!provider || !provider->available(&why))
            continue;
        bool seen[HF_CIPHER_COUNT] = {false};
        for (size_t c = 0; provider->ciphers && provider->ciphers[c]; c++) {
            cr_expect_eq(provider->ciphers[c]->provider, provider);
            seen[provider->ciphers[c]->id] = true;
        }
        for (int id = 0; id < HF_CIPHER_COUNT; id++)
            cr_expect(seen[id] == (expected[i].ciphers >> id & 1), "%s and %s", provider->name,
                      hf_cipher_spec_of((hf_cipher_id)id)->name);
    }
}

EACH_CASE(lengths)
{
    contract_lengths(which, 0, 320, 1, true);
    contract_lengths(which, 321, 4096, 97, true);
    contract_lengths(which, 4097, 16000, 1021, true);
    contract_lengths(which, HF_PLAINTEXT_MAX - 17, HF_PLAINTEXT_MAX, 1, true);
}

EACH_CASE(room_too_small_writes_nothing)
{
    contract_rig rigs[CONTRACT_RIGS_MAX];
    size_t n = contract_rigs_open(which, 2, rigs);
    uint8_t content[100], body[300], out[300], untouched[300];

    contract_fill(content, sizeof content, 5);
    memset(untouched, 0xa5, sizeof untouched);
    for (size_t i = 0; i < n; i++) {
        size_t body_len = contract_seal(&rigs[i], 9, content, sizeof content, body);
        for (size_t room = 0; room < body_len; room++) {
            memset(out, 0xa5, sizeof out);
            hf_record_job job = contract_seal_job(&rigs[i], 9, content, sizeof content, out);
            job.out_max = room;
            contract_run(&rigs[i], HF_SEAL, &job, 1);
            cr_assert_eq(job.status, HF_ERR_BUFFER, "%s: seal into %zu of %zu", contract_name(&rigs[i]), room,
                         body_len);
            cr_assert_eq(memcmp(out, untouched, sizeof out), 0, "%s: seal wrote", contract_name(&rigs[i]));

            job = contract_open_job(&rigs[i], 9, body, body_len, out);
            job.out_max = room;
            contract_run(&rigs[i], HF_OPEN, &job, 1);
            if (room >= body_len - rigs[i].prefix) {
                cr_assert_eq(job.status, HF_OK, "%s: open into %zu of %zu", contract_name(&rigs[i]), room, body_len);
                continue;
            }
            cr_assert_eq(job.status, HF_ERR_BUFFER, "%s: open into %zu of %zu", contract_name(&rigs[i]), room,
                         body_len);
            cr_assert_eq(memcmp(out, untouched, sizeof out), 0, "%s: open wrote", contract_name(&rigs[i]));
        }
    }
    contract_rigs_close(rigs, n);
}

/* The room is asked for before anything is judged: also for a body that is too short, too long, or wrong. */
EACH_CASE(room_comes_before_the_verdict)
{
    static uint8_t body[HF_RECORD_BODY_MAX + 16], out[sizeof body], untouched[sizeof body];
    static const size_t lengths[] = {0, 1, 7, 8, 9, 15, 16, 17, 33, 200, HF_RECORD_BODY_MAX, HF_RECORD_BODY_MAX + 16};
    contract_rig rigs[CONTRACT_RIGS_MAX];
    size_t n = contract_rigs_open(which, 12, rigs);

    memset(untouched, 0xa5, sizeof untouched);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            size_t room = lengths[k] > rigs[i].prefix ? lengths[k] - rigs[i].prefix : 0;
            memset(out, 0xa5, sizeof out);
            hf_record_job job = contract_open_job(&rigs[i], 9, body, lengths[k], out);
            job.out_max = room > 0 ? room - 1 : 0;
            contract_run(&rigs[i], HF_OPEN, &job, 1);
            cr_assert_eq(job.status, room > 0 ? HF_ERR_BUFFER : HF_ERR_VERIFY, "%s: %zu bytes: status %d",
                         contract_name(&rigs[i]), lengths[k], job.status);
            cr_assert_eq(job.out_len, 0);
            cr_assert_eq(memcmp(out, untouched, sizeof out), 0, "%s: open wrote", contract_name(&rigs[i]));
            job.out_max = room;
            contract_refused(&rigs[i], job, "zeros");
        }
    contract_rigs_close(rigs, n);
}

/* More than a record may carry is the caller's mistake, and is said so; so is CBC without an IV. */
EACH_CASE(sealing_too_much_is_invalid)
{
    static const struct {
        size_t len, padding;
    } much[] = {{HF_PLAINTEXT_MAX + 1, 0},
                {HF_PLAINTEXT_MAX, 1},
                {1, HF_PLAINTEXT_MAX},
                {0, HF_PLAINTEXT_MAX + 1},
                {1, SIZE_MAX},
                {SIZE_MAX, 0},
                {SIZE_MAX, SIZE_MAX},
                {HF_PLAINTEXT_MAX, SIZE_MAX}};
    static uint8_t content[HF_PLAINTEXT_MAX + 1], out[HF_RECORD_BODY_MAX], untouched[HF_RECORD_BODY_MAX];
    contract_rig rigs[CONTRACT_RIGS_MAX];
    size_t n = contract_rigs_open(which, 13, rigs);

    memset(untouched, 0xa5, sizeof untouched);
    memset(out, 0xa5, sizeof out);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof much / sizeof much[0]; k++) {
            hf_record_job job = contract_seal_job(&rigs[i], 9, content, much[k].len, out);
            job.padding = much[k].padding;
            job.out_max = sizeof out;
            contract_run(&rigs[i], HF_SEAL, &job, 1);
            cr_assert_eq(job.status, HF_ERR_INVALID, "%s: %zu and %zu: status %d", contract_name(&rigs[i]), much[k].len,
                         much[k].padding, job.status);
            cr_assert_eq(job.out_len, 0);
        }
        hf_record_job job = contract_seal_job(&rigs[i], 9, content, 100, out);
        job.cbc_iv = NULL;
        if (rigs[i].spec->block_size > 1) {
            contract_run(&rigs[i], HF_SEAL, &job, 1);
            cr_assert_eq(job.status, HF_ERR_INVALID, "%s: no IV: status %d", contract_name(&rigs[i]), job.status);
        }
        cr_assert_eq(memcmp(out, untouched, sizeof out), 0, "%s: seal wrote", contract_name(&rigs[i]));
    }
    contract_rigs_close(rigs, n);
}

/* TLS 1.3 padding: zeros behind the type, from none to a full record, the same bytes from everyone. */
EACH_CASE(padding_of_tls13)
{
    static const size_t paddings[] = {0, 1, 2, 15, 16, 17, 255, 4096, HF_PLAINTEXT_MAX - 100};
    static uint8_t first[HF_RECORD_BODY_MAX], body[HF_RECORD_BODY_MAX], out[HF_RECORD_BODY_MAX];
    contract_rig rigs[CONTRACT_RIGS_MAX];
    uint8_t content[100];

    if (which->mode != HF_RECORD_TLS13)
        return;
    contract_fill(content, sizeof content, 6);
    size_t n = contract_rigs_open(which, 3, rigs);
    for (size_t p = 0; p < sizeof paddings / sizeof paddings[0]; p++)
        for (size_t i = 0; i < n; i++) {
            hf_record_job job = contract_seal_job(&rigs[i], p, content, sizeof content, i == 0 ? first : body);
            job.padding = paddings[p];
            job.out_max = hf_record_sealed_size(rigs[i].spec, rigs[i].mode, sizeof content, paddings[p]);
            contract_run(&rigs[i], HF_SEAL, &job, 1);
            cr_assert_eq(job.status, HF_OK, "%s: padding %zu", contract_name(&rigs[i]), paddings[p]);
            cr_assert_eq(memcmp(job.out, first, job.out_len), 0, "%s: padding %zu", contract_name(&rigs[i]),
                         paddings[p]);

            job = contract_open_job(&rigs[i], p, first, job.out_len, out);
            contract_run(&rigs[i], HF_OPEN, &job, 1);
            cr_assert_eq(job.status, HF_OK);
            cr_assert_eq(job.out_len, sizeof content + 1 + paddings[p]);
            cr_assert_eq(memcmp(out, content, sizeof content), 0);
            cr_assert_eq(out[sizeof content], job.content_type);
            for (size_t k = sizeof content + 1; k < job.out_len; k++)
                cr_assert_eq(out[k], 0);
        }
    contract_rigs_close(rigs, n);
}

EACH_CASE(other_modes_are_refused)
{
    contract_rig rigs[CONTRACT_RIGS_MAX];
    size_t n = contract_rigs_open(which, 4, rigs);
    hf_record_mode wrong = rigs[0].spec->block_size > 1 ? HF_RECORD_TLS13 : HF_RECORD_TLS12_ETM;
    uint8_t key[HF_CIPHER_KEY_MAX] = {0}, iv[HF_CIPHER_IV_MAX] = {0}, mac_key[HF_CIPHER_MAC_KEY_MAX] = {0};

    for (size_t i = 0; i < n; i++) {
        hf_record_keys keys = {.mode = wrong, .direction = HF_SEAL, .key = key, .iv = iv, .mac_key = mac_key};
        void *state = aligned_alloc(HF_RECORD_KEY_ALIGN, (rigs[i].cipher->key_state_size + 63) / 64 * 64);
        cr_assert_eq(rigs[i].cipher->key_init(state, &keys), HF_ERR_UNSUPPORTED, "%s", contract_name(&rigs[i]));
        free(state);
    }
    contract_rigs_close(rigs, n);
}

/* The budget of an idle connection is 8 KiB, so two directions must leave room for the rest; and no key survives. */
EACH_CASE(keys_are_small_and_wiped)
{
    contract_rig rigs[CONTRACT_RIGS_MAX];
    size_t n = contract_rigs_open(which, 5, rigs);

    for (size_t i = 0; i < n; i++) {
        size_t size = rigs[i].cipher->key_state_size;
        cr_expect_leq(size, 2048, "%s: %zu bytes", contract_name(&rigs[i]), size);
        uint8_t *state = rigs[i].seal_key;
        rigs[i].cipher->key_cleanup(state);
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(state[k], 0, "%s: byte %zu of %zu stays", contract_name(&rigs[i]), k, size);
        rigs[i].cipher->key_cleanup(rigs[i].open_key);
        free(rigs[i].seal_key);
        free(rigs[i].open_key);
        hf_worker_free(rigs[i].worker);
    }
}

/* A forced composition runs the forced provider and no other: the descriptor is its own and the worker counted it. */
EACH_CASE(the_forced_provider_runs)
{
    const hf_provider *const *providers = hf_providers();
    uint8_t content[50] = {1}, body[200];

    for (size_t p = 0; providers[p]; p++) {
        hf_crypto crypto;
        char why[200];
        const char *unavailable = "";
        if (!providers[p]->ciphers || !providers[p]->available(&unavailable))
            continue;
        cr_assert_eq(hf_crypto_compose(providers[p]->name, &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
        contract_rig rig = {
            .cipher = crypto.ciphers[which->id], .spec = hf_cipher_spec_of(which->id), .mode = which->mode};
        cr_assert_eq(rig.cipher, hf_provider_cipher(providers[p], which->id), "%s: %s", providers[p]->name,
                     rig.spec->name);
        if (!rig.cipher)
            continue;
        cr_assert_eq(rig.cipher->provider, providers[p]);
        cr_assert_eq(hf_worker_new(&crypto, &rig.worker), HF_OK);
        contract_keys_open(&rig, 6);

        hf_worker_counts counts;
        size_t body_len = contract_seal(&rig, 0, content, sizeof content, body);
        (void)contract_seal(&rig, 0, content, sizeof content, body);
        hf_record_job job = contract_open_job(&rig, 0, body, body_len, body + rig.prefix);
        contract_run(&rig, HF_OPEN, &job, 1);
        hf_worker_get_counts(rig.worker, &counts);
        for (int id = 0; id < HF_CIPHER_COUNT; id++) {
            bool ours = id == (int)which->id;
            cr_assert_eq(counts.records[id][HF_SEAL], ours ? 2 : 0);
            cr_assert_eq(counts.records[id][HF_OPEN], ours ? 1 : 0);
        }
        contract_keys_close(&rig);
        hf_worker_free(rig.worker);
    }
}
