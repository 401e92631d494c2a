/* A version or suite that a policy excludes is never negotiated, in any combination: every policy with every range of
 * versions, as server before a client that offers anything, as client before a server that chooses anything, and each
 * of them before each other. What a policy allows is written down here once more, from the table of its definition. */
#include <criterion/criterion.h>
#include <string.h>

#include "conn.h"
#include "world.h"

TestSuite(policies, .timeout = 300);

/* ---- What is allowed, said again ---- */

typedef struct range {
    hf_policy_id policy;
    uint16_t min, max;
} range;

static const range ranges[] = {
    {HF_POLICY_MODERN, HF_TLS12, HF_TLS13},       {HF_POLICY_MODERN, HF_TLS13, HF_TLS13},
    {HF_POLICY_INTERMEDIATE, HF_TLS12, HF_TLS13}, {HF_POLICY_INTERMEDIATE, HF_TLS12, HF_TLS12},
    {HF_POLICY_INTERMEDIATE, HF_TLS13, HF_TLS13}, {HF_POLICY_COMPATIBLE, HF_TLS12, HF_TLS13},
    {HF_POLICY_COMPATIBLE, HF_TLS12, HF_TLS12},   {HF_POLICY_COMPATIBLE, HF_TLS13, HF_TLS13},
};
#define N_RANGES (sizeof ranges / sizeof ranges[0])

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* modern: TLS 1.3. intermediate: also ECDHE with an AEAD. compatible: also CBC, and RSA key transport. */
static bool allows(const range *r, uint16_t version, const char *suite)
{
    bool of13 = !strstr(suite, "_WITH_"), cbc = strstr(suite, "_CBC_") != NULL;
    if (version < r->min || version > r->max || of13 != (version == HF_TLS13))
        return false;
    switch (r->policy) {
    case HF_POLICY_MODERN:
        return of13;
    case HF_POLICY_INTERMEDIATE:
        return of13 || (begins(suite, "TLS_ECDHE_") && !cbc);
    case HF_POLICY_COMPATIBLE:
        return of13 || begins(suite, "TLS_ECDHE_") || begins(suite, "TLS_RSA_");
    }
    return false;
}

/* Every suite of ours, and some that nobody should choose: NULL, RC4, DES, export, anonymous, an SCSV, GREASE,
 * CCM_8. */
static const uint16_t foreign[] = {0x0000, 0x0001, 0x0004, 0x0005, 0x0009, 0x000a, 0x0018, 0x0034,
                                   0x00ff, 0x0a0a, 0x1305, 0xc007, 0xc016, 0xc0a0, 0x0033, 0x009e};

static size_t all_suites(uint16_t out[64])
{
    size_t n = 0;
    for (const hf_suite_info *s; (s = hf_suite_at(n)) != NULL; n++)
        out[n] = s->id;
    cr_assert_eq(n, 24);
    memcpy(out + n, foreign, sizeof foreign);
    return n + sizeof foreign / sizeof foreign[0];
}

static bool allowed_id(const range *r, uint16_t version, uint16_t suite)
{
    const char *name = hf_suite_name(suite);
    return name && allows(r, version, name);
}

static hf_config *config_of(const range *r, hf_role role)
{
    hf_config *config = NULL;
    cr_assert_eq(hf_config_new(world_env(), world_crypto(), &config), HF_OK);
    cr_assert_eq(hf_config_set_policy(config, r->policy), HF_OK);
    cr_assert_eq(hf_config_set_versions(config, r->min, r->max), HF_OK);
    if (role == HF_ROLE_SERVER) {
        const test_cert *const certs[] = {world_server("RSA-2048"), world_server("P-256")};
        for (size_t i = 0; i < 2; i++) {
            const uint8_t *ders[] = {certs[i]->der};
            const hf_credential credential = {ders, &certs[i]->der_len, 1, world_key(certs[i])};
            cr_assert_eq(hf_config_add_credential(config, &credential), HF_OK);
        }
    } else {
        cr_assert_eq(hf_config_set_insecure(config, true), HF_OK);
    }
    cr_assert_eq(hf_config_build(config, role, NULL, 0), HF_OK);
    return config;
}

/* ---- Both directions of raw bytes ---- */

static void feed(hf_conn *conn, hf_worker *worker, const uint8_t *bytes, size_t len)
{
    while (len > 0 && hf_conn_status(conn) == HF_OK) {
        uint8_t *room;
        size_t size;
        cr_assert_eq(hf_conn_input_buf(conn, &room, &size), HF_OK);
        size = size < len ? size : len;
        memcpy(room, bytes, size);
        cr_assert_eq(hf_conn_input_ack(conn, size), HF_OK);
        bytes += size;
        len -= size;
        hf_status status = hf_conn_step(conn, worker);
        (void)status;
    }
}

/* One plaintext record with one message. */
static size_t record_of(const uint8_t *message, size_t len, uint8_t *out)
{
    const uint8_t header[5] = {22, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(out, header, 5);
    memcpy(out + 5, message, len);
    return len + 5;
}

static const uint8_t share13[] = {0, 0x1d, 0, 32, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4,
                                  5, 6,    7, 8,  9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4};
static const uint8_t schemes[] = {4, 3, 8, 4, 4, 1, 5, 3, 8, 5};
static const uint8_t groups[] = {0, 0x1d, 0, 0x17};
static const uint8_t random_bytes[32] = {7};

/* A client's offer; versions NULL: no supported_versions. */
static size_t client_offer(uint8_t *out, const uint16_t *suites, size_t n, hf_slice versions)
{
    static uint8_t message[1024], list[128];
    hf_writer w = hf_writer_of(message, sizeof message), s = hf_writer_of(list, sizeof list);
    for (size_t i = 0; i < n; i++)
        hf_write_u16(&s, suites[i]);
    hf_client_hello hello = {.legacy_version = HF_TLS12,
                             .random = {random_bytes, 32},
                             .cipher_suites = {list, s.len},
                             .compression_methods = {(const uint8_t *)"", 1}};
    hello.ext.present = HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS) | HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS) |
                        HF_EXT_BIT(HF_EXT_KEY_SHARE) | HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET) |
                        HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO);
    hello.ext.signature_algorithms = (hf_slice){schemes, sizeof schemes};
    hello.ext.supported_groups = (hf_slice){groups, sizeof groups};
    hello.ext.key_shares = (hf_slice){share13, sizeof share13};
    if (versions.ptr) {
        hello.ext.present |= HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS);
        hello.ext.supported_versions = versions;
    }
    hf_client_hello_write(&w, &hello);
    cr_assert(hf_writer_ok(&w) && hf_writer_ok(&s));
    return record_of(message, w.len, out);
}

/* ---- The server ---- */

static const hf_slice version_lists[] = {
    {NULL, 0},
    {(const uint8_t *)"\3\3", 2},
    {(const uint8_t *)"\3\4", 2},
    {(const uint8_t *)"\3\4\3\3", 4},
    {(const uint8_t *)"\3\3\3\4", 4},
    {(const uint8_t *)"\3\2\3\1\3\0", 6},
    {(const uint8_t *)"\x0a\x0a\3\5", 4},
};
#define N_VERSIONS (sizeof version_lists / sizeof version_lists[0])

static bool offers(hf_slice versions, uint16_t version)
{
    if (!versions.ptr)
        return version == HF_TLS12;
    for (size_t i = 0; i < versions.len; i += 2)
        if ((versions.ptr[i] << 8 | versions.ptr[i + 1]) == version)
            return true;
    return false;
}

/* What the server makes of an offer: never what it excludes, nor what was not offered. Returns whether it answers. */
static bool answers(hf_config *config, const range *r, const uint16_t *suites, size_t n, hf_slice versions)
{
    static uint8_t bytes[2048];
    hf_conn_info info;
    hf_worker *worker;
    hf_conn *conn;
    bool offered = false;

    cr_assert_eq(hf_worker_new(world_crypto(), &worker), HF_OK);
    cr_assert_eq(hf_conn_new(config, NULL, &conn), HF_OK);
    feed(conn, worker, bytes, client_offer(bytes, suites, n, versions));
    hf_conn_get_info(conn, &info);
    bool alive = hf_conn_status(conn) == HF_OK;
    if (alive) {
        for (size_t i = 0; i < n; i++)
            offered |= suites[i] == info.suite;
        cr_assert(allowed_id(r, info.version, info.suite), "policy %d, %04x..%04x: version %04x, suite %04x", r->policy,
                  r->min, r->max, info.version, info.suite);
        cr_assert(offered && offers(versions, info.version), "%04x was not offered", info.suite);
    } else {
        cr_assert(hf_status_is_send(hf_conn_status(conn)));
    }
    hf_conn_free(conn);
    hf_worker_free(worker);
    return alive;
}

Test(policies, server_before_every_offer)
{
    uint16_t suites[64];
    size_t n = all_suites(suites), answered = 0, refused = 0;
    for (size_t i = 0; i < N_RANGES; i++) {
        hf_config *config = config_of(&ranges[i], HF_ROLE_SERVER);
        for (size_t v = 0; v < N_VERSIONS; v++) {
            bool any = false;
            for (size_t s = 0; s < n; s++) {
                bool possible = false;
                for (uint16_t version = HF_TLS12; version <= HF_TLS13; version++)
                    possible |= offers(version_lists[v], version) && allowed_id(&ranges[i], version, suites[s]);
                bool did = answers(config, &ranges[i], &suites[s], 1, version_lists[v]);
                /* A list with TLS 1.3 in it and a suite of TLS 1.2 alone is no offer of TLS 1.2: section 4.1.1. */
                cr_assert(did <= possible, "%zu, %zu, %04x", i, v, suites[s]);
                any |= did;
                *(did ? &answered : &refused) += 1;
            }
            cr_assert_eq(answers(config, &ranges[i], suites, n, version_lists[v]), any, "all of them at once");
        }
        hf_config_release(config);
    }
    cr_assert_geq(answered, 100, "%zu", answered);
    cr_assert_geq(refused, 1500, "%zu", refused);
}

/* ---- The client ---- */

/* A ServerHello of `version` with `suite`, to a client of TLS 1.3 and/or 1.2. */
static size_t server_choice(uint8_t *out, const hf_client_hello *offer, uint16_t version, uint16_t suite)
{
    static const uint8_t version13[] = {3, 4};
    static uint8_t message[512];
    hf_writer w = hf_writer_of(message, sizeof message);
    hf_server_hello hello = {
        .version = HF_TLS12, .random = {random_bytes, 32}, .session_id = offer->session_id, .cipher_suite = suite};
    if (version == HF_TLS13) {
        hello.ext.present = HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS) | HF_EXT_BIT(HF_EXT_KEY_SHARE);
        hello.ext.supported_versions = (hf_slice){version13, 2};
        hello.ext.key_share_group = HF_GROUP_X25519;
        hello.ext.key_share = (hf_slice){share13 + 4, 32};
    } else {
        hello.version = version;
        hello.session_id = (hf_slice){0};
        hello.ext.present = HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET) | HF_EXT_BIT(HF_EXT_RENEGOTIATION_INFO);
    }
    hf_server_hello_write(&w, &hello);
    cr_assert(hf_writer_ok(&w));
    return record_of(message, w.len, out);
}

Test(policies, client_before_every_choice)
{
    static const uint16_t versions[] = {0x0300, 0x0301, 0x0302, HF_TLS12, HF_TLS13};
    static uint8_t bytes[1024];
    uint16_t suites[64];
    size_t n = all_suites(suites), taken = 0;
    for (size_t i = 0; i < N_RANGES; i++) {
        hf_config *config = config_of(&ranges[i], HF_ROLE_CLIENT);
        for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++) {
            for (size_t s = 0; s < n; s++) {
                hf_client_hello offer;
                const uint8_t *sent;
                hf_worker *worker;
                hf_conn *conn;
                size_t len;
                cr_assert_eq(hf_worker_new(world_crypto(), &worker), HF_OK);
                cr_assert_eq(hf_conn_new(config, NULL, &conn), HF_OK);
                cr_assert_eq(hf_conn_step(conn, worker), HF_OK);
                cr_assert_eq(hf_conn_output_buf(conn, &sent, &len), HF_OK);
                cr_assert_eq(hf_client_hello_parse((hf_slice){sent + 9, len - 9}, &offer), HF_OK);
                feed(conn, worker, bytes, server_choice(bytes, &offer, versions[v], suites[s]));
                bool alive = hf_conn_status(conn) == HF_OK;
                cr_assert_eq(alive, allowed_id(&ranges[i], versions[v], suites[s]), "%zu: version %04x, suite %04x: %s",
                             i, versions[v], suites[s], hf_conn_reason(conn));
                taken += alive;
                hf_conn_free(conn);
                hf_worker_free(worker);
            }
        }
        hf_config_release(config);
    }
    cr_assert_geq(taken, 60, "%zu", taken);
}

/* The client's own offer holds nothing that its policy excludes, and everything that it allows. */
Test(policies, client_offers_what_is_allowed)
{
    uint16_t suites[64];
    size_t n = all_suites(suites);
    for (size_t i = 0; i < N_RANGES; i++) {
        hf_config *config = config_of(&ranges[i], HF_ROLE_CLIENT);
        hf_client_hello offer;
        const uint8_t *sent;
        hf_worker *worker;
        hf_conn *conn;
        size_t len, offered = 0;
        cr_assert_eq(hf_worker_new(world_crypto(), &worker), HF_OK);
        cr_assert_eq(hf_conn_new(config, NULL, &conn), HF_OK);
        cr_assert_eq(hf_conn_step(conn, worker), HF_OK);
        cr_assert_eq(hf_conn_output_buf(conn, &sent, &len), HF_OK);
        cr_assert_eq(hf_client_hello_parse((hf_slice){sent + 9, len - 9}, &offer), HF_OK);
        for (size_t s = 0; s < n; s++) {
            bool is = false,
                 may = allowed_id(&ranges[i], HF_TLS12, suites[s]) || allowed_id(&ranges[i], HF_TLS13, suites[s]);
            for (size_t at = 0; at < offer.cipher_suites.len; at += 2)
                is |= (offer.cipher_suites.ptr[at] << 8 | offer.cipher_suites.ptr[at + 1]) == suites[s];
            cr_assert_eq(is, may, "%zu: %04x", i, suites[s]);
            offered += is;
        }
        cr_assert_eq(offer.cipher_suites.len, 2 * offered, "and nothing else");
        bool list = offer.ext.present & HF_EXT_BIT(HF_EXT_SUPPORTED_VERSIONS);
        bool may13 = ranges[i].max == HF_TLS13;
        bool may12 = ranges[i].min == HF_TLS12 && ranges[i].policy != HF_POLICY_MODERN;
        cr_assert_eq(list, may13);
        if (list)
            cr_assert_eq(offers(offer.ext.supported_versions, HF_TLS12), may12, "%zu", i);
        cr_assert_eq(offer.legacy_version, HF_TLS12);
        hf_conn_free(conn);
        hf_worker_free(worker);
        hf_config_release(config);
    }
}

/* ---- Each before each ---- */

Test(policies, each_before_each)
{
    size_t met = 0;
    for (size_t i = 0; i < N_RANGES; i++) {
        for (size_t j = 0; j < N_RANGES; j++) {
            hf_config *client = config_of(&ranges[i], HF_ROLE_CLIENT), *server = config_of(&ranges[j], HF_ROLE_SERVER);
            bool both = false;
            hf_conn_info info;
            pair p;
            for (size_t s = 0; hf_suite_at(s); s++)
                for (uint16_t version = HF_TLS12; version <= HF_TLS13; version++)
                    both |= allows(&ranges[i], version, hf_suite_at(s)->name) &&
                            allows(&ranges[j], version, hf_suite_at(s)->name);
            memset(&p, 0, sizeof p);
            cr_assert_eq(pair_start(&p, client, server, WORLD_NAME), HF_OK);
            pair_run(&p);
            cr_assert_eq(pair_connected(&p), both, "%zu and %zu: %s", i, j, hf_conn_reason(p.server.conn));
            if (both) {
                hf_conn_get_info(p.client.conn, &info);
                cr_assert(allowed_id(&ranges[i], info.version, info.suite));
                cr_assert(allowed_id(&ranges[j], info.version, info.suite));
                cr_assert_eq(info.version == HF_TLS13, ranges[i].max == HF_TLS13 && ranges[j].max == HF_TLS13,
                             "the highest that both have");
                met++;
            }
            pair_cleanup(&p);
            hf_config_release(client);
            hf_config_release(server);
        }
    }
    cr_assert_geq(met, 30, "%zu", met);
}
