/* A record's MAC as a message for the hash: 13 bytes of pseudo header (RFC 5246 section 6.2.3.1), then text.
 *
 * The length of the text may be secret, since MAC-then-encrypt hides it in the padding (Lucky 13). Then `total` is
 * secret, and nothing else here: `open` blocks are full of text for every padding and are hashed as they are; the few
 * that follow, up to `blocks`, are cut off, ended and counted by masks, and the state after the one that is really the
 * last is kept by a mask. Which blocks are hashed, and every address, depends on public lengths only.
 *
 * The header is 13 bytes long and text lies in vectors of 16, so a vector of the message is the last 13 bytes of one
 * vector and the first three of the next. */
#ifndef HANDFAST_SHANI_MESSAGE_H
#define HANDFAST_SHANI_MESSAGE_H

#include "sha.h"

#define MESSAGE_HEADER 13
#define MESSAGE_VECTORS 4 /* in a block */

typedef struct message {
    __m128i head; /* the header, behind three bytes that nobody reads */
    __m128i rest; /* text behind the whole vectors; what is behind the text does not matter */
    const uint8_t *data;
    const hf_shani_key *key;
    uint32_t whole; /* vectors at data */
    uint32_t open, blocks;
    uint32_t total;      /* bytes of header and text */
    __m128i mac[2];      /* result: the MAC, and zeros behind it */
    __m128i received[2]; /* opening: what it must be */
    hf_record_job *job;
    uint32_t padding_good; /* opening: a mask */
} message;

HF_SHANI_INLINE __m128i load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

HF_SHANI_INLINE void store16(void *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)p, v);
}

/* The bytes 0..15 of all vectors here. */
HF_SHANI_INLINE __m128i message_places(void)
{
    return _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/* Text of `len` bytes, which may be secret. */
HF_SHANI_INLINE void message_begin(message *m, const hf_record_job *job, uint32_t len)
{
    uint64_t sequence = __builtin_bswap64(job->sequence);
    uint64_t low = sequence << 24;
    uint64_t high = sequence >> 40 | (uint64_t)job->content_type << 24 | UINT64_C(0x0303) << 32 |
                    (uint64_t)(len >> 8) << 48 | (uint64_t)(len & 0xff) << 56;

    m->key = job->key;
    m->head = _mm_set_epi64x((long long)high, (long long)low);
    m->total = MESSAGE_HEADER + len;
}

/* Blocks of a message whose text is at most `longest` bytes. */
HF_SHANI_INLINE uint32_t message_blocks(size_t longest)
{
    return (uint32_t)((MESSAGE_HEADER + longest + 9 + SHA_BLOCK - 1) / SHA_BLOCK);
}

/* Text of a public length that is a multiple of 16. */
HF_SHANI_INLINE void message_text(message *m, const uint8_t *data, size_t len)
{
    m->data = data;
    m->rest = _mm_setzero_si128();
    m->whole = (uint32_t)(len / HF_SHANI_BLOCK);
    m->open = (uint32_t)(len / SHA_BLOCK);
    m->blocks = message_blocks(len);
}

/* Vector i of the text; one beyond it is some vector. */
HF_SHANI_INLINE __m128i message_vector(const message *m, size_t i)
{
    const void *p = i < m->whole ? (const void *)(m->data + HF_SHANI_BLOCK * i) : (const void *)&m->rest;

    return load16(p);
}

/* The words of four vectors after `before`, which becomes the last of them. */
HF_SHANI_INLINE sha_words message_words(__m128i *before, const __m128i v[MESSAGE_VECTORS], size_t mac)
{
    sha_words w;

    for (size_t i = 0; i < MESSAGE_VECTORS; i++)
        w.w[i] = sha_turn(_mm_alignr_epi8(v[i], i == 0 ? *before : v[i - 1], 16 - MESSAGE_HEADER), mac);
    *before = v[MESSAGE_VECTORS - 1];
    return w;
}

/* The same where the message ends after `left` bytes of this block, or before it (0 or less), or behind it; secret.
 * It is the last block where `last` is all ones; bits: of the whole message with key^ipad. */
HF_SHANI_INLINE sha_words message_end_words(__m128i *before, const __m128i v[MESSAGE_VECTORS], int32_t left,
                                            __m128i last, uint32_t bits, size_t mac)
{
    const __m128i places = message_places(), mark = _mm_set1_epi8((char)0x80);
    __m128i end = _mm_set1_epi16((short)left);
    sha_words w;

    for (size_t i = 0; i < MESSAGE_VECTORS; i++) {
        __m128i bytes = _mm_alignr_epi8(v[i], i == 0 ? *before : v[i - 1], 16 - MESSAGE_HEADER);
        __m128i at = _mm_packs_epi16(end, end);
        bytes = _mm_and_si128(bytes, _mm_cmpgt_epi8(at, places));
        bytes = _mm_or_si128(bytes, _mm_and_si128(mark, _mm_cmpeq_epi8(at, places)));
        w.w[i] = sha_turn(bytes, mac);
        end = _mm_sub_epi16(end, _mm_set1_epi16(16));
    }
    w.w[3] = _mm_or_si128(w.w[3], _mm_and_si128(last, sha_length(bits, mac)));
    *before = v[MESSAGE_VECTORS - 1];
    return w;
}

/* Where a hash under way stands. */
typedef struct message_walk {
    sha_chain now, kept;
    __m128i before; /* the vector before the next block */
    uint32_t at;    /* blocks done */
} message_walk;

HF_SHANI_INLINE message_walk message_walk_from(__m128i head, const hf_shani_key *key)
{
    const __m128i zero = _mm_setzero_si128();

    return (message_walk){.now = {key->inner[0], key->inner[1]}, .kept = {zero, zero}, .before = head, .at = 0};
}

HF_SHANI_INLINE void message_load(const message *m, size_t block, __m128i v[MESSAGE_VECTORS])
{
    for (size_t i = 0; i < MESSAGE_VECTORS; i++)
        v[i] = message_vector(m, MESSAGE_VECTORS * block + i);
}

/* The next block of each of n messages, all of text. */
HF_SHANI_INLINE void message_open_block(message_walk *walk, const message *const *m, size_t n, size_t mac)
{
    sha_chain c[SHA_CHAINS];
    sha_words w[SHA_CHAINS];

    SHA_EACH
    {
        __m128i v[MESSAGE_VECTORS];
        for (size_t i = 0; i < MESSAGE_VECTORS; i++)
            v[i] = load16(m[l]->data + SHA_BLOCK * (size_t)walk[l].at + HF_SHANI_BLOCK * i);
        w[l] = message_words(&walk[l].before, v, mac);
        c[l] = walk[l].now;
        walk[l].at++;
    }
    sha_block(c, w, n, mac);
    SHA_EACH walk[l].now = c[l];
}

/* The next block of each, which may be an end. */
HF_SHANI_INLINE void message_end_block(message_walk *walk, const message *const *m, size_t n, size_t mac)
{
    sha_chain c[SHA_CHAINS];
    sha_words w[SHA_CHAINS];
    __m128i last[SHA_CHAINS];

    SHA_EACH
    {
        uint32_t total = m[l]->total;
        __m128i v[MESSAGE_VECTORS];
        message_load(m[l], walk[l].at, v);
        last[l] = _mm_cmpeq_epi32(_mm_set1_epi32((int)((total + 8) / SHA_BLOCK)), _mm_set1_epi32((int)walk[l].at));
        w[l] = message_end_words(&walk[l].before, v, (int32_t)(total - SHA_BLOCK * walk[l].at), last[l],
                                 8 * (SHA_BLOCK + total), mac);
        c[l] = walk[l].now;
        walk[l].at++;
    }
    sha_block(c, w, n, mac);
    SHA_EACH
    {
        walk[l].now = c[l];
        walk[l].kept.a = _mm_or_si128(walk[l].kept.a, _mm_and_si128(last[l], c[l].a));
        walk[l].kept.b = _mm_or_si128(walk[l].kept.b, _mm_and_si128(last[l], c[l].b));
    }
}

/* HMAC's outer hash of n inner ones. */
HF_SHANI_INLINE void message_outer(const message_walk *walk, message *const *m, size_t n, size_t mac)
{
    sha_chain c[SHA_CHAINS];
    sha_words w[SHA_CHAINS];

    SHA_EACH
    {
        w[l] = sha_digest_block(walk[l].kept, mac);
        c[l] = (sha_chain){m[l]->key->outer[0], m[l]->key->outer[1]};
    }
    sha_block(c, w, n, mac);
    SHA_EACH sha_digest(c[l], m[l]->mac, mac);
}

/* The rest of n messages whose hashes stand at `walk`, and their MACs. They go in step as far as all of them reach;
 * what one has more goes alone. */
HF_SHANI_INLINE void message_macs_from(message_walk *walk, message *const *m, size_t n, size_t mac)
{
    const message *const *list = (const message *const *)m;
    uint32_t open = UINT32_MAX, ends = UINT32_MAX;

    SHA_EACH
    {
        uint32_t open_left = m[l]->open - walk[l].at, ends_left = m[l]->blocks - m[l]->open;
        open = open_left < open ? open_left : open;
        ends = ends_left < ends ? ends_left : ends;
    }
    for (uint32_t i = 0; i < open; i++)
        message_open_block(walk, list, n, mac);
    SHA_EACH for (; n > 1 && walk[l].at < m[l]->open;) message_open_block(&walk[l], &list[l], 1, mac);
    for (uint32_t i = 0; i < ends; i++)
        message_end_block(walk, list, n, mac);
    SHA_EACH for (; n > 1 && walk[l].at < m[l]->blocks;) message_end_block(&walk[l], &list[l], 1, mac);
    message_outer(walk, m, n, mac);
}

/* The MACs of n messages side by side. */
HF_SHANI_INLINE void message_macs(message *const *m, size_t n, size_t mac)
{
    message_walk walk[SHA_CHAINS];

    SHA_EACH walk[l] = message_walk_from(m[l]->head, m[l]->key);
    message_macs_from(walk, m, n, mac);
}

#endif
