/* Room `key`: what the token can do with the key.
 *
 * Three sources must agree: the token's mechanism list, the key's attributes, and a trial operation that is checked
 * with the public half. The trial also proves that the public half belongs to the private key. */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/secret.h"
#include "token_key.h"

#define MECHANISMS_MAX 4096

/* What a key may do by its own attributes. */
typedef struct rights {
    bool sign;
    bool decrypt;
    bool unwrap;
    CK_MECHANISM_TYPE *allowed; /* NULL: no restriction */
    size_t allowed_n;
} rights;

static CK_RV read_rights(const hf_token *token, CK_OBJECT_HANDLE key, rights *out)
{
    uint8_t *bytes = NULL;
    size_t len = 0;

    memset(out, 0, sizeof *out);
    CK_RV rv = hf_attr_bool(&token->session, key, CKA_SIGN, false, &out->sign);
    if (rv == CKR_OK)
        rv = hf_attr_bool(&token->session, key, CKA_DECRYPT, false, &out->decrypt);
    if (rv == CKR_OK)
        rv = hf_attr_bool(&token->session, key, CKA_UNWRAP, false, &out->unwrap);
    if (rv == CKR_OK && hf_attr_bytes(&token->session, key, CKA_ALLOWED_MECHANISMS, &bytes, &len) == CKR_OK && bytes) {
        out->allowed_n = len / sizeof *out->allowed;
        out->allowed = calloc(out->allowed_n + 1, sizeof *out->allowed);
        if (out->allowed)
            memcpy(out->allowed, bytes, out->allowed_n * sizeof *out->allowed);
        else
            rv = CKR_HOST_MEMORY;
    }
    free(bytes);
    return rv;
}

static bool may_use(const hf_token *token, const rights *r, CK_MECHANISM_TYPE type, CK_FLAGS flag)
{
    CK_MECHANISM_TYPE list[MECHANISMS_MAX];
    CK_ULONG n = MECHANISMS_MAX;
    CK_MECHANISM_INFO info;
    bool listed = false;
    bool allowed = !r->allowed;

    for (size_t i = 0; i < r->allowed_n; i++)
        allowed = allowed || r->allowed[i] == type;
    if (!allowed || token->slot.fn->C_GetMechanismList(token->slot.id, list, &n) != CKR_OK || n > MECHANISMS_MAX)
        return false;
    for (CK_ULONG i = 0; i < n; i++)
        listed = listed || list[i] == type;
    return listed && token->slot.fn->C_GetMechanismInfo(token->slot.id, type, &info) == CKR_OK && (info.flags & flag);
}

/* HF_OK, or why the scheme does not work; codes of a lost session go to *out_rv. */
static hf_status try_scheme(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, const hf_scheme *scheme,
                            CK_RV *out_rv)
{
    uint8_t input[64];
    uint8_t signature[HF_KEY_RESULT_MAX];
    size_t len = 0;
    size_t input_len = scheme->digest ? scheme->digest_size : sizeof input;

    *out_rv = CKR_OK;
    if (RAND_bytes(input, sizeof input) != 1)
        return HF_ERR_RANDOM;
    hf_status status = hf_scheme_sign(scheme, &token->session, key, pub, input, input_len, signature, &len, out_rv);
    if (status == HF_OK)
        status = hf_scheme_verify(scheme, pub, input, input_len, signature, len);
    return status;
}

static void say_dropped(const hf_why *why, const char *what, const char *name, hf_status status, CK_RV rv)
{
    hf_why_add(why, "%s%s%s is listed by the token but %s: not offered", why->text && why->text[0] ? "; " : "", what,
               name,
               rv != CKR_OK              ? hf_rv_name(rv)
               : status == HF_ERR_VERIFY ? "its trial does not verify with the public half"
                                         : "its trial gave no valid result");
}

/* Neither good nor a clear no: a token that fails once in a while would lose a scheme for as long as the key is open,
 * so it is asked once more. */
static bool is_unclear(hf_status status, CK_RV rv)
{
    return status != HF_OK && rv != CKR_OK && !hf_rv_trouble(rv);
}

static hf_status probe_schemes(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, const rights *r,
                               hf_usable *out, const hf_why *why)
{
    const hf_scheme *scheme;
    size_t n = 0;

    for (size_t i = 0; (scheme = hf_scheme_for(pub->type, pub->group, i)) && n < HF_KEY_SCHEMES_MAX - 1; i++) {
        CK_RV rv = CKR_OK;
        if (!r->sign || !may_use(token, r, scheme->mechanism, CKF_SIGN))
            continue;
        hf_status status = try_scheme(token, key, pub, scheme, &rv);
        if (is_unclear(status, rv))
            status = try_scheme(token, key, pub, scheme, &rv);
        if (status == HF_OK)
            out->schemes[n++] = scheme->id;
        else if (rv != CKR_MECHANISM_INVALID && rv != CKR_MECHANISM_PARAM_INVALID && rv != CKR_FUNCTION_NOT_SUPPORTED &&
                 rv != CKR_KEY_FUNCTION_NOT_PERMITTED && hf_rv_trouble(rv))
            return hf_why_set(why, hf_rv_status(rv), "the trial signature failed: the token says %s: check the token",
                              hf_rv_name(rv));
        else
            say_dropped(why, "", scheme->name, status, rv);
    }
    return HF_OK;
}

static bool try_decrypt(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, hf_decrypt_how how,
                        CK_RV *out_rv)
{
    hf_decrypt_key k;
    hf_decrypter d = {.k = &k, .session = &token->session, .key = key};
    uint8_t secret[HF_PREMASTER_SIZE];
    uint8_t fallback[HF_PREMASTER_SIZE] = {0};
    uint8_t result[HF_PREMASTER_SIZE];
    uint8_t cipher[HF_RSA_MAX_BYTES];
    size_t len = 0;

    *out_rv = CKR_OK;
    bool good = hf_decrypt_key_init(&k, pub, how) == HF_OK && RAND_bytes(secret, sizeof secret) == 1;
    secret[0] = 3;
    secret[1] = 3;
    good = good && hf_decrypter_encrypt(pub, secret, sizeof secret, cipher, sizeof cipher, &len) == HF_OK &&
           hf_decrypter_run(&d, cipher, len, 0x0303, fallback, result, out_rv) == HF_OK &&
           hf_ct_equal(result, secret, sizeof secret);
    hf_decrypter_cleanup(&d);
    hf_wipe(secret, sizeof secret);
    hf_wipe(result, sizeof result);
    return good;
}

/* Raw RSA first: only there is the time of a bad padding ours. */
static void probe_decrypt(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, const rights *r,
                          hf_usable *out, const hf_why *why)
{
    const struct {
        hf_decrypt_how how;
        CK_MECHANISM_TYPE mechanism;
        CK_FLAGS flag;
        bool right;
        const char *name;
    } ways[] = {
        {HF_DECRYPT_RAW, CKM_RSA_X_509, CKF_DECRYPT, r->decrypt, "CKM_RSA_X_509"},
        {HF_DECRYPT_PKCS, CKM_RSA_PKCS, CKF_DECRYPT, r->decrypt, "CKM_RSA_PKCS"},
        {HF_DECRYPT_UNWRAP, CKM_RSA_PKCS, CKF_UNWRAP, r->unwrap, "CKM_RSA_PKCS (unwrap)"},
    };

    if (pub->type != HF_KEY_RSA)
        return;
    for (size_t i = 0; i < 3 && out->decrypt == HF_DECRYPT_NONE; i++) {
        CK_RV rv = CKR_OK;
        if (!ways[i].right || (token->session.auth && ways[i].how == HF_DECRYPT_UNWRAP) || /* no place for its PIN */
            !may_use(token, r, ways[i].mechanism, ways[i].flag))
            continue;
        bool good = try_decrypt(token, key, pub, ways[i].how, &rv);
        if (!good && !hf_rv_trouble(rv)) /* once more, as a signature; here the token's code is not told */
            good = try_decrypt(token, key, pub, ways[i].how, &rv);
        if (good)
            out->decrypt = ways[i].how;
        else
            say_dropped(why, "decryption with ", ways[i].name, HF_ERR_TOKEN, rv);
    }
}

hf_status hf_token_probe_key(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, hf_usable *out,
                             const hf_why *why)
{
    rights r;

    memset(out, 0, sizeof *out);
    hf_why_set(why, HF_OK, "%s", "");
    CK_RV rv = read_rights(token, key, &r);
    if (rv != CKR_OK) {
        free(r.allowed);
        return hf_why_set(why, hf_rv_status(rv),
                          "the key's attributes cannot be read: the token says %s: check the token", hf_rv_name(rv));
    }
    hf_status status = probe_schemes(token, key, pub, &r, out, why);
    if (status == HF_OK)
        probe_decrypt(token, key, pub, &r, out, why);
    free(r.allowed);
    if (status != HF_OK || out->schemes[0] || out->decrypt != HF_DECRYPT_NONE)
        return status;
    if (why->text && why->text[0]) {
        hf_why_add(why, "; nothing is left that works: use another key");
        return HF_ERR_KEY_UNUSABLE;
    }
    return hf_why_set(
        why, HF_ERR_KEY_UNUSABLE,
        "the token offers no mechanism for the key, or the key may neither sign nor decrypt: check CKA_SIGN, "
        "CKA_DECRYPT and CKA_ALLOWED_MECHANISMS");
}

hf_status hf_token_prove_key(const hf_token *token, CK_OBJECT_HANDLE key, const hf_pubkey *pub, const hf_usable *usable,
                             const hf_why *why)
{
    CK_RV rv = CKR_OK;
    hf_status status;

    if (usable->schemes[0])
        status = try_scheme(token, key, pub, hf_scheme_find(usable->schemes[0]), &rv);
    else
        status = try_decrypt(token, key, pub, usable->decrypt, &rv) ? HF_OK : HF_ERR_VERIFY;
    if (status == HF_OK)
        return HF_OK;
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the trial operation failed: the token says %s", hf_rv_name(rv));
    if (status == HF_ERR_VERIFY)
        return hf_why_set(why, HF_ERR_KEY_MISMATCH,
                          "what the key answers does not fit its public half: another key stands in its place");
    return hf_why_set(why, status, "the trial operation failed: %s", hf_status_text(status));
}
