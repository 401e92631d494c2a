/* What the contract suites share: every cipher in every mode, through every provider that offers it.
 *
 * Buffers stand between inaccessible pages, so that one byte read or written outside ends the test. */
#ifndef HANDFAST_TEST_CONTRACT_H
#define HANDFAST_TEST_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/providers.h"

/* A cipher in a mode; 4 AEADs in TLS 1.2 and 1.3, 5 CBC ciphers in both orders of MAC. */
typedef struct contract_case {
    hf_cipher_id id;
    hf_record_mode mode;
} contract_case;
#define CONTRACT_CASES 18
extern contract_case contract_cases[CONTRACT_CASES];

/* One provider under one case: a worker and a pair of keys. */
typedef struct contract_rig {
    const hf_cipher *cipher;
    const hf_cipher_spec *spec;
    hf_record_mode mode;
    hf_worker *worker;
    size_t prefix;
    size_t tail; /* bytes behind the ciphertext: tag, or the MAC of encrypt-then-MAC */
    void *seal_key, *open_key;
} contract_rig;

#define CONTRACT_RIGS_MAX (HF_PROVIDERS_MAX + 1) /* and a kernel that this CPU would not choose by itself */

/* The rigs of every provider of this build that offers the case; `seed` makes the keys: equal seeds, equal keys. */
size_t contract_rigs_open(const contract_case *which, unsigned seed, contract_rig rigs[CONTRACT_RIGS_MAX]);
void contract_rigs_close(contract_rig *rigs, size_t n);
/* Only keys, made as above, for a worker that is there already. */
void contract_keys_open(contract_rig *rig, unsigned seed);
void contract_keys_close(contract_rig *rig);

/* "ipsecmb, AES-128-GCM, TLS 1.3": for messages. Static storage. */
const char *contract_name(const contract_rig *rig);

/* `size` bytes of memory right before an inaccessible page, and right behind one. */
typedef struct contract_room {
    uint8_t *map, *low, *high; /* accessible: low..high */
    size_t map_size;
} contract_room;
void contract_room_new(contract_room *room, size_t size);
void contract_room_free(contract_room *room);
/* The last `size` bytes of the room: one byte further is a fault. */
static inline uint8_t *contract_last(const contract_room *room, size_t size)
{
    return room->high - size;
}

/* A small generator with a seed: the same bytes in every run. */
void contract_fill(uint8_t *out, size_t len, unsigned seed);

extern const uint8_t contract_cbc_iv[HF_CBC_IV_SIZE];

/* Jobs with everything set but buffers. */
hf_record_job contract_seal_job(const contract_rig *rig, uint64_t sequence, const uint8_t *in, size_t in_len,
                                uint8_t *out);
hf_record_job contract_open_job(const contract_rig *rig, uint64_t sequence, const uint8_t *in, size_t in_len,
                                uint8_t *out);
void contract_run(const contract_rig *rig, hf_direction direction, hf_record_job *jobs, size_t n);

/* Seals `content` with the rig into out (room enough), and says its length; fails the test when that fails. */
size_t contract_seal(const contract_rig *rig, uint64_t sequence, const uint8_t *content, size_t len, uint8_t *out);

/* Runs an open that must be refused with HF_ERR_VERIFY, and checks that no plaintext stays and that nothing beyond
 * what an open may write was touched. `what` names the change for the message. */
void contract_refused(const contract_rig *rig, hf_record_job job, const char *what);

/* The whole round for lengths first..last in steps: all providers seal the same bytes, each opens them again, in
 * separate buffers and in place. `thorough`: both placements for every length, else they alternate beyond 2048. */
void contract_lengths(const contract_case *which, size_t first, size_t last, size_t step, bool thorough);

#endif
