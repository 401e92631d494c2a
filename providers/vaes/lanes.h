/* Short records of like length: as many as a vector has lanes, each in a lane of its own.
 *
 * A record of 64 bytes is five blocks of AES and six of GHASH. As a row (text.h) it leaves three lanes of eight empty.
 * Here a vector holds one block of each record instead, "column" c the c-th: no lane is empty, the records share one
 * reduction, and nothing is added across lanes. In exchange round keys and powers are gathered from the keys, and
 * text, which lies in rows, is turned over, a square of VEC_LANES records by VEC_LANES blocks at a time. */
#ifndef HANDFAST_VAES_LANES_H
#define HANDFAST_VAES_LANES_H

#define LANES_BLOCKS 8 /* of text, at most */

typedef struct lanes {
    const hf_vaes_record *r[VEC_LANES];
    size_t blocks;                   /* of text in each record; a constant */
    vec keystream[LANES_BLOCKS + 1]; /* columns: J0, then text */
} lanes;

/* One field of every record's key, and of every record. */
#define lanes_of_key(l, field)                                                                                         \
    vec_of_blocks(&(l)->r[0]->key->field, &(l)->r[1]->key->field, &(l)->r[VEC_LANES - 2]->key->field,                  \
                  &(l)->r[VEC_LANES - 1]->key->field)
#define lanes_power(l, k) lanes_of_key(l, powers[HF_VAES_POWERS - (k)]) /* H^k */
#define lanes_of_record(l, field)                                                                                      \
    vec_of_blocks(&(l)->r[0]->field, &(l)->r[1]->field, &(l)->r[VEC_LANES - 2]->field, &(l)->r[VEC_LANES - 1]->field)

HF_VAES_INLINE void lanes_keystream(lanes *l, unsigned rounds)
{
    vec base = vec_xor(lanes_of_key(l, base), lanes_of_record(l, variable));

#pragma GCC unroll 16
    for (size_t c = 0; c <= l->blocks; c++)
        l->keystream[c] = vec_xor(base, vec_all(_mm_load_si128((const __m128i *)(const void *)counters[c + 1])));
#pragma GCC unroll 16
    for (unsigned round = 1; round <= rounds; round++) {
        vec key = lanes_of_key(l, round_keys[round - 1]);
#pragma GCC unroll 16
        for (size_t c = 0; c <= l->blocks; c++)
            l->keystream[c] = round < rounds ? vec_aes(l->keystream[c], key) : vec_aes_last(l->keystream[c], key);
    }
}

/* What there is to read of a record in its last square. */
HF_VAES_INLINE vec lanes_last(const hf_vaes_record *r, size_t square, bool seal)
{
    vec_edge edge = vec_edge_of(0, r->len - VEC_SIZE * square);

    if (!seal)
        return vec_edge_load(edge, r->in + VEC_SIZE * square);
    /* TLS 1.3's content type is not in memory. */
    vec_edge there = vec_edge_of(0, r->have - VEC_SIZE * square);
    return vec_put_between(vec_edge_load(there, r->in + VEC_SIZE * square), there, edge, r->type);
}

/* The text of a square, from memory to memory: gives its ciphertext as columns, as GHASH takes them. All is read before
 * anything is written, since lanes may repeat a record. */
HF_VAES_INLINE void lanes_text(const lanes *l, size_t square, vec columns[VEC_LANES], bool seal)
{
    size_t first = VEC_LANES * square;
    size_t here = l->blocks - first < VEC_LANES ? l->blocks - first : VEC_LANES;
    bool last = first + here == l->blocks; /* else all rows are whole */
    vec in[VEC_LANES], keystream[VEC_LANES];

#pragma GCC unroll 4
    for (size_t i = 0; i < VEC_LANES; i++)
        in[i] = last ? lanes_last(l->r[i], square, seal) : vec_load(l->r[i]->in + VEC_SIZE * square);
#pragma GCC unroll 4
    for (size_t c = 0; c < VEC_LANES; c++) /* absent columns are copies, so that turning them costs nothing */
        keystream[c] = l->keystream[1 + first + (c < here ? c : c % 2 < here ? c % 2 : 0)];
    vec_turn(keystream);
#pragma GCC unroll 4
    for (size_t i = 0; i < VEC_LANES; i++) {
        uint8_t *to = l->r[i]->out + VEC_SIZE * square;
        vec out = vec_xor(in[i], keystream[i]);
        vec_edge edge = vec_edge_of(0, last ? l->r[i]->len - VEC_SIZE * square : VEC_SIZE);
        if (last)
            vec_edge_store(edge, to, out);
        else
            vec_store(to, out);
        columns[i] = !seal ? in[i] : last ? vec_edge_keep(edge, out) : out;
    }
    vec_turn(columns);
}

/* n records, VEC_LANES or fewer: lanes without one repeat the last. blocks is a constant. */
HF_VAES_INLINE void lanes_records(const hf_vaes_record *const *r, size_t n, size_t blocks, unsigned rounds, bool seal)
{
    lanes l = {.blocks = blocks};
    ghash_sum sum;

    for (size_t i = 0; i < VEC_LANES; i++)
        l.r[i] = r[i < n ? i : n - 1];
    lanes_keystream(&l, rounds);
    ghash_begin(&sum, lanes_of_record(&l, aad), lanes_power(&l, blocks + 2));
    ghash_add(&sum, lanes_of_record(&l, lengths), lanes_power(&l, 1));
#pragma GCC unroll 4
    for (size_t square = 0; square < (blocks + VEC_LANES - 1) / VEC_LANES; square++) {
        vec columns[VEC_LANES];
        lanes_text(&l, square, columns, seal);
#pragma GCC unroll 4
        for (size_t c = 0; c < VEC_LANES; c++)
            if (VEC_LANES * square + c < blocks)
                ghash_add(&sum, text_reversed(columns[c]), lanes_power(&l, blocks + 1 - VEC_LANES * square - c));
    }
    vec tags = vec_xor(text_reversed(ghash_reduce(&sum)), l.keystream[0]);
#pragma GCC unroll 4
    for (size_t i = 0; i < VEC_LANES; i++)
        finish_record(l.r[i], vec_lane(tags, i), seal);
}

#endif
