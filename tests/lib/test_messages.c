/* What every message codec must do, over all samples: round trip, and refuse whatever is not exactly a message
 * (RFC 5246 section 7.2.2: decode_error). */
#include <criterion/criterion.h>

#include "codecs.h"
#include "samples.h"

#define EACH_SAMPLE(s)                                                                                                 \
    size_t i_ = 0;                                                                                                     \
    ((s) = sample_at(i_)) != NULL;                                                                                     \
    i_++

/* Parses and discards. The bytes are copied to a block of exactly their size, so that a sanitizer sees a read past
 * the end. */
static hf_status parse(const codec *c, const uint8_t *bytes, size_t len)
{
    static uint8_t room[1 << 16];
    uint8_t *copy = malloc(len + 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, len);
    copy = realloc(copy, len ? len : 1);
    cr_assert_not_null(copy);
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_status status = c->rewrite((hf_slice){copy, len}, &w);
    free(copy);
    return status;
}

Test(messages, round_trip)
{
    const sample *s;
    for (EACH_SAMPLE(s)) {
        const codec *c = codec_by_name(s->codec);
        uint8_t first[SAMPLE_SIZE + 8], second[SAMPLE_SIZE + 8];
        hf_writer w = hf_writer_of(first, sizeof first);
        hf_slice body;
        cr_assert_eq(c->rewrite((hf_slice){s->bytes, s->len}, &w), HF_OK, "%s, %s", s->codec, s->title);
        cr_assert(hf_writer_ok(&w));
        cr_assert(codec_body(c, first, w.len, &body), "%s, %s: header", s->codec, s->title);
        if (c->canonical) {
            cr_assert_eq(body.len, s->len);
            cr_assert_arr_eq(body.ptr, s->bytes, s->len, "%s, %s", s->codec, s->title);
        }
        hf_writer again = hf_writer_of(second, sizeof second);
        cr_assert_eq(c->rewrite(body, &again), HF_OK);
        cr_assert_eq(again.len, w.len);
        cr_assert_arr_eq(second, first, w.len, "%s, %s", s->codec, s->title);
        /* An empty extensions field may vanish; nothing else may change the length: all of it was carried over. */
        if (strcmp(s->title, "empty session_id, empty extensions") != 0)
            cr_assert_eq(body.len, s->len, "%s, %s: %zu of %zu bytes", s->codec, s->title, body.len, s->len);
    }
}

Test(messages, exact_room_is_needed)
{
    const sample *s;
    for (EACH_SAMPLE(s)) {
        const codec *c = codec_by_name(s->codec);
        uint8_t room[SAMPLE_SIZE + 8];
        hf_writer all = hf_writer_of(room, sizeof room);
        cr_assert_eq(c->rewrite((hf_slice){s->bytes, s->len}, &all), HF_OK);
        hf_writer exact = hf_writer_of(room, all.len);
        cr_assert_eq(c->rewrite((hf_slice){s->bytes, s->len}, &exact), HF_OK);
        cr_assert(hf_writer_ok(&exact), "%s, %s", s->codec, s->title);
        hf_writer less = hf_writer_of(room, all.len - 1);
        cr_assert_eq(c->rewrite((hf_slice){s->bytes, s->len}, &less), HF_OK);
        cr_assert_not(hf_writer_ok(&less), "%s, %s", s->codec, s->title);
    }
}

Test(messages, every_prefix_is_refused)
{
    const sample *s;
    for (EACH_SAMPLE(s)) {
        const codec *c = codec_by_name(s->codec);
        for (size_t len = 0; len < s->len; len++) {
            hf_status want = s->optional_at && len == s->optional_at ? HF_OK : HF_SEND(HF_ALERT_DECODE_ERROR);
            hf_status got = parse(c, s->bytes, len);
            cr_assert_eq(got, want, "%s, %s: %zu of %zu bytes: %s", s->codec, s->title, len, s->len,
                         hf_status_text(got));
        }
    }
}

Test(messages, trailing_bytes_are_refused)
{
    const sample *s;
    for (EACH_SAMPLE(s)) {
        const codec *c = codec_by_name(s->codec);
        for (unsigned byte = 0; byte < 256; byte++) {
            sample longer = *s;
            sample_u8(&longer, byte);
            hf_status got = parse(c, longer.bytes, longer.len);
            cr_assert_eq(got, HF_SEND(HF_ALERT_DECODE_ERROR), "%s, %s: %s", s->codec, s->title, hf_status_text(got));
        }
    }
}

/* Adds `by` to the big-endian number of `size` bytes at p. */
static void shift(uint8_t *p, unsigned size, int by)
{
    for (unsigned i = size; i-- > 0;) {
        int sum = p[i] + by;
        p[i] = (uint8_t)sum;
        by = sum < 0 ? -1 : sum > 255 ? 1 : 0;
    }
}

Test(messages, every_length_field_off_by_one_is_refused)
{
    const sample *s;
    for (EACH_SAMPLE(s)) {
        const codec *c = codec_by_name(s->codec);
        for (size_t f = 0; f < s->n_fields; f++) {
            for (int by = -1; by <= 1; by += 2) {
                sample wrong = *s;
                shift(wrong.bytes + wrong.fields[f].at, wrong.fields[f].size, by);
                hf_status got = parse(c, wrong.bytes, wrong.len);
                cr_assert_eq(got, HF_SEND(HF_ALERT_DECODE_ERROR), "%s, %s: length at %zu %+d: %s", s->codec, s->title,
                             s->fields[f].at, by, hf_status_text(got));
            }
        }
    }
}

Test(messages, codecs_all_have_samples)
{
    for (const codec *c = codecs; c->name; c++) {
        const sample *s;
        size_t n = 0;
        for (EACH_SAMPLE(s))
            n += strcmp(s->codec, c->name) == 0;
        cr_assert_gt(n, 0, "%s", c->name);
    }
}
