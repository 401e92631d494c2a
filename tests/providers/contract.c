/* Rigs, guarded rooms and jobs of the contract suites. */
#include "contract.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "builtin.h"

#define TYPE 23

contract_case contract_cases[CONTRACT_CASES] = {
    {HF_AES_128_GCM, HF_RECORD_TLS12},        {HF_AES_128_GCM, HF_RECORD_TLS13},
    {HF_AES_256_GCM, HF_RECORD_TLS12},        {HF_AES_256_GCM, HF_RECORD_TLS13},
    {HF_CHACHA20_POLY1305, HF_RECORD_TLS12},  {HF_CHACHA20_POLY1305, HF_RECORD_TLS13},
    {HF_AES_128_CCM, HF_RECORD_TLS12},        {HF_AES_128_CCM, HF_RECORD_TLS13},
    {HF_AES_128_CBC_SHA1, HF_RECORD_TLS12},   {HF_AES_128_CBC_SHA1, HF_RECORD_TLS12_ETM},
    {HF_AES_256_CBC_SHA1, HF_RECORD_TLS12},   {HF_AES_256_CBC_SHA1, HF_RECORD_TLS12_ETM},
    {HF_AES_128_CBC_SHA256, HF_RECORD_TLS12}, {HF_AES_128_CBC_SHA256, HF_RECORD_TLS12_ETM},
    {HF_AES_256_CBC_SHA256, HF_RECORD_TLS12}, {HF_AES_256_CBC_SHA256, HF_RECORD_TLS12_ETM},
    {HF_AES_256_CBC_SHA384, HF_RECORD_TLS12}, {HF_AES_256_CBC_SHA384, HF_RECORD_TLS12_ETM},
};

const uint8_t contract_cbc_iv[HF_CBC_IV_SIZE] = {0x3c, 0x91, 0x07, 0xee, 0x52, 0x18, 0xab, 0x60,
                                                 0xd4, 0x2f, 0x75, 0x0b, 0x99, 0xc1, 0x46, 0xf8};

void contract_fill(uint8_t *out, size_t len, unsigned seed)
{
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15) * (seed + 1u);
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (uint8_t)(x >> 32);
    }
}

const char *contract_name(const contract_rig *rig)
{
    static const char *const modes[] = {"TLS 1.2", "TLS 1.2 encrypt-then-MAC", "TLS 1.3"};
    static char name[128];
    (void)snprintf(name, sizeof name, "%s, %s, %s", rig->cipher->provider->name, rig->spec->name, modes[rig->mode]);
    return name;
}

static void *new_key(const contract_rig *rig, hf_direction direction, unsigned seed)
{
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX], mac_key[HF_CIPHER_MAC_KEY_MAX];
    contract_fill(key, sizeof key, 3 * seed);
    contract_fill(iv, sizeof iv, 3 * seed + 1);
    contract_fill(mac_key, sizeof mac_key, 3 * seed + 2);
    hf_record_keys keys = {.mode = rig->mode,
                           .direction = direction,
                           .key = key,
                           .iv = rig->spec->block_size > 1 ? NULL : iv,
                           .mac_key = rig->spec->mac_key_size > 0 ? mac_key : NULL};
    size_t size = (rig->cipher->key_state_size + HF_RECORD_KEY_ALIGN - 1) / HF_RECORD_KEY_ALIGN * HF_RECORD_KEY_ALIGN;
    void *state = aligned_alloc(HF_RECORD_KEY_ALIGN, size);
    cr_assert_not_null(state);
    memset(state, 0x5a, size);
    cr_assert_eq(rig->cipher->key_init(state, &keys), HF_OK, "%s: key_init", contract_name(rig));
    return state;
}

void contract_keys_open(contract_rig *rig, unsigned seed)
{
    rig->seal_key = new_key(rig, HF_SEAL, seed);
    rig->open_key = new_key(rig, HF_OPEN, seed);
}

void contract_keys_close(contract_rig *rig)
{
    rig->cipher->key_cleanup(rig->seal_key);
    rig->cipher->key_cleanup(rig->open_key);
    free(rig->seal_key);
    free(rig->open_key);
}

/* Every built-in provider, and the kernel that this CPU would not choose by itself. */
static void all_providers(const hf_provider *providers[CONTRACT_RIGS_MAX + 1])
{
    size_t n = 0;

    for (const hf_provider *const *p = hf_providers(); *p; p++) {
        cr_assert_lt(n, CONTRACT_RIGS_MAX);
        providers[n++] = *p;
    }
#if HF_HAVE_VAES
    cr_assert_lt(n, CONTRACT_RIGS_MAX);
    providers[n++] = &hf_provider_vaes_narrow;
#endif
    providers[n] = NULL;
}

size_t contract_rigs_open(const contract_case *which, unsigned seed, contract_rig rigs[CONTRACT_RIGS_MAX])
{
    const hf_provider *providers[CONTRACT_RIGS_MAX + 1];
    size_t n = 0;

    all_providers(providers);

    for (size_t p = 0; providers[p]; p++) {
        const char *why = "";
        if (!providers[p]->available(&why))
            continue;
        for (size_t c = 0; providers[p]->ciphers && providers[p]->ciphers[c]; c++) {
            const hf_cipher *cipher = providers[p]->ciphers[c];
            if (cipher->id != which->id)
                continue;
            contract_rig *rig = &rigs[n++];
            hf_crypto crypto = {.ciphers = {[0] = NULL}};
            *rig = (contract_rig){.cipher = cipher, .spec = hf_cipher_spec_of(which->id), .mode = which->mode};
            rig->prefix = hf_record_prefix(rig->spec, which->mode);
            rig->tail = which->mode == HF_RECORD_TLS12_ETM ? rig->spec->mac_key_size : rig->spec->tag_size;
            crypto.ciphers[which->id] = cipher;
            cr_assert_eq(hf_worker_new(&crypto, &rig->worker), HF_OK, "%s: worker", contract_name(rig));
            contract_keys_open(rig, seed);
        }
    }
    return n;
}

void contract_rigs_close(contract_rig *rigs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        contract_keys_close(&rigs[i]);
        hf_worker_free(rigs[i].worker);
    }
}

void contract_room_new(contract_room *room, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (size + page - 1) / page * page;

    room->map_size = inner + 2 * page;
    room->map = mmap(NULL, room->map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)room->map, MAP_FAILED);
    room->low = room->map + page;
    room->high = room->low + inner;
    cr_assert_eq(mprotect(room->low, inner, PROT_READ | PROT_WRITE), 0);
}

void contract_room_free(contract_room *room)
{
    cr_assert_eq(munmap(room->map, room->map_size), 0);
}

hf_record_job contract_seal_job(const contract_rig *rig, uint64_t sequence, const uint8_t *in, size_t in_len,
                                uint8_t *out)
{
    return (hf_record_job){.key = rig->seal_key,
                           .sequence = sequence,
                           .in = in,
                           .in_len = in_len,
                           .out = out,
                           .out_max = hf_record_sealed_size(rig->spec, rig->mode, in_len, 0),
                           .out_len = 0xbad,
                           .cbc_iv = rig->spec->block_size > 1 ? contract_cbc_iv : NULL,
                           .content_type = TYPE,
                           .status = HF_ERR_STATE};
}

hf_record_job contract_open_job(const contract_rig *rig, uint64_t sequence, const uint8_t *in, size_t in_len,
                                uint8_t *out)
{
    return (hf_record_job){.key = rig->open_key,
                           .sequence = sequence,
                           .in = in,
                           .in_len = in_len,
                           .out = out,
                           .out_max = in_len,
                           .out_len = 0xbad,
                           .content_type = TYPE,
                           .status = HF_ERR_STATE};
}

void contract_run(const contract_rig *rig, hf_direction direction, hf_record_job *jobs, size_t n)
{
    hf_worker_run(rig->worker, rig->cipher, direction, jobs, n);
}

size_t contract_seal(const contract_rig *rig, uint64_t sequence, const uint8_t *content, size_t len, uint8_t *out)
{
    hf_record_job job = contract_seal_job(rig, sequence, content, len, out);
    contract_run(rig, HF_SEAL, &job, 1);
    cr_assert_eq(job.status, HF_OK, "%s: sealing %zu bytes: status %d", contract_name(rig), len, job.status);
    cr_assert_eq(job.out_len, job.out_max, "%s: sealing %zu bytes: %zu", contract_name(rig), len, job.out_len);
    return job.out_len;
}

void contract_refused(const contract_rig *rig, hf_record_job job, const char *what)
{
    const uint8_t mark = 0xa5;
    size_t may_write = job.in_len > rig->prefix ? job.in_len - rig->prefix : 0;
    size_t text = may_write > rig->tail ? may_write - rig->tail : 0;

    memset(job.out, mark, job.out_max);
    contract_run(rig, HF_OPEN, &job, 1);
    cr_assert_eq(job.status, HF_ERR_VERIFY, "%s: %s: status %d", contract_name(rig), what, job.status);
    cr_assert_eq(job.out_len, 0, "%s: %s: out_len %zu", contract_name(rig), what, job.out_len);
    for (size_t i = 0; i < job.out_max; i++) {
        bool zero = job.out[i] == 0;
        bool untouched = job.out[i] == mark;
        cr_assert(i < text        ? zero
                  : i < may_write ? zero || untouched
                                  : untouched,
                  "%s: %s: byte %zu of the output is %02x", contract_name(rig), what, i, job.out[i]);
    }
}
