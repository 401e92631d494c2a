/* The public faces of the keys in the key process, as it introduced them; for key_client.c. */
#ifndef HANDFAST_APPS_KEY_CLIENT_FACE_H
#define HANDFAST_APPS_KEY_CLIENT_FACE_H

#include "handfast/handfast.h"
#include "key_client.h"
#include "key_wire.h"

typedef struct hf_client_key hf_client_key;

/* Filled by the first key process; every later one must show the same keys. */
typedef struct hf_client_faces {
    hf_client_key *keys[HF_LIMIT_CREDENTIALS];
    size_t n;
    bool complete; /* the first introduction is over */
} hf_client_faces;

/* In order. False: a key that is too many, or another one than before; the introduction has failed. */
bool hf_client_faces_take(hf_client_faces *faces, hf_key_client *client, const hf_wire_key *shown);
bool hf_client_faces_take_cert(hf_client_faces *faces, const hf_wire_body *cert);
/* All `n` keys were shown. */
bool hf_client_faces_whole(hf_client_faces *faces, size_t n);
void hf_client_faces_cleanup(hf_client_faces *faces);

hf_key *hf_client_faces_key(hf_client_faces *faces, size_t i);
uint32_t hf_client_key_index(const hf_key *key);

/* In key_client.c: what hf_key_ops of these keys does. */
void hf_client_submit(hf_key_client *client, hf_key_op *op, hf_key_done_fn *done, void *arg);
void hf_client_cancel(hf_key_client *client, hf_key_done_fn *done, void *arg);
bool hf_client_admits(hf_key_client *client);

#endif
