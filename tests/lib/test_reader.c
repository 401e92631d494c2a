/* The reader: reads what is there, and when it is not, returns false and stays where it was. */
#include <criterion/criterion.h>

#include "reader.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};

Test(reader, numbers_are_big_endian)
{
    hf_reader r = hf_reader_of(bytes, sizeof bytes);
    uint8_t a;
    uint16_t b;
    uint32_t c;
    cr_assert(hf_read_u8(&r, &a) && hf_read_u16(&r, &b) && hf_read_u24(&r, &c));
    cr_assert_eq(a, 1);
    cr_assert_eq(b, 0x0203);
    cr_assert_eq(c, 0x040506);
    cr_assert_eq(hf_reader_left(&r), 2);
    cr_assert_not(hf_reader_done(&r));
}

Test(reader, past_the_end_leaves_it_in_place)
{
    for (size_t len = 0; len < 3; len++) {
        hf_reader r = hf_reader_of(bytes, len);
        uint8_t a;
        uint16_t b;
        uint32_t c;
        hf_slice s = {NULL, 99};
        if (len < 1)
            cr_assert_not(hf_read_u8(&r, &a));
        if (len < 2)
            cr_assert_not(hf_read_u16(&r, &b));
        cr_assert_not(hf_read_u24(&r, &c));
        cr_assert_not(hf_read_bytes(&r, len + 1, &s));
        cr_assert_not(hf_read_bytes(&r, SIZE_MAX, &s));
        cr_assert(s.ptr == NULL && s.len == 99, "unchanged");
        cr_assert_eq(hf_reader_left(&r), len);
        cr_assert(hf_read_bytes(&r, len, &s));
        cr_assert_eq(s.ptr, bytes);
        cr_assert_eq(s.len, len);
        cr_assert(hf_reader_done(&r));
    }
}

typedef bool read_vec(hf_reader *r, size_t min, size_t max, hf_slice *out);

static void vector(read_vec *read, unsigned prefix)
{
    uint8_t in[3 + 5] = {0};
    for (size_t announced = 0; announced <= 7; announced++) {
        in[prefix - 1] = (uint8_t)announced;
        for (size_t there = 0; there <= 5; there++) {
            for (size_t min = 0; min <= 7; min++) {
                for (size_t max = min; max <= 7; max++) {
                    hf_reader r = hf_reader_of(in, prefix + there);
                    hf_slice s;
                    bool want = announced <= there && announced >= min && announced <= max;
                    cr_assert_eq(read(&r, min, max, &s), want, "%zu of %zu in %zu..%zu", announced, there, min, max);
                    cr_assert_eq(hf_reader_left(&r), want ? there - announced : prefix + there);
                    if (want)
                        cr_assert(s.ptr == in + prefix && s.len == announced);
                }
            }
        }
    }
    for (size_t len = 0; len < prefix; len++) {
        hf_reader r = hf_reader_of(in, len);
        hf_slice s;
        cr_assert_not(read(&r, 0, 255, &s));
        cr_assert_eq(hf_reader_left(&r), len);
    }
}

Test(reader, vectors)
{
    vector(hf_read_vec8, 1);
    vector(hf_read_vec16, 2);
    vector(hf_read_vec24, 3);
}

Test(reader, vectors_use_every_length_byte)
{
    static uint8_t in[3 + 0x010203] = {1, 2, 3};
    hf_reader r = hf_reader_of(in, sizeof in);
    hf_slice s;
    cr_assert(hf_read_vec24(&r, 0, 0xffffff, &s));
    cr_assert_eq(s.len, 0x010203);
    cr_assert(hf_reader_done(&r));
    r = hf_reader_of(in, 2 + 0x0102);
    cr_assert(hf_read_vec16(&r, 0, 0xffff, &s));
    cr_assert_eq(s.len, 0x0102);
}

Test(reader, of_slice)
{
    hf_reader r = hf_reader_of_slice((hf_slice){bytes + 2, 3});
    uint8_t a;
    cr_assert_eq(hf_reader_left(&r), 3);
    cr_assert(hf_read_u8(&r, &a));
    cr_assert_eq(a, 3);
}
