/* Counter mode and CBC over a batch of blocks (SP 800-38A). A template: see lanes.h and aes_lanes.h. */

/* out = in ^ keystream over n bytes. */
static inline __attribute__((always_inline)) void HF_T(xor_bytes)(uint8_t *out, const uint8_t *in,
                                                                  const uint8_t *stream, size_t n)
{
    size_t i = 0;

    for (; i + HF_VEC_SIZE <= n; i += HF_VEC_SIZE)
        HF_T(store)(out + i, HF_T(load)(in + i) ^ HF_T(load)(stream + i));
    for (; i < n; i++)
        out[i] = in[i] ^ stream[i];
}

static void HF_T(aes_ctr)(const hf_aes_key *key, const uint8_t block[HF_AES_BLOCK], uint8_t *skipped, size_t skip,
                          const uint8_t *in, uint8_t *out, size_t len, hf_kernel_gate *gate, void *gate_arg)
{
    HF_T(key_planes) planes;
    HF_T(bytes) q[8];
    uint8_t stream[HF_T(batch_bytes)];
    size_t from = HF_AES_BLOCK * skip; /* bytes of the batch's keystream that are not for the data */

    HF_T(key_spread)(&planes, key);
    for (uint32_t counter = 0; from > 0 || len > 0; counter += HF_T(batch_blocks)) {
        HF_T(keystream)(&planes, block, counter, q);
        if (from == 0 && len >= sizeof stream) {
            for (size_t b = 0; b < 8; b++)
                HF_T(store)(out + HF_VEC_SIZE * b, HF_T(load)(in + HF_VEC_SIZE * b) ^ q[b]);
            in += sizeof stream;
            out += sizeof stream;
            len -= sizeof stream;
            continue;
        }
        for (size_t b = 0; b < 8; b++)
            HF_T(store)(stream + HF_VEC_SIZE * b, q[b]);
        if (from > 0) {
            memcpy(skipped, stream, from);
            if (gate && !gate(gate_arg, skipped))
                break;
        }
        if (len == 0)
            break; /* only the skipped blocks were asked for: in and out may be NULL */
        size_t n = sizeof stream - from < len ? sizeof stream - from : len;
        HF_T(xor_bytes)(out, in, stream + from, n);
        in += n;
        out += n;
        len -= n;
        from = 0;
    }
    hf_wipe(&planes, sizeof planes);
    hf_wipe(q, sizeof q);
    hf_wipe(stream, sizeof stream);
}

static void HF_T(cbc_encrypt)(hf_cbc_chain *chains, size_t n)
{
    HF_T(key_planes) planes;
    const hf_aes_key *keys[HF_T(batch_blocks)];
    uint8_t state[HF_T(batch_bytes)] = {0};
    size_t longest = 0;

    for (size_t i = 0; i < n; i++) {
        keys[i] = chains[i].key;
        memcpy(state + HF_AES_BLOCK * i, chains[i].state, HF_AES_BLOCK);
        longest = chains[i].blocks > longest ? chains[i].blocks : longest;
    }
    HF_T(key_gather)(&planes, keys, n);
    for (size_t at = 0; at < longest; at++) {
        for (size_t i = 0; i < n; i++)
            if (at < chains[i].blocks)
                store_narrow(state + HF_AES_BLOCK * i,
                             load_narrow(state + HF_AES_BLOCK * i) ^ load_narrow(chains[i].in + HF_AES_BLOCK * at));
        HF_T(encrypt_batch)(&planes, state, state);
        for (size_t i = 0; i < n; i++) {
            if (at < chains[i].blocks && chains[i].out)
                memcpy(chains[i].out + HF_AES_BLOCK * at, state + HF_AES_BLOCK * i, HF_AES_BLOCK);
            if (at + 1 == chains[i].blocks)
                memcpy(chains[i].state, state + HF_AES_BLOCK * i, HF_AES_BLOCK);
        }
    }
    hf_wipe(&planes, sizeof planes);
    hf_wipe(state, sizeof state);
}

static void HF_T(cbc_decrypt)(const hf_aes_key *key, const uint8_t iv[HF_AES_BLOCK], const uint8_t *in, uint8_t *out,
                              size_t len)
{
    HF_T(key_planes) planes;
    HF_T(bytes) q[8];
    uint8_t chain[HF_AES_BLOCK + HF_T(batch_bytes)] = {0}; /* previous block, then a batch: `in` may be `out` */
    uint8_t plain[HF_T(batch_bytes)];

    HF_T(key_spread)(&planes, key);
    memcpy(chain, iv, HF_AES_BLOCK);
    while (len > 0) {
        size_t n = len < sizeof plain ? len : sizeof plain;
        memcpy(chain + HF_AES_BLOCK, in, n);
        HF_T(decrypt_batch)(&planes, chain + HF_AES_BLOCK, q);
        for (size_t b = 0; b < 8; b++)
            HF_T(store)(plain + HF_VEC_SIZE * b, q[b] ^ HF_T(load)(chain + HF_VEC_SIZE * b));
        memcpy(out, plain, n);
        memcpy(chain, chain + n, HF_AES_BLOCK);
        in += n;
        out += n;
        len -= n;
    }
    hf_wipe(&planes, sizeof planes);
    hf_wipe(q, sizeof q);
    hf_wipe(plain, sizeof plain);
}
