/* Without a folder of vectors: that its absence is noticed, and that a wrong folder is an error and not a skip. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "wycheproof.h"

Test(wycheproof, no_folder_means_none)
{
    cr_assert_eq(unsetenv("HF_WYCHEPROOF_DIR"), 0);
    cr_expect_null(wy_folder());
    cr_assert_eq(setenv("HF_WYCHEPROOF_DIR", "", 1), 0);
    cr_expect_null(wy_folder());
    cr_assert_eq(setenv("HF_WYCHEPROOF_DIR", "somewhere", 1), 0);
    cr_expect_str_eq(wy_folder(), "somewhere");
}

Test(wycheproof, a_folder_that_is_not_there_gives_no_vectors)
{
    cr_expect_null(wy_load("/nonexistent", "aes_gcm_test.json"));
    cr_expect_null(wy_load("/dev", "null"));
}

Test(wycheproof, hexadecimal_is_decoded)
{
    json_t *object = json_pack("{s:s, s:s, s:i}", "empty", "", "some", "00fFa1", "tcId", 7);
    wy_bytes empty = wy_hex(object, "empty"), some = wy_hex(object, "some");
    cr_expect_eq(empty.len, 0);
    cr_assert_eq(some.len, 3);
    cr_expect(some.data[0] == 0x00 && some.data[1] == 0xff && some.data[2] == 0xa1);
    cr_expect_eq(wy_number(object, "tcId"), 7);
    cr_expect_str_eq(wy_text(object, "absent"), "");
    wy_free(empty);
    wy_free(some);
    json_decref(object);
}
