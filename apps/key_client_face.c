/* The public faces of the keys in the key process. See key_client_face.h. */
#include "key_client_face.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct hf_client_key {
    hf_key face; /* first */
    hf_key_client *client;
    atomic_size_t references;
    uint32_t index;        /* guarded by the client's lock, like the next */
    unsigned long process; /* who knows it by that index; 0: nobody yet */
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

static void retain(hf_key *key)
{
    atomic_fetch_add_explicit(&((hf_client_key *)key)->references, 1, memory_order_relaxed);
}

/* An operation that is out holds its key: there is nothing to wait for. */
static void release(hf_key *key)
{
    hf_client_key *mine = (hf_client_key *)key;
    if (atomic_fetch_sub_explicit(&mine->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < mine->certs_n; i++)
        free(mine->certs[i]);
    free(mine);
}

static const hf_key_ops ops = {
    .submit = submit, .retain = retain, .release = release, .cancel = cancel, .admits = admits};

static bool same_public_key(const hf_key *a, const hf_key *b)
{
    return a->spki_len == b->spki_len && memcmp(a->spki, b->spki, a->spki_len) == 0;
}

static bool same(const hf_key *a, const hf_key *b)
{
    return a->type == b->type && a->bits == b->bits && a->group == b->group && a->can_decrypt == b->can_decrypt &&
           same_public_key(a, b) && memcmp(a->schemes, b->schemes, sizeof a->schemes) == 0;
}

bool hf_client_faces_take(hf_client_faces *faces, hf_key_client *client, const hf_wire_key *shown)
{
    if (faces->n == HF_LIMIT_CREDENTIALS || shown->index % HF_LIMIT_CREDENTIALS != faces->n ||
        (faces->n && shown->index != faces->keys[0]->index + faces->n) || shown->where_len >= 64)
        return false;
    hf_client_key *key = calloc(1, sizeof *key + shown->spki_len);
    if (!key)
        return false;
    atomic_init(&key->references, 1);
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
    size_t i = cert->number % HF_LIMIT_CREDENTIALS;
    hf_client_key *key = i < faces->n ? faces->keys[i] : NULL;
    if (!key || key->index != cert->number || key->certs_n == HF_CHAIN_MAX || cert->len == 0)
        return false;
    uint8_t *copy = malloc(cert->len);
    if (!copy)
        return false;
    memcpy(copy, cert->data, cert->len);
    key->certs[key->certs_n] = copy;
    key->cert_lens[key->certs_n++] = cert->len;
    return true;
}

bool hf_client_faces_whole(const hf_client_faces *faces, uint32_t set)
{
    return faces->n > 0 && faces->keys[0]->index == HF_WIRE_INDEX(set, 0);
}

bool hf_client_faces_same(const hf_client_faces *a, const hf_client_faces *b)
{
    bool all = a->n == b->n;
    for (size_t i = 0; all && i < a->n; i++)
        all = same(&a->keys[i]->face, &b->keys[i]->face);
    return all;
}

void hf_client_faces_cleanup(hf_client_faces *faces)
{
    for (size_t i = 0; i < faces->n; i++)
        release(&faces->keys[i]->face);
    memset(faces, 0, sizeof *faces);
}

void hf_client_faces_stamp(hf_client_faces *faces, unsigned long process, uint32_t set)
{
    for (size_t i = 0; i < faces->n; i++) {
        faces->keys[i]->index = HF_WIRE_INDEX(set, i);
        faces->keys[i]->process = process;
    }
}

bool hf_client_faces_stamped(const hf_client_faces *faces, unsigned long process)
{
    return faces->n > 0 && faces->keys[0]->process == process;
}

uint32_t hf_client_key_index(const hf_key *key, const hf_client_faces *now, unsigned long process)
{
    const hf_client_key *mine = (const hf_client_key *)key;
    if (mine->process == process)
        return mine->index;
    for (size_t i = 0; i < now->n; i++)
        if (now->keys[i]->process == process && same_public_key(key, &now->keys[i]->face))
            return now->keys[i]->index;
    return HF_CLIENT_NO_INDEX;
}

hf_key *hf_client_faces_key(const hf_client_faces *faces, size_t i)
{
    return &faces->keys[i]->face;
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
