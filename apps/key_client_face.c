/* The public faces of the keys in the key process. See key_client_face.h. */
#include "key_client_face.h"

#include <stdlib.h>
#include <string.h>

struct hf_client_key {
    hf_key face; /* first */
    hf_key_client *client;
    uint32_t index;
    uint8_t *certs[HF_CHAIN_MAX];
    size_t cert_lens[HF_CHAIN_MAX];
    size_t certs_n;
    char label[HF_WIRE_TEXT_MAX + 1], where[64];
    uint8_t spki[];
};

static void submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    hf_client_submit(((hf_client_key *)key)->client, op, done, arg);
}

static void cancel(hf_key *key, hf_key_done_fn *done, void *arg)
{
    hf_client_cancel(((hf_client_key *)key)->client, done, arg);
}

static bool admits(const hf_key *key)
{
    return hf_client_admits(((const hf_client_key *)key)->client);
}

/* The client owns its keys and is freed after every configuration. */
static void count(hf_key *key)
{
    (void)key;
}

static const hf_key_ops ops = {.submit = submit, .retain = count, .release = count, .cancel = cancel, .admits = admits};

static bool same(const hf_key *key, const hf_wire_key *shown)
{
    return key->type == shown->type && key->bits == shown->bits && key->group == shown->group &&
           key->can_decrypt == shown->can_decrypt && key->spki_len == shown->spki_len &&
           memcmp(key->spki, shown->spki, shown->spki_len) == 0 &&
           memcmp(key->schemes, shown->schemes, sizeof key->schemes) == 0;
}

bool hf_client_faces_take(hf_client_faces *faces, hf_key_client *client, const hf_wire_key *shown)
{
    if (faces->complete)
        return shown->index < faces->n && same(hf_client_faces_key(faces, shown->index), shown);
    if (faces->n == HF_LIMIT_CREDENTIALS || shown->index != faces->n || shown->where_len >= 64)
        return false;
    hf_client_key *key = calloc(1, sizeof *key + shown->spki_len);
    if (!key)
        return false;
    key->client = client;
    key->index = shown->index;
    if (shown->label_len)
        memcpy(key->label, shown->label, shown->label_len);
    if (shown->where_len)
        memcpy(key->where, shown->where, shown->where_len);
    if (shown->spki_len)
        memcpy(key->spki, shown->spki, shown->spki_len);
    key->face = (hf_key){.ops = &ops,
                         .label = key->label,
                         .where = key->where,
                         .type = shown->type,
                         .bits = shown->bits,
                         .group = shown->group,
                         .can_decrypt = shown->can_decrypt,
                         .spki = key->spki,
                         .spki_len = shown->spki_len};
    memcpy(key->face.schemes, shown->schemes, sizeof key->face.schemes);
    faces->keys[faces->n++] = key;
    return true;
}

bool hf_client_faces_take_cert(hf_client_faces *faces, const hf_wire_body *cert)
{
    if (faces->complete)
        return true; /* the configuration has its certificates */
    hf_client_key *key = cert->number < faces->n ? faces->keys[cert->number] : NULL;
    if (!key || key->certs_n == HF_CHAIN_MAX || cert->len == 0)
        return false;
    uint8_t *copy = malloc(cert->len);
    if (!copy)
        return false;
    memcpy(copy, cert->data, cert->len);
    key->certs[key->certs_n] = copy;
    key->cert_lens[key->certs_n++] = cert->len;
    return true;
}

bool hf_client_faces_whole(hf_client_faces *faces, size_t n)
{
    faces->complete = faces->complete || n > 0;
    return n > 0 && n == faces->n;
}

void hf_client_faces_cleanup(hf_client_faces *faces)
{
    for (size_t i = 0; i < faces->n; i++) {
        for (size_t j = 0; j < faces->keys[i]->certs_n; j++)
            free(faces->keys[i]->certs[j]);
        free(faces->keys[i]);
    }
    memset(faces, 0, sizeof *faces);
}

hf_key *hf_client_faces_key(hf_client_faces *faces, size_t i)
{
    return &faces->keys[i]->face;
}

uint32_t hf_client_key_index(const hf_key *key)
{
    return ((const hf_client_key *)key)->index;
}

hf_status hf_key_client_certs(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg)
{
    if (!key || key->ops != &ops)
        return HF_ERR_INVALID;
    const hf_client_key *mine = (const hf_client_key *)key;
    if (mine->certs_n == 0)
        return HF_ERR_NOT_FOUND;
    for (size_t i = 0; i < mine->certs_n; i++) {
        hf_status status = each(arg, mine->certs[i], mine->cert_lens[i]);
        if (status != HF_OK)
            return status;
    }
    return HF_OK;
}
