/* The protocol's own secret-dependent code: the premaster check, and the way from premaster secret to session keys in
 * both state machines' shared code, over the portable hashes and ciphers; pre-shared keys, binders, tickets. */
#include "ct.h"

#include <string.h>

#include "builtin.h"
#include "conn.h"
#include "prf12.h"
#include "resume.h"

#define MODULUS 256

/* A padded block of which everything is secret; the verdict must not show either. */
static void unpad(unsigned spoil)
{
    uint8_t em[MODULUS], fallback[HF_PREMASTER_SIZE], out[HF_PREMASTER_SIZE];

    memset(em, 0xaa, sizeof em);
    em[0] = 0;
    em[1] = 2;
    em[MODULUS - 49] = 0;
    em[MODULUS - 48] = em[MODULUS - 47] = 3;
    em[spoil] ^= 1;
    memset(fallback, 0x11, sizeof fallback);
    ct_secret(em, sizeof em);
    ct_secret(fallback, sizeof fallback);
    hf_premaster_unpad(em, sizeof em, 0x0303, fallback, out);
}

static void select_plain(uint32_t ok, uint32_t len)
{
    static uint8_t plain[HF_RSA_MAX_BYTES];
    uint8_t fallback[HF_PREMASTER_SIZE] = {0}, out[HF_PREMASTER_SIZE];

    memset(plain, 3, sizeof plain);
    ct_secret(plain, sizeof plain);
    ct_secret(&ok, sizeof ok);
    ct_secret(&len, sizeof len);
    hf_premaster_select(ok, plain, len, 0x0303, fallback, out);
    ct_public(plain, sizeof plain);
}

void ct_premaster(void)
{
    for (unsigned i = 0; i < MODULUS; i += 5)
        unpad(i);
    select_plain(UINT32_MAX, HF_PREMASTER_SIZE);
    select_plain(UINT32_MAX, 17);
    select_plain(0, HF_PREMASTER_SIZE);

    uint8_t a[32] = {1}, b[32] = {1};
    ct_secret(a, sizeof a);
    volatile uint32_t equal = hf_ct_equal(a, b, sizeof a);
    hf_ct_copy_if(equal, b, a, sizeof a);
}

/* As in a server after ClientKeyExchange: a secret premaster, public randoms and transcript. */
static void derive(hf_role role, uint16_t suite_id, bool ems, bool etm, hf_crypto *crypto)
{
    static hf_config config;
    static hf_conn conn;
    const hf_suite *suite = hf_suite_by_id(suite_id);
    uint8_t verify_data[HF_VERIFY_DATA_SIZE];
    static const uint8_t messages[300] = {1};

    config = (hf_config){.env = *hf_env_system(), .crypto = *crypto};
    conn = (hf_conn){.config = &config,
                     .memory = {&config.env, 0},
                     .role = role,
                     .extended_master_secret = ems,
                     .encrypt_then_mac = etm};
    CT_REQUIRE(hf_handshake_new(&conn) == HF_OK);
    hf_handshake *hs = conn.hs;
    hs->suite = suite;
    hs->hash = crypto->hashes[suite->prf_hash];
    CT_REQUIRE(hf_transcript_add(&conn.memory, &hs->transcript, messages, sizeof messages) == HF_OK);
    CT_REQUIRE(hf_transcript_start(&hs->transcript, hs->hash) == HF_OK);
    memset(hs->premaster, 5, sizeof hs->premaster);
    hs->premaster_len = HF_PREMASTER_SIZE;
    ct_secret(hs->premaster, sizeof hs->premaster);

    CT_REQUIRE(hf_derive_master12(&conn) == HF_OK);
    CT_REQUIRE(hf_derive_keys12(&conn) == HF_OK);
    CT_REQUIRE(hf_verify_data12(&conn, HF_ROLE_CLIENT, verify_data) == HF_OK);
    CT_REQUIRE(hf_verify_data12(&conn, HF_ROLE_SERVER, verify_data) == HF_OK);
    /* The verdict over Finished is public; which byte differs is not. */
    volatile uint32_t equal = hf_ct_equal(verify_data, messages, sizeof verify_data);
    (void)equal;
    hf_handshake_free(&conn);
}

/* The pre-shared key of a ticket: from the resumption secret to the binder, and into the schedule. */
static void resume13(const hf_hash *hash)
{
    static const uint8_t transcript[HF_HASH_SIZE_MAX] = {3}, nonce[] = {0};
    uint8_t secret[HF_HASH_SIZE_MAX], psk[HF_HASH_SIZE_MAX], binder[HF_HASH_SIZE_MAX], shared[32];
    hf_schedule13 schedule = {0};

    memset(secret, 7, sizeof secret);
    memset(shared, 8, sizeof shared);
    ct_secret(secret, sizeof secret);
    ct_secret(shared, sizeof shared);
    CT_REQUIRE(hf_psk_of_ticket(hash, secret, (hf_slice){nonce, sizeof nonce}, psk) == HF_OK);
    CT_REQUIRE(hf_psk_binder(hash, psk, transcript, binder) == HF_OK);
    volatile uint32_t equal = hf_ct_equal(binder, transcript, hash->size);
    (void)equal;
    CT_REQUIRE(hf_schedule13_start_psk(&schedule, hash, psk) == HF_OK);
    CT_REQUIRE(hf_schedule13_handshake(&schedule, shared, sizeof shared) == HF_OK);
    CT_REQUIRE(hf_schedule13_master(&schedule) == HF_OK);
    CT_REQUIRE(hf_schedule13_derive(&schedule, HF_PHASE_MASTER, "res master", transcript, secret) == HF_OK);
    hf_schedule13_cleanup(&schedule);
}

/* A ticket sealed: the secret of the period and that of the session. */
static void seal_ticket(hf_crypto *crypto)
{
    static hf_config config;
    static hf_conn conn;
    uint8_t period[HF_TICKET_SECRET_SIZE], secret[HF_PREMASTER_SIZE], room[512];
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_session_state state = {
        .version = HF_TLS12, .suite = 0xc02f, .lifetime_s = 60, .secret = {secret, sizeof secret}};

    config = (hf_config){.env = *hf_env_system(), .crypto = *crypto};
    conn = (hf_conn){.config = &config, .memory = {&config.env, 0}};
    CT_REQUIRE(hf_worker_new(crypto, &conn.worker) == HF_OK);
    CT_REQUIRE(hf_ticket_keys_new(&config.env, crypto, &(hf_ticket_options){.installed = true}, &config.ticket_keys) ==
               HF_OK);
    memset(period, 9, sizeof period);
    memset(secret, 10, sizeof secret);
    ct_secret(period, sizeof period);
    ct_secret(secret, sizeof secret);
    uint64_t epoch = hf_ticket_keys_epoch(config.ticket_keys, config.env.unix_time(NULL));
    CT_REQUIRE(hf_ticket_keys_install(config.ticket_keys, epoch, period) == HF_OK);
    CT_REQUIRE(hf_ticket_seal(&conn, &state, &w) == HF_OK);
    hf_ticket_keys_release(config.ticket_keys);
    hf_worker_free(conn.worker);
}

void ct_protocol(void)
{
    hf_crypto crypto = {0};

    for (const hf_cipher *const *c = hf_provider_portable.ciphers; *c; c++)
        crypto.ciphers[(*c)->id] = *c;
    for (const hf_hash *const *h = hf_provider_portable.hashes; *h; h++)
        crypto.hashes[(*h)->id] = *h;
    for (size_t i = 0; hf_suite_at(i); i++) {
        uint16_t id = hf_suite_at(i)->id;
        bool cbc = hf_suite_is_cbc(hf_suite_by_id(id));
        derive(HF_ROLE_SERVER, id, true, cbc, &crypto);
        derive(HF_ROLE_CLIENT, id, false, false, &crypto);
    }
    resume13(crypto.hashes[HF_SHA256]);
    resume13(crypto.hashes[HF_SHA384]);
    seal_ticket(&crypto);
}
