/* Path validation: each thing that can be wrong with a chain, the alert for it, and what the operator is told. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

#include "builtin.h"
#include "certs.h"

#define PKI (hf_provider_libcrypto.pki)

static test_cert *root;
static test_cert *middle;
static hf_trust *trust;

static void setup(void)
{
    root = test_cert_new(&(test_cert_spec){.subject = "root", .ca = true});
    middle = test_cert_new(&(test_cert_spec){.subject = "middle", .ca = true, .issuer = root});
    cr_assert_eq(PKI->trust_new((const uint8_t *)root->pem, strlen(root->pem), &trust), HF_OK);
}

static void teardown(void)
{
    PKI->trust_free(trust);
    test_cert_free(root);
    test_cert_free(middle);
    cr_assert_eq(ERR_peek_error(), 0, "libcrypto's error queue was left filled");
}

TestSuite(libcrypto_path, .init = setup, .fini = teardown);

static char why[300];

/* Validates leaf, then `between` when given. */
static hf_status check(const test_cert *leaf, const test_cert *between, hf_purpose purpose, const char *name,
                       int64_t now)
{
    const uint8_t *certs[2] = {leaf->der, between ? between->der : NULL};
    size_t lens[2] = {leaf->der_len, between ? between->der_len : 0};
    hf_path path = {.trust = trust,
                    .certs = certs,
                    .cert_lens = lens,
                    .n = between ? 2 : 1,
                    .purpose = purpose,
                    .name = name,
                    .unix_time = now};

    memset(why, 'x', sizeof why);
    hf_status status = PKI->verify_path(&path, why, sizeof why);
    cr_assert_not_null(memchr(why, '\0', sizeof why));
    return status;
}

/* Makes a leaf under `middle` and validates it as a server named `name`. */
static hf_status check_leaf(test_cert_spec spec, const char *name)
{
    spec.issuer = middle;
    test_cert *leaf = test_cert_new(&spec);
    hf_status status = check(leaf, middle, HF_PURPOSE_SERVER, name, TEST_NOW);

    test_cert_free(leaf);
    return status;
}

static void expect(hf_status got, hf_alert alert, const char *phrase)
{
    cr_assert_eq(got, HF_SEND(alert), "got %x (%s)", (unsigned)got, why);
    cr_assert_not_null(strstr(why, phrase), "\"%s\" does not say \"%s\"", why, phrase);
}

Test(libcrypto_path, a_good_chain_is_accepted)
{
    static const char *const keys[] = {"RSA-2048", "RSA-PSS", "P-256", "P-384", "P-521", "ED25519"};

    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(check_leaf((test_cert_spec){.key = keys[i], .san = "DNS:a.example"}, "a.example"), HF_OK, "%s: %s",
                     keys[i], why);
    cr_assert_str_eq(why, "");
}

Test(libcrypto_path, authorities_of_every_key_sign)
{
    static const char *const keys[] = {"RSA-2048", "P-384", "ED25519"};

    for (size_t i = 0; i < 3; i++) {
        test_cert *ca = test_cert_new(&(test_cert_spec){.subject = "ca", .key = keys[i], .ca = true, .issuer = root});
        test_cert *leaf = test_cert_new(&(test_cert_spec){.issuer = ca});
        cr_assert_eq(check(leaf, ca, HF_PURPOSE_CLIENT, NULL, TEST_NOW), HF_OK, "%s: %s", keys[i], why);
        test_cert_free(ca);
        test_cert_free(leaf);
    }
}

Test(libcrypto_path, time_is_the_callers)
{
    test_cert *leaf = test_cert_new(&(test_cert_spec){
        .subject = "leaf", .issuer = middle, .not_before = TEST_NOW - 100, .not_after = TEST_NOW + 100});

    cr_assert_eq(check(leaf, middle, HF_PURPOSE_SERVER, NULL, TEST_NOW - 100), HF_OK);
    cr_assert_eq(check(leaf, middle, HF_PURPOSE_SERVER, NULL, TEST_NOW + 99), HF_OK);
    expect(check(leaf, middle, HF_PURPOSE_SERVER, NULL, TEST_NOW + 101), HF_ALERT_CERTIFICATE_EXPIRED,
           "CN=leaf has expired");
    expect(check(leaf, middle, HF_PURPOSE_SERVER, NULL, TEST_NOW - 101), HF_ALERT_CERTIFICATE_EXPIRED,
           "CN=leaf is not valid yet");
    test_cert_free(leaf);
}

Test(libcrypto_path, an_expired_authority_is_named)
{
    test_cert *old = test_cert_new(&(test_cert_spec){
        .subject = "old", .ca = true, .issuer = root, .not_before = TEST_NOW - 1000, .not_after = TEST_NOW - 1});
    test_cert *leaf = test_cert_new(&(test_cert_spec){.issuer = old});

    expect(check(leaf, old, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_CERTIFICATE_EXPIRED, "CN=old has expired");
    test_cert_free(leaf);
    test_cert_free(old);
}

Test(libcrypto_path, names_match_whole_labels_only)
{
    test_cert_spec spec = {.subject = "cn.example", .san = "DNS:a.example,DNS:*.w.example,DNS:f*.p.example"};

    cr_assert_eq(check_leaf(spec, "a.example"), HF_OK);
    cr_assert_eq(check_leaf(spec, "A.Example"), HF_OK);
    cr_assert_eq(check_leaf(spec, "a.example."), HF_OK);
    cr_assert_eq(check_leaf(spec, "x.w.example"), HF_OK);
    static const char *const wrong[] = {"b.example",     "x.y.w.example", "w.example", "fo.p.example",
                                        "sub.a.example", "cn.example",    "192.0.2.1", "example"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect(check_leaf(spec, wrong[i]), HF_ALERT_BAD_CERTIFICATE, "does not carry");
        cr_assert_not_null(strstr(why, wrong[i]));
    }
}

Test(libcrypto_path, the_common_name_is_no_name)
{
    expect(check_leaf((test_cert_spec){.subject = "a.example"}, "a.example"), HF_ALERT_BAD_CERTIFICATE,
           "does not carry the host name");
}

Test(libcrypto_path, addresses_match_addresses_only)
{
    test_cert_spec spec = {.san = "IP:192.0.2.1,IP:2001:db8::1,DNS:192.0.2.9"};

    cr_assert_eq(check_leaf(spec, "192.0.2.1"), HF_OK);
    cr_assert_eq(check_leaf(spec, "2001:db8::1"), HF_OK);
    cr_assert_eq(check_leaf(spec, "2001:DB8:0:0::1"), HF_OK);
    expect(check_leaf(spec, "192.0.2.2"), HF_ALERT_BAD_CERTIFICATE, "does not carry the IP address");
    expect(check_leaf(spec, "192.0.2.9"), HF_ALERT_BAD_CERTIFICATE, "does not carry the IP address");
    expect(check_leaf(spec, "2001:db8::2"), HF_ALERT_BAD_CERTIFICATE, "does not carry the IP address");
}

/* libcrypto would read these as "any name" and "any subdomain". */
Test(libcrypto_path, names_that_would_match_anything_are_refused)
{
    test_cert_spec spec = {.san = "DNS:a.example"};
    char longest[300];

    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_assert_eq(check_leaf(spec, ""), HF_ERR_INVALID);
    cr_assert_eq(check_leaf(spec, ".example"), HF_ERR_INVALID);
    cr_assert_eq(check_leaf(spec, longest), HF_ERR_INVALID);
    cr_assert_not_null(strstr(why, "not a host name"));
}

Test(libcrypto_path, the_purpose_counts)
{
    test_cert *server = test_cert_new(&(test_cert_spec){.subject = "s", .eku = "serverAuth", .issuer = middle});
    test_cert *client = test_cert_new(&(test_cert_spec){.subject = "c", .eku = "clientAuth", .issuer = middle});

    cr_assert_eq(check(server, middle, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_OK);
    cr_assert_eq(check(client, middle, HF_PURPOSE_CLIENT, NULL, TEST_NOW), HF_OK);
    expect(check(server, middle, HF_PURPOSE_CLIENT, NULL, TEST_NOW), HF_ALERT_UNSUPPORTED_CERTIFICATE, "purpose");
    expect(check(client, middle, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_UNSUPPORTED_CERTIFICATE, "CN=c");
    test_cert_free(server);
    test_cert_free(client);
}

Test(libcrypto_path, strangers_are_unknown)
{
    test_cert *other = test_cert_new(&(test_cert_spec){.subject = "other", .ca = true});
    test_cert *leaf = test_cert_new(&(test_cert_spec){.subject = "leaf", .issuer = other});
    test_cert *orphan = test_cert_new(&(test_cert_spec){.subject = "orphan", .issuer = middle});
    test_cert *self = test_cert_new(&(test_cert_spec){.subject = "self"});

    expect(check(leaf, NULL, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_UNKNOWN_CA, "CN=leaf");
    expect(check(leaf, other, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_UNKNOWN_CA, "CN=other");
    expect(check(orphan, NULL, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_UNKNOWN_CA, "nor in the chain");
    expect(check(self, NULL, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_UNKNOWN_CA, "self-signed");
    test_cert_free(other);
    test_cert_free(leaf);
    test_cert_free(orphan);
    test_cert_free(self);
}

/* Same names, another key: the signature does not verify. */
Test(libcrypto_path, a_forged_signature_is_bad)
{
    test_cert *forger = test_cert_new(&(test_cert_spec){.subject = "root", .ca = true});
    test_cert *leaf = test_cert_new(&(test_cert_spec){.subject = "leaf", .issuer = middle});
    test_cert *forged = test_cert_new(&(test_cert_spec){.subject = "forged", .issuer = forger});

    leaf->der[leaf->der_len - 1] ^= 1;
    expect(check(leaf, middle, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_BAD_CERTIFICATE, "signature");
    hf_status status = check(forged, NULL, HF_PURPOSE_SERVER, NULL, TEST_NOW);
    cr_assert(status == HF_SEND(HF_ALERT_BAD_CERTIFICATE) || status == HF_SEND(HF_ALERT_UNKNOWN_CA));
    test_cert_free(forger);
    test_cert_free(leaf);
    test_cert_free(forged);
}

Test(libcrypto_path, weak_keys_and_hashes_are_refused)
{
    expect(check_leaf((test_cert_spec){.key = "RSA-1024"}, NULL), HF_ALERT_BAD_CERTIFICATE, "too small");
    expect(check_leaf((test_cert_spec){.digest = "SHA1"}, NULL), HF_ALERT_BAD_CERTIFICATE, "too weak");
    test_cert *ca = test_cert_new(&(test_cert_spec){.subject = "weak", .key = "RSA-1024", .ca = true, .issuer = root});
    test_cert *leaf = test_cert_new(&(test_cert_spec){.issuer = ca});
    expect(check(leaf, ca, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_BAD_CERTIFICATE, "CN=weak");
    test_cert_free(ca);
    test_cert_free(leaf);
}

Test(libcrypto_path, only_authorities_issue)
{
    test_cert *plain = test_cert_new(&(test_cert_spec){.subject = "plain", .issuer = root});
    test_cert *leaf = test_cert_new(&(test_cert_spec){.subject = "leaf", .issuer = plain});
    test_cert *sub = test_cert_new(
        &(test_cert_spec){.subject = "sub", .ca = true, .constraints = "critical,CA:TRUE,pathlen:0", .issuer = root});
    test_cert *below = test_cert_new(&(test_cert_spec){.subject = "below", .ca = true, .issuer = sub});
    test_cert *deep = test_cert_new(&(test_cert_spec){.subject = "deep", .issuer = below});
    const uint8_t *certs[3] = {deep->der, below->der, sub->der};
    size_t lens[3] = {deep->der_len, below->der_len, sub->der_len};
    hf_path path = {.trust = trust, .certs = certs, .cert_lens = lens, .n = 3, .unix_time = TEST_NOW};

    expect(check(leaf, plain, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_UNKNOWN_CA, "");
    expect(PKI->verify_path(&path, why, sizeof why), HF_ALERT_UNKNOWN_CA, "path length");
    test_cert_free(plain);
    test_cert_free(leaf);
    test_cert_free(sub);
    test_cert_free(below);
    test_cert_free(deep);
}

/* An anchor need not be self-signed, and a self-signed server certificate may be its own anchor. */
Test(libcrypto_path, an_anchor_is_what_the_operator_says)
{
    test_cert *leaf = test_cert_new(&(test_cert_spec){.issuer = middle});
    test_cert *self = test_cert_new(&(test_cert_spec){.subject = "self", .san = "DNS:localhost"});
    hf_trust *before = trust;

    cr_assert_eq(PKI->trust_new((const uint8_t *)middle->pem, strlen(middle->pem), &trust), HF_OK);
    cr_assert_eq(check(leaf, NULL, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_OK, "%s", why);
    PKI->trust_free(trust);
    cr_assert_eq(PKI->trust_new((const uint8_t *)self->pem, strlen(self->pem), &trust), HF_OK);
    cr_assert_eq(check(self, NULL, HF_PURPOSE_SERVER, "localhost", TEST_NOW), HF_OK, "%s", why);
    PKI->trust_free(trust);
    trust = before;
    test_cert_free(leaf);
    test_cert_free(self);
}

Test(libcrypto_path, rubbish_in_the_chain_is_bad)
{
    test_cert *leaf = test_cert_new(&(test_cert_spec){.issuer = middle});
    test_cert rubbish = *middle;

    rubbish.der_len--;
    expect(check(leaf, &rubbish, HF_PURPOSE_SERVER, NULL, TEST_NOW), HF_ALERT_BAD_CERTIFICATE,
           "certificate 2 of the chain does not parse");
    test_cert_free(leaf);
}

Test(libcrypto_path, arguments_out_of_range_are_refused)
{
    test_cert *leaf = test_cert_new(&(test_cert_spec){.issuer = root});
    const uint8_t *certs[HF_CHAIN_MAX + 1];
    size_t lens[HF_CHAIN_MAX + 1];
    hf_path path = {.trust = trust, .certs = certs, .cert_lens = lens, .unix_time = TEST_NOW};

    for (size_t i = 0; i < HF_CHAIN_MAX + 1; i++) {
        certs[i] = leaf->der;
        lens[i] = leaf->der_len;
    }
    cr_assert_eq(PKI->verify_path(&path, why, sizeof why), HF_ERR_INVALID);
    path.n = HF_CHAIN_MAX + 1;
    cr_assert_eq(PKI->verify_path(&path, why, sizeof why), HF_ERR_INVALID);
    path.n = HF_CHAIN_MAX;
    cr_assert_eq(PKI->verify_path(&path, why, sizeof why), HF_OK, "%s", why);
    path.trust = NULL;
    cr_assert_eq(PKI->verify_path(&path, why, sizeof why), HF_ERR_INVALID);
    test_cert_free(leaf);
}

/* The phrase is cut, never overrun. */
Test(libcrypto_path, the_phrase_fits_its_room)
{
    test_cert *leaf = test_cert_new(&(test_cert_spec){.issuer = root});
    const uint8_t *certs[1] = {leaf->der};
    size_t lens[1] = {leaf->der_len};
    hf_path path = {.trust = trust, .certs = certs, .cert_lens = lens, .n = 1, .unix_time = 0};
    char small[8] = "1234567";

    cr_assert_eq(PKI->verify_path(&path, small, 4), HF_SEND(HF_ALERT_CERTIFICATE_EXPIRED));
    cr_assert_eq(strlen(small), 3);
    cr_assert_eq(small[4], '5');
    cr_assert_eq(PKI->verify_path(&path, NULL, 0), HF_SEND(HF_ALERT_CERTIFICATE_EXPIRED));
    test_cert_free(leaf);
}
