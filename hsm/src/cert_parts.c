/* Room `provision`: subject and extensions (RFC 5280 sections 4.1.2.6 and 4.2.1; RFC 4514 for the writing of names). */
#include "cert_parts.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX 256 /* bytes of one attribute of a name */

/* Copies up to an unescaped `stop`; *at stands behind it afterwards. False when it is too long or empty. */
static bool copy_part(const char **at, char stop, char *out)
{
    size_t n = 0;

    while (**at && **at != stop) {
        if (**at == '\\' && (*at)[1])
            (*at)++;
        if (n == PART_MAX)
            return false;
        out[n++] = *(*at)++;
    }
    out[n] = 0;
    return n > 0;
}

hf_status hf_subject_parse(const char *text, X509_NAME **out, const hf_why *why)
{
    X509_NAME *name = X509_NAME_new();
    const char *at = text;
    bool good = name && text && *text;

    while (good && *at) {
        char key[PART_MAX + 1];
        char value[PART_MAX + 1];
        while (*at == ' ')
            at++;
        good = copy_part(&at, '=', key) && *at == '=';
        if (!good)
            break;
        at++;
        good = copy_part(&at, ',', value) &&
               X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
        if (*at == ',')
            at++;
    }
    if (!good) {
        X509_NAME_free(name);
        return hf_why_set(why, HF_ERR_INVALID,
                          "the subject cannot be read: write it as CN=host.example,O=Name (at most %d bytes a part)",
                          PART_MAX);
    }
    *out = name;
    return HF_OK;
}

static GENERAL_NAME *make_san(const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = NULL;
    int type = GEN_DNS;

    if (strncmp(text, "dns:", 4) == 0 && text[4] &&
        strspn(text + 4, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-._*") == strlen(text + 4)) {
        value = ASN1_IA5STRING_new();
        if (value && ASN1_STRING_set(value, text + 4, -1) != 1) {
            ASN1_STRING_free(value);
            value = NULL;
        }
    } else if (strncmp(text, "ip:", 3) == 0) {
        type = GEN_IPADD;
        value = a2i_IPADDRESS(text + 3);
    }
    if (!name || !value) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, type, value);
    return name;
}

/* Takes `value`'s encoding; the caller frees value. */
static bool add(STACK_OF(X509_EXTENSION) * list, int nid, bool critical, void *value)
{
    X509_EXTENSION *ext = value ? X509V3_EXT_i2d(nid, critical, value) : NULL;

    if (ext && sk_X509_EXTENSION_push(list, ext) > 0)
        return true;
    X509_EXTENSION_free(ext);
    return false;
}

static bool add_constraints(STACK_OF(X509_EXTENSION) * list, bool ca)
{
    BASIC_CONSTRAINTS *value = BASIC_CONSTRAINTS_new();

    if (value)
        value->ca = ca ? 0xff : 0;
    bool good = add(list, NID_basic_constraints, true, value);
    BASIC_CONSTRAINTS_free(value);
    return good;
}

static bool add_usage(STACK_OF(X509_EXTENSION) * list, bool ca, bool rsa)
{
    enum { DIGITAL_SIGNATURE = 0, KEY_ENCIPHERMENT = 2, KEY_CERT_SIGN = 5, CRL_SIGN = 6 };
    ASN1_BIT_STRING *value = ASN1_BIT_STRING_new();
    bool good = value && ASN1_BIT_STRING_set_bit(value, DIGITAL_SIGNATURE, 1) == 1 &&
                (!rsa || ASN1_BIT_STRING_set_bit(value, KEY_ENCIPHERMENT, 1) == 1) &&
                (!ca || (ASN1_BIT_STRING_set_bit(value, KEY_CERT_SIGN, 1) == 1 &&
                         ASN1_BIT_STRING_set_bit(value, CRL_SIGN, 1) == 1)) &&
                add(list, NID_key_usage, true, value);

    ASN1_BIT_STRING_free(value);
    return good;
}

static bool add_extended_usage(STACK_OF(X509_EXTENSION) * list)
{
    EXTENDED_KEY_USAGE *value = sk_ASN1_OBJECT_new_null();
    bool good = value && sk_ASN1_OBJECT_push(value, OBJ_nid2obj(NID_server_auth)) > 0 &&
                sk_ASN1_OBJECT_push(value, OBJ_nid2obj(NID_client_auth)) > 0 &&
                add(list, NID_ext_key_usage, false, value);

    sk_ASN1_OBJECT_free(value);
    return good;
}

/* SHA-1 of the key's bits: an identifier, no security (RFC 5280 section 4.2.1.2). */
static bool add_key_id(STACK_OF(X509_EXTENSION) * list, const hf_pubkey *pub)
{
    const uint8_t *at = pub->spki;
    const unsigned char *bits = NULL;
    int bits_len = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_PUBKEY *key = d2i_X509_PUBKEY(NULL, &at, (long)pub->spki_len);
    bool good = key && value && X509_PUBKEY_get0_param(NULL, &bits, &bits_len, NULL, key) == 1 &&
                EVP_Digest(bits, (size_t)bits_len, digest, &len, EVP_sha1(), NULL) == 1 &&
                ASN1_OCTET_STRING_set(value, digest, (int)len) == 1 &&
                add(list, NID_subject_key_identifier, false, value);

    X509_PUBKEY_free(key);
    ASN1_OCTET_STRING_free(value);
    return good;
}

static hf_status add_sans(STACK_OF(X509_EXTENSION) * list, const hf_hsm_cert_spec *spec, const hf_why *why)
{
    hf_status status = HF_OK;
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

    for (size_t i = 0; names && i < spec->sans_n && status == HF_OK; i++) {
        GENERAL_NAME *name = make_san(spec->sans[i]);
        if (name && sk_GENERAL_NAME_push(names, name) > 0)
            continue;
        GENERAL_NAME_free(name);
        status = hf_why_set(why, HF_ERR_INVALID, "subjectAltName \"%s\" cannot be read: write dns:NAME or ip:ADDRESS",
                            spec->sans[i]);
    }
    if (status == HF_OK && spec->sans_n > 0 && !add(list, NID_subject_alt_name, false, names))
        status = hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    return status;
}

hf_status hf_extensions_make(const hf_hsm_cert_spec *spec, const hf_pubkey *pub, STACK_OF(X509_EXTENSION) * *out,
                             const hf_why *why)
{
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    hf_status status = HF_OK;

    if (spec->sans_n > HF_HSM_SANS_MAX)
        status = hf_why_set(why, HF_ERR_INVALID, "more than %d subjectAltNames", HF_HSM_SANS_MAX);
    else if (!list || !add_constraints(list, spec->ca) || !add_usage(list, spec->ca, pub->type == HF_KEY_RSA) ||
             (!spec->ca && !add_extended_usage(list)) || !add_key_id(list, pub))
        status = hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot build the extensions");
    if (status == HF_OK)
        status = add_sans(list, spec, why);
    if (status == HF_OK)
        *out = list;
    else
        sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    return status;
}
