/* Messages that other programs sent (tests/fuzz/corpus, recorded by make_corpus.py) parse and come out the same. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>

#include "codecs.h"

static size_t load(const char *folder, const char *file, uint8_t *out, size_t max)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s/%s", HF_CORPUS_DIR, folder, file);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(out, 1, max, f);
    cr_assert(n < max && !ferror(f), "%s", path);
    fclose(f);
    return n;
}

/* Calls each(codec, file, body) for every recorded message of the codec; returns how many. */
static size_t for_each(const codec *c, void (*each)(const codec *c, const char *file, hf_slice body))
{
    char path[1024];
    static uint8_t bytes[1 << 16];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", HF_CORPUS_DIR, c->name);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir, "%s", path);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        size_t len = load(c->name, entry->d_name, bytes, sizeof bytes);
        each(c, entry->d_name, (hf_slice){bytes, len});
        n++;
    }
    closedir(dir);
    return n;
}

static void round_trip(const codec *c, const char *file, hf_slice body)
{
    static uint8_t first[1 << 17], second[1 << 17];
    hf_writer w = hf_writer_of(first, sizeof first), again = hf_writer_of(second, sizeof second);
    hf_slice out;
    hf_status status = c->rewrite(body, &w);
    cr_assert_eq(status, HF_OK, "%s/%s: %s", c->name, file, hf_status_text(status));
    cr_assert(codec_body(c, first, w.len, &out));
    if (c->canonical) {
        cr_assert_eq(out.len, body.len, "%s/%s", c->name, file);
        cr_assert_arr_eq(out.ptr, body.ptr, body.len, "%s/%s", c->name, file);
    }
    cr_assert_eq(c->rewrite(out, &again), HF_OK);
    cr_assert_eq(again.len, w.len);
    cr_assert_arr_eq(first, second, w.len, "%s/%s", c->name, file);
}

Test(recorded, every_message_parses)
{
    for (const codec *c = codecs; c->name; c++)
        if (c->in_clear)
            cr_assert_gt(for_each(c, round_trip), 0, "nothing recorded for %s", c->name);
}

/* What a well-known client is known to send. */
static void known_client(const codec *c, const char *file, hf_slice body)
{
    (void)c;
    hf_client_hello m;
    cr_assert_eq(hf_client_hello_parse(body, &m), HF_OK);
    cr_assert_eq(m.legacy_version, 0x0303, "%s", file);
    cr_assert_eq(m.compression_methods.len, 1, "%s", file);
    if (!strstr(file, "rsa_transport")) /* a client without ECDHE need not name groups */
        cr_assert(m.ext.present & HF_EXT_BIT(HF_EXT_SUPPORTED_GROUPS), "%s", file);
    cr_assert(m.ext.present & HF_EXT_BIT(HF_EXT_SIGNATURE_ALGORITHMS), "%s", file);
    cr_assert(m.ext.present & HF_EXT_BIT(HF_EXT_EXTENDED_MASTER_SECRET), "%s", file);
    if (strncmp(file, "curl", 4) == 0) {
        cr_assert(m.ext.present & HF_EXT_BIT(HF_EXT_ALPN), "%s", file);
        cr_assert_eq(m.ext.server_name.len, 9, "%s", file);
        cr_assert_arr_eq(m.ext.server_name.ptr, "localhost", 9, "%s", file);
    }
}

Test(recorded, client_hellos_say_what_their_clients_say)
{
    cr_assert_geq(for_each(codec_by_name("client_hello"), known_client), 3);
}
