/* Room `provision`: what stands in a token. */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "provision.h"

/* One object on its way to the caller; owns its strings. */
typedef struct entry {
    hf_hsm_object face;
    char token[65];
    char type[32];
    char subject[256];
    char not_after[64];
    uint8_t *label;
    uint8_t *id;
    char *uri;
} entry;

static void name_key(const hf_p11_session *session, CK_OBJECT_HANDLE object, entry *e)
{
    const hf_why quiet = {NULL, 0};
    hf_pubkey pub;

    memcpy(e->type, "unknown", sizeof "unknown");
    if (hf_pubkey_read(session, object, &pub, &quiet) == HF_OK) {
        hf_pubkey_name(&pub, e->type, sizeof e->type);
        hf_pubkey_cleanup(&pub);
    }
}

/* As hf_hsm_secret_open tells them apart. */
static void name_secret(const hf_p11_session *session, CK_OBJECT_HANDLE object, entry *e)
{
    CK_ULONG type = CKK_VENDOR_DEFINED;

    (void)hf_attr_ulong(session, object, CKA_KEY_TYPE, CKK_VENDOR_DEFINED, &type);
    const char *name = type == CKK_AES                                         ? "AES"
                       : type == CKK_GENERIC_SECRET || type == CKK_SHA256_HMAC ? "HMAC"
                                                                               : "unknown";
    memcpy(e->type, name, strlen(name) + 1);
}

static void copy_bio(BIO *bio, char *out, size_t max)
{
    int len = BIO_read(bio, out, (int)max - 1);

    out[len > 0 ? len : 0] = 0;
}

static void name_cert(const hf_p11_session *session, CK_OBJECT_HANDLE object, entry *e)
{
    const hf_why quiet = {NULL, 0};
    uint8_t *der = NULL;
    size_t len = 0;
    hf_pubkey pub;

    memcpy(e->type, "unknown", sizeof "unknown");
    if (hf_attr_bytes(session, object, CKA_VALUE, &der, &len) != CKR_OK || !der)
        return;
    const uint8_t *at = der;
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    BIO *bio = BIO_new(BIO_s_mem());
    if (cert && bio) {
        (void)X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
        copy_bio(bio, e->subject, sizeof e->subject);
        (void)BIO_reset(bio);
        (void)ASN1_TIME_print(bio, X509_get0_notAfter(cert));
        copy_bio(bio, e->not_after, sizeof e->not_after);
        EVP_PKEY *key = X509_get0_pubkey(cert);
        if (key && hf_pubkey_from(key, &pub, &quiet) == HF_OK) {
            hf_pubkey_name(&pub, e->type, sizeof e->type);
            hf_pubkey_cleanup(&pub);
        }
    }
    BIO_free(bio);
    X509_free(cert);
    free(der);
}

static void read_flags(const hf_p11_session *session, CK_OBJECT_HANDLE object, hf_hsm_object *o)
{
    const struct {
        CK_ATTRIBUTE_TYPE type;
        bool absent;
        bool *out;
    } flags[] = {
        {CKA_SENSITIVE, false, &o->sensitive},
        {CKA_ALWAYS_SENSITIVE, false, &o->always_sensitive},
        {CKA_EXTRACTABLE, true, &o->extractable},
        {CKA_NEVER_EXTRACTABLE, false, &o->never_extractable},
        {CKA_SIGN, false, &o->sign},
        {CKA_DECRYPT, false, &o->decrypt},
        {CKA_UNWRAP, false, &o->unwrap},
    };

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        *flags[i].out = flags[i].absent;
        (void)hf_attr_bool(session, object, flags[i].type, flags[i].absent, flags[i].out);
    }
}

static hf_status tell(const hf_token *token, CK_OBJECT_HANDLE object, hf_hsm_class class,
                      hf_status (*each)(void *arg, const hf_hsm_object *object), void *arg)
{
    entry e;
    size_t label_len = 0;

    memset(&e, 0, sizeof e);
    hf_slot_label(&token->slot, e.token);
    (void)hf_attr_bytes(&token->session, object, CKA_LABEL, &e.label, &label_len);
    (void)hf_attr_bytes(&token->session, object, CKA_ID, &e.id, &e.face.id_len);
    e.uri = hf_uri_of_object(&token->slot, &token->session, object);
    if (class == HF_HSM_CERTIFICATE)
        name_cert(&token->session, object, &e);
    else if (class == HF_HSM_SECRET_KEY)
        name_secret(&token->session, object, &e);
    else
        name_key(&token->session, object, &e);
    if (class == HF_HSM_PRIVATE_KEY || class == HF_HSM_SECRET_KEY)
        read_flags(&token->session, object, &e.face);
    e.face.class_ = class;
    e.face.token = e.token;
    e.face.label = e.label ? (const char *)e.label : "";
    e.face.id = e.id;
    e.face.type = e.type;
    e.face.uri = e.uri ? e.uri : "";
    e.face.subject = e.subject;
    e.face.not_after = e.not_after;
    hf_status status = each(arg, &e.face);
    free(e.uri);
    free(e.id);
    free(e.label);
    return status;
}

static hf_status list_class(const hf_token *token, hf_hsm_class class, CK_OBJECT_HANDLE *objects,
                            hf_status (*each)(void *arg, const hf_hsm_object *object), void *arg, const hf_why *why)
{
    static const CK_OBJECT_CLASS classes[] = {[HF_HSM_PRIVATE_KEY] = CKO_PRIVATE_KEY,
                                              [HF_HSM_PUBLIC_KEY] = CKO_PUBLIC_KEY,
                                              [HF_HSM_CERTIFICATE] = CKO_CERTIFICATE,
                                              [HF_HSM_SECRET_KEY] = CKO_SECRET_KEY};
    CK_ATTRIBUTE match = hf_attr(CKA_CLASS, &classes[class], sizeof classes[class]);
    size_t n = 0;
    CK_RV rv = hf_object_find(&token->session, &match, 1, objects, HF_OBJECTS_MAX, &n);
    hf_status status = HF_OK;

    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the token cannot be searched: it says %s", hf_rv_name(rv));
    for (size_t i = 0; i < n && status == HF_OK; i++)
        status = tell(token, objects[i], class, each, arg);
    return status;
}

hf_status hf_hsm_list(const hf_hsm_options *options, const char *token_uri,
                      hf_status (*each)(void *arg, const hf_hsm_object *object), void *arg, char *why_text,
                      size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    hf_token token;
    P11KitUri *uri = NULL;
    hf_status status = hf_uri_parse(token_uri, &uri, &why);

    if (status != HF_OK)
        return status;
    status = hf_token_open(options, uri, false, true, &token, &why);
    p11_kit_uri_free(uri);
    if (status != HF_OK)
        return status;
    CK_OBJECT_HANDLE *objects = calloc(HF_OBJECTS_MAX, sizeof *objects);
    if (!objects)
        status = hf_why_set(&why, HF_ERR_NO_MEMORY, "out of memory");
    for (int class = HF_HSM_PRIVATE_KEY; class <= HF_HSM_SECRET_KEY && status == HF_OK; class ++)
        status = list_class(&token, (hf_hsm_class) class, objects, each, arg, &why);
    free(objects);
    hf_token_close(&token);
    return status;
}
