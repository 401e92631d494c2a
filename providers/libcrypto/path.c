/* Path validation (RFC 5280 section 6) with the peer's name (RFC 9525) and purpose, by libcrypto's verifier.
 *
 * What is asked beyond libcrypto's defaults:
 *   auth level 2     no key below 112 bits of security (RSA 2048, EC 224), no SHA-1 or MD5 signature in the chain
 *   partial chain    an anchor is what the operator says it is, an intermediate too (RFC 5280 section 6.1.1 (d))
 *   names            subjectAltName only, never the common name; a wildcard is a whole left-most label
 *   time             the caller's
 * Revocation is not checked here: a stapled OCSP response is (ocsp.c), a CRL has no place in the contract.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "x509.h"

#define AUTH_LEVEL 2
#define HOST_NAME_MAX_SIZE 255 /* bytes, RFC 1035 section 2.3.4 */

/* What went wrong, the alert for it (RFC 5246 section 7.2.2) and how it is told. bad_certificate stands for
 * "signatures that did not verify correctly, etc.": also for a wrong name and for weak keys and signatures.
 * certificate_unknown stands for "some other (unspecified) issue", and for what is not listed. */
static const struct {
    int error;
    hf_alert alert;
    const char *phrase; /* NULL: libcrypto's own */
} reasons[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, HF_ALERT_CERTIFICATE_EXPIRED, "has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, HF_ALERT_CERTIFICATE_EXPIRED, "is not valid yet (or the clock here is wrong)"},
    {X509_V_ERR_CERT_REVOKED, HF_ALERT_CERTIFICATE_REVOKED, "is revoked"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, HF_ALERT_UNKNOWN_CA, "was issued by an authority that is not trusted here"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, HF_ALERT_UNKNOWN_CA,
     "was issued by an authority that is neither trusted here nor in the chain that was sent"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, HF_ALERT_UNKNOWN_CA,
     "was issued by an authority that is neither trusted here nor in the chain that was sent"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, HF_ALERT_UNKNOWN_CA, "is self-signed and not trusted here"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, HF_ALERT_UNKNOWN_CA, "is the chain's root and not trusted here"},
    {X509_V_ERR_CERT_UNTRUSTED, HF_ALERT_UNKNOWN_CA, "is not trusted here"},
    {X509_V_ERR_CERT_REJECTED, HF_ALERT_UNKNOWN_CA, "is explicitly distrusted here"},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, HF_ALERT_UNKNOWN_CA, "stands too deep in its chain"},
    {X509_V_ERR_INVALID_CA, HF_ALERT_UNKNOWN_CA, "issued another but is not an authority"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, HF_ALERT_UNKNOWN_CA, "has more authorities below it than its path length allows"},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, HF_ALERT_UNKNOWN_CA, "issued another but its key usage does not allow it"},
    {X509_V_ERR_INVALID_PURPOSE, HF_ALERT_UNSUPPORTED_CERTIFICATE,
     "is not for this purpose (extended key usage or key usage)"},
    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, HF_ALERT_UNSUPPORTED_CERTIFICATE, NULL},
    {X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM, HF_ALERT_UNSUPPORTED_CERTIFICATE, NULL},
    {X509_V_ERR_HOSTNAME_MISMATCH, HF_ALERT_BAD_CERTIFICATE, "does not carry the host name"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, HF_ALERT_BAD_CERTIFICATE, "does not carry the IP address"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, HF_ALERT_BAD_CERTIFICATE, "has a signature that is wrong"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, HF_ALERT_BAD_CERTIFICATE, "has a key that is too small"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, HF_ALERT_BAD_CERTIFICATE, "is an authority whose key is too small"},
    {X509_V_ERR_CA_MD_TOO_WEAK, HF_ALERT_BAD_CERTIFICATE, "is signed with a hash that is too weak (SHA-1 or MD5)"},
    {X509_V_ERR_PERMITTED_VIOLATION, HF_ALERT_BAD_CERTIFICATE, NULL},
    {X509_V_ERR_EXCLUDED_VIOLATION, HF_ALERT_BAD_CERTIFICATE, NULL},
};

/* The peer's certificates, own one first. */
static hf_status parse_chain(const hf_path *path, STACK_OF(X509) * chain, char *why, size_t why_max)
{
    for (size_t i = 0; i < path->n; i++) {
        X509 *x509 = hf_lc_x509_parse(path->certs[i], path->cert_lens[i]);
        if (!x509) {
            snprintf(why, why_max, "certificate %zu of the chain does not parse", i + 1);
            return hf_lc_fail(HF_SEND(HF_ALERT_BAD_CERTIFICATE));
        }
        if (sk_X509_push(chain, x509) <= 0) {
            X509_free(x509);
            return hf_lc_fail(HF_ERR_NO_MEMORY);
        }
    }
    return HF_OK;
}

/* The name to look for. libcrypto would take an empty name for "any", and a leading dot for "any subdomain". */
static hf_status set_name(X509_VERIFY_PARAM *param, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > HOST_NAME_MAX_SIZE || name[0] == '.')
        return HF_ERR_INVALID;
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return HF_OK;
    ERR_clear_error();        /* not the text of an address: a host name */
    if (name[len - 1] == '.') /* the absolute form of the same name */
        len--;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, name, len) == 1 ? HF_OK : HF_ERR_INVALID;
}

static hf_status set_param(X509_STORE_CTX *ctx, const hf_path *path)
{
    bool server = path->purpose == HF_PURPOSE_SERVER;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    if (X509_STORE_CTX_set_purpose(ctx, server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT) != 1 ||
        X509_STORE_CTX_set_trust(ctx, server ? X509_TRUST_SSL_SERVER : X509_TRUST_SSL_CLIENT) != 1 ||
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN) != 1)
        return HF_ERR_CRYPTO;
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    X509_VERIFY_PARAM_set_depth(param, HF_CHAIN_MAX);
    X509_VERIFY_PARAM_set_time(param, (time_t)path->unix_time);
    return path->name ? set_name(param, path->name) : HF_OK;
}

/* The alert for the verifier's verdict, and the phrase for the operator. */
static hf_status explain(X509_STORE_CTX *ctx, const hf_path *path, char *why, size_t why_max)
{
    int error = X509_STORE_CTX_get_error(ctx);
    X509 *culprit = X509_STORE_CTX_get_current_cert(ctx);
    hf_alert alert = HF_ALERT_CERTIFICATE_UNKNOWN;
    const char *phrase = NULL;
    char subject[256] = "?";

    if (error == X509_V_ERR_OUT_OF_MEM)
        return HF_ERR_NO_MEMORY;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].error == error) {
            alert = reasons[i].alert;
            phrase = reasons[i].phrase;
        }
    }
    if (culprit)
        hf_lc_name_text(X509_get_subject_name(culprit), subject, sizeof subject);
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        snprintf(why, why_max, "the certificate of %s %s %s in its subjectAltName", subject, phrase, path->name);
    else if (phrase)
        snprintf(why, why_max, "the certificate of %s %s", subject, phrase);
    else
        snprintf(why, why_max, "the certificate of %s: %s", subject, X509_verify_cert_error_string(error));
    return HF_SEND(alert);
}

hf_status hf_lc_verify_path(const hf_path *path, char *why, size_t why_max)
{
    hf_status status = HF_ERR_NO_MEMORY;

    if (why_max > 0)
        why[0] = '\0';
    if (!path->trust || path->n == 0 || path->n > HF_CHAIN_MAX)
        return HF_ERR_INVALID;
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (!chain || !ctx)
        goto out;
    status = parse_chain(path, chain, why, why_max);
    if (status != HF_OK)
        goto out;
    if (X509_STORE_CTX_init(ctx, path->trust->store, sk_X509_value(chain, 0), chain) != 1) {
        status = hf_lc_fail(HF_ERR_CRYPTO);
        goto out;
    }
    status = set_param(ctx, path);
    if (status == HF_ERR_INVALID)
        snprintf(why, why_max, "the name to look for in the certificate is not a host name or IP address");
    if (status == HF_OK && X509_verify_cert(ctx) != 1)
        status = explain(ctx, path, why, why_max);
out:
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return status;
}
