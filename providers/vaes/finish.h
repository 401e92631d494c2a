/* The end of a record: the tag from the sum of its products, written when sealing, compared when opening. */
#ifndef HANDFAST_VAES_FINISH_H
#define HANDFAST_VAES_FINISH_H

#include <string.h>

/* hash: the sum, reduced and folded; mask: J0 encrypted. */
HF_VAES_INLINE __m128i finish_tag(__m128i hash, __m128i mask)
{
    const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    return _mm_xor_si128(_mm_shuffle_epi8(hash, reverse), mask);
}

/* All 128 bits are compared before there is a verdict, which the peer learns anyway. */
HF_VAES_INLINE void finish_record(const hf_vaes_record *r, __m128i tag, bool seal)
{
    if (seal) {
        _mm_storeu_si128((__m128i *)(void *)(r->out + r->len), tag);
        /* The explicit nonce of TLS 1.2. Written before, it would hold up the text's masked loads, which reach over it.
         */
        if (!r->key->tls13)
            memcpy(r->out - 8, (const uint8_t *)&r->variable + 4, 8);
        return;
    }
    __m128i sent = _mm_loadu_si128((const __m128i *)(const void *)(r->in + r->len));
    __m128i difference = _mm_xor_si128(tag, sent);
    if (!_mm_testz_si128(difference, difference))
        r->job->status = HF_ERR_VERIFY;
}

#endif
