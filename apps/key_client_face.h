/* The public faces of the keys in the key process, as it introduced them; for key_client.c. */
#ifndef HANDFAST_APPS_KEY_CLIENT_FACE_H
#define HANDFAST_APPS_KEY_CLIENT_FACE_H

#include "handfast/handfast.h"
#include "key_client.h"
#include "key_wire.h"

typedef struct hf_client_key hf_client_key;

/* The keys of one set, as a key process has shown them: a reference to each. */
typedef struct hf_client_faces {
    hf_client_key *keys[HF_LIMIT_CREDENTIALS];
    size_t n;
} hf_client_faces;

/* In order, all of one set. False: it does not fit; the other side is not what it should be. */
bool hf_client_faces_take(hf_client_faces *faces, hf_key_client *client, const hf_wire_key *shown);
bool hf_client_faces_take_cert(hf_client_faces *faces, const hf_wire_body *cert);
/* There are keys, and all are of that set. */
bool hf_client_faces_whole(const hf_client_faces *faces, uint32_t set);
/* The same keys. */
bool hf_client_faces_same(const hf_client_faces *a, const hf_client_faces *b);
/* Lets go of them; whoever else holds one goes on with it. */
void hf_client_faces_cleanup(hf_client_faces *faces);

/* With the client's lock held: the key process of that number (1: the first; 0: none) knows them as this set. */
void hf_client_faces_stamp(hf_client_faces *faces, unsigned long process, uint32_t set);
bool hf_client_faces_stamped(const hf_client_faces *faces, unsigned long process);
/* With the client's lock held: the index that this process knows the key by; that of the same key among the faces of
 * now, if the key is of another process; HF_CLIENT_NO_INDEX: none. */
#define HF_CLIENT_NO_INDEX UINT32_MAX
uint32_t hf_client_key_index(const hf_key *key, const hf_client_faces *now, unsigned long process);

hf_key *hf_client_faces_key(const hf_client_faces *faces, size_t i);

/* In key_client.c: what hf_key_ops of these keys does. */
void hf_client_submit(hf_key_client *client, hf_key_op *op, hf_key_done_fn *done, void *arg);
void hf_client_cancel(hf_key_client *client, hf_key_done_fn *done, void *arg);
bool hf_client_admits(hf_key_client *client);

#endif
