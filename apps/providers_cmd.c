/* `handfast providers`: what the CPU can do, which providers there are, what was chosen and why; and the table of which
 * provider serves how many records of which size, as known or as measured on this machine. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "handfast/handfast.h"
#include "handfast/providers.h"
#include "path_file.h"

#define MEASURE_MS_DEFAULT 4
#define MEASURE_MS_MAX 1000

static void print_help(void)
{
    printf("usage: handfast providers [--provider NAME] [--provider-table FILE]\n"
           "                          [--measure] [--time MS]\n"
           "\n"
           "Prints the CPU's features, the providers of this build, which one was chosen for\n"
           "each algorithm after its known-answer test, with the reason, and the paths:\n"
           "which provider serves records of a cipher, by direction, size, and how many of\n"
           "them are at hand together. Between them the names of all cipher suites.\n"
           "\n"
           "  --provider NAME        as if this provider were forced for the record ciphers\n"
           "  --provider-table FILE  as if with this table of paths\n"
           "  --measure              measure the paths on this machine, for a minute or so\n"
           "                         with nothing else running, and print what was found as\n"
           "                         a table; to use it:\n"
           "                           handfast providers --measure > paths\n"
           "                           handfast serve --provider-table paths ...\n"
           "  --time MS              milliseconds for each provider, cipher, direction, size\n"
           "                         and batch (default %d)\n"
           "  --help                 this text\n",
           MEASURE_MS_DEFAULT);
}

static void print_providers(void)
{
    printf("providers\n");
    for (const hf_provider *const *p = hf_providers(); *p; p++) {
        const char *why = NULL;
        bool available = !(*p)->available || (*p)->available(&why);
        printf("  %-12s %-28s %s%s%s\n", (*p)->name, (*p)->version ? (*p)->version() : "",
               available ? "available" : "not available", !available && why ? ": " : "", !available && why ? why : "");
    }
}

static int print_choices(const char *force)
{
    hf_crypto crypto;
    hf_choice choices[HF_CHOICES_MAX];
    size_t n = 0;
    char why[HF_LINE_MAX] = "";
    hf_status status = hf_crypto_compose(force, &crypto, choices, &n, why, sizeof why);
    if (status != HF_OK) {
        hf_cli_error("%s", why[0] ? why : hf_status_text(status));
        return HF_EXIT_FAILED;
    }
    printf("chosen\n");
    for (size_t i = 0; i < n; i++)
        printf("  %-7s %-24s %-12s %s\n", choices[i].kind, choices[i].algorithm,
               choices[i].provider ? choices[i].provider : "none", choices[i].reason ? choices[i].reason : "");
    return HF_EXIT_DONE;
}

/* The names that --suites takes, which are of the engine and no provider's. */
static void print_suites(void)
{
    printf("suites\n");
    for (size_t i = 0; hf_suite_at(i); i++)
        printf("  %s\n", hf_suite_at(i)->name);
}

/* One line for each cipher, direction and class of size. */
static void print_paths(const hf_path_table *table, const char *indent)
{
    char line[HF_PATH_LINE_MAX];

    printf("%s# %-22s %-5s %5s  %-10s %-10s %-10s %-10s %-10s %s\n", indent, "cipher", "way", "bytes", "1 record",
           "2..3", "4..7", "8..15", "16..31", "32 and more");
    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        for (int direction = HF_SEAL; direction <= HF_OPEN; direction++)
            for (size_t size = 0; size < HF_PATH_SIZES; size++) {
                hf_path_table_line(table, (hf_cipher_id)id, (hf_direction)direction, size, line);
                if (line[0])
                    printf("%s%s\n", indent, line);
            }
}

/* GB/s of every provider in a cell, as a comment of the table. */
static void print_cell(void *arg, const hf_path_cell *cell)
{
    const hf_provider *const *list = hf_providers();
    (void)arg;
    printf("# %-24s %s %5zu bytes x %2zu:", hf_cipher_spec_of(cell->id)->name,
           cell->direction == HF_SEAL ? "seal" : "open", cell->bytes, cell->records);
    for (size_t i = 0; list[i] && i < HF_PROVIDERS_MAX; i++)
        if (cell->gbps[i] > 0)
            printf(" %s %.3f", list[i]->name, cell->gbps[i]);
    printf(" -> %s\n", cell->best->name);
    fflush(stdout);
}

static int measure(unsigned long milliseconds)
{
    hf_path_table table;

    printf("# GB/s (1e9 bytes of content a second)\n");
    hf_status status = hf_path_table_measure((unsigned)milliseconds, &table, print_cell, NULL);
    if (status != HF_OK) {
        hf_cli_error("measuring failed: %s", hf_status_text(status));
        return HF_EXIT_FAILED;
    }
    print_paths(&table, "");
    return HF_EXIT_DONE;
}

typedef struct wishes {
    const char *force, *table;
    bool measure;
    unsigned long milliseconds;
} wishes;

static int show(const wishes *w)
{
    hf_path_table table;

    hf_path_table_default(&table);
    if (w->table && !(hf_path_file_read(w->table, &table) && hf_path_file_use(w->table, &table)))
        return HF_EXIT_FAILED;
    if (w->measure)
        return measure(w->milliseconds);
    printf("cpu\n  %s\n", hf_cpu_features());
    print_providers();
    int result = print_choices(w->force);
    if (result == HF_EXIT_DONE)
        print_suites();
    if (result == HF_EXIT_DONE && !w->force) {
        printf("paths\n");
        print_paths(&table, "  ");
    }
    return result;
}

int hf_providers_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"provider", required_argument, NULL, 'p'}, {"provider-table", required_argument, NULL, 't'},
        {"measure", no_argument, NULL, 'm'},        {"time", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0}};
    wishes w = {.milliseconds = MEASURE_MS_DEFAULT};
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (opt == 'h') {
            print_help();
            return HF_EXIT_DONE;
        }
        if (opt == 'p')
            w.force = optarg;
        else if (opt == 't')
            w.table = optarg;
        else if (opt == 'm')
            w.measure = true;
        else if (opt == 'n' && hf_cli_number(optarg, 1, MEASURE_MS_MAX, &w.milliseconds))
            continue;
        else if (opt == 'n')
            return hf_cli_usage("providers", "--time %s: not a number in 1..%d", optarg, MEASURE_MS_MAX);
        else
            return hf_cli_usage("providers", "%s: %s", argv[optind - 1],
                                opt == ':' ? "a value is missing" : "unknown option");
    }
    if (optind < argc)
        return hf_cli_usage("providers", "%s: no such argument", argv[optind]);
    return show(&w);
}
