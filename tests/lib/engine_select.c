/* Which of several credentials is shown: by the server's name (RFC 6066, 9525), by the signatures that the peer accepts
 * on certificates (RFC 8446 sections 4.2.3, 4.4.2.2 and 4.4.2.3), by the authorities it names (section 4.2.4). */
#include <criterion/criterion.h>
#include <string.h>

#include "negotiate.h"
#include "world.h"

TestSuite(select, .timeout = 600);

static hf_slice text(const char *s)
{
    return (hf_slice){(const uint8_t *)s, strlen(s)};
}

/* Both versions in turn. */
static const bool versions[] = {false, true};

/* ---- Names ---- */

static const test_cert *named(const char *key, const char *san)
{
    bool rsa = strcmp(key, "RSA-2048") == 0;
    return world_made(&(test_cert_spec){.key = key,
                                        .subject = "named",
                                        .san = san,
                                        .eku = "serverAuth",
                                        .usage = rsa ? "digitalSignature,keyEncipherment" : "digitalSignature",
                                        .issuer = world_ca()});
}

/* Runs a client that asks for `name` (NULL: none); what the server showed is `want`. */
static void shows(const side *server, const char *name, bool verify, const test_cert *want)
{
    const side client = {.tls13 = server->tls13, .policy = server->policy, .insecure = !verify};
    hf_config *c = side_config(&client, HF_ROLE_CLIENT), *s = side_config(server, HF_ROLE_SERVER);
    const uint8_t *der;
    size_t len;
    pair p;

    memset(&p, 0, sizeof p);
    cr_assert_eq(pair_start(&p, c, s, name), HF_OK);
    hf_config_release(c);
    hf_config_release(s);
    pair_run(&p);
    cr_assert(pair_connected(&p), "%s: %s, %s", name ? name : "-", hf_conn_reason(p.client.conn),
              hf_conn_reason(p.server.conn));
    cr_assert_eq(hf_conn_peer_cert(p.client.conn, 0, &der, &len), HF_OK);
    cr_assert(len == want->der_len && memcmp(der, want->der, len) == 0, "%s: another certificate was shown",
              name ? name : "-");
    pair_cleanup(&p);
}

Test(select, by_name)
{
    const test_cert *first = named("P-256", "DNS:first.example");
    const test_cert *a = named("RSA-2048", "DNS:a.example,DNS:x.example");
    const test_cert *b = named("P-256", "DNS:b.example,DNS:x.example");
    const test_cert *w = named("P-384", "DNS:*.w.example");
    for (size_t i = 0; i < 2; i++) {
        const side server = {.tls13 = versions[i], .cert = first, .certs = {a, b, w}};
        shows(&server, "first.example", true, first);
        shows(&server, "a.example", true, a); /* though TLS 1.2 prefers the suites of the others */
        shows(&server, "A.Example", true, a);
        shows(&server, "b.example", true, b);
        shows(&server, "one.w.example", true, w);
        /* the same name twice: the order of configuration, in TLS 1.2 that of the suites */
        shows(&server, "x.example", true, versions[i] ? a : b);
        /* nobody's: the first that fits */
        shows(&server, "two.one.w.example", false, first);
        shows(&server, "w.example", false, first);
        shows(&server, "named", false, first); /* the common name is nobody's name */
        shows(&server, NULL, false, first);
    }
}

/* The name wins over the policy's preference among key exchanges. */
Test(select, a_name_that_only_key_transport_can_serve)
{
    const test_cert *first = named("P-256", "DNS:first.example");
    const test_cert *transport = world_made(&(test_cert_spec){.key = "RSA-2048",
                                                              .san = "DNS:old.example",
                                                              .eku = "serverAuth",
                                                              .usage = "keyEncipherment",
                                                              .issuer = world_ca()});
    const side server = {.policy = HF_POLICY_COMPATIBLE, .cert = first, .certs = {transport}};
    shows(&server, "old.example", true, transport);
    shows(&server, "first.example", true, first);
}

static void strict(const side *server, const char *name, int alert)
{
    const side client = {.tls13 = server->tls13, .insecure = true};
    hf_config *c = side_config(&client, HF_ROLE_CLIENT), *s = side_config(server, HF_ROLE_SERVER);
    pair p;

    memset(&p, 0, sizeof p);
    cr_assert_eq(pair_start(&p, c, s, name), HF_OK);
    hf_config_release(c);
    hf_config_release(s);
    pair_run(&p);
    if (alert < 0)
        cr_assert(pair_connected(&p), "%s: %s", name ? name : "-", hf_conn_reason(p.server.conn));
    else
        assert_refused(&p, &p.server, (hf_alert)alert);
    pair_cleanup(&p);
}

Test(select, strict_refuses_other_names)
{
    const test_cert *a = named("P-256", "DNS:a.example"), *b = named("P-256", "DNS:*.b.example");
    for (size_t i = 0; i < 2; i++) {
        const side one = {.tls13 = versions[i], .cert = a, .strict_sni = true};
        const side two = {.tls13 = versions[i], .cert = a, .certs = {b}, .strict_sni = true};
        strict(&one, "a.example", -1);
        strict(&one, "b.example", HF_ALERT_UNRECOGNIZED_NAME);
        strict(&one, NULL, -1);
        strict(&two, "x.b.example", -1);
        strict(&two, "b.example", HF_ALERT_UNRECOGNIZED_NAME);
        strict(&two, "c.example", HF_ALERT_UNRECOGNIZED_NAME);
    }
}

/* A credential of another name does not step in for one that cannot serve the client. */
Test(select, strict_shows_no_other_name_instead)
{
    const test_cert *a = named("P-256", "DNS:a.example"), *b = named("RSA-2048", "DNS:b.example");
    const side server = {.tls13 = true, .cert = a, .certs = {b}, .strict_sni = true};
    hf_config *config = side_config(&server, HF_ROLE_SERVER);
    hf_client_hello hello = {.cipher_suites = {(const uint8_t *)"\x13\x01", 2}};
    hf_choice13 choice;
    const char *why;
    hello.ext.present =
        HF_EXT_BIT(HF_EXT_SERVER_NAME) | HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS) | HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS);
    hello.ext.server_name = text("b.example");
    hello.ext.supported_groups = (hf_slice){(const uint8_t *)"\0\x1d", 2};
    hello.ext.signature_algorithms = (hf_slice){(const uint8_t *)"\x04\x03", 2};
    cr_assert_eq(hf_choose13(config, &hello, &choice, &why), HF_SEND(HF_ALERT_HANDSHAKE_FAILURE));
    hello.ext.signature_algorithms = (hf_slice){(const uint8_t *)"\x04\x03\x08\x04", 4};
    cr_assert_eq(hf_choose13(config, &hello, &choice, &why), HF_OK);
    cr_assert_eq(choice.credential, &config->credentials[1]);
    hf_config_release(config);
}

/* ---- Signatures on certificates, authorities ---- */

/* Four credentials with P-256 keys, apart by who signed them: ECDSA with SHA-256 (world_ca), ECDSA with SHA-384, RSA
 * with SHA-256, Ed25519. */
#define N_ISSUERS 4
static const test_cert *issuers[N_ISSUERS];

static const test_cert *signed_by(size_t i)
{
    static const char *const keys[N_ISSUERS] = {NULL, "P-384", "RSA-2048", "ED25519"};
    static const char *const names[N_ISSUERS] = {"sha256", "sha384", "rsa", "ed25519"};
    if (!issuers[i])
        issuers[i] =
            keys[i] ? world_made(&(test_cert_spec){.key = keys[i], .subject = names[i], .ca = true}) : world_ca();
    return world_made(&(test_cert_spec){.san = "DNS:" WORLD_NAME,
                                        .usage = "digitalSignature",
                                        .digest = i == 1 ? "SHA384" : "SHA256",
                                        .issuer = issuers[i]});
}

static side four(void)
{
    return (side){.tls13 = true, .cert = signed_by(0), .certs = {signed_by(1), signed_by(2), signed_by(3)}};
}

typedef struct row {
    const char *what;
    hf_slice algorithms, algorithms_cert; /* algorithms_cert: empty: not sent */
    size_t authority;                     /* of this issuer; N_ISSUERS: none */
    size_t want;
} row;

#define LIST(bytes)                                                                                                    \
    {                                                                                                                  \
        (const uint8_t *)(bytes), sizeof(bytes) - 1                                                                    \
    }
#define ALL "\x04\x03\x05\x03\x06\x03\x08\x04\x08\x07\x04\x01"

static const row rows[] = {
    {"everything", LIST(ALL), {0}, N_ISSUERS, 0},
    {"signature_algorithms alone speaks for certificates too", LIST("\x04\x03\x04\x01"), {0}, N_ISSUERS, 0},
    {"a list for certificates", LIST(ALL), LIST("\x05\x03"), N_ISSUERS, 1},
    {"another", LIST(ALL), LIST("\x04\x01"), N_ISSUERS, 2},
    {"another", LIST("\x04\x03"), LIST("\x08\x07"), N_ISSUERS, 3},
    {"two of them: the order of configuration", LIST(ALL), LIST("\x08\x07\x05\x03"), N_ISSUERS, 1},
    {"none that we have: the first (section 4.4.2.2)", LIST(ALL), LIST("\x08\x0b"), N_ISSUERS, 0},
    {"an authority", LIST(ALL), {0}, 2, 2},
    {"an authority", LIST(ALL), {0}, 3, 3},
    {"an authority whose signature is not accepted", LIST(ALL), LIST("\x05\x03"), 2, 1},
};

static hf_slice authority_list(size_t i, uint8_t *room, size_t size)
{
    const hf_pki *pki = world_crypto()->pki;
    hf_writer w = hf_writer_of(room, size);
    const uint8_t *name;
    size_t len;
    hf_cert *cert;
    if (i == N_ISSUERS)
        return (hf_slice){0};
    cr_assert_eq(pki->cert_new(issuers[i]->der, issuers[i]->der_len, &cert), HF_OK);
    cr_assert_eq(pki->cert_issuer(cert, &name, &len), HF_OK); /* self-signed: its own name */
    hf_write_u16(&w, 3);
    hf_write_bytes(&w, "\x30\x01\0", 3); /* somebody else */
    hf_write_u16(&w, (uint16_t)len);
    hf_write_bytes(&w, name, len);
    pki->cert_free(cert);
    cr_assert(hf_writer_ok(&w));
    return (hf_slice){room, w.len};
}

static hf_extensions wishes(const row *r, uint8_t *room, size_t size)
{
    hf_extensions ext = {.signature_algorithms = r->algorithms, .signature_algorithms_cert = r->algorithms_cert};
    ext.present = HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS) | HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS);
    ext.supported_groups = (hf_slice){(const uint8_t *)"\0\x17", 2};
    ext.certificate_authorities = authority_list(r->authority, room, size);
    if (r->algorithms_cert.len)
        ext.present |= HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS_CERT);
    if (ext.certificate_authorities.len)
        ext.present |= HF_EXT_BIT(HF_EXT_CERTIFICATE_AUTHORITIES);
    return ext;
}

Test(select, server_by_signatures_and_authorities)
{
    const side s = four();
    hf_config *config = side_config(&s, HF_ROLE_SERVER);
    uint8_t room[256];
    const char *why;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hf_client_hello hello = {.cipher_suites = LIST("\x13\x01\xc0\x2b")};
        hf_choice13 choice13;
        hf_choice12 choice12;
        hello.ext = wishes(&rows[i], room, sizeof room);
        cr_assert_eq(hf_choose13(config, &hello, &choice13, &why), HF_OK, "%s: %s", rows[i].what, why);
        cr_assert_eq(choice13.credential - config->credentials, (ptrdiff_t)rows[i].want, "1.3, %s", rows[i].what);
        cr_assert_eq(hf_choose12(config, &hello, &choice12, &why), HF_OK, "%s: %s", rows[i].what, why);
        cr_assert_eq(choice12.credential - config->credentials, (ptrdiff_t)rows[i].want, "1.2, %s", rows[i].what);
    }
    hf_config_release(config);
}

/* The whole chain counts, but not a self-signed end of it. */
Test(select, every_certificate_of_the_chain)
{
    const test_cert *root = world_made(&(test_cert_spec){.key = "RSA-2048", .subject = "root", .ca = true});
    const test_cert *middle = world_made(&(test_cert_spec){.subject = "middle", .ca = true, .issuer = root});
    const test_cert *leaf = world_made(&(test_cert_spec){.usage = "digitalSignature", .issuer = middle});
    const test_cert *direct = world_made(&(test_cert_spec){.usage = "digitalSignature", .issuer = world_ca()});
    const side through = {.tls13 = true, .cert = leaf, .issuer = middle};
    const side with_root = {.tls13 = true, .cert = leaf, .issuer = root};
    const side *const sides[] = {&through, &with_root};
    for (size_t i = 0; i < 2; i++) {
        hf_config *config = NULL;
        hf_ranking ranking;
        side s = *sides[i];
        s.certs[0] = direct;
        config = side_config(&s, HF_ROLE_SERVER);
        /* ECDSA with SHA-256 only: the leaf's own signature is that, its middle's is RSA */
        const hf_wish wish = {.cert_schemes = LIST("\x04\x03")};
        cr_assert_eq(hf_rank_credentials(config, &wish, &ranking), HF_OK);
        cr_assert_eq(ranking.rank[0] > 0, i == 1, "the middle's signature counts, the root's on itself does not");
        hf_config_release(config);
    }
}

/* RSA-PSS on a certificate is allowed by either of its two schemes; a signature without a number by none. */
Test(select, pss_and_the_unknown)
{
    const test_cert *ca = world_made(&(test_cert_spec){.key = "RSA-PSS", .subject = "pss", .ca = true});
    const test_cert *pss = world_made(&(test_cert_spec){.usage = "digitalSignature", .issuer = ca});
    const test_cert *sha224 =
        world_made(&(test_cert_spec){.usage = "digitalSignature", .digest = "SHA224", .issuer = world_ca()});
    const side s = {.tls13 = true, .cert = pss, .certs = {sha224}};
    static const struct {
        hf_slice list;
        bool pss;
    } lists[] = {
        {LIST("\x08\x04"), true}, {LIST("\x08\x09"), true}, {LIST("\x08\x05\x08\x0a"), false}, {LIST(ALL), true}};
    hf_config *config = side_config(&s, HF_ROLE_SERVER);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const hf_wish wish = {.cert_schemes = lists[i].list};
        hf_ranking ranking;
        cr_assert_eq(hf_rank_credentials(config, &wish, &ranking), HF_OK);
        cr_assert_eq(ranking.rank[0] > 0, lists[i].pss, "%zu", i);
        cr_assert_eq(ranking.rank[1], 0, "%zu: ECDSA with SHA-224 has no number", i);
    }
    hf_config_release(config);
}

/* ---- The client's answer to CertificateRequest ---- */

/* A server that trusts one authority names it; the client shows what that one issued, in both versions. */
Test(select, client_by_authorities)
{
    const test_cert *foreign = world_made(&(test_cert_spec){
        .subject = "foreign", .eku = "clientAuth", .usage = "digitalSignature", .issuer = world_other_ca()});
    const test_cert *ours = world_made(
        &(test_cert_spec){.subject = "ours", .eku = "clientAuth", .usage = "digitalSignature", .issuer = world_ca()});
    for (size_t i = 0; i < 2; i++) {
        const side client = {.tls13 = versions[i], .cert = foreign, .certs = {ours}};
        const side server = {.tls13 = versions[i], .client_auth = HF_CLIENT_AUTH_REQUIRED};
        const uint8_t *der;
        size_t len;
        pair p;
        memset(&p, 0, sizeof p);
        world_run(&p, &client, &server);
        cr_assert(pair_connected(&p), "%s", hf_conn_reason(p.server.conn));
        cr_assert_eq(hf_conn_peer_cert(p.server.conn, 0, &der, &len), HF_OK);
        cr_assert(len == ours->der_len && memcmp(der, ours->der, len) == 0);
        pair_cleanup(&p);
    }
}
