/* `handfast audit verify FILE...`: whether the chain of an audit file holds, over several files in their order. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "cli.h"
#include "commands.h"

enum { OPT_HEAD = 0x100, OPT_AFTER, OPT_HELP };

typedef struct verifier {
    uint64_t lines, seq, missing, first_seq; /* seq: of the last line */
    uint8_t head[HF_AUDIT_HASH];
    bool any, expects_after;
    uint8_t after[HF_AUDIT_HASH];
    char first_time[40], last_time[40];
    char line[HF_AUDIT_LINE_MAX + 1];
} verifier;

static void print_help(void)
{
    printf("usage: handfast audit verify [--head HASH] [--after HASH] FILE...\n"
           "\n"
           "Checks that no line of an audit file (serve --audit) was changed, taken out or\n"
           "moved. Several files, oldest first, are one chain.\n"
           "\n"
           "  --head HASH            the last line must have this hash: shows whether lines\n"
           "                         were cut off at the end\n"
           "  --after HASH           the first line must follow the line with this hash\n"
           "  --help                 this text\n"
           "\n"
           "Prints the number of lines, their time, and the hash of the last line: keep it\n"
           "where nobody who can write the file can write. Exit codes: 0 the chain is\n"
           "intact, 1 it is not, 2 wrong usage.\n");
}

static bool read_hash(const char *text, uint8_t out[HF_AUDIT_HASH])
{
    char line[256];
    hf_audit_link link;
    /* The parser of lines knows what a hash looks like. */
    int len = snprintf(line, sizeof line, "{\"seq\":1,\"prev\":\"%s\",\"time\":\"-\"}", text);
    if (len < 0 || (size_t)len >= sizeof line || strlen(text) != 2 * HF_AUDIT_HASH ||
        !hf_audit_link_read(line, (size_t)len, &link))
        return false;
    memcpy(out, link.prev, HF_AUDIT_HASH);
    return true;
}

static const char *judge(verifier *v, size_t len)
{
    static const uint8_t zeros[HF_AUDIT_HASH];
    hf_audit_link link;
    if (!hf_audit_link_read(v->line, len, &link))
        return "it is no audit line";
    if (!v->any) {
        if (v->expects_after && memcmp(link.prev, v->after, sizeof link.prev) != 0)
            return "it does not follow the line that --after names";
        if ((link.seq == 1) != (memcmp(link.prev, zeros, sizeof zeros) == 0))
            return "only line 1 of a chain follows none";
        v->first_seq = link.seq;
        memcpy(v->first_time, link.time, sizeof link.time);
    } else {
        if (link.seq != v->seq + 1)
            return link.seq <= v->seq ? "its number has been there: a line was repeated or moved"
                                      : "its number is too high: lines before it were taken out";
        if (memcmp(link.prev, v->head, sizeof link.prev) != 0)
            return "it does not fit the line before it: one of the two was changed";
    }
    if (!hf_audit_hash(v->line, len, v->head))
        return "libcrypto failed";
    v->any = true;
    v->seq = link.seq;
    v->lines++;
    v->missing += link.missing;
    memcpy(v->last_time, link.time, sizeof link.time);
    return NULL;
}

/* One line without its end into v->line. False: the end of the file; *wrong tells of a line that is none. */
static bool next_line(verifier *v, FILE *file, size_t *out_len, const char **wrong)
{
    size_t len = 0;
    int c;
    *wrong = NULL;
    while ((c = getc(file)) != EOF && c != '\n') {
        if (len == HF_AUDIT_LINE_MAX) {
            *wrong = "it is longer than any audit line";
            return true;
        }
        v->line[len++] = (char)c;
    }
    if (c == EOF && len > 0)
        *wrong = "it is cut off in its middle";
    *out_len = len;
    return c != EOF || len > 0;
}

static bool verify_file(verifier *v, const char *path)
{
    FILE *file = fopen(path, "re");
    const char *wrong = NULL;
    size_t len = 0;
    if (!file) {
        hf_cli_error("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    uint64_t number = 0;
    while (!wrong && next_line(v, file, &len, &wrong)) {
        number++;
        if (!wrong)
            wrong = judge(v, len);
    }
    bool unread = ferror(file) != 0;
    if (unread)
        hf_cli_error("cannot read %s: %s", path, strerror(errno));
    fclose(file);
    if (unread)
        return false;
    if (wrong)
        printf("%s, line %" PRIu64 ": the chain is broken: %s\n", path, number, wrong);
    return !wrong;
}

static void print_hash(char out[2 * HF_AUDIT_HASH + 1], const uint8_t hash[HF_AUDIT_HASH])
{
    for (size_t i = 0; i < HF_AUDIT_HASH; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static int conclude(const verifier *v, const uint8_t *head)
{
    char hash[2 * HF_AUDIT_HASH + 1];
    if (!v->any) {
        printf("no line at all\n");
        return HF_EXIT_FAILED;
    }
    print_hash(hash, v->head);
    if (head && memcmp(head, v->head, HF_AUDIT_HASH) != 0) {
        printf("the chain ends with another line than --head names: lines were cut off, or added since; head %s\n",
               hash);
        return HF_EXIT_FAILED;
    }
    printf("%" PRIu64 " line%s, chain intact from %s to %s, head %s\n", v->lines, v->lines == 1 ? "" : "s",
           v->first_time, v->last_time, hash);
    if (v->first_seq != 1)
        printf("the first line has the number %" PRIu64 ": earlier files were not looked at\n", v->first_seq);
    if (v->missing)
        printf("%" PRIu64 " uses of a key are missing: they could not be written when they happened\n", v->missing);
    return HF_EXIT_DONE;
}

int hf_audit_main(int argc, char **argv)
{
    static const struct option long_options[] = {{"head", required_argument, NULL, OPT_HEAD},
                                                 {"after", required_argument, NULL, OPT_AFTER},
                                                 {"help", no_argument, NULL, OPT_HELP},
                                                 {NULL, 0, NULL, 0}};
    uint8_t head[HF_AUDIT_HASH];
    bool has_head = false;
    verifier *v = calloc(1, sizeof *v);
    int result = v ? HF_EXIT_DONE : HF_EXIT_FAILED;
    optind = 0;
    opterr = 0;
    for (int opt; result == HF_EXIT_DONE && (opt = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (opt == OPT_HELP) {
            print_help();
            free(v);
            return HF_EXIT_DONE;
        }
        if (opt == OPT_HEAD)
            has_head = read_hash(optarg, head);
        else if (opt == OPT_AFTER)
            v->expects_after = read_hash(optarg, v->after);
        if ((opt == OPT_HEAD && !has_head) || (opt == OPT_AFTER && !v->expects_after))
            result = hf_cli_usage("audit", "%s: not a SHA-256 in 64 lower-case hexadecimal digits", optarg);
        else if (opt == ':' || opt == '?')
            result =
                hf_cli_usage("audit", "%s: %s", argv[optind - 1], opt == ':' ? "a value is missing" : "unknown option");
    }
    if (result == HF_EXIT_DONE && (optind + 1 >= argc || strcmp(argv[optind], "verify") != 0))
        result = hf_cli_usage("audit", "verify and at least one file are needed");
    for (int i = optind + 1; result == HF_EXIT_DONE && i < argc; i++)
        if (!verify_file(v, argv[i]))
            result = HF_EXIT_FAILED;
    if (result == HF_EXIT_DONE)
        result = conclude(v, has_head ? head : NULL);
    free(v);
    return result;
}
