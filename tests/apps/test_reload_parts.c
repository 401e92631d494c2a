/* Parts of a reload that a whole program cannot be brought to in a short time: the end of a stapled response. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cert_line.h"
#include "credentials.h"
#include "handfast/providers.h"

static void make_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void set_up(hf_staple_file *file, const char *path, int64_t until)
{
    *file = (hf_staple_file){.path = path, .response = malloc(4), .len = 4, .until = until};
    cr_assert(file->response);
    memset(file->response, 7, 4);
    cr_assert(hf_file_id_get(path, &file->id));
}

Test(staple_file, expires_once)
{
    char path[] = "/tmp/handfast-staple-XXXXXX", told[4096] = "";
    hf_crypto crypto;
    hf_held_chain chain = {.n = 0};
    hf_staple_file file;
    make_file(path, "what it was");
    cr_redirect_stderr();
    cr_assert_eq(hf_crypto_compose(NULL, &crypto, NULL, NULL, NULL, 0), HF_OK);
    set_up(&file, path, time(NULL) + 1000);
    cr_assert_not(hf_staple_file_look(&file, crypto.pki, &chain));
    cr_assert(file.response, "it is good for a while");
    file.until = time(NULL) - 1;
    for (int i = 0; i < 3; i++)
        cr_assert_not(hf_staple_file_look(&file, crypto.pki, &chain));
    cr_assert_null(file.response);
    fflush(stderr);
    FILE *err = cr_get_redirected_stderr();
    size_t n = fread(told, 1, sizeof told - 1, err);
    cr_assert_gt(n, 0);
    const char *first = strstr(told, "has expired");
    cr_assert(first, "%s", told);
    cr_assert_null(strstr(first + 1, "has expired"), "it is told again: %s", told);
    hf_staple_file_cleanup(&file);
    unlink(path);
}

Test(staple_file, a_changed_file_that_is_no_response_takes_the_staple_away)
{
    char path[] = "/tmp/handfast-staple-XXXXXX";
    hf_crypto crypto;
    hf_held_chain chain = {.n = 0};
    hf_staple_file file;
    make_file(path, "what it was");
    cr_redirect_stderr();
    cr_assert_eq(hf_crypto_compose(NULL, &crypto, NULL, NULL, NULL, 0), HF_OK);
    set_up(&file, path, time(NULL) + 1000);
    FILE *again = fopen(path, "w");
    cr_assert(again);
    fputs("something else", again);
    fclose(again);
    cr_assert(hf_staple_file_look(&file, crypto.pki, &chain), "the configuration must be built anew");
    cr_assert_null(file.response);
    cr_assert_not(hf_staple_file_look(&file, crypto.pki, &chain), "nothing changed since");
    hf_staple_file_cleanup(&file);
    unlink(path);
}

Test(cert_line, no_certificate)
{
    char line[64];
    hf_cert_line((const uint8_t *)"none", 4, line, sizeof line);
    cr_assert_str_eq(line, "a certificate that cannot be read");
    hf_cert_line((const uint8_t *)"none", 4, line, 8);
    cr_assert_str_eq(line, "a certi");
}
