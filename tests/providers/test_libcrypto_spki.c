/* Public keys read by our own parser, and certificates parsed without their key, beside what libcrypto's decoders say
 * of the same bytes: no input may be accepted, refused or understood differently. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "spki.h"
#include "x509.h"

static void queue_is_clean(void)
{
    cr_assert_eq(ERR_peek_error(), 0, "libcrypto's error queue was left filled");
}

TestSuite(libcrypto_spki, .fini = queue_is_clean);

static const struct {
    const char *key;
    bool usual;
} kinds[] = {
    {"P-256", true},    {"P-384", true},   {"P-521", true},    {"RSA-1024", true},
    {"RSA-2048", true}, {"ED25519", true}, {"RSA-PSS", false}, {"secp256k1", false},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static uint8_t *spki_of(const test_cert *made, size_t *out_len)
{
    uint8_t *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(made->x509), &der);

    cr_assert_gt(len, 0);
    *out_len = (size_t)len;
    return der;
}

/* Both ways come to the same key, or to none. Says whether to one. */
static bool agree(const uint8_t *der, size_t len, const char *what)
{
    const unsigned char *p = der;
    EVP_PKEY *ours = hf_lc_spki_key(der, len);
    EVP_PKEY *theirs = d2i_PUBKEY(NULL, &p, (long)len);

    if (theirs && p != der + len) {
        EVP_PKEY_free(theirs);
        theirs = NULL;
    }
    cr_assert_eq(!ours, !theirs, "%s: %s libcrypto alone", what, ours ? "accepted, unlike" : "refused, unlike");
    if (ours)
        cr_assert_eq(EVP_PKEY_eq(ours, theirs), 1, "%s: another key", what);
    bool got = ours != NULL;
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    ERR_clear_error();
    return got;
}

Test(libcrypto_spki, usual_keys_are_read_here_and_others_by_libcrypto)
{
    for (size_t i = 0; i < KINDS; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = kinds[i].key});
        size_t len;
        uint8_t *der = spki_of(made, &len);
        hf_lc_spki spki;

        cr_assert_eq(hf_lc_spki_read(der, len, &spki), kinds[i].usual, "%s", kinds[i].key);
        cr_assert(agree(der, len, kinds[i].key));
        OPENSSL_free(der);
        test_cert_free(made);
    }
}

Test(libcrypto_spki, other_forms_of_a_curve_are_left_to_libcrypto)
{
    static const point_conversion_form_t forms[] = {POINT_CONVERSION_COMPRESSED, POINT_CONVERSION_HYBRID,
                                                    POINT_CONVERSION_UNCOMPRESSED};
    for (size_t i = 0; i < 6; i++) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        bool named = i < 3;
        uint8_t *der = NULL;
        hf_lc_spki spki;

        cr_assert(key);
        cr_assert_eq(EVP_PKEY_set_utf8_string_param(key, "point-format",
                                                    forms[i % 3] == POINT_CONVERSION_COMPRESSED ? "compressed"
                                                    : forms[i % 3] == POINT_CONVERSION_HYBRID   ? "hybrid"
                                                                                                : "uncompressed"),
                     1);
        cr_assert_eq(EVP_PKEY_set_utf8_string_param(key, "encoding", named ? "named_curve" : "explicit"), 1);
        int len = i2d_PUBKEY(key, &der);
        cr_assert_gt(len, 0);
        cr_assert_eq(hf_lc_spki_read(der, (size_t)len, &spki), i == 2, "form %zu", i);
        agree(der, (size_t)len, "form of a curve");
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}

Test(libcrypto_spki, every_other_length_is_refused)
{
    for (size_t i = 0; i < KINDS; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = kinds[i].key});
        size_t len;
        uint8_t *der = spki_of(made, &len);
        hf_lc_spki spki;

        for (size_t at = 0; at < len; at++) { /* as many bytes and no more: a sanitizer sees one read too much */
            uint8_t *shorter = malloc(at ? at : 1);
            cr_assert(shorter);
            memcpy(shorter, der, at);
            cr_assert_not(hf_lc_spki_read(shorter, at, &spki), "%s cut to %zu", kinds[i].key, at);
            cr_assert_not(agree(shorter, at, kinds[i].key));
            free(shorter);
        }
        uint8_t *longer = calloc(1, len + 1);
        cr_assert(longer);
        memcpy(longer, der, len);
        cr_assert_not(hf_lc_spki_read(longer, len + 1, &spki));
        cr_assert_not(agree(longer, len + 1, kinds[i].key));
        free(longer);
        OPENSSL_free(der);
        test_cert_free(made);
    }
}

/* What a byte is changed to, each time from the original. */
static uint8_t changed(uint8_t byte, size_t how)
{
    return how < 8 ? byte ^ (uint8_t)(1 << how) : how == 8 ? byte + 1 : how == 9 ? byte - 1 : how == 10 ? 0 : 0x80;
}
#define CHANGES 12

Test(libcrypto_spki, a_changed_byte_means_the_same_to_both)
{
    for (size_t i = 0; i < KINDS; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = kinds[i].key});
        size_t len;
        uint8_t *der = spki_of(made, &len);

        for (size_t at = 0; at < len; at++) {
            uint8_t was = der[at];
            for (size_t how = 0; how < CHANGES; how++) {
                der[at] = changed(was, how);
                agree(der, len, kinds[i].key);
            }
            der[at] = was;
        }
        OPENSSL_free(der);
        test_cert_free(made);
    }
}

Test(libcrypto_spki, a_point_off_its_curve_is_no_key)
{
    static const char *const curves[] = {"P-256", "P-384", "P-521"};

    for (size_t i = 0; i < 3; i++) {
        test_cert *made = test_cert_new(&(test_cert_spec){.key = curves[i]});
        uint8_t *der = NULL;
        size_t len;
        hf_lc_spki spki;

        der = spki_of(made, &len);
        der[len - 1] ^= 1;
        cr_assert(hf_lc_spki_read(der, len, &spki), "the parser does not ask");
        cr_assert_not(agree(der, len, curves[i]));
        OPENSSL_free(der);
        test_cert_free(made);
    }
}

/* ---- RSA numbers ------------------------------------------------------------------------------ */

/* An element with a content of up to 64 KiB; `wide`: its length takes one byte more than it needs. */
static size_t element(uint8_t *out, uint8_t tag, const uint8_t *content, size_t len, bool wide)
{
    size_t head = 0, form = (len > 0xff ? 2 : len > 0x7f ? 1 : 0) + wide;

    out[head++] = tag;
    if (form > 0)
        out[head++] = (uint8_t)(0x80 | form);
    for (size_t i = form > 0 ? form : 1; i-- > 0;)
        out[head++] = (uint8_t)(i < sizeof len ? len >> (8 * i) : 0);
    memmove(out + head, content, len);
    return head + len;
}

Test(libcrypto_spki, rsa_numbers)
{
    static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
    static const struct {
        const char *what;
        size_t modulus; /* bytes, without the sign's */
        const uint8_t *exponent;
        size_t exponent_len;
        int sign; /* bytes of zero before the modulus */
        uint8_t low;
        bool wide, usual;
    } rows[] = {
        {"65537", 256, (const uint8_t *)"\1\0\1", 3, 1, 1, false, true},
        {"3", 256, (const uint8_t *)"\3", 1, 1, 1, false, true},
        {"1", 256, (const uint8_t *)"\1", 1, 1, 1, false, true},
        {"8 bytes", 256, (const uint8_t *)"\1\0\0\0\0\0\0\1", 8, 1, 1, false, true},
        {"9 bytes", 256, (const uint8_t *)"\1\0\0\0\0\0\0\0\1", 9, 1, 1, false, false},
        {"even exponent", 256, (const uint8_t *)"\1\0\2", 3, 1, 1, false, false},
        {"zero", 256, (const uint8_t *)"\0", 1, 1, 1, false, false},
        {"negative exponent", 256, (const uint8_t *)"\xff", 1, 1, 1, false, false},
        {"empty exponent", 256, (const uint8_t *)"", 0, 1, 1, false, false},
        {"padded exponent", 256, (const uint8_t *)"\0\1\0\1", 4, 1, 1, false, false},
        {"negative modulus", 256, (const uint8_t *)"\1\0\1", 3, 0, 1, false, false},
        {"padded modulus", 256, (const uint8_t *)"\1\0\1", 3, 2, 1, false, false},
        {"even modulus", 256, (const uint8_t *)"\1\0\1", 3, 1, 2, false, false},
        {"long form", 256, (const uint8_t *)"\1\0\1", 3, 1, 1, true, false},
        {"smallest", 128, (const uint8_t *)"\1\0\1", 3, 1, 1, false, true},
        {"too small", 127, (const uint8_t *)"\1\0\1", 3, 1, 1, false, false},
        {"largest", 1024, (const uint8_t *)"\1\0\1", 3, 1, 1, false, true},
        {"too large", 1025, (const uint8_t *)"\1\0\1", 3, 1, 1, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t modulus[1040] = {0}, numbers[1100], key[1110], info[1130], der[1140];
        size_t len;
        hf_lc_spki spki;

        memset(modulus + rows[i].sign, 0xc5, rows[i].modulus);
        modulus[rows[i].sign + rows[i].modulus - 1] = rows[i].low;
        len = element(numbers, 0x02, modulus, (size_t)rows[i].sign + rows[i].modulus, rows[i].wide);
        len += element(numbers + len, 0x02, rows[i].exponent, rows[i].exponent_len, false);
        key[0] = 0;
        len = 1 + element(key + 1, 0x30, numbers, len, false);
        memcpy(info, algorithm, sizeof algorithm);
        len = sizeof algorithm + element(info + sizeof algorithm, 0x03, key, len, false);
        len = element(der, 0x30, info, len, false);
        cr_assert_eq(hf_lc_spki_read(der, len, &spki), rows[i].usual, "%s", rows[i].what);
        agree(der, len, rows[i].what);
    }
}

/* ---- Whole certificates ----------------------------------------------------------------------- */

/* What a certificate means where libcrypto decodes its key itself. */
static hf_status by_libcrypto(const uint8_t *der, size_t len, hf_cert_info *out)
{
    X509 *x509 = hf_lc_x509_parse(der, len);
    hf_status status = HF_ERR_DECODE;

    memset(out, 0, sizeof *out);
    if (!x509)
        goto out;
    status = HF_ERR_UNSUPPORTED;
    EVP_PKEY *key = X509_get0_pubkey(x509);
    if (!key)
        goto out;
    status = hf_lc_key_kind(key, &out->key_type, &out->key_bits, &out->group);
    if (status != HF_OK)
        goto out;
    uint32_t usage = X509_get_key_usage(x509);
    if (X509_get_extension_flags(x509) & EXFLAG_INVALID)
        status = HF_ERR_DECODE;
    out->usage = (usage & KU_DIGITAL_SIGNATURE ? HF_USAGE_DIGITAL_SIGNATURE : 0) |
                 (usage & KU_KEY_ENCIPHERMENT ? HF_USAGE_KEY_ENCIPHERMENT : 0);
out:
    X509_free(x509);
    ERR_clear_error();
    return status;
}

static hf_status compare(const uint8_t *der, size_t len, const char *what, size_t at)
{
    hf_cert_info theirs, ours;
    hf_cert *cert = NULL;
    hf_status expected = by_libcrypto(der, len, &theirs);
    hf_status status = hf_lc_cert_new(der, len, &cert);

    cr_assert_eq(status, expected, "%s, byte %zu: %d instead of %d", what, at, status, expected);
    if (status == HF_OK) {
        cr_assert_eq(hf_lc_cert_info(cert, &ours), HF_OK);
        cr_assert_eq(ours.usage, theirs.usage, "%s, byte %zu", what, at);
        cr_assert_eq(ours.key_type, theirs.key_type);
        cr_assert_eq(ours.key_bits, theirs.key_bits);
        cr_assert_eq(ours.group, theirs.group);
    }
    hf_lc_cert_free(cert);
    return status;
}

Test(libcrypto_spki, a_changed_certificate_means_the_same)
{
    static const test_cert_spec specs[] = {
        {.key = "P-256", .usage = "critical,digitalSignature", .eku = "serverAuth", .san = "DNS:a.example"},
        {.key = "RSA-2048", .usage = "keyEncipherment", .ca = true, .san = "IP:192.0.2.1"},
        {.key = "RSA-PSS", .usage = "decipherOnly,digitalSignature"},
        {.key = "ED25519"},
    };
    static const hf_status possible[] = {HF_OK, HF_ERR_DECODE, HF_ERR_UNSUPPORTED};
    size_t seen[3] = {0};

    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        test_cert *made = test_cert_new(&specs[i]);

        cr_assert_eq(compare(made->der, made->der_len, specs[i].key, 0), HF_OK);
        for (size_t at = 0; at < made->der_len; at++) {
            uint8_t was = made->der[at];
            for (size_t how = 0; how < CHANGES; how++) {
                made->der[at] = changed(was, how);
                hf_status status = compare(made->der, made->der_len, specs[i].key, at);
                for (size_t k = 0; k < 3; k++)
                    seen[k] += status == possible[k];
            }
            made->der[at] = was;
        }
        test_cert_free(made);
    }
    for (size_t k = 0; k < 3; k++)
        cr_assert_gt(seen[k], 100, "the changes reach every verdict");
}
