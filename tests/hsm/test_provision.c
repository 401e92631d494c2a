/* Provisioning: what is made is there, is protected, and is refused when it would be ambiguous. */
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

TestSuite(hsm_provision, .init = token_setup, .fini = token_teardown);

static const char demo[] = "pkcs11:token=demo";

/* The object of this class and label, as hf_hsm_list tells it. */
typedef struct look {
    hf_hsm_class class_;
    const char *label;
    unsigned found;
    hf_hsm_object object;
    char type[32];
} look;

static hf_status look_at(void *arg, const hf_hsm_object *o)
{
    look *l = arg;

    if (o->class_ != l->class_ || strcmp(o->label, l->label) != 0)
        return HF_OK;
    l->found++;
    l->object = *o;
    (void)snprintf(l->type, sizeof l->type, "%s", o->type);
    return HF_OK;
}

static look find(hf_hsm_class class, const char *label)
{
    hf_hsm_options options = test_options();
    look l = {.class_ = class, .label = label};

    cr_assert_eq(hf_hsm_list(&options, demo, look_at, &l, why, sizeof why), HF_OK, "%s", why);
    return l;
}

static hf_status keygen(const char *label, const char *algorithm, const uint8_t *id, size_t id_len)
{
    hf_hsm_options options = test_options();
    char uri[HF_HSM_URI_MAX + 1];
    const hf_hsm_new_key key = {.token_uri = demo, .label = label, .id = id, .id_len = id_len};

    return hf_hsm_keygen(&options, &key, algorithm, uri, why, sizeof why);
}

Test(hsm_provision, listed_as_sensitive_and_never_extractable)
{
    look l = find(HF_HSM_PRIVATE_KEY, "rsa");

    cr_assert_eq(l.found, 1);
    cr_expect_str_eq(l.type, "RSA-2048");
    cr_expect(l.object.sensitive && l.object.always_sensitive && !l.object.extractable && l.object.never_extractable);
    cr_expect(l.object.sign && l.object.decrypt && !l.object.unwrap);
    l = find(HF_HSM_PRIVATE_KEY, "p521");
    cr_expect_str_eq(l.type, "P-521");
    cr_expect(l.object.sign && !l.object.decrypt && !l.object.unwrap);
    l = find(HF_HSM_PRIVATE_KEY, "loose");
    cr_expect(l.object.extractable && !l.object.never_extractable);
    cr_expect_eq(find(HF_HSM_PUBLIC_KEY, "ed").found, 1);
    cr_expect_eq(find(HF_HSM_CERTIFICATE, "rsa").found, 1);
    cr_expect_eq(find(HF_HSM_PUBLIC_KEY, "orphan").found, 0);
}

Test(hsm_provision, secret_keys_are_listed)
{
    cr_assert_eq(keygen("tickets", "hmac", NULL, 0), HF_OK, "%s", why);
    look l = find(HF_HSM_SECRET_KEY, "tickets");

    cr_assert_eq(l.found, 1);
    cr_expect_str_eq(l.type, "HMAC");
    cr_expect(l.object.sensitive && l.object.always_sensitive && !l.object.extractable && l.object.never_extractable);
    cr_expect(l.object.sign && !l.object.decrypt && !l.object.unwrap);
}

Test(hsm_provision, names_are_not_given_twice)
{
    static const uint8_t id[] = {0xab};

    cr_expect_eq(keygen("rsa", "ec:p256", NULL, 0), HF_ERR_AMBIGUOUS);
    cr_expect(strstr(why, "label"), "%s", why);
    cr_expect_eq(keygen("new", "ec:p256", id, 1), HF_OK, "%s", why);
    cr_expect_eq(keygen("newer", "ec:p256", id, 1), HF_ERR_AMBIGUOUS);
    cr_expect(strstr(why, "id"), "%s", why);
    cr_expect_eq(find(HF_HSM_PRIVATE_KEY, "newer").found, 0);
}

Test(hsm_provision, keygen_refuses)
{
    static const uint8_t id[HF_HSM_ID_MAX + 1];

    cr_expect_eq(keygen("x", "rsa:1024", NULL, 0), HF_ERR_UNSUPPORTED);
    cr_expect_eq(keygen("x", NULL, NULL, 0), HF_ERR_UNSUPPORTED);
    cr_expect_eq(keygen(NULL, "ec:p256", NULL, 0), HF_ERR_INVALID);
    cr_expect_eq(keygen("", "ec:p256", NULL, 0), HF_ERR_INVALID);
    cr_expect_eq(keygen("x", "ec:p256", id, sizeof id), HF_ERR_INVALID);
    cr_expect_eq(keygen("x", "ec:p256", id, 0), HF_ERR_INVALID);
    cr_expect_eq(find(HF_HSM_PRIVATE_KEY, "x").found, 0);
}

Test(hsm_provision, init)
{
    hf_hsm_options options = test_options();

    cr_expect_eq(hf_hsm_token_init(&options, "fresh", pin_file, why, sizeof why), HF_OK, "%s", why);
    cr_expect_eq(hf_hsm_token_init(&options, "fresh", pin_file, why, sizeof why), HF_ERR_AMBIGUOUS);
    const hf_hsm_new_key key = {.token_uri = "pkcs11:token=fresh", .label = "first"};
    char uri[HF_HSM_URI_MAX + 1];
    cr_expect_eq(hf_hsm_keygen(&options, &key, "ec:p256", uri, why, sizeof why), HF_OK, "%s", why);
    hf_key *opened = NULL;
    cr_expect_eq(hf_hsm_key_open(&options, uri, &opened, why, sizeof why), HF_OK, "%s", why);
    opened->ops->release(opened);
}

Test(hsm_provision, init_refuses)
{
    hf_hsm_options options = test_options();

    cr_expect_eq(hf_hsm_token_init(&options, "", pin_file, why, sizeof why), HF_ERR_INVALID);
    cr_expect_eq(hf_hsm_token_init(&options, "a label that has more than 32 byte", pin_file, why, sizeof why),
                 HF_ERR_INVALID);
    cr_expect_eq(hf_hsm_token_init(&options, "x", NULL, why, sizeof why), HF_ERR_PIN_SOURCE);
    cr_expect(strstr(why, "--so-pin-source"), "%s", why);
    options.module = NULL;
    cr_expect_eq(hf_hsm_token_init(&options, "x", pin_file, why, sizeof why), HF_ERR_INVALID);
    options.module = MODULE;
    write_file(pin_file, "1\n", 0600); /* SoftHSM wants four bytes */
    cr_expect_eq(hf_hsm_token_init(&options, "x", pin_file, why, sizeof why), HF_ERR_PIN_SOURCE);
    cr_expect(strstr(why, "security officer's PIN is too short"), "%s", why);
    write_file(pin_file, "1234\n", 0600);
    cr_expect_eq(hf_hsm_token_init(&options, "x", pin_file, why, sizeof why), HF_OK, "nothing was half made: %s", why);
}

/* ---- Certificates -------------------------------------------------------------------------------- */

static X509 *parse_cert(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    cr_assert_not_null(cert);
    return cert;
}

static const char *const sans[] = {"dns:a.example", "dns:*.b.example", "ip:192.0.2.7", "ip:2001:db8::1"};

static void selfsign(const char *label)
{
    hf_hsm_options options = test_options();
    const hf_hsm_cert_spec spec = {.subject = "CN=a.example, O=One\\, Two", .sans = sans, .sans_n = 4, .days = 10};
    char *pem = NULL;

    cr_assert_eq(hf_hsm_selfsign(&options, uri_of(label), &spec, &pem, why, sizeof why), HF_OK, "%s", why);
    X509 *cert = parse_cert(pem);
    EVP_PKEY *key = X509_get0_pubkey(cert);
    cr_expect_eq(X509_verify(cert, key), 1, "%s: the signature is wrong", label);
    cr_expect_eq(X509_check_host(cert, "a.example", 0, 0, NULL), 1);
    cr_expect_eq(X509_check_host(cert, "x.b.example", 0, 0, NULL), 1);
    cr_expect_eq(X509_check_host(cert, "c.example", 0, 0, NULL), 0);
    cr_expect_eq(X509_check_ip_asc(cert, "192.0.2.7", 0), 1);
    cr_expect_eq(X509_check_ip_asc(cert, "2001:db8::1", 0), 1);
    cr_expect_eq(X509_check_ca(cert), 0);
    cr_expect_eq(X509_check_purpose(cert, X509_PURPOSE_SSL_SERVER, 0), 1);
    char name[256];
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_organizationName, name, sizeof name);
    cr_expect_str_eq(name, "One, Two");
    X509_free(cert);
    free(pem);
}

Test(hsm_provision, selfsign_rsa)
{
    selfsign("rsa");
    cr_expect_eq(find(HF_HSM_CERTIFICATE, "rsa").found, 2); /* the template's, and this one */
}

Test(hsm_provision, selfsign_ec_and_ed25519)
{
    selfsign("p256");
    selfsign("p384");
    selfsign("p521");
    selfsign("ed");
    cr_expect_eq(find(HF_HSM_CERTIFICATE, "ed").found, 1);
}

Test(hsm_provision, selfsign_ca)
{
    hf_hsm_options options = test_options();
    const hf_hsm_cert_spec spec = {.subject = "CN=root", .days = 10, .ca = true};
    char *pem = NULL;

    cr_assert_eq(hf_hsm_selfsign(&options, uri_of("p256"), &spec, &pem, why, sizeof why), HF_OK, "%s", why);
    X509 *cert = parse_cert(pem);
    cr_expect_eq(X509_check_ca(cert), 1);
    cr_expect(X509_get_key_usage(cert) & KU_KEY_CERT_SIGN);
    X509_free(cert);
    free(pem);
}

Test(hsm_provision, csr)
{
    static const char *const labels[] = {"rsa", "p256", "p384", "p521", "ed"};
    hf_hsm_options options = test_options();
    const hf_hsm_cert_spec spec = {.subject = "CN=a.example", .sans = sans, .sans_n = 4};

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        char *pem = NULL;
        cr_assert_eq(hf_hsm_csr(&options, uri_of(labels[i]), &spec, &pem, why, sizeof why), HF_OK, "%s", why);
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
        cr_assert_not_null(req);
        cr_expect_eq(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1, "%s", labels[i]);
        STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
        cr_expect_geq(X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, -1), 0);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        X509_REQ_free(req);
        BIO_free(bio);
        free(pem);
    }
}

Test(hsm_provision, bad_certificate_wishes)
{
    static const char *const subjects[] = {"", "CN", "CN=", "=x", "XX=1", NULL};
    static const char *const bad_sans[] = {"a.example", "dns:", "ip:1.2.3", "dns:a,b", "email:a@b"};
    hf_hsm_options options = test_options();
    char *pem = NULL;

    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        const hf_hsm_cert_spec spec = {.subject = subjects[i], .days = 10};
        cr_expect_eq(hf_hsm_selfsign(&options, uri_of("p256"), &spec, &pem, why, sizeof why), HF_ERR_INVALID, "%s",
                     subjects[i] ? subjects[i] : "NULL");
    }
    for (size_t i = 0; i < sizeof bad_sans / sizeof bad_sans[0]; i++) {
        const hf_hsm_cert_spec spec = {.subject = "CN=x", .sans = &bad_sans[i], .sans_n = 1, .days = 10};
        cr_expect_eq(hf_hsm_selfsign(&options, uri_of("p256"), &spec, &pem, why, sizeof why), HF_ERR_INVALID, "%s",
                     bad_sans[i]);
    }
    const hf_hsm_cert_spec no_days = {.subject = "CN=x"};
    cr_expect_eq(hf_hsm_selfsign(&options, uri_of("p256"), &no_days, &pem, why, sizeof why), HF_ERR_INVALID);
    cr_expect_null(pem);
    cr_expect_eq(find(HF_HSM_CERTIFICATE, "p256").found, 0);
}

/* ---- Import -------------------------------------------------------------------------------------- */

static char *pem_of(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at = NULL;

    cr_assert_eq(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &at);
    char *pem = calloc(1, (size_t)len + 1);
    cr_assert_not_null(pem);
    memcpy(pem, at, (size_t)len);
    BIO_free(bio);
    return pem;
}

static void import_and_check(EVP_PKEY *key, const char *label)
{
    hf_hsm_options options = test_options();
    char uri[HF_HSM_URI_MAX + 1];
    const hf_hsm_new_key new_key = {.token_uri = demo, .label = label};
    char *pem = pem_of(key);

    cr_assert_eq(hf_hsm_import_key(&options, &new_key, pem, strlen(pem), uri, why, sizeof why), HF_OK, "%s", why);
    look l = find(HF_HSM_PRIVATE_KEY, label);
    cr_expect(l.object.sensitive && !l.object.extractable && !l.object.never_extractable);
    hf_key *opened = open_key(label, 1);
    EVP_PKEY *pub = public_of(opened);
    cr_expect_eq(EVP_PKEY_eq(pub, key), 1);
    EVP_PKEY_free(pub);
    opened->ops->release(opened);
    free(pem);
    EVP_PKEY_free(key);
}

Test(hsm_provision, import_keys)
{
    import_and_check(EVP_RSA_gen(2048), "i-rsa");
    import_and_check(EVP_EC_gen("P-256"), "i-p256");
    import_and_check(EVP_EC_gen("P-384"), "i-p384");
    import_and_check(EVP_EC_gen("P-521"), "i-p521");
    import_and_check(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "i-ed");
}

Test(hsm_provision, import_key_refuses)
{
    static const char encrypted[] =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    hf_hsm_options options = test_options();
    char uri[HF_HSM_URI_MAX + 1];
    const hf_hsm_new_key key = {.token_uri = demo, .label = "x"};
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    char *pem = pem_of(other);

    cr_expect_eq(hf_hsm_import_key(&options, &key, "no pem", 6, uri, why, sizeof why), HF_ERR_DECODE);
    cr_expect_eq(hf_hsm_import_key(&options, &key, encrypted, strlen(encrypted), uri, why, sizeof why), HF_ERR_DECODE);
    cr_expect_eq(hf_hsm_import_key(&options, &key, pem, strlen(pem), uri, why, sizeof why), HF_ERR_KEY_UNUSABLE);
    free(pem);
    EVP_PKEY_free(other);
}

/* A certificate for `key`, signed by `issuer`. */
static char *issue(EVP_PKEY *key, const char *name, EVP_PKEY *issuer, const char *issuer_name, long serial)
{
    X509 *cert = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *at = NULL;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)issuer_name, -1,
                               -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    cr_assert_gt(X509_sign(cert, issuer, EVP_sha256()), 0);
    cr_assert_eq(PEM_write_bio_X509(bio, cert), 1);
    long len = BIO_get_mem_data(bio, &at);
    char *pem = calloc(1, (size_t)len + 1);
    cr_assert_not_null(pem);
    memcpy(pem, at, (size_t)len);
    BIO_free(bio);
    X509_free(cert);
    return pem;
}

static hf_status count_cert(void *arg, const uint8_t *der, size_t len)
{
    (void)der;
    (void)len;
    (*(size_t *)arg)++;
    return HF_OK;
}

Test(hsm_provision, import_chain)
{
    hf_hsm_options options = test_options();
    EVP_PKEY *ca = EVP_EC_gen("P-256");
    EVP_PKEY *middle = EVP_EC_gen("P-256");
    hf_key *key = open_key("p256", 1);
    EVP_PKEY *pub = public_of(key);
    key->ops->release(key);
    char *root_pem = issue(ca, "root", ca, "root", 1);
    char *middle_pem = issue(middle, "middle", ca, "root", 2);
    char *own_pem = issue(pub, "own", middle, "middle", 3);
    char chain[8192];
    size_t n = 0;

    (void)snprintf(chain, sizeof chain, "%s%s%s", own_pem, middle_pem, root_pem);
    cr_expect_eq(hf_hsm_import_certs(&options, demo, chain, strlen(chain), &n, why, sizeof why), HF_OK, "%s", why);
    cr_expect_eq(n, 3);
    cr_expect_eq(hf_hsm_import_certs(&options, demo, chain, strlen(chain), &n, why, sizeof why), HF_OK, "%s", why);
    cr_expect_eq(n, 0, "stored twice");
    key = open_key("p256", 1);
    n = 0;
    cr_expect_eq(hf_hsm_key_certs(key, count_cert, &n), HF_OK);
    cr_expect_eq(n, 2, "own and middle, not the root: %zu", n);
    key->ops->release(key);
    (void)snprintf(chain, sizeof chain, "%s%s", middle_pem, own_pem); /* wrong order */
    cr_expect_eq(hf_hsm_import_certs(&options, demo, chain, strlen(chain), &n, why, sizeof why), HF_ERR_KEY_MISMATCH);
    cr_expect_eq(hf_hsm_import_certs(&options, demo, "junk", 4, &n, why, sizeof why), HF_ERR_DECODE);
    free(root_pem);
    free(middle_pem);
    free(own_pem);
    EVP_PKEY_free(pub);
    EVP_PKEY_free(middle);
    EVP_PKEY_free(ca);
}

/* ---- check --------------------------------------------------------------------------------------- */

typedef struct lines {
    unsigned good, bad;
    char all[8192];
} lines;

static void take_line(void *arg, bool good, const char *line)
{
    lines *l = arg;

    good ? l->good++ : l->bad++;
    (void)strncat(l->all, line, sizeof l->all - strlen(l->all) - 2);
    (void)strcat(l->all, "\n");
}

Test(hsm_provision, check_good_key)
{
    hf_hsm_options options = test_options();
    lines l = {0};

    cr_expect_eq(hf_hsm_check(&options, uri_of("rsa"), NULL, 0, take_line, &l, why, sizeof why), HF_OK, "%s", l.all);
    cr_expect_eq(l.bad, 0);
    cr_expect_eq(l.good, 1 + 6 + 2 + 2, "%s", l.all);
    cr_expect(strstr(l.all, "raw RSA"));
    cr_expect(strstr(l.all, "never extractable"));
}

Test(hsm_provision, check_finds_faults)
{
    hf_hsm_options options = test_options();
    EVP_PKEY *other = EVP_EC_gen("P-256");
    char *pem = issue(other, "x", other, "x", 1);
    lines l = {0};

    cr_expect_eq(hf_hsm_check(&options, uri_of("rsa"), pem, strlen(pem), take_line, &l, why, sizeof why),
                 HF_ERR_KEY_MISMATCH);
    cr_expect_eq(l.bad, 1);
    cr_expect(strstr(l.all, "another key"), "%s", l.all);
    cr_expect_eq(hf_hsm_check(&options, uri_of("rsa"), "junk", 4, take_line, &l, why, sizeof why), HF_ERR_DECODE);
    memset(&l, 0, sizeof l);
    options.allow_extractable = true;
    cr_expect_eq(hf_hsm_check(&options, uri_of("loose"), NULL, 0, take_line, &l, why, sizeof why), HF_ERR_KEY_UNSAFE);
    cr_expect_eq(l.bad, 1);
    memset(&l, 0, sizeof l);
    atomic_store(&mask->code[MASK_DECRYPT_INIT], CKR_MECHANISM_INVALID);
    cr_expect_eq(hf_hsm_check(&options, uri_of("rsa"), NULL, 0, take_line, &l, why, sizeof why), HF_ERR_TOKEN);
    cr_expect_eq(l.bad, 1, "%s", l.all);
    free(pem);
    EVP_PKEY_free(other);
}

/* A token that works while the key is opened and goes wrong afterwards. */
Test(hsm_provision, check_finds_wrong_answers)
{
    hf_hsm_options options = test_options();
    lines l = {0};

    atomic_store(&mask->spoil_sign, 7); /* six schemes were tried before */
    cr_expect_eq(hf_hsm_check(&options, uri_of("rsa"), NULL, 0, take_line, &l, why, sizeof why), HF_ERR_VERIFY);
    cr_expect_eq(l.bad, 6, "%s", l.all);
    atomic_store(&mask->spoil_sign, 0);
    memset(&l, 0, sizeof l);
    atomic_store(&mask->spoil_decrypt, mask_count(MASK_DECRYPT) + 2);
    cr_expect_eq(hf_hsm_check(&options, uri_of("rsa"), NULL, 0, take_line, &l, why, sizeof why), HF_ERR_VERIFY);
    cr_expect_eq(l.bad, 1, "%s", l.all); /* a bad premaster still ends in the fallback */
}

Test(hsm_provision, uris)
{
    static const uint8_t id[] = {0x00, 0xff};
    char uri[128];

    cr_expect_eq(hf_hsm_uri_make("a b", "x;y", id, 2, "private", uri, sizeof uri), HF_OK);
    cr_expect_str_eq(uri, "pkcs11:token=a%20b;id=%00%FF;object=x%3By;type=private");
    cr_expect_eq(hf_hsm_uri_make("a b", "x;y", id, 2, "private", uri, 20), HF_ERR_BUFFER);
    cr_expect_eq(hf_hsm_uri_make("", NULL, NULL, 0, NULL, uri, sizeof uri), HF_ERR_INVALID);
    cr_expect_eq(hf_hsm_uri_make("a label that has more than 32 byte", NULL, NULL, 0, NULL, uri, sizeof uri),
                 HF_ERR_INVALID);
}
