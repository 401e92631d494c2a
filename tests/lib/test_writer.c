/* The writer: exact room, sticky error, lengths that fit their prefix, nothing outside of the room. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "writer.h"

Test(writer, numbers_and_bytes)
{
    uint8_t room[16];
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_write_u8(&w, 0x01);
    hf_write_u16(&w, 0x0203);
    hf_write_u24(&w, 0x040506);
    hf_write_bytes(&w, "xyz", 3);
    hf_write_bytes(&w, NULL, 0);
    cr_assert(hf_writer_ok(&w));
    cr_assert_eq(w.len, 9);
    cr_assert_arr_eq(room, "\1\2\3\4\5\6xyz", 9);
}

Test(writer, nested_vectors)
{
    uint8_t room[32];
    hf_writer w = hf_writer_of(room, sizeof room);
    size_t a = hf_write_begin(&w, 3);
    size_t b = hf_write_begin(&w, 2);
    size_t c = hf_write_begin(&w, 1);
    hf_write_end(&w, c, 1);
    c = hf_write_begin(&w, 1);
    hf_write_u8(&w, 7);
    hf_write_end(&w, c, 1);
    hf_write_end(&w, b, 2);
    hf_write_end(&w, a, 3);
    cr_assert(hf_writer_ok(&w));
    cr_assert_eq(w.len, 8);
    cr_assert_arr_eq(room, "\0\0\5\0\3\0\1\7", 8);
}

/* One byte too little at any point: bad, stays bad, and the byte behind the room is untouched. */
Test(writer, exact_room)
{
    for (size_t max = 0; max <= 9; max++) {
        uint8_t room[16];
        memset(room, 0xee, sizeof room);
        hf_writer w = hf_writer_of(room, max);
        size_t mark = hf_write_begin(&w, 2);
        hf_write_u24(&w, 1);
        hf_write_bytes(&w, "abcd", 4);
        hf_write_end(&w, mark, 2);
        cr_assert_eq(hf_writer_ok(&w), max == 9, "%zu", max);
        cr_assert_leq(w.len, max);
        for (size_t i = max; i < sizeof room; i++)
            cr_assert_eq(room[i], 0xee, "%zu: wrote at %zu", max, i);
    }
}

Test(writer, error_is_sticky)
{
    uint8_t room[4] = {0};
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_write_u16(&w, 0x1111);
    hf_write_u24(&w, 0x222222); /* does not fit */
    cr_assert_not(hf_writer_ok(&w));
    hf_write_u8(&w, 0x33); /* would fit */
    hf_write_bytes(&w, "", 0);
    cr_assert_null(hf_write_room(&w, 0));
    hf_write_end(&w, hf_write_begin(&w, 1), 1);
    cr_assert_not(hf_writer_ok(&w));
    cr_assert_eq(w.len, 2);
    cr_assert_arr_eq(room, "\x11\x11\0\0", 4);
}

Test(writer, room_larger_than_memory)
{
    uint8_t room[4];
    hf_writer w = hf_writer_of(room, sizeof room);
    hf_write_u8(&w, 1);
    cr_assert_null(hf_write_room(&w, SIZE_MAX));
    cr_assert_not(hf_writer_ok(&w));
}

/* A child of 2^(8n) bytes does not fit n bytes of length; one less does. */
Test(writer, length_overflow)
{
    static const size_t largest[] = {0, 0xff, 0xffff, 0xffffff};
    for (unsigned bytes = 1; bytes <= 3; bytes++) {
        for (size_t over = 0; over <= 1; over++) {
            size_t n = largest[bytes] + over;
            uint8_t *room = malloc(n + bytes);
            cr_assert_not_null(room);
            hf_writer w = hf_writer_of(room, n + bytes);
            size_t mark = hf_write_begin(&w, bytes);
            cr_assert_not_null(hf_write_room(&w, n));
            cr_assert(hf_writer_ok(&w));
            hf_write_end(&w, mark, bytes);
            cr_assert_eq(hf_writer_ok(&w), over == 0, "%zu in %u bytes", n, bytes);
            for (unsigned i = 0; i < bytes; i++)
                cr_assert_eq(room[i], over ? 0 : 0xff);
            free(room);
        }
    }
}
